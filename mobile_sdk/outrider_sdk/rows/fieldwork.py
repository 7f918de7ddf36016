"""Row classes of fieldwork; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from outrider_sdk.row import Row


class Route(Row):
    """A row of route."""

    __slots__ = ()
    entity_name: ClassVar[str] = "route"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    member_id: str
    day: date
    name: str | None
    note: str | None


class RouteStop(Row):
    """A row of route stop."""

    __slots__ = ()
    entity_name: ClassVar[str] = "route_stop"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    route_id: str
    outlet_id: str
    position: int
    planned_at: datetime | None
    note: str | None


class Visit(Row):
    """A row of visit."""

    __slots__ = ()
    entity_name: ClassVar[str] = "visit"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    outlet_id: str
    member_id: str
    route_stop_id: str | None
    checked_in_at: datetime
    position: Any
    position_absence: str | None
    checked_out_at: datetime | None
    position_out: Any
    outcome: str | None
    note: str | None
    signature_id: str | None
