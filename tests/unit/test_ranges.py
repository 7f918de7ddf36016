"""Numbers below zero: one definition says which fields take them, for the SDK, a push and the REST API alike."""

import msgspec
import pytest
from outrider_sdk.errors import InvalidValue
from outrider_sdk.kinds import to_wire
from outrider_sdk.protocol.entities import ENTITIES, INTEGER_MAX, Field, Kind

from server.crm.models import _accepted
from server.sync.refusals import Refusal
from server.sync.values import check_value

NUMBERS = [
    pytest.param(entity.name, field, id=f"{entity.name}.{field.name}")
    for entity in ENTITIES.values()
    for field in entity.fields
    if field.kind in (Kind.INTEGER, Kind.DECIMAL)
]


def judged(entity: str, field: Field, value: int) -> dict[str, bool]:
    """By door, whether it takes the value."""
    given = value if field.kind is Kind.INTEGER else str(value)
    doors = {
        "sdk": lambda: to_wire(entity, field, value),
        "push": lambda: check_value(field, given),
        "rest": lambda: msgspec.convert(given, _accepted(field)),
    }
    taken = dict.fromkeys(doors, True)
    for name, door in doors.items():
        try:
            door()
        except (InvalidValue, Refusal, msgspec.ValidationError):
            taken[name] = False
    return taken


@pytest.mark.parametrize(("entity", "field"), NUMBERS)
def test_a_number_below_zero_is_taken_at_all_doors_or_at_none(entity: str, field: Field):
    """What a phone captured and the office could not have typed would be a surprise to whoever corrects it."""
    assert set(judged(entity, field, -1).values()) == {field.signed}


@pytest.mark.parametrize(("entity", "field"), NUMBERS)
def test_the_most_that_a_whole_number_may_be_is_the_same_at_all_doors(entity: str, field: Field):
    """One, which any field takes; and of integers the end of 64 bits, and what lies beyond it."""
    if field.kind is Kind.INTEGER:
        assert set(judged(entity, field, INTEGER_MAX).values()) == {True}
        assert set(judged(entity, field, INTEGER_MAX + 1).values()) == {False}

    assert set(judged(entity, field, 1).values()) == {True}


def test_the_sdk_says_that_a_position_may_not_be_negative():
    """It is told at the counter, where it can be mended, and never reaches the outbox."""
    with pytest.raises(InvalidValue, match="is -1, and may not be negative"):
        to_wire("order_line", ENTITIES["order_line"].by_name["position"], -1)
