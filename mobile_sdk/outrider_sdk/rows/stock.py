"""Row classes of stock; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from outrider_sdk.row import Row


class Warehouse(Row):
    """A row of warehouse."""

    __slots__ = ()
    entity_name: ClassVar[str] = "warehouse"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    legal_entity_id: str | None
    warehouse_kind: str
    member_id: str | None


class Stock(Row):
    """A row of stock."""

    __slots__ = ()
    entity_name: ClassVar[str] = "stock"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    warehouse_id: str
    product_id: str
    quantity: Decimal
    reserved: Decimal
    as_of: datetime


class StockMovement(Row):
    """A row of stock movement."""

    __slots__ = ()
    entity_name: ClassVar[str] = "stock_movement"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    warehouse_id: str
    product_id: str
    movement_kind: str
    quantity: Decimal
    counted: Decimal | None
    reason: str | None
    source_entity: str | None
    source_id: str | None
    moved_at: datetime
