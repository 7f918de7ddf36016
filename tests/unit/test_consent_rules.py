"""What holds of a person's consents: a withdrawal loses only to a grant that knew of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk.rules import consent_state


def record(number: int, state: str, follows: int | None = None) -> dict[str, Any]:
    return {"id": number, "state": state, "follows_id": follows}


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([], None),
        ([record(1, "granted")], "granted"),
        ([record(1, "granted"), record(2, "withdrawn", 1)], "withdrawn"),
        ([record(1, "withdrawn"), record(2, "granted", 1)], "granted"),
        ([record(1, "granted"), record(2, "withdrawn", 1), record(3, "granted", 1)], "withdrawn"),
        ([record(1, "granted"), record(2, "withdrawn", 1), record(3, "granted", 2)], "granted"),
        ([record(1, "withdrawn"), record(2, "granted")], "withdrawn"),
    ],
)
def test_a_withdrawal_wins_over_what_did_not_know_of_it(records: list[dict[str, Any]], state: str | None):
    """Rule 9: two reps offline, one records a withdrawal and the other a grant; the person must not be written to."""
    assert consent_state(records) == state


@given(st.lists(st.sampled_from(["granted", "withdrawn"]), max_size=8), st.data())
def test_the_order_of_arrival_does_not_matter(states: list[str], data: st.DataObject):
    """Records come by several devices, in any order."""
    follows = [data.draw(st.none() | st.integers(0, at - 1)) if at else None for at in range(len(states))]
    records = [record(at, state, follows[at]) for at, state in enumerate(states)]
    shuffled = data.draw(st.permutations(records))

    assert consent_state(shuffled) == consent_state(records)
