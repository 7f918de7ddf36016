"""Price lists and what is in them."""

from decimal import Decimal

from piccolo.columns import UUID, BigInt, Date, Numeric, Text

from server.db import SyncedTable, engine


class PriceList(SyncedTable, db=engine, tablename="price_list"):
    """Prices in one currency, for a time. `version` rises with each change of an item."""

    name = Text(required=True)
    currency = Text(required=True)
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
    version = BigInt(default=1)


class PriceItem(SyncedTable, db=engine, tablename="price_item"):
    """The price of one unit of a product, in major units, from `minimum_quantity` on."""

    price_list_id = UUID(required=True, default=None)
    product_id = UUID(required=True, default=None)
    unit = Text(required=True)
    price = Numeric(required=True, default=None)
    minimum_quantity = Numeric(default=Decimal(0))
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
