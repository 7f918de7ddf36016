"""Values of custom fields: pure, so that REST and sync take the same."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from outrider_sdk.protocol.entities import INTEGER_MAX, INTEGER_MIN

KEY_PATTERN: Final = re.compile("[a-z][a-z0-9_]{0,39}")
TEXT_LENGTH_MAX: Final = 2_000
CHOICES_MAX: Final = 200
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_STORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class CustomField:
    """A definition, as far as values are checked against it. One that was deleted is no longer active."""

    key: str
    field_type: str
    choices: tuple[str, ...] = ()
    required: bool = False
    active: bool = True


def value_problem(field: CustomField, value: Any) -> str | None:
    """What is wrong with a value, in words that say what to use; None where nothing is. Empty is a value as well."""
    if value is None:
        return None
    match field.field_type:
        case "text":
            is_text = isinstance(value, str) and len(value) <= TEXT_LENGTH_MAX and not _NOT_STORABLE.search(value)
            return None if is_text else f"Use text of at most {TEXT_LENGTH_MAX} characters."
        case "integer":
            is_whole = type(value) is int and INTEGER_MIN <= value <= INTEGER_MAX
            return None if is_whole else "Use a whole number."
        case "decimal":
            is_decimal = isinstance(value, str) and _DECIMAL.fullmatch(value)
            return None if is_decimal else "Use a decimal number as a string, such as “1.5”."
        case "boolean":
            return None if isinstance(value, bool) else "Use true or false."
        case "date":
            return None if _is_date(value) else "Use a date that exists, as YYYY-MM-DD."
        case _:
            return None if value in field.choices else f"Use one of {', '.join(field.choices)}."


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(_DATE.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False
