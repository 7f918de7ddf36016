"""How a conflict is settled: what is written, what is refused, and in which words."""

from dataclasses import replace
from typing import Any

import pytest

from server.crm.conflict.rules import ConflictRecord, Settlement, SettlementRefused, decide_settlement

NAMES = ConflictRecord("c1", "account", "a1", "name", "Blue Door", "Blue Door Café", "d1", 4, "recorded", None)
CASE = replace(NAMES, field="*", kept=None, lost=None, status="open")
QUANTITY = ConflictRecord("c2", "order_line", "l1", "quantity", "3", "5", "d1", 7, "open", None)
PRICE = replace(QUANTITY, id="c3", field="list_price", kept="18.00", lost="17.50")
LINE = {"quantity": "3", "list_price": "18"}


def settle(record: ConflictRecord, present: Any, choice: str, *others: ConflictRecord, **more: Any) -> Settlement:
    return decide_settlement(record, [record, *others], present, choice=choice, **({"seen": {}} | more))


def refusal(*args: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(SettlementRefused) as caught:
        settle(*args, **more)
    return caught.value.code, str(caught.value)


def test_keep_writes_nothing_and_settles():
    """What stands was right."""
    assert settle(NAMES, {"name": "Blue Door"}, "keep") == Settlement(("c1",))


def test_take_puts_the_other_value_in_its_place():
    """The later entry was not the better one."""
    assert settle(NAMES, {"name": "Blue Door"}, "take") == Settlement(("c1",), {"name": "Blue Door Café"})


def test_fields_that_mean_something_together_are_taken_together():
    """A quantity at the other version's price is a line that nobody ever wrote."""
    elsewhere = replace(PRICE, id="c4", mutation_number=8)

    settlement = settle(QUANTITY, LINE, "take", PRICE, elsewhere)

    assert settlement == Settlement(("c2", "c3"), {"quantity": "5", "list_price": "17.50"})


def test_decimals_that_mean_the_same_have_not_moved():
    """18 and 18.00 are one price."""
    assert settle(PRICE, LINE, "keep", QUANTITY).conflict_ids == ("c3", "c2")


@pytest.mark.parametrize("choice", ["keep", "take"])
def test_a_value_that_has_moved_on_is_told_and_nothing_is_written(choice: str):
    """Who decides must have seen what they decide about."""
    assert refusal(NAMES, {"name": "Red Door"}, choice) == (
        "conflict_stale",
        "“name” of this account is “Red Door” by now. Look at it again, then decide.",
    )


def test_who_has_looked_again_can_decide():
    """Else a conflict whose row moved on would wait for ever."""
    settlement = settle(NAMES, {"name": "Red Door"}, "take", seen={"name": "Red Door"})

    assert settlement.writes == {"name": "Blue Door Café"}


def test_a_value_out_of_sight_is_not_told():
    """S6: a refusal is no window."""
    code, words = refusal(NAMES, {"name": "SECRET"}, "take", may_see=False)

    assert (code, "SECRET" in words) == ("conflict_stale", False)


def test_once_more_with_the_same_choice_changes_nothing():
    """Two sides that agree are no conflict."""
    assert settle(replace(NAMES, status="settled", settlement="take"), {"name": "x"}, "take") == Settlement()


def test_once_more_with_another_choice_is_refused():
    """The second one learns that it was decided, and how."""
    settled = replace(NAMES, status="settled", settlement="keep")

    assert refusal(settled, {"name": "Blue Door"}, "take") == (
        "conflict_settled",
        "This was decided before: what stood was kept. Edit it, if that is wrong.",
    )


def test_a_case_is_kept_or_deleted():
    """Deleted against changed: there is no value to take."""
    assert settle(CASE, {"name": "x"}, "keep") == Settlement(("c1",))
    assert settle(CASE, {"name": "x"}, "delete") == Settlement(("c1",), deletes=True)
    assert refusal(CASE, {"name": "x"}, "take") == ("value_invalid", "This conflict is settled by “keep” or “delete”.")


@pytest.mark.parametrize(("record", "choice"), [(NAMES, "keep"), (CASE, "delete")])
def test_a_conflict_of_a_deleted_row_can_be_closed(record: ConflictRecord, choice: str):
    """It would nag for ever."""
    assert settle(record, None, choice) == Settlement(("c1",))


@pytest.mark.parametrize(("record", "choice"), [(NAMES, "take"), (CASE, "keep")])
def test_what_needs_the_row_is_refused_when_it_is_deleted(record: ConflictRecord, choice: str):
    """A choice about a row brings none back from the dead."""
    assert refusal(record, None, choice) == ("conflict_stale", "This account was deleted meanwhile.")
