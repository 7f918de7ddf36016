"""What is sold, at which prices, and where it lies."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, json_, of, ref, text

PRICE_LIST = Entity(
    "price_list",
    4,
    (
        text("name", required=True),
        text("currency", required=True, max_length=3),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
        of(Kind.INTEGER, "version", required=True, default=1),
    ),
)
PRODUCT = Entity(
    "product",
    5,
    (
        text("sku", required=True, max_length=60),
        text("name", required=True),
        json_("names", required=True, default="{}"),
        text("base_unit", required=True, max_length=20),
        text("category"),
        text("tax_category", max_length=40),
        text("description", max_length=TEXT_LENGTH_MAX),
        of(Kind.BOOLEAN, "active", required=True, default=True),
    ),
)
PRODUCT_UNIT = Entity(
    "product_unit",
    6,
    (
        ref("product_id", "product", required=True),
        text("unit", required=True, max_length=20),
        of(Kind.DECIMAL, "factor", required=True, default="1"),
        text("barcode", max_length=14),
        of(Kind.DECIMAL, "multiple", required=True, default="1"),
    ),
)
PRICE_ITEM = Entity(
    "price_item",
    7,
    (
        ref("price_list_id", "price_list", required=True),
        ref("product_id", "product", required=True),
        text("unit", required=True, max_length=20),
        of(Kind.DECIMAL, "price", required=True),
        of(Kind.DECIMAL, "minimum_quantity", required=True, default="0"),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
    ),
)
WAREHOUSE = Entity(
    "warehouse",
    8,
    (
        text("name", required=True),
        ref("legal_entity_id", "legal_entity"),
        text("warehouse_kind", required=True, values=("depot", "van"), default="depot"),
        ref("member_id", "member"),
    ),
)
STOCK = Entity(
    "stock",
    9,
    (
        ref("warehouse_id", "warehouse", required=True),
        ref("product_id", "product", required=True),
        of(Kind.DECIMAL, "quantity", required=True),
        of(Kind.DECIMAL, "reserved", required=True, default="0"),
        of(Kind.INSTANT, "as_of", required=True),
    ),
)
