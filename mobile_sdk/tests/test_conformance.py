"""The vectors in mobile_sdk/conformance, which a client in any language must pass, hold for this one."""

import json
from pathlib import Path

from outrider_sdk.protocol import GENESIS_DIGEST, canonical_json, chain_digest

VECTORS = Path(__file__).parents[1] / "conformance"


def test_digests_are_those_of_the_vectors():
    """A stranger's client that chains differently would be told that it forked."""
    digest = GENESIS_DIGEST
    for vector in json.loads((VECTORS / "digest.json").read_text(encoding="utf-8")):
        assert canonical_json(vector["mutation"]) == vector["canonical"]
        digest = chain_digest(digest, vector["mutation"])
        assert digest == vector["digest"]
