"""Row classes of orders; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from outrider_sdk.row import Row


class Order(Row):
    """A row of order."""

    __slots__ = ()
    entity_name: ClassVar[str] = "order"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    number: str
    maker_id: str
    owner_id: str
    credited_id: str
    account_id: str
    outlet_id: str
    legal_entity_id: str
    agreement_id: str
    warehouse_id: str
    price_list_id: str
    price_list_version: int
    currency: str
    exchange_rate: Decimal | None
    exchange_rate_on: date | None
    address_snapshot: Any
    delivery_date: date | None
    delivery_window: Any
    fulfilment: str
    status: str
    status_reason: str | None
    captured_at: datetime | None
    submitted_at: datetime | None
    total_minor: int
    note: str | None
    source_order_id: str | None
    revises_order_id: str | None


class OrderLine(Row):
    """A row of order line."""

    __slots__ = ()
    entity_name: ClassVar[str] = "order_line"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    order_id: str
    position: int
    product_id: str
    unit: str
    factor: Decimal
    quantity: Decimal
    list_price: Decimal
    discount: Decimal
    adjustments: Any
    tax: Any
    amount_minor: int
    quantity_accepted: Decimal | None
    quantity_shipped: Decimal | None
    quantity_delivered: Decimal | None
    quantity_returned: Decimal | None
    bundle_id: str | None
    verdict: str | None
    verdict_reason: str | None


class ReturnOrder(Row):
    """A row of return order."""

    __slots__ = ()
    entity_name: ClassVar[str] = "return_order"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    number: str
    maker_id: str
    account_id: str
    outlet_id: str
    legal_entity_id: str
    agreement_id: str
    warehouse_id: str | None
    currency: str
    status: str
    status_reason: str | None
    captured_at: datetime | None
    submitted_at: datetime | None
    total_minor: int
    note: str | None
    source_order_id: str | None


class ReturnLine(Row):
    """A row of return line."""

    __slots__ = ()
    entity_name: ClassVar[str] = "return_line"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    return_order_id: str
    position: int
    product_id: str
    source_line_id: str | None
    reason: str
    unit: str
    factor: Decimal
    quantity: Decimal
    price: Decimal
    amount_minor: int
    note: str | None
