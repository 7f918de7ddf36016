"""Checks wire values that a device sends against the entity's definition.

What passes here can be stored: PostgreSQL must never be the one who finds that a value is none.
"""

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any, Final

from outrider_sdk.protocol.entities import INTEGER_MAX, Entity, Field, Kind

from server.auth.access import Right
from server.sync.refusals import Refusal, quoted

JSON_DEPTH_MAX: Final = 64
"""Levels of a JSON document: far below what parsers and databases bear."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_INSTANT_MIN, _INSTANT_MAX = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, in microseconds since 1970."""
_EXPONENT_MAX = 300
_LISTS_OF_TEXTS = frozenset({"tags", "roles", "choices"})


def is_id(value: Any) -> bool:
    """Whether it is a UUID as it stands on the wire."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_decimal(value: Any) -> bool:
    """Whether it is a decimal number as it stands on the wire."""
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def writable_field(definition: Entity, right: Right, name: str, *, creating: bool) -> Field:
    """The field, which a device of a member with that right may set in a create or change in an edit.

    Raises:
        Refusal: there is none of that name for the member, or it is not a device's, or theirs, to write.
    """
    field = definition.by_name.get(name)
    if field is None or name in right.hidden:
        raise Refusal("field_unknown", f"This server knows no {quoted(name)} of {definition.name}.")
    if not field.settable(creating=creating) or name in right.read_only:
        raise Refusal("field_not_writable", f"“{name}” of {definition.name} is not yours to change.", field=name)
    return field


def is_storable(value: Any) -> bool:
    """Whether it is text that PostgreSQL can hold."""
    return isinstance(value, str) and _NOT_STORABLE.search(value) is None


def check_value(field: Field, value: Any) -> None:
    """Refuse a value that the field cannot hold.

    Raises:
        Refusal: `value_invalid`, naming the field and what it takes.
    """
    if value is None:
        if field.required:
            raise _invalid(field, "it may not be empty")
        return
    problem = _problem(field, value)
    if problem:
        raise _invalid(field, problem)


def is_value(field: Field, value: Any) -> bool:
    """Whether the field could hold the value."""
    return value is not None and _problem(field, value) is None


def _invalid(field: Field, problem: str) -> Refusal:
    return Refusal("value_invalid", f"“{field.name}” cannot be stored: {problem}.", field=field.name)


def _problem(field: Field, value: Any) -> str | None:
    match field.kind:
        case Kind.TEXT:
            return _text_problem(field, value)
        case Kind.ID:
            return None if is_id(value) else "it is not an id"
        case Kind.BOOLEAN:
            return None if isinstance(value, bool) else "it must be true or false"
        case Kind.INTEGER:
            return _integer_problem(value, field.integer_min, INTEGER_MAX)
        case Kind.INSTANT:
            return _integer_problem(value, _INSTANT_MIN, _INSTANT_MAX)
        case Kind.DECIMAL:
            return _decimal_problem(field, value)
        case Kind.DATE:
            return _date_problem(value)
        case Kind.JSON:
            return _json_problem(field, value)


def _integer_problem(value: Any, least: int, most: int) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "it must be a whole number"
    if least == 0 > value:
        return "it may not be negative"
    return None if least <= value <= most else f"it must be between {least} and {most}"


def _decimal_problem(field: Field, value: Any) -> str | None:
    if not is_decimal(value):
        return "it must be a decimal number of at most 15 digits before and 9 after the point"
    number = Decimal(value)
    if field.name == "discount" and not 0 <= number <= 1:
        return "a discount is a fraction between 0 and 1"
    if field.signed:
        return None
    if field.name == "quantity" and number <= 0:
        return "a quantity is more than zero"
    if number < 0:
        return "it may not be negative"
    return None


def _date_problem(value: Any) -> str | None:
    try:
        if not _DATE.fullmatch(value):
            raise ValueError
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return "it must be a date that exists, as YYYY-MM-DD"
    return None


def _json_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "it must be a JSON document as text"
    if field.max_length is not None and len(value) > field.max_length:
        return f"it is longer than {field.max_length} characters"
    try:
        document = json.loads(value, parse_constant=_refuse_constant, parse_float=_check_exponent)
    except (ValueError, ArithmeticError, RecursionError):
        return "it is not a JSON document, or has numbers beyond all bounds"
    if field.name in _LISTS_OF_TEXTS and not _is_list_of_texts(document):
        return "it must be a list of texts"
    return _document_problem(document)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _check_exponent(text: str) -> Decimal:
    number = Decimal(text)
    if number and abs(number.adjusted()) > _EXPONENT_MAX:
        raise ValueError(text)
    return number


def _is_list_of_texts(document: Any) -> bool:
    return isinstance(document, list) and all(isinstance(x, str) for x in document)


def _document_problem(document: Any) -> str | None:
    """Look through a document level by level: its depth, and each text and key in it."""
    level = [document]
    for _ in range(JSON_DEPTH_MAX):
        objects = [x for x in level if isinstance(x, dict)]
        for text in (*(x for x in level if isinstance(x, str)), *(key for x in objects for key in x)):
            if problem := _characters_problem(text):
                return problem
        level = [y for x in level if isinstance(x, list) for y in x] + [y for x in objects for y in x.values()]
        if not level:
            return None
    return f"it is nested deeper than {JSON_DEPTH_MAX} levels"


def _text_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "it must be text"
    if field.max_length is not None and len(value) > field.max_length:
        return f"it is longer than {field.max_length} characters"
    if field.values and value not in field.values:
        return f"it must be one of {', '.join(field.values)}"
    if field.is_blank(value):
        return "it may not be blank"
    return _characters_problem(value)


def _characters_problem(text: str) -> str | None:
    found = _NOT_STORABLE.search(text)
    if found is None:
        return None
    if found[0] == "\x00":
        return "it contains a character that cannot be stored (NUL)"
    return "it contains half a character (an unpaired surrogate)"
