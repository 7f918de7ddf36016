"""What part of the audit somebody asks for, read from a query string. Pure."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import ENTITIES

from server.crm.audit.messages import Moment
from server.db import Source
from server.errors import FieldError, InvalidInput

PAGE_CHANGES_DEFAULT: Final = 50
PAGE_CHANGES_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 200
REVISION_MAX: Final = 2**62
SOURCES: Final = (*(source.value for source in Source), "sql")
LAST_ROW: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Place:
    """A change's place in the audit: the page goes on with those before it."""

    revision: int = REVISION_MAX
    number: int = REVISION_MAX
    row: UUID = LAST_ROW

    def text(self) -> str:
        """The place as it travels; opaque to clients."""
        return base64.urlsafe_b64encode(msgspec.json.encode([self.revision, self.number, self.row])).decode()


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Conditions that all hold."""

    limit: int = PAGE_CHANGES_DEFAULT
    after: Place = Place()
    member_id: UUID | None = None
    entity: str | None = None
    row_id: UUID | None = None
    field: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


def read_query(query: Iterable[tuple[str, str]], allowed: frozenset[str]) -> AuditQuery:
    """Read a query string of which some parameters are allowed.

    Raises:
        InvalidInput: it names each parameter that is unknown, given twice, or no value of its kind.
    """
    given: dict[str, object] = {}
    errors: list[FieldError] = []
    for name, text in query:
        if name not in allowed:
            errors.append(FieldError(name, "There is no such parameter."))
        elif _NAMES.get(name, name) in given:
            errors.append(FieldError(name, "Give it once."))
        else:
            try:
                given[_NAMES.get(name, name)] = _READERS[name](text)
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
    if errors:
        raise InvalidInput(errors)
    return AuditQuery(**given)  # type: ignore[arg-type]


def _read_limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= PAGE_CHANGES_MAX):
        raise ValueError(f"Use a number from 1 to {PAGE_CHANGES_MAX}.")
    return int(text)


def _read_place(text: str) -> Place:
    try:
        packed = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
        revision, number, row = msgspec.json.decode(packed, type=tuple[int, int, UUID])
        if not (0 <= revision <= REVISION_MAX and 0 <= number <= REVISION_MAX):
            raise ValueError
    except (ValueError, binascii.Error):
        raise ValueError("Take it from “next” of the page before.") from None
    return Place(revision, number, row)


def _read_id(text: str) -> UUID:
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        raise ValueError("Use an id (UUID).") from None


def _read_moment(text: str) -> datetime:
    try:
        return msgspec.convert(text, Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError("Use a moment with its time zone, as 2030-01-31T12:00:00Z (+ in a URL is %2B).") from None


def _read_entity(text: str) -> str:
    if text not in ENTITIES:
        raise ValueError("Use the name of an entity, as contact or order_line.")
    return text


def _read_source(text: str) -> str:
    if text not in SOURCES:
        raise ValueError(f"Use one of {', '.join(SOURCES)}.")
    return text


def _read_text(text: str) -> str:
    if not text or len(text) > TEXT_LENGTH_MAX or "\x00" in text:
        raise ValueError(f"Use 1 to {TEXT_LENGTH_MAX} characters, none of them NUL.")
    return text


_NAMES: Final = {"from": "since"}
_READERS: Final = {
    "limit": _read_limit,
    "after": _read_place,
    "member_id": _read_id,
    "entity": _read_entity,
    "row_id": _read_id,
    "field": _read_text,
    "source": _read_source,
    "from": _read_moment,
    "until": _read_moment,
    "text": _read_text,
}
PAGING: Final = frozenset({"limit", "after"})
SEARCHING: Final = frozenset(_READERS)
