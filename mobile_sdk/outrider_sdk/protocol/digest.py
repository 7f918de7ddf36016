"""The chained digest that tells a repeated mutation from another one under the same number."""

import hashlib
import json
from typing import Any

GENESIS_DIGEST = "0" * 64
"""The digest before mutation 1 of an incarnation."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no white space: equal values have equal text, in any language."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chain_digest(previous: str, mutation: dict[str, Any]) -> str:
    """SHA-256, in hex, over the digest before it and the mutation's canonical JSON (without its digest)."""
    body = {key: value for key, value in mutation.items() if key != "digest"}
    return hashlib.sha256(f"{previous}\n{canonical_json(body)}".encode()).hexdigest()
