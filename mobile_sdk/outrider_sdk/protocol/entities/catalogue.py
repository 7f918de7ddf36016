"""What is sold, to whom, at which prices and taxes."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, json_, of, ref, text

ASSORTMENT_EFFECTS = ("allow", "ban")

CATEGORY = Entity(
    "category",
    30,
    (
        text("name", required=True),
        json_("names", required=True, default="{}"),
        ref("parent_id", "category"),
        of(Kind.INTEGER, "position", required=True, default=0),
    ),
)
TAX_CATEGORY = Entity("tax_category", 31, (text("name", required=True),))
TAX_RATE = Entity(
    "tax_rate",
    32,
    (
        ref("tax_category_id", "tax_category", required=True),
        text("country", required=True, max_length=2),
        of(Kind.DECIMAL, "rate", required=True),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
    ),
)
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
        ref("category_id", "category"),
        ref("tax_category_id", "tax_category"),
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
ASSORTMENT = Entity(
    "assortment",
    33,
    (text("name", required=True), of(Kind.DATE, "starts_on"), of(Kind.DATE, "ends_on")),
)
ASSORTMENT_ITEM = Entity(
    "assortment_item",
    34,
    (
        ref("assortment_id", "assortment", required=True),
        text("effect", required=True, values=ASSORTMENT_EFFECTS, default="allow"),
        ref("product_id", "product"),
        ref("category_id", "category"),
        ref("outlet_id", "outlet"),
        text("channel", max_length=60),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
    ),
)
PROMOTION = Entity(
    "promotion",
    35,
    (
        text("name", required=True),
        json_("names", required=True, default="{}"),
        of(Kind.INTEGER, "version", required=True, default=1),
        of(Kind.INTEGER, "priority", required=True, default=0),
        of(Kind.BOOLEAN, "exclusive", required=True, default=False),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
        json_("conditions", required=True, default="{}"),
        json_("effects", required=True),
        of(Kind.BOOLEAN, "active", required=True, default=True),
    ),
)
