"""What a device may put into a field: everything that passes can be stored, and every refusal names the field."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import outrider_sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk.protocol.entities import ENTITIES, Field, Kind

from server.sync.refusals import QUOTED_LENGTH_MAX, Refusal, quoted
from server.sync.state import same
from server.sync.values import JSON_DEPTH_MAX, check_value, is_decimal, is_id

TEXT = Field("name", Kind.TEXT, max_length=5)
REQUIRED = Field("name", Kind.TEXT, required=True, max_length=5)
CHOICE = Field("fulfilment", Kind.TEXT, values=("complete", "partial"))
NUMBER = Field("position", Kind.INTEGER)
BALANCE = Field("amount_minor", Kind.INTEGER, signed=True)
MOMENT = Field("submitted_at", Kind.INSTANT)
PRICE = Field("list_price", Kind.DECIMAL)
QUANTITY = Field("quantity", Kind.DECIMAL)
DISCOUNT = Field("discount", Kind.DECIMAL)
DAY = Field("delivery_date", Kind.DATE)
YES_OR_NO = Field("preferred", Kind.BOOLEAN)
REFERENCE = Field("account_id", Kind.ID)
DOCUMENT = Field("address", Kind.JSON, max_length=16_000)
TAGS = Field("tags", Kind.JSON, max_length=16_000)
ALL = (TEXT, CHOICE, NUMBER, MOMENT, PRICE, QUANTITY, DISCOUNT, DAY, YES_OR_NO, REFERENCE, DOCUMENT, TAGS)

ID = "01920000-0000-7000-8000-0000000000c1"
NUL = chr(0)
HALF = chr(0xD83D)


def refusal(field: Field, value: object) -> Refusal | None:
    try:
        check_value(field, value)
    except Refusal as refused:
        return refused
    return None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (TEXT, ""),
        (TEXT, "שלום"),
        (TEXT, "👩‍👩"),
        (TEXT, "é" * 5),
        (CHOICE, "partial"),
        (NUMBER, 0),
        (NUMBER, 2**63 - 1),
        (BALANCE, -(2**63)),
        (TEXT, "  "),
        (MOMENT, 1_750_000_000_000_000),
        (MOMENT, -1),
        (PRICE, "0"),
        (PRICE, "999999999999999.999999999"),
        (PRICE, "18.00"),
        (QUANTITY, "0.000000001"),
        (DISCOUNT, "0"),
        (DISCOUNT, "1.000"),
        (DAY, "2024-02-29"),
        (DAY, "9999-12-31"),
        (YES_OR_NO, False),
        (REFERENCE, ID),
        (DOCUMENT, '{"street": "Main St", "geo": [1.5, -2e10, null, true]}'),
        (DOCUMENT, '"\\ud83d\\ude00"'),
        (DOCUMENT, '"\\\\u0000"'),
        (DOCUMENT, "null"),
        (TAGS, "[]"),
        (TAGS, '["vip", "чай"]'),
    ],
)
def test_a_value_of_the_kind_is_taken(field: Field, value: object):
    """What people really enter, up to the limits of the format, must never be refused."""
    assert refusal(field, value) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (TEXT, 5),
        (REQUIRED, ""),
        (REQUIRED, " \t\u3000"),
        (TEXT, ["x"]),
        (TEXT, "sixsix"),
        (TEXT, f"a{NUL}"),
        (TEXT, f"a{HALF}"),
        (CHOICE, "all"),
        (NUMBER, "5"),
        (NUMBER, 5.0),
        (NUMBER, True),
        (NUMBER, 2**63),
        (NUMBER, -1),
        (BALANCE, -(2**63) - 1),
        (MOMENT, 2**62),
        (MOMENT, "2024-01-01"),
        (PRICE, 18),
        (PRICE, 18.5),
        (PRICE, "-0.01"),
        (PRICE, "1e3"),
        (PRICE, "NaN"),
        (PRICE, "Infinity"),
        (PRICE, " 1"),
        (PRICE, "1\n"),
        (PRICE, "1."),
        (PRICE, ".5"),
        (PRICE, "+1"),
        (PRICE, "1_000"),
        (PRICE, "١٢"),  # Arabic-Indic digits: numbers to Python, not to PostgreSQL
        (PRICE, "1" * 16),
        (PRICE, "0." + "1" * 10),
        (QUANTITY, "0"),
        (QUANTITY, "-0"),
        (DISCOUNT, "1.01"),
        (DISCOUNT, "-0.1"),
        (DAY, "2024-02-30"),
        (DAY, "20240229"),
        (DAY, "2024-W09-4"),
        (DAY, "2024-2-9"),
        (DAY, "0000-01-01"),
        (DAY, "٢٠٢٤-01-01"),
        (DAY, 20240229),
        (DAY, "2024-02-29\n"),
        (YES_OR_NO, 1),
        (YES_OR_NO, "true"),
        (REFERENCE, ID.upper()),
        (REFERENCE, f"{{{ID}}}"),
        (REFERENCE, f"{ID}\n"),
        (REFERENCE, ID.replace("-", "")),
        (DOCUMENT, {"street": "Main St"}),
        (DOCUMENT, "{street}"),
        (DOCUMENT, ""),
        (DOCUMENT, "NaN"),
        (DOCUMENT, "[Infinity]"),
        (DOCUMENT, "1e999999"),
        (DOCUMENT, "1e-20000"),
        (DOCUMENT, "1" * 5_000),
        (DOCUMENT, '"\\u0000"'),
        (DOCUMENT, '{"\\u0000": 1}'),
        (DOCUMENT, '"\\ud83d"'),
        (DOCUMENT, '[[{"a": "\\ude00"}]]'),
        (DOCUMENT, f'"{HALF}"'),
        (DOCUMENT, "[" * 100 + "]" * 100),
        (DOCUMENT, "[" * 8_000 + "]" * 8_000),
        (DOCUMENT, '"' + "x" * 16_000 + '"'),
        (TAGS, "null"),
        (TAGS, '"vip"'),
        (TAGS, '{"vip": true}'),
        (TAGS, '["vip", 1]'),
    ],
)
def test_what_the_database_could_not_hold_is_refused_by_name(field: Field, value: object):
    """A value that only PostgreSQL stumbles over costs a bisection, and reads as our fault, not as a typing error."""
    refused = refusal(field, value)

    assert refused is not None
    assert refused.code == "value_invalid"
    assert refused.details == {"field": field.name}
    assert f"“{field.name}”" in refused.explanation


def test_a_document_may_be_as_deep_as_the_limit_and_no_deeper():
    """The limit is ours, so that no parser's and no database's own is ever met."""
    assert refusal(DOCUMENT, "[" * JSON_DEPTH_MAX + "]" * JSON_DEPTH_MAX) is None
    assert refusal(DOCUMENT, "[" * (JSON_DEPTH_MAX + 1) + "]" * (JSON_DEPTH_MAX + 1)) is not None


@pytest.mark.parametrize("field", ALL, ids=lambda f: f.name)
def test_null_empties_a_field_unless_it_is_required(field: Field):
    """Null is how a person takes a value away."""
    required = Field(field.name, field.kind, required=True, values=field.values)

    assert refusal(field, None) is None
    assert refusal(required, None) is not None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
every_field = st.sampled_from([f for e in ENTITIES.values() for f in e.all_fields])


@given(field=every_field, value=anything)
def test_any_value_is_taken_or_refused_and_nothing_else(field: Field, value: object):
    """Whatever stands on the wire, a check ends in yes or in a refusal, never in a crash."""
    refusal(field, value)


@given(value=st.decimals(min_value=0, max_value=Decimal("999999999999999.999999999"), places=9))
def test_every_price_of_15_and_9_digits_is_a_decimal(value: Decimal):
    """The format's whole range is usable."""
    assert is_decimal(f"{value:f}")
    assert refusal(PRICE, f"{value:f}") is None


@given(document=st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters=NUL), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_a_document_equals_itself_however_it_is_written(document: object):
    """The database writes JSON with other white space and order; that is no change."""
    compact = json.dumps(document, separators=(",", ":"), sort_keys=True)
    spaced = json.dumps(document, indent=2, ensure_ascii=False)

    assert refusal(DOCUMENT, compact) is None
    assert same(Kind.JSON, compact, spaced)


@pytest.mark.parametrize(
    ("kind", "a", "b", "equal"),
    [
        (Kind.DECIMAL, "18.00", "18", True),
        (Kind.DECIMAL, "18.000000001", "18", False),
        (Kind.JSON, '{"a":1}', '{ "a": 1 }', True),
        (Kind.JSON, '{"a":1}', '{"a":true}', False),
        (Kind.JSON, "[0]", "[false]", False),
        (Kind.JSON, "0.1000000000000000055511151231257827", "0.1", False),
        (Kind.JSON, "1.0", "1", True),
        (Kind.TEXT, "1", "1.0", False),
        (Kind.TEXT, None, "", False),
        (Kind.TEXT, None, None, True),
    ],
)
def test_values_that_mean_different_things_are_never_taken_for_equal(kind: Kind, a: object, b: object, equal: bool):
    """An edit that is taken for no change would be lost without a word (S1)."""
    assert same(kind, a, b) is equal
    assert same(kind, b, a) is equal


def test_ids_are_lower_case_and_whole():
    """One spelling for one row, or the same row would be two keys in memory."""
    assert is_id(ID)
    assert not is_id(ID.upper())
    assert not is_id(None)


def test_what_a_device_sent_is_quoted_short_and_printable():
    """An explanation is for a person, and is stored: no megabytes, no control characters."""
    assert quoted("colour") == "“colour”"
    assert [quoted(junk) for junk in (["x"], None, {}, 1.5)] == ["“list”", "“null”", "“object”", "“number”"]
    assert NUL not in quoted(f"a{NUL}b")
    assert HALF not in quoted(HALF)
    assert len(quoted("x" * 10_000)) <= QUOTED_LENGTH_MAX + 3


VECTORS = json.loads((Path(outrider_sdk.__file__).parents[1] / "conformance/cases/value.json").read_text())


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_the_server_judges_values_as_the_vectors_say(case: dict[str, Any]):
    """What a client has refused, or sends, by the vectors, the server refuses or takes: there is one rule."""
    field, result = ENTITIES[case["entity"]].by_name[case["field"]], case["result"]

    refused = refusal(field, result.get("value", case["value"]))

    assert (refused is not None) == ("refused" in result)
