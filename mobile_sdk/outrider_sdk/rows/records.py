"""Row classes of records; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from outrider_sdk.row import Row


class CustomField(Row):
    """A row of custom field."""

    __slots__ = ()
    entity_name: ClassVar[str] = "custom_field"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    entity: str
    key: str
    label: str
    labels: dict[str, str]
    field_type: str
    choices: list[str]
    required: bool
    position: int
    version: int
    active: bool


class FieldMaster(Row):
    """A row of field master."""

    __slots__ = ()
    entity_name: ClassVar[str] = "field_master"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    entity: str
    field: str
    system: str


class Comment(Row):
    """A row of comment."""

    __slots__ = ()
    entity_name: ClassVar[str] = "comment"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    entity: str
    row_id: str
    body: str
    visibility: str


class Attachment(Row):
    """A row of attachment."""

    __slots__ = ()
    entity_name: ClassVar[str] = "attachment"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    entity: str
    row_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


class Conflict(Row):
    """A row of conflict."""

    __slots__ = ()
    entity_name: ClassVar[str] = "conflict"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    entity: str
    row_id: str
    field: str
    rule: str
    kept: Any
    lost: Any
    seen: Any
    kept_by: str | None
    lost_by: str | None
    device_id: str | None
    mutation_number: int | None
    captured_at: datetime | None
    status: str
    explanation: str
    settlement: str | None
    settled_by: str | None
    settled_at: datetime | None


class Merge(Row):
    """A row of merge."""

    __slots__ = ()
    entity_name: ClassVar[str] = "merge"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    entity: str
    winner_id: str
    loser_id: str
    undone_at: datetime | None
