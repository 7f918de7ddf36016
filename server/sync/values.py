"""Checks wire values that a device sends against the entity's definition."""

import json
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from outrider_sdk.protocol.entities import Field, Kind

from server.sync.refusals import Refusal

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_INTEGER_MAX = 2**63 - 1


def is_id(value: Any) -> bool:
    """Whether it is a UUID as it stands on the wire."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


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


def _invalid(field: Field, problem: str) -> Refusal:
    return Refusal("value_invalid", f"“{field.name}” cannot be stored: {problem}.", field=field.name)


def _problem(field: Field, value: Any) -> str | None:
    match field.kind:
        case Kind.ID:
            return None if is_id(value) else "it is not an id"
        case Kind.BOOLEAN:
            return None if isinstance(value, bool) else "it must be true or false"
        case Kind.INTEGER | Kind.INSTANT:
            whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _INTEGER_MAX
            return None if whole else "it must be a whole number"
        case Kind.DECIMAL:
            return _decimal_problem(field, value)
        case Kind.DATE:
            return _date_problem(value)
        case Kind.JSON:
            return _json_problem(field, value)
        case Kind.TEXT:
            return _text_problem(field, value)


def _decimal_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        return "it must be a decimal number of at most 15 digits before and 9 after the point"
    try:
        number = Decimal(value)
    except InvalidOperation:
        return "it must be a decimal number"
    if field.name == "discount" and not 0 <= number <= 1:
        return "a discount is a fraction between 0 and 1"
    if field.name == "quantity" and number <= 0:
        return "a quantity is more than zero"
    if number < 0:
        return "it may not be negative"
    return None


def _date_problem(value: Any) -> str | None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return "it must be a date that exists, as YYYY-MM-DD"
    return None


def _json_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "it must be a JSON document as text"
    if field.max_length is not None and len(value) > field.max_length:
        return f"it is longer than {field.max_length} characters"
    if "\\u0000" in value:
        return "it contains a character that cannot be stored (NUL)"
    try:
        json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return "it is not a JSON document"
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _text_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "it must be text"
    if field.max_length is not None and len(value) > field.max_length:
        return f"it is longer than {field.max_length} characters"
    if field.values and value not in field.values:
        return f"it must be one of {', '.join(field.values)}"
    if "\x00" in value:
        return "it contains a character that cannot be stored (NUL)"
    if any("\ud800" <= c <= "\udfff" for c in value):
        return "it contains half a character (an unpaired surrogate)"
    return None
