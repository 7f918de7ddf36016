"""The catalogue: products and the units they are sold in."""

from decimal import Decimal

from piccolo.columns import JSONB, UUID, Boolean, Numeric, Text

from server.db import SyncedTable, engine


class Product(SyncedTable, db=engine, tablename="product"):
    """What is sold. `names` holds translations by language; stock is counted in `base_unit`."""

    sku = Text(required=True)
    name = Text(required=True)
    names = JSONB(default="{}")
    base_unit = Text(required=True)
    category_id = UUID(null=True, default=None)
    tax_category_id = UUID(null=True, default=None)
    description = Text(null=True, default=None)
    active = Boolean(default=True)


class ProductUnit(SyncedTable, db=engine, tablename="product_unit"):
    """Another unit of a product: `factor` base units in one of it, sold by the `multiple`."""

    product_id = UUID(required=True, default=None)
    unit = Text(required=True)
    factor = Numeric(default=Decimal(1))
    barcode = Text(null=True, default=None)
    multiple = Numeric(default=Decimal(1))
