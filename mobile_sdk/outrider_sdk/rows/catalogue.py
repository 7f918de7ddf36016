"""Row classes of catalogue; recorded by python -m tests.contract.test_sdk_rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from outrider_sdk.row import Row


class Category(Row):
    """A row of category."""

    __slots__ = ()
    entity_name: ClassVar[str] = "category"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    names: dict[str, str]
    parent_id: str | None
    position: int


class TaxCategory(Row):
    """A row of tax category."""

    __slots__ = ()
    entity_name: ClassVar[str] = "tax_category"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str


class TaxRate(Row):
    """A row of tax rate."""

    __slots__ = ()
    entity_name: ClassVar[str] = "tax_rate"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    tax_category_id: str
    country: str
    rate: Decimal
    starts_on: date | None
    ends_on: date | None


class PriceList(Row):
    """A row of price list."""

    __slots__ = ()
    entity_name: ClassVar[str] = "price_list"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    currency: str
    starts_on: date | None
    ends_on: date | None
    version: int


class Product(Row):
    """A row of product."""

    __slots__ = ()
    entity_name: ClassVar[str] = "product"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    sku: str
    name: str
    names: dict[str, str]
    base_unit: str
    category_id: str | None
    tax_category_id: str | None
    description: str | None
    active: bool


class ProductUnit(Row):
    """A row of product unit."""

    __slots__ = ()
    entity_name: ClassVar[str] = "product_unit"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    product_id: str
    unit: str
    factor: Decimal
    barcode: str | None
    multiple: Decimal


class PriceItem(Row):
    """A row of price item."""

    __slots__ = ()
    entity_name: ClassVar[str] = "price_item"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    price_list_id: str
    product_id: str
    unit: str
    price: Decimal
    minimum_quantity: Decimal
    starts_on: date | None
    ends_on: date | None


class Assortment(Row):
    """A row of assortment."""

    __slots__ = ()
    entity_name: ClassVar[str] = "assortment"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    starts_on: date | None
    ends_on: date | None


class Promotion(Row):
    """A row of promotion."""

    __slots__ = ()
    entity_name: ClassVar[str] = "promotion"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    name: str
    names: dict[str, str]
    version: int
    priority: int
    exclusive: bool
    starts_on: date | None
    ends_on: date | None
    conditions: Any
    effects: Any
    active: bool


class AssortmentItem(Row):
    """A row of assortment item."""

    __slots__ = ()
    entity_name: ClassVar[str] = "assortment_item"
    id: str
    revision: int
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    custom: dict[str, Any]
    assortment_id: str
    effect: str
    product_id: str | None
    category_id: str | None
    outlet_id: str | None
    channel: str | None
    starts_on: date | None
    ends_on: date | None
