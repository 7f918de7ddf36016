"""Orders and their lines."""

from decimal import Decimal

from piccolo.columns import JSONB, UUID, BigInt, Date, Numeric, Text, Timestamptz

from server.db import SyncedTable, engine


class Order(SyncedTable, db=engine, tablename="order"):
    """An order of an outlet. What it names is frozen when it is made; `status` moves by acts alone."""

    number = Text(required=True)
    maker_id = UUID(required=True, default=None)
    owner_id = UUID(required=True, default=None)
    credited_id = UUID(required=True, default=None)
    account_id = UUID(required=True, default=None)
    outlet_id = UUID(required=True, default=None)
    legal_entity_id = UUID(required=True, default=None)
    agreement_id = UUID(required=True, default=None)
    warehouse_id = UUID(required=True, default=None)
    price_list_id = UUID(required=True, default=None)
    price_list_version = BigInt(default=1)
    currency = Text(required=True)
    exchange_rate = Numeric(null=True, default=None)
    exchange_rate_on = Date(null=True, default=None)
    address_snapshot = JSONB(null=True, default=None)
    delivery_date = Date(null=True, default=None)
    delivery_window = JSONB(null=True, default=None)
    fulfilment = Text(default="partial")
    status = Text(default="draft")
    status_reason = Text(null=True, default=None)
    captured_at = Timestamptz(null=True, default=None)
    submitted_at = Timestamptz(null=True, default=None)
    total_minor = BigInt(default=0)
    note = Text(null=True, default=None)
    source_order_id = UUID(null=True, default=None)
    revises_order_id = UUID(null=True, default=None)


class OrderLine(SyncedTable, db=engine, tablename="order_line"):
    """One product of an order, in a unit as entered; `factor` base units in each."""

    order_id = UUID(required=True, default=None)
    position = BigInt(default=0)
    product_id = UUID(required=True, default=None)
    unit = Text(required=True)
    factor = Numeric(default=Decimal(1))
    quantity = Numeric(required=True, default=None)
    list_price = Numeric(required=True, default=None)
    discount = Numeric(default=Decimal(0))
    adjustments = JSONB(default="[]")
    tax = JSONB(null=True, default=None)
    amount_minor = BigInt(default=0)
    quantity_accepted = Numeric(null=True, default=None)
    quantity_shipped = Numeric(null=True, default=None)
    quantity_delivered = Numeric(null=True, default=None)
    quantity_returned = Numeric(null=True, default=None)
    bundle_id = UUID(null=True, default=None)
    verdict = Text(null=True, default=None)
    verdict_reason = Text(null=True, default=None)
