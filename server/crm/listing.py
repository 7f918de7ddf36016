"""Lists: filters, order and pages, read from a query string and turned into SQL. Pure.

A page goes on after the last row of the one before it (keyset), not after so many rows: rows added meanwhile neither
repeat nor hide others. Only fields of the entity's definition become identifiers; all values are parameters.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import Entity, Field, Kind

from server.errors import FieldError, InvalidInput

PAGE_ROWS_DEFAULT: Final = 50
PAGE_ROWS_MAX: Final = 200
FILTERS_MAX: Final = 20
IN_VALUES_MAX: Final = 100
FILTER_LENGTH_MAX: Final = 2_000
SORT_LENGTH_MAX: Final = 200
CURSOR_LENGTH_MAX: Final = 4_000
INTEGER_MAX: Final = 2**63 - 1

OPERATORS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.ID: ("", "in"),
    Kind.TEXT: ("", "in", "gt", "lt", "contains"),
    Kind.INTEGER: ("", "in", "gt", "lt"),
    Kind.DECIMAL: ("", "in", "gt", "lt"),
    Kind.BOOLEAN: ("",),
    Kind.INSTANT: ("", "gt", "lt"),
    Kind.DATE: ("", "in", "gt", "lt"),
    Kind.JSON: (),
}
"""Filters by kind of field: `?name=`, `?name.in=a,b`, `?name.gt=`, `?name.lt=`, `?name.contains=`."""

_COMPARISONS: Final = {"": "=", "gt": ">", "lt": "<"}
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,15})?")
_AWARE = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one field; several of them all hold."""

    field: Field
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Listing:
    """What part of which rows, in which order. The id decides between equal values."""

    filters: tuple[Filter, ...]
    sort: Field
    descending: bool
    limit: int
    after: tuple[Any, UUID] | None
    """Value of the sort field, and id, of the last row of the page before."""


Condition = tuple[str, tuple[Any, ...]]
"""SQL with `{}` for its parameters, and those."""


def sortable(field: Field) -> bool:
    """Whether a list may be sorted by the field: not by documents and long texts, which no cursor can hold."""
    return field.kind is not Kind.JSON and (field.max_length or 0) <= SORT_LENGTH_MAX


def read_listing(entity: Entity, query: Iterable[tuple[str, str]], *, hidden: frozenset[str] = frozenset()) -> Listing:
    """Read a list's query string. Fields `hidden` from whoever asks are unknown.

    Raises:
        InvalidInput: it names each parameter that is unknown, given twice, or no value of its field.
    """
    fields = {name: field for name, field in entity.by_name.items() if name not in hidden}
    given: dict[str, str] = {}
    errors: list[FieldError] = []
    for name, value in query:
        if name in given:
            errors.append(FieldError(name, "Give it once."))
        given[name] = value
    limit = _take(errors, "limit", _read_limit, given.pop("limit", str(PAGE_ROWS_DEFAULT)))
    order = _take(errors, "sort", lambda text: _read_sort(fields, text), given.pop("sort", "id"))
    cursor = given.pop("after", None)
    after = _take(errors, "after", lambda text: _read_cursor(order, text), cursor) if cursor and order else None
    filters = [_take(errors, name, lambda text, n=name: _read_filter(fields, n, text), v) for name, v in given.items()]
    if len(given) > FILTERS_MAX:
        errors.append(FieldError("query", f"At most {FILTERS_MAX} filters."))
    if errors:
        raise InvalidInput(errors)
    sort, descending = order
    return Listing(tuple(filters), sort, descending, limit, after)


def _take(errors: list[FieldError], name: str, read: Any, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        errors.append(FieldError(name, str(error)))
        return None


def _read_limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= PAGE_ROWS_MAX:
        raise ValueError(f"Use a number from 1 to {PAGE_ROWS_MAX}.")
    return int(text)


def _read_sort(fields: dict[str, Field], text: str) -> tuple[Field, bool]:
    field = fields.get(text.removeprefix("-"))
    if field is None or not sortable(field):
        raise ValueError(f"Cannot sort by “{text.removeprefix('-')[:60]}”: name a field, “-” before it for descending.")
    return field, text.startswith("-")


def _read_filter(fields: dict[str, Field], name: str, text: str) -> Filter:
    field_name, _, operator = name.partition(".")
    field = fields.get(field_name)
    if field is None or operator not in OPERATORS[field.kind] or name.endswith("."):
        raise ValueError("There is no such filter.")
    if operator == "in":
        values = text.split(",")
        if len(values) > IN_VALUES_MAX:
            raise ValueError(f"Give at most {IN_VALUES_MAX} values.")
        return Filter(field, operator, [read_value(field.kind, value) for value in values])
    return Filter(field, operator, read_value(field.kind, text))


def read_value(kind: Kind, text: str) -> Any:
    """The value of a kind that a text stands for.

    Raises:
        ValueError: none; the message says what is expected.
    """
    match kind:
        case Kind.TEXT:
            return _read_text(text)
        case Kind.INTEGER:
            if not _INTEGER.fullmatch(text) or abs(int(text)) > INTEGER_MAX:
                raise ValueError("Use a whole number.")
            return int(text)
        case Kind.DECIMAL:
            if not _DECIMAL.fullmatch(text):
                raise ValueError("Use a decimal number.")
            return Decimal(text)
        case Kind.BOOLEAN:
            if text not in {"true", "false"}:
                raise ValueError("Use true or false.")
            return text == "true"
        case _:
            return _convert(kind, text)


def _read_text(text: str) -> str:
    if len(text) > FILTER_LENGTH_MAX or "\x00" in text:
        raise ValueError(f"Use at most {FILTER_LENGTH_MAX} characters, none of them NUL.")
    return text


def _convert(kind: Kind, text: str) -> Any:
    expected: dict[Kind, tuple[Any, str]] = {
        Kind.ID: (UUID, "an id (UUID)"),
        Kind.DATE: (date, "a date, as YYYY-MM-DD"),
        Kind.INSTANT: (_AWARE, "a moment with its time zone, as 2030-01-31T12:00:00Z (+ in a URL is %2B)"),
    }
    wanted, words = expected[kind]
    try:
        value = msgspec.convert(text, wanted)
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    except (msgspec.ValidationError, OverflowError):  # the first and last hours of the calendar have no UTC
        raise ValueError(f"Use {words}.") from None


def write_cursor(listing: Listing, row: dict[str, Any]) -> str:
    """The cursor of a page that ends with the row."""
    sign = "-" if listing.descending else ""
    value = row[listing.sort.name]
    text = None if value is None else _write_value(listing.sort.kind, value)
    packed = msgspec.json.encode([sign + listing.sort.name, text, str(row["id"])])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _write_value(kind: Kind, value: Any) -> str:
    match kind:
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case Kind.DECIMAL:
            return f"{value:f}"
        case Kind.INSTANT | Kind.DATE:
            return str(value.isoformat())
        case _:
            return str(value)


def _read_cursor(order: tuple[Field, bool], text: str) -> tuple[Any, UUID]:
    field, descending = order
    try:
        if len(text) > CURSOR_LENGTH_MAX:
            raise ValueError
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        sort, value, row_id = msgspec.json.decode(packed, type=tuple[str, str | None, UUID])
        if sort != ("-" if descending else "") + field.name:
            raise ValueError
        return None if value is None else read_value(field.kind, value), row_id
    except (ValueError, binascii.Error):
        raise ValueError("Take it from “next” of the page before, with the same sort.") from None


def where(entity: Entity, listing: Listing) -> list[Condition]:
    """The conditions that make the page: the filters, and being after the cursor."""
    conditions = [_filter_condition(entity, f) for f in listing.filters]
    if listing.after is not None:
        conditions.append(_after_condition(entity, listing, *listing.after))
    return conditions


def _column(entity: Entity, field: Field) -> str:
    return f'"{entity.name}"."{field.name}"'


def _filter_condition(entity: Entity, given: Filter) -> Condition:
    column = _column(entity, given.field)
    if given.operator == "in":
        return f"{column} IN ({', '.join(['{}'] * len(given.value))})", tuple(given.value)
    if given.operator == "contains":
        return f"strpos(lower({column}), lower({{}})) > 0", (given.value,)
    return f"{column} {_COMPARISONS[given.operator]} {{}}", (given.value,)


def _after_condition(entity: Entity, listing: Listing, value: Any, row_id: UUID) -> Condition:
    """Rows that follow in the order of `order_by`, in which null is greater than any value."""
    column, key = _column(entity, listing.sort), f'"{entity.name}"."id"'
    sign = "<" if listing.descending else ">"
    if listing.sort.name == "id":
        return f"{key} {sign} {{}}", (row_id,)
    if value is None:
        rest = f" OR {column} IS NOT NULL" if listing.descending else ""
        return f"(({column} IS NULL AND {key} {sign} {{}}){rest})", (row_id,)
    if listing.sort.required:
        return f"({column}, {key}) {sign} ({{}}, {{}})", (value, row_id)
    rest = "" if listing.descending else f" OR {column} IS NULL"
    return f"(({column}, {key}) {sign} ({{}}, {{}}){rest})", (value, row_id)


def order_by(entity: Entity, listing: Listing) -> tuple[str, ...]:
    """The columns that order the list, all in the direction of `listing.descending`."""
    key = f'"{entity.name}"."id"'
    return (key,) if listing.sort.name == "id" else (_column(entity, listing.sort), key)
