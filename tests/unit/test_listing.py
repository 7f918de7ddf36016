"""Query strings become filters, sorts and cursors, or a named mistake; never SQL."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk.protocol.entities import ENTITIES, ORDER, Entity, Field, Kind

from server.crm.listing import Listing, order_by, read_listing, sortable, where, write_cursor
from server.errors import InvalidInput

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.ID: st.uuids(),
    Kind.TEXT: st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200),
    Kind.INTEGER: st.integers(-(2**63) + 1, 2**63 - 1),
    Kind.DECIMAL: st.decimals(-(10**15), 10**15, places=6),
    Kind.BOOLEAN: st.booleans(),
    Kind.INSTANT: st.datetimes(timezones=st.just(UTC)),
    Kind.DATE: st.dates(),
}


@st.composite
def sorts(draw: st.DrawFn) -> tuple[Entity, Field, str]:
    entity = draw(st.sampled_from(list(ENTITIES.values())))
    field = draw(st.sampled_from([f for f in entity.all_fields if sortable(f)]))
    return entity, field, draw(st.sampled_from(["", "-"]))


@given(sorts(), st.data())
def test_a_cursor_comes_back_as_it_went_out(sort: tuple[Entity, Field, str], data: st.DataObject):
    """Of any value that a row can hold, null included."""
    entity, field, sign = sort
    value = data.draw(VALUES[field.kind] if field.required else st.none() | VALUES[field.kind])
    row = {field.name: value, "id": ID} if field.name != "id" else {"id": ID}
    listing = read_listing(entity, [("sort", sign + field.name)])

    read = read_listing(entity, [("sort", sign + field.name), ("after", write_cursor(listing, row))])

    assert read.after == (row[field.name], ID)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=5))
def test_any_query_is_a_listing_or_a_named_mistake(query: list[tuple[str, str]]):
    """No input is a bug of ours."""
    try:
        assert isinstance(read_listing(ORDER, query), Listing)
    except InvalidInput as error:
        named = {e["field"] for e in error.extra["errors"]}
        assert named <= {name for name, _ in query}


@given(st.text(max_size=60))
def test_any_other_cursor_is_a_named_mistake(text: str):
    """Cursors travel through other people's hands."""
    with pytest.raises(InvalidInput) as caught:
        read_listing(ORDER, [("after", f"!{text}")])

    assert [e["field"] for e in caught.value.extra["errors"]] == ["after"]


@given(st.sampled_from(["number", "note", "status_reason"]), VALUES[Kind.TEXT])
def test_no_value_ever_becomes_sql(name: str, value: str):
    """Values are parameters; the SQL is the same whatever they are."""
    listing = read_listing(ORDER, [(f"{name}.contains", value), ("sort", "-number")])

    assert where(ORDER, listing) == [(f'strpos(lower("order"."{name}"), lower({{}})) > 0', (value,))]
    assert order_by(ORDER, listing) == ('"order"."number"', '"order"."id"')


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("captured_at.gt", "2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("delivery_date", "2030-01-31", date(2030, 1, 31)),
        ("exchange_rate.lt", "1.10", Decimal("1.1")),
        ("total_minor.in", "1,2", [1, 2]),
        ("outlet_id", str(ID), ID),
    ],
)
def test_values_are_read_by_the_kind_of_their_field(name: str, text: str, value: object):
    """PostgreSQL compares like with like."""
    assert read_listing(ORDER, [(name, text)]).filters[0].value == value


def test_a_list_is_fifty_rows_by_id_unless_asked_otherwise():
    """Ids sort by time, so the oldest come first."""
    listing = read_listing(ORDER, [])

    assert (listing.limit, listing.sort.name, listing.descending, listing.after) == (50, "id", False, None)
    assert (where(ORDER, listing), order_by(ORDER, listing)) == ([], ('"order"."id"',))


def test_all_mistakes_are_named_at_once():
    """Nobody likes to be corrected one by one."""
    with pytest.raises(InvalidInput) as caught:
        read_listing(ORDER, [("colour", "red"), ("limit", "-1"), ("sort", "weather")])

    assert [e["field"] for e in caught.value.extra["errors"]] == ["limit", "sort", "colour"]
