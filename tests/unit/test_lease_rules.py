"""Whose work counts as captured past a lease: the server's clock has the last word."""

import pytest

from server.auth.lease_rules import Lapse, is_past_lease

LAPSE = Lapse(1_000, 2_000)


@pytest.mark.parametrize(
    ("flagged", "captured_at", "lapse", "expected"),
    [
        (False, 1_500, LAPSE, True),  # it did not say so, or its clock was set back: the server knows
        (True, 500, LAPSE, True),  # its clock may be wrong; there was such a time
        (False, 999, LAPSE, False),
        (False, 2_000, LAPSE, False),
        (True, 1_500, None, False),  # a clock years ahead: the lease was good all the time
        (False, 1_500, None, False),
    ],
)
def test_a_capture_is_past_the_lease_if_there_was_such_a_time(flagged, captured_at, lapse, expected):
    """Nobody's order is held for a clock alone."""
    assert is_past_lease(flagged, captured_at, lapse) is expected
