"""Cells as people write them → values of fields. Pure; each reader raises ValueError, in words for people.

Numbers and dates whose order nobody can tell (1,234; 03/04/2026) are refused, unless the file or an option tells.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, Literal, TypeVar
from zoneinfo import available_timezones

from outrider_sdk.protocol.entities import Field, Kind
from stdnum import ean

from server.imports.countries import find_country

T = TypeVar("T", list[Any], dict[str, Any])
Reader = Callable[[str], Any]
DayOrder = Literal["dmy", "mdy"]
TAG_LENGTH_MAX: Final = 100
TAGS_MAX: Final = 100

_SPACES: Final = re.compile(r"[\s\u00a0\u202f'’]+")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_GROUPED: Final = re.compile(r"[0-9]{1,3}([.,])[0-9]{3}(\1[0-9]{3})*")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{4})(\d{2})(\d{2})")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_TIME: Final = re.compile(r"[ T]+(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,6})?)\d*)?(Z|[+-]\d{2}:?\d{2})?")
_YES: Final = frozenset({"yes", "y", "true", "t", "1", "x", "да", "истина", "иә", "+"})
_NO: Final = frozenset({"no", "n", "false", "f", "0", "нет", "ложь", "жоқ", "-"})
_ROLES: Final = {
    "sales rep": "rep", "sales representative": "rep", "agent": "rep", "торговый представитель": "rep", "агент": "rep",
    "sales manager": "manager", "supervisor": "manager", "менеджер": "manager", "супервайзер": "manager",
    "administrator": "admin", "администратор": "admin", "admin": "admin",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Habits:
    """How a file writes what could be read in two ways."""

    decimal_comma: bool | None = None
    day_order: DayOrder | None = None


def shown(text: str) -> str:
    """A value for a message, shortened."""
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def reader_of(field: Field, habits: Habits) -> Reader:
    """What makes a value of an entity's field of a cell, by the rules that REST has."""
    special = _BY_NAME.get(field.name)
    if special is not None:
        return special
    if field.values:
        return lambda text: _choice(text, field.values)
    match field.kind:
        case Kind.TEXT:
            longest = field.max_length or 200
            return lambda text: read_text(text, longest)
        case Kind.INTEGER:
            return lambda text: _whole(text, habits)
        case Kind.DECIMAL:
            return lambda text: read_decimal(text, habits)
        case Kind.BOOLEAN:
            return read_flag
        case Kind.DATE:
            return lambda text: read_moment(text, habits).date()
        case Kind.INSTANT:
            return lambda text: read_moment(text, habits)
        case _:
            return read_text


def read_text(text: str, longest: int = 200) -> str:
    """Text of a length that the field takes."""
    if len(text) > longest:
        raise ValueError(f"it has {len(text):,} characters, more than {longest}")
    if "\x00" in text:
        raise ValueError("it contains a NUL character")
    return text


def read_decimal(text: str, habits: Habits) -> Decimal:
    """An exact decimal number, not negative; a comma before decimals, and spaces in thousands, will do."""
    number = _one_point(_SPACES.sub("", text), habits.decimal_comma)
    if number.startswith("-") and _NUMBER.fullmatch(number[1:]):
        raise ValueError(f"{shown(text)} is below 0")
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"{shown(text)} is not a number of up to 15 digits")
    return Decimal(number)


def _one_point(number: str, decimal_comma: bool | None) -> str:
    """The number with a point before its decimals, and nothing between its thousands."""
    commas, points = number.count(","), number.count(".")
    if commas and points:
        mark, other = (",", ".") if number.rfind(",") > number.rfind(".") else (".", ",")
        return number.replace(other, "").replace(mark, ".")
    if commas > 1 or points > 1:
        return number.replace(",", "").replace(".", "") if _GROUPED.fullmatch(number) else number
    if commas and _GROUPED.fullmatch(number) and not number.startswith("0") and decimal_comma is not True:
        if decimal_comma is None:
            raise ValueError(f"{shown(number)} can be read in two ways: write it with a point, or without a comma")
        return number.replace(",", "")
    return number.replace(",", ".")


def read_fraction(text: str, habits: Habits) -> Decimal:
    """A share from 0 to 1; a percentage with its sign will do."""
    percent = text.endswith("%")
    value = read_decimal(text.rstrip("% "), habits)
    value = value / 100 if percent else value
    if value > 1:
        raise ValueError(f"{shown(text)} is not from 0 to 1; write 5 percent as 0.05 or 5%")
    return value


def _whole(text: str, habits: Habits) -> int:
    value = read_decimal(text, habits)
    if value != value.to_integral_value():
        raise ValueError(f"{shown(text)} is not a whole number")
    return int(value)


def read_degrees(text: str, habits: Habits, limit: int) -> float | dict[str, Any]:
    """A latitude or longitude; or all of a position, as our export writes it."""
    whole = _json(text, dict)
    if whole is not None:
        return whole
    value = read_decimal(text.removeprefix("-"), habits)
    if value > limit:
        raise ValueError(f"{shown(text)} is not from -{limit} to {limit}")
    return float(-value if text.startswith("-") else value)


def read_flag(text: str) -> bool:
    """Yes or no, in the words of several languages."""
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError(f"{shown(text)} is neither yes nor no")


def read_moment(text: str, habits: Habits) -> datetime:
    """A day that exists, perhaps with a time of it; without a zone it is taken as UTC."""
    day = re.match(r"[0-9./-]+", text)
    time = _TIME.fullmatch(text[day.end() :]) if day and text[day.end() :] else None
    if day is None or (time is None and text[day.end() :]):
        raise ValueError(f"{shown(text)} is not a date such as 2026-12-31")
    year, month, of_month = _parts_of_day(day[0], habits.day_order)
    zone = (time[4] or "Z").replace("Z", "+00:00") if time else "+00:00"
    clock = f"{int(time[1]):02}:{time[2]}:{time[3] or '00'}" if time else "00:00:00"
    try:
        return datetime.fromisoformat(f"{date(year, month, of_month)}T{clock}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(text)} is not a date that exists") from None


def _parts_of_day(text: str, order: DayOrder | None) -> tuple[int, int, int]:
    first = _YEAR_FIRST.fullmatch(text)
    if first:
        year, month, day = (int(part) for part in first.groups() if part)
        return year, month, day
    last = _YEAR_LAST.fullmatch(text)
    if last is None:
        raise ValueError(f"{shown(text)} is not a date such as 2026-12-31")
    one, two, year = int(last[1]), int(last[3]), int(last[4])
    if last[2] == "." or order == "dmy" or one > 12:
        return year, two, one
    if order == "mdy" or two > 12:
        return year, one, two
    if one == two:
        return year, one, two
    raise ValueError(f"{shown(text)} can be read in two ways: say --dates dmy or --dates mdy")


def _choice(text: str, values: tuple[str, ...]) -> str:
    word = re.sub(r"[\s-]+", "_", text.casefold())
    if word in values:
        return word
    raise ValueError(f"{shown(text)} is none of: {', '.join(values)}")


def _role(text: str) -> str:
    word = _ROLES.get(text.casefold(), text.casefold())
    if word == "owner":
        raise ValueError("no owner is made by an import: make them an admin, and let an owner decide")
    return word


def read_tags(text: str) -> list[str]:
    """Words separated by commas or semicolons, each once."""
    document = _json(text, list)
    parts = re.split(r"[,;|]", text) if document is None else document
    tags = list(dict.fromkeys(tag for part in parts if (tag := str(part).strip())))
    if len(tags) > TAGS_MAX or any(len(tag) > TAG_LENGTH_MAX for tag in tags):
        raise ValueError(f"use at most {TAGS_MAX} words of at most {TAG_LENGTH_MAX} characters")
    return tags


def read_address_part(text: str) -> str | dict[str, Any]:
    """A part of an address; or all of it, as our export writes it."""
    return _json(text, dict) or read_text(text)


def _json(text: str, kind: type[T]) -> T | None:
    """What a cell of our own export holds; None where it is no such document."""
    if text[:1] not in "[{":
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, kind) else None


def _currency(text: str) -> str:
    code = text.upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise ValueError(f"{shown(text)} is not a currency such as EUR")
    return code


def _country(text: str) -> str:
    code = find_country(text)
    if code is None:
        raise ValueError(f"{shown(text)} is not a country that is known; write its two letters")
    return code


def _barcode(text: str) -> str:
    if not ean.is_valid(text):
        raise ValueError(f"{shown(text)} is no GTIN of 8, 12, 13 or 14 digits: its check digit is wrong")
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone(text: str) -> str:
    if text not in _time_zones():
        raise ValueError(f"{shown(text)} is no name of the IANA time zone database, such as Europe/Riga")
    return text


def _role_list(text: str) -> list[str]:
    return [tag.casefold() for tag in read_tags(text)]


_BY_NAME: Final[dict[str, Reader]] = {
    "currency": _currency,
    "country": _country,
    "barcode": _barcode,
    "time_zone": _time_zone,
    "tags": read_tags,
    "roles": _role_list,
    "role": _role,
}
