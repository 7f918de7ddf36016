"""Warehouses and what is in them."""

from decimal import Decimal

from piccolo.columns import UUID, Numeric, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from server.db import SyncedTable, engine


class Warehouse(SyncedTable, db=engine, tablename="warehouse"):
    """A depot, or a van that a member drives."""

    name = Text(required=True)
    legal_entity_id = UUID(null=True, default=None)
    warehouse_kind = Text(default="depot")
    member_id = UUID(null=True, default=None)


class Stock(SyncedTable, db=engine, tablename="stock"):
    """Base units of a product in a warehouse. `reserved` of them are promised to orders already."""

    warehouse_id = UUID(required=True, default=None)
    product_id = UUID(required=True, default=None)
    quantity = Numeric(required=True, default=None)
    reserved = Numeric(default=Decimal(0))
    as_of = Timestamptz(default=TimestamptzNow())
