"""Ids that grow, and values that keep their meaning on the way."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk.ids import IdSource
from outrider_sdk.kinds import column_to_stored, from_stored, same, to_stored, to_wire
from outrider_sdk.protocol.entities import Field, Kind


@given(st.lists(st.integers(-(10**17), 10**17), min_size=2, max_size=50))
def test_ids_grow_whatever_the_clock_does(times):
    """New rows go to the end of the table, and sort by when they were made."""
    ticks = iter(times)
    new_id = IdSource(lambda: next(ticks))

    made = [new_id() for _ in times]

    assert made == sorted(set(made))
    assert all(uuid.UUID(each).version == 7 and uuid.UUID(each).variant == uuid.RFC_4122 for each in made)


def test_more_than_a_counter_of_ids_in_one_millisecond_still_grow():
    """An import makes thousands in a millisecond; the counter has 12 bits."""
    new_id = IdSource(lambda: 1_700_000_000_000_000)

    made = [new_id() for _ in range(5_000)]

    assert made == sorted(set(made))


@given(st.one_of(st.uuids().map(str), st.none()))
def test_an_id_survives_storage(value):
    """What was pulled is what is pushed."""
    field = Field("x_id", Kind.ID)

    assert from_stored(field, to_stored(field, value)) == value


@given(st.lists(st.one_of(st.uuids().map(str), st.none())))
def test_a_column_of_ids_is_stored_like_each_of_them(values):
    """The fast way of a large pull means the same as the plain one."""
    field = Field("x_id", Kind.ID)

    assert list(column_to_stored(field, values)) == [to_stored(field, value) for value in values]


@pytest.mark.parametrize("value", [["x"], ["0190a000"], ["0190a000-0000-7000-8000-00000000000g"]])
def test_a_column_that_holds_no_ids_is_refused(value):
    """A broken page must not shift bytes from one id into the next."""
    with pytest.raises(ValueError):
        column_to_stored(Field("x_id", Kind.ID), value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=0, max_value=10**12))
def test_a_decimal_travels_exactly(number):
    """No float anywhere near money."""
    field = Field("price", Kind.DECIMAL)

    assert same(field, to_wire("x", field, number), to_wire("x", field, str(number)))


@pytest.mark.parametrize(
    "value", [0.1, True, "NaN", "Infinity", "1e400", "1e-400", "x", "1" * 16, "0.0000000001", "-1"]
)
def test_what_is_no_exact_decimal_is_refused(value):
    """0.1 as a float is another number, and a million digits are an attack."""
    with pytest.raises(ValueError, match="exact decimal"):
        to_wire("x", Field("price", Kind.DECIMAL), value)


def test_equal_documents_are_the_same_value():
    """White space and the order of keys are no edit."""
    assert same(Field("x", Kind.JSON), '{"a":1, "b":2}', '{"b":2,"a":1}')
    assert same(Field("x", Kind.DECIMAL), "1.0", "1")
    assert not same(Field("x", Kind.TEXT), "1.0", "1")
