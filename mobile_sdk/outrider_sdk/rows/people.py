"""Row classes of people; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from outrider_sdk.row import Row


class Role(Row):
    """A row of role."""

    __slots__ = ()
    entity_name: ClassVar[str] = "role"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    key: str
    name: str
    base: str
    permissions: Any
    fields: Any


class Office(Row):
    """A row of office."""

    __slots__ = ()
    entity_name: ClassVar[str] = "office"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    address: Any


class Team(Row):
    """A row of team."""

    __slots__ = ()
    entity_name: ClassVar[str] = "team"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    office_id: str | None


class Territory(Row):
    """A row of territory."""

    __slots__ = ()
    entity_name: ClassVar[str] = "territory"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    parent_id: str | None
    manager_id: str | None


class Member(Row):
    """A row of member."""

    __slots__ = ()
    entity_name: ClassVar[str] = "member"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    role: str
    active: bool
    team_id: str | None


class Delegation(Row):
    """A row of delegation."""

    __slots__ = ()
    entity_name: ClassVar[str] = "delegation"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    member_id: str
    substitute_id: str
    starts_on: date | None
    ends_on: date | None


class Assignment(Row):
    """A row of assignment."""

    __slots__ = ()
    entity_name: ClassVar[str] = "assignment"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    member_id: str | None
    team_id: str | None
    outlet_id: str
    assortment_id: str | None
    starts_on: date | None
    ends_on: date | None
    delegated_by: str | None
