"""Row classes of accounts; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from outrider_sdk.row import Row


class LegalEntity(Row):
    """A row of legal entity."""

    __slots__ = ()
    entity_name: ClassVar[str] = "legal_entity"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    tax_id: str | None
    country: str | None
    currency: str
    number_series: str | None


class Account(Row):
    """A row of account."""

    __slots__ = ()
    entity_name: ClassVar[str] = "account"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    legal_name: str | None
    roles: list[str]
    tax_id: str | None
    parent_id: str | None
    tags: list[str]


class Agreement(Row):
    """A row of agreement."""

    __slots__ = ()
    entity_name: ClassVar[str] = "agreement"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    account_id: str
    legal_entity_id: str
    price_list_id: str
    currency: str
    payment_terms_days: int | None
    credit_limit_minor: int | None
    discount_max: Decimal
    vat_status: str | None


class Outlet(Row):
    """A row of outlet."""

    __slots__ = ()
    entity_name: ClassVar[str] = "outlet"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    account_id: str
    territory_id: str | None
    name: str
    address: Any
    position: Any
    time_zone: str | None
    delivery_windows: Any
    channel: str | None
    description: str | None
    tags: list[str]


class Contact(Row):
    """A row of contact."""

    __slots__ = ()
    entity_name: ClassVar[str] = "contact"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    account_id: str
    outlet_id: str | None
    name: str
    job_title: str | None
    language: str | None
    description: str | None


class ContactChannel(Row):
    """A row of contact channel."""

    __slots__ = ()
    entity_name: ClassVar[str] = "contact_channel"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    contact_id: str
    channel_kind: str
    value: str
    label: str | None
    preferred: bool


class Consent(Row):
    """A row of consent."""

    __slots__ = ()
    entity_name: ClassVar[str] = "consent"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    contact_id: str
    purpose: str
    channel_kind: str | None
    state: str
    at: datetime
    evidence: str | None
    follows_id: str | None
