"""Where goods lie, and what moves them."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, id_, of, ref, text

MOVEMENT_KINDS = ("count", "receipt", "transfer", "sale", "return", "write_off")

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
# A count is a movement too, whose quantity the server derives from what was `counted`: so there is one ledger whose sum
# is the stock, and a count that crosses a sale on its way is applied to what the stock is by then.
STOCK_MOVEMENT = Entity(
    "stock_movement",
    40,
    (
        ref("warehouse_id", "warehouse", required=True, mode="c"),
        ref("product_id", "product", required=True, mode="c"),
        text("movement_kind", required=True, mode="c", values=MOVEMENT_KINDS),
        of(Kind.DECIMAL, "quantity", required=True, mode="c", default="0", signed=True),
        of(Kind.DECIMAL, "counted", mode="c"),
        text("reason", mode="c", max_length=TEXT_LENGTH_MAX),
        text("source_entity", mode="c", max_length=40),
        id_("source_id", mode="c"),
        of(Kind.INSTANT, "moved_at", required=True, mode="c"),
    ),
    append_only=True,
)
