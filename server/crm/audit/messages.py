"""What travels of the audit."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

Moment = Annotated[datetime, Meta(tz=True)]


class Author(msgspec.Struct):
    """Who wrote: a member, perhaps through a device; a log-in of the database, for plain SQL; or nobody, for a job."""

    member_id: UUID | None
    member: str | None
    device_id: UUID | None
    device: str | None
    login: str | None


class Change(msgspec.Struct):
    """One field of one row that was changed, or a row that was created, deleted or restored."""

    entity: str
    row_id: UUID
    kind: Literal["create", "edit", "delete", "restore"]
    revision: int
    at: Moment
    """When it arrived."""
    captured_at: Moment | None
    """When it was typed on a device; null where it was not pushed."""
    source: Literal["rest", "sync", "import", "job", "sql", "console"]
    by: Author
    field: str | None
    """Null where the row as a whole was created, deleted or restored."""
    old: Any
    new: Any
    first: dict[str, Any] | None = None
    """In the history of a row, of its creation: the first value of each field."""


class ChangePage(msgspec.Struct):
    """Changes, newest first. A page may hold less than asked for, or nothing, and still name the next."""

    items: list[Change]
    next: str | None
