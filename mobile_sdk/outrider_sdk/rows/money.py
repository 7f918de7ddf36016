"""Row classes of money; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from outrider_sdk.row import Row


class Invoice(Row):
    """A row of invoice."""

    __slots__ = ()
    entity_name: ClassVar[str] = "invoice"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    number: str
    account_id: str
    legal_entity_id: str
    order_id: str | None
    currency: str
    issued_on: date
    due_on: date | None
    total_minor: int


class Receivable(Row):
    """A row of receivable."""

    __slots__ = ()
    entity_name: ClassVar[str] = "receivable"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    account_id: str
    legal_entity_id: str
    invoice_id: str | None
    document_number: str
    currency: str
    due_on: date
    amount_minor: int
    balance_minor: int
    as_of: datetime


class Payment(Row):
    """A row of payment."""

    __slots__ = ()
    entity_name: ClassVar[str] = "payment"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    account_id: str
    outlet_id: str | None
    legal_entity_id: str
    currency: str
    amount_minor: int
    method: str
    receipt_number: str
    paid_at: datetime
    reversal_of_id: str | None
    allocated_minor: int
    note: str | None


class PaymentAllocation(Row):
    """A row of payment allocation."""

    __slots__ = ()
    entity_name: ClassVar[str] = "payment_allocation"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    payment_id: str
    receivable_id: str
    amount_minor: int
