"""Which entities replicate, and the kind of each of their fields.

The order of `ENTITIES` is the order of dependence (a row's parents come before it). A change here is a
change of the wire: raise `SCHEMA_VERSION` and say so in `docs/sync-protocol.md`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

SCHEMA_VERSION = 1


class Kind(StrEnum):
    """What a field holds, and how its value stands on the wire and in the replica."""

    ID = "id"
    """UUID. Wire: 36 lower-case characters. Replica: BLOB of 16 bytes."""
    TEXT = "text"
    INTEGER = "integer"
    """64-bit; amounts of money are integers of the currency's minor unit."""
    DECIMAL = "decimal"
    """Exact decimal as a string, both on the wire and in the replica. Never a float."""
    BOOLEAN = "boolean"
    """Wire: true, false. Replica: 1, 0."""
    INSTANT = "instant"
    """UTC, integer microseconds since 1970."""
    DATE = "date"
    """Civil date, YYYY-MM-DD."""
    JSON = "json"
    """A JSON document as text. Equal documents may differ in white space and order of keys."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity."""

    name: str
    kind: Kind
    required: bool = False
    writable: bool = False
    """A device may set it in a create, and change it in an edit."""
    create_only: bool = False
    """A device may set it in a create, never change it."""
    max_length: int | None = None
    """Characters, for text and JSON."""
    values: tuple[str, ...] = ()
    """Allowed values of a text field; empty: any."""


@dataclass(frozen=True)
class Entity:
    """One replicated table."""

    name: str
    code: int
    """Small number that stands for the entity in the server's scope entries; never reused."""
    fields: tuple[Field, ...]
    deletable: bool = False
    """A device may delete its rows."""
    by_name: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {f.name: f for f in self.all_fields})

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """The entity's own fields after those that every entity has."""
        return COMMON_FIELDS + self.fields

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all fields, in the order in which they stand in the replica."""
        return tuple(f.name for f in self.all_fields)

    @property
    def creatable(self) -> bool:
        """A device may create rows."""
        return any(f.create_only or (f.writable and f.required) for f in self.fields)


TEXT_LENGTH_MAX = 2_000
JSON_LENGTH_MAX = 16_000


def _text(
    name: str, *, required: bool = False, mode: str = "", max_length: int = 200, values: tuple[str, ...] = ()
) -> Field:
    return Field(name, Kind.TEXT, required, mode == "w", mode == "c", max_length, values)


def _json(name: str, *, mode: str = "", required: bool = False) -> Field:
    return Field(name, Kind.JSON, required, mode == "w", mode == "c", JSON_LENGTH_MAX)


def _of(kind: Kind, name: str, *, required: bool = False, mode: str = "") -> Field:
    return Field(name, kind, required, mode == "w", mode == "c")


def _id(name: str, *, required: bool = False, mode: str = "") -> Field:
    return _of(Kind.ID, name, required=required, mode=mode)


COMMON_FIELDS = (
    _id("id", required=True),
    _of(Kind.INTEGER, "revision", required=True),
    _of(Kind.INSTANT, "created_at", required=True),
    _id("created_by"),
    _of(Kind.INSTANT, "updated_at", required=True),
    _json("custom", required=True),
)

ROLES = ("rep", "manager", "admin", "owner", "billing")
FULFILMENTS = ("complete", "partial", "backorder")
CHANNEL_KINDS = ("phone", "email", "fax", "messenger")
ORDER_STATUSES = (
    "draft",
    "submitted",
    "accepted",
    "partly_accepted",
    "needs_attention",
    "refused",
    "awaiting",
    "shipped",
    "delivered",
    "closed",
    "cancelled",
)

TERRITORY = Entity(
    "territory",
    1,
    (_text("name", required=True), _id("parent_id"), _id("manager_id")),
)
MEMBER = Entity(
    "member",
    2,
    (
        _text("name", required=True),
        _text("role", required=True, values=ROLES),
        _of(Kind.BOOLEAN, "active", required=True),
    ),
)
LEGAL_ENTITY = Entity(
    "legal_entity",
    3,
    (
        _text("name", required=True),
        _text("tax_id", max_length=40),
        _text("country", max_length=2),
        _text("currency", required=True, max_length=3),
        _text("number_series", max_length=20),
    ),
)
PRICE_LIST = Entity(
    "price_list",
    4,
    (
        _text("name", required=True),
        _text("currency", required=True, max_length=3),
        _of(Kind.DATE, "starts_on"),
        _of(Kind.DATE, "ends_on"),
        _of(Kind.INTEGER, "version", required=True),
    ),
)
PRODUCT = Entity(
    "product",
    5,
    (
        _text("sku", required=True, max_length=60),
        _text("name", required=True),
        _json("names", required=True),
        _text("base_unit", required=True, max_length=20),
        _text("category"),
        _text("tax_category", max_length=40),
        _text("description", max_length=TEXT_LENGTH_MAX),
        _of(Kind.BOOLEAN, "active", required=True),
    ),
)
PRODUCT_UNIT = Entity(
    "product_unit",
    6,
    (
        _id("product_id", required=True),
        _text("unit", required=True, max_length=20),
        _of(Kind.DECIMAL, "factor", required=True),
        _text("barcode", max_length=14),
        _of(Kind.DECIMAL, "multiple", required=True),
    ),
)
PRICE_ITEM = Entity(
    "price_item",
    7,
    (
        _id("price_list_id", required=True),
        _id("product_id", required=True),
        _text("unit", required=True, max_length=20),
        _of(Kind.DECIMAL, "price", required=True),
        _of(Kind.DECIMAL, "minimum_quantity", required=True),
        _of(Kind.DATE, "starts_on"),
        _of(Kind.DATE, "ends_on"),
    ),
)
WAREHOUSE = Entity(
    "warehouse",
    8,
    (
        _text("name", required=True),
        _id("legal_entity_id"),
        _text("warehouse_kind", required=True, values=("depot", "van")),
        _id("member_id"),
    ),
)
STOCK = Entity(
    "stock",
    9,
    (
        _id("warehouse_id", required=True),
        _id("product_id", required=True),
        _of(Kind.DECIMAL, "quantity", required=True),
        _of(Kind.DECIMAL, "reserved", required=True),
        _of(Kind.INSTANT, "as_of", required=True),
    ),
)
ACCOUNT = Entity(
    "account",
    10,
    (
        _text("name", required=True, mode="w"),
        _text("legal_name", mode="w"),
        _json("roles", required=True, mode="c"),
        _text("tax_id", max_length=40, mode="c"),
        _id("parent_id"),
        _json("tags", required=True, mode="w"),
    ),
)
AGREEMENT = Entity(
    "agreement",
    11,
    (
        _id("account_id", required=True),
        _id("legal_entity_id", required=True),
        _id("price_list_id", required=True),
        _text("currency", required=True, max_length=3),
        _of(Kind.INTEGER, "payment_terms_days"),
        _of(Kind.INTEGER, "credit_limit_minor"),
        _of(Kind.DECIMAL, "discount_max", required=True),
        _text("vat_status", max_length=40),
    ),
)
OUTLET = Entity(
    "outlet",
    12,
    (
        _id("account_id", required=True, mode="c"),
        _id("territory_id"),
        _text("name", required=True, mode="w"),
        _json("address", mode="w"),
        _json("position", mode="w"),
        _text("time_zone", mode="w", max_length=60),
        _json("delivery_windows", mode="w"),
        _text("channel", mode="w", max_length=60),
        _text("description", mode="w", max_length=TEXT_LENGTH_MAX),
        _json("tags", required=True, mode="w"),
    ),
)
CONTACT = Entity(
    "contact",
    13,
    (
        _id("account_id", required=True, mode="c"),
        _id("outlet_id", mode="c"),
        _text("name", required=True, mode="w"),
        _text("job_title", mode="w"),
        _text("language", mode="w", max_length=35),
        _text("description", mode="w", max_length=TEXT_LENGTH_MAX),
    ),
    deletable=True,
)
CONTACT_CHANNEL = Entity(
    "contact_channel",
    14,
    (
        _id("contact_id", required=True, mode="c"),
        _text("channel_kind", required=True, mode="c", values=CHANNEL_KINDS),
        _text("value", required=True, mode="w"),
        _text("label", mode="w", max_length=60),
        _of(Kind.BOOLEAN, "preferred", required=True, mode="w"),
    ),
    deletable=True,
)
ASSIGNMENT = Entity(
    "assignment",
    15,
    (
        _id("member_id", required=True),
        _id("outlet_id", required=True),
        _id("assortment_id"),
        _of(Kind.DATE, "starts_on"),
        _of(Kind.DATE, "ends_on"),
        _id("delegated_by"),
    ),
)
ORDER = Entity(
    "order",
    16,
    (
        _text("number", required=True, mode="c", max_length=40),
        _id("maker_id", required=True),
        _id("owner_id", required=True),
        _id("credited_id", required=True),
        _id("account_id", required=True),
        _id("outlet_id", required=True, mode="c"),
        _id("legal_entity_id", required=True),
        _id("agreement_id", required=True, mode="c"),
        _id("warehouse_id", required=True, mode="c"),
        _id("price_list_id", required=True),
        _of(Kind.INTEGER, "price_list_version", required=True),
        _text("currency", required=True, max_length=3),
        _of(Kind.DECIMAL, "exchange_rate"),
        _of(Kind.DATE, "exchange_rate_on"),
        _json("address_snapshot"),
        _of(Kind.DATE, "delivery_date", mode="w"),
        _json("delivery_window", mode="w"),
        _text("fulfilment", required=True, mode="w", values=FULFILMENTS),
        _text("status", required=True, values=ORDER_STATUSES),
        _text("status_reason", max_length=TEXT_LENGTH_MAX),
        _of(Kind.INSTANT, "captured_at"),
        _of(Kind.INSTANT, "submitted_at"),
        _of(Kind.INTEGER, "total_minor", required=True),
        _text("note", mode="w", max_length=TEXT_LENGTH_MAX),
        _id("source_order_id", mode="c"),
        _id("revises_order_id", mode="c"),
    ),
)
ORDER_LINE = Entity(
    "order_line",
    17,
    (
        _id("order_id", required=True, mode="c"),
        _of(Kind.INTEGER, "position", required=True, mode="w"),
        _id("product_id", required=True, mode="c"),
        _text("unit", required=True, mode="w", max_length=20),
        _of(Kind.DECIMAL, "factor", required=True),
        _of(Kind.DECIMAL, "quantity", required=True, mode="w"),
        _of(Kind.DECIMAL, "list_price", required=True, mode="w"),
        _of(Kind.DECIMAL, "discount", required=True, mode="w"),
        _json("adjustments", required=True),
        _json("tax"),
        _of(Kind.INTEGER, "amount_minor", required=True),
        _of(Kind.DECIMAL, "quantity_accepted"),
        _of(Kind.DECIMAL, "quantity_shipped"),
        _of(Kind.DECIMAL, "quantity_delivered"),
        _of(Kind.DECIMAL, "quantity_returned"),
        _id("bundle_id"),
        _text("verdict", max_length=40),
        _text("verdict_reason", max_length=TEXT_LENGTH_MAX),
    ),
    deletable=True,
)
CONFLICT = Entity(
    "conflict",
    18,
    (
        _text("entity", required=True, max_length=40),
        _id("row_id", required=True),
        _text("field", required=True, max_length=60),
        _text("rule", required=True, max_length=20),
        _json("kept"),
        _json("lost"),
        _id("kept_by"),
        _id("lost_by"),
        _id("device_id"),
        _of(Kind.INTEGER, "mutation_number"),
        _of(Kind.INSTANT, "captured_at"),
        _text("status", required=True, values=("recorded", "open", "settled")),
        _text("explanation", required=True, max_length=TEXT_LENGTH_MAX),
    ),
)

ENTITIES: dict[str, Entity] = {
    e.name: e
    for e in (
        TERRITORY,
        MEMBER,
        LEGAL_ENTITY,
        PRICE_LIST,
        PRODUCT,
        PRODUCT_UNIT,
        PRICE_ITEM,
        WAREHOUSE,
        STOCK,
        ACCOUNT,
        AGREEMENT,
        OUTLET,
        CONTACT,
        CONTACT_CHANNEL,
        ASSIGNMENT,
        ORDER,
        ORDER_LINE,
        CONFLICT,
    )
}


def entity(name: str) -> Entity | None:
    """The entity of that name, or None where this version knows none."""
    return ENTITIES.get(name)
