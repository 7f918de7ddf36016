"""The chained digest that tells a repeated mutation from another one under the same number."""

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
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


def lean(mutations: Sequence[Any]) -> list[Any]:
    """The mutations of a push without digests that follow from others: 32 bytes each, which nothing packs."""
    if len(mutations) < 3:
        return list(mutations)
    within = (
        m if m.get("redacted") or m["number"] != before["number"] + 1 else _without_digest(m)
        for before, m in pairwise(mutations[:-1])
    )
    return [mutations[0], *within, mutations[-1]]


def _without_digest(mutation: Any) -> dict[str, Any]:
    return {key: value for key, value in mutation.items() if key != "digest"}


def fill_digests(
    mutations: Sequence[dict[str, Any]], chain: Callable[[str, dict[str, Any]], str] = chain_digest
) -> set[int]:
    """Give each mutation of a lean push its digest, in its place; the numbers of those that had none.

    Of these the digest follows from that of the number before. Where another number stands before one, it may not.

    Raises:
        ValueError: the first or the last has none; it could be anything.
    """
    if not all(mutation.get("digest") for mutation in (*mutations[:1], *mutations[-1:])):
        raise ValueError("The first and the last mutation of a push bear their digests.")
    digest, before, filled = "", None, set()
    for mutation in mutations:
        number = mutation["number"]
        if not mutation.get("digest"):
            mutation["digest"] = chain(digest, mutation)
            if number - 1 == before:
                filled.add(number)
        digest, before = mutation["digest"], number
    return filled
