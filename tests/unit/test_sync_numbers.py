"""Which mutations of a push may follow on what the server has."""

import pytest
from outrider_sdk.protocol import GENESIS_DIGEST, chain_digest

from server.sync.numbers import Forked, NumberGap, check_chain

FIRST = {"number": 1, "captured_at": 7, "skew": None, "changes": []}
DIGEST = chain_digest(GENESIS_DIGEST, FIRST)
REDACTED = {"number": 2, "captured_at": 8, "skew": None, "changes": [], "digest": "d" * 64, "redacted": True}


def test_a_number_that_is_missing_is_named():
    """The device then sends from there."""
    with pytest.raises(NumberGap) as gap:
        check_chain([{**FIRST, "digest": DIGEST, "number": 3}], last_number=1, last_digest=DIGEST)

    assert gap.value.extra["expected"] == 2


def test_a_digest_that_does_not_follow_is_another_past():
    """Copies of a replica have the same numbers for other work."""
    with pytest.raises(Forked):
        check_chain([{**FIRST, "digest": DIGEST}], last_number=0, last_digest="e" * 64)


@pytest.mark.parametrize("said", [{}, {"previous": DIGEST}])
def test_what_comes_without_its_content_is_taken_where_it_follows(said):
    """Its digest is of what it was; a device that has forgotten what was before says nothing of it."""
    check_chain([{**REDACTED, **said}], last_number=1, last_digest=DIGEST)


def test_what_comes_without_its_content_does_not_follow_on_another_past():
    """Else the next work of one copy would be taken for the other's."""
    with pytest.raises(Forked) as fork:
        check_chain([{**REDACTED, "previous": "e" * 64}], last_number=1, last_digest=DIGEST)

    assert fork.value.extra["number"] == 2
