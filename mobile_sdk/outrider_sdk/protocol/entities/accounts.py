"""With whom the tenant trades: its own companies, accounts, their terms, outlets and people."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, json_, of, ref, text

CHANNEL_KINDS = ("phone", "email", "fax", "messenger")
CONSENT_STATES = ("granted", "withdrawn")

LEGAL_ENTITY = Entity(
    "legal_entity",
    3,
    (
        text("name", required=True),
        text("tax_id", max_length=40),
        text("country", max_length=2),
        text("currency", required=True, max_length=3),
        text("number_series", max_length=20),
    ),
)
ACCOUNT = Entity(
    "account",
    10,
    (
        text("name", required=True, mode="w"),
        text("legal_name", mode="w"),
        json_("roles", required=True, mode="c", default='["customer"]'),
        text("tax_id", max_length=40, mode="c"),
        ref("parent_id", "account"),
        json_("tags", required=True, mode="w", default="[]"),
    ),
)
AGREEMENT = Entity(
    "agreement",
    11,
    (
        ref("account_id", "account", required=True),
        ref("legal_entity_id", "legal_entity", required=True),
        ref("price_list_id", "price_list", required=True),
        text("currency", required=True, max_length=3),
        of(Kind.INTEGER, "payment_terms_days"),
        of(Kind.INTEGER, "credit_limit_minor"),
        of(Kind.DECIMAL, "discount_max", required=True, default="0"),
        text("vat_status", max_length=40),
    ),
)
OUTLET = Entity(
    "outlet",
    12,
    (
        ref("account_id", "account", required=True, mode="c"),
        ref("territory_id", "territory"),
        text("name", required=True, mode="w"),
        json_("address", mode="w"),
        json_("position", mode="w"),
        text("time_zone", mode="w", max_length=60),
        json_("delivery_windows", mode="w"),
        text("channel", mode="w", max_length=60),
        text("description", mode="w", max_length=TEXT_LENGTH_MAX),
        json_("tags", required=True, mode="w", default="[]"),
    ),
)
CONTACT = Entity(
    "contact",
    13,
    (
        ref("account_id", "account", required=True, mode="c"),
        ref("outlet_id", "outlet", mode="c"),
        text("name", required=True, mode="w"),
        text("job_title", mode="w"),
        text("language", mode="w", max_length=35),
        text("description", mode="w", max_length=TEXT_LENGTH_MAX),
    ),
    deletable=True,
)
CONTACT_CHANNEL = Entity(
    "contact_channel",
    14,
    (
        ref("contact_id", "contact", required=True, mode="c"),
        text("channel_kind", required=True, mode="c", values=CHANNEL_KINDS),
        text("value", required=True, mode="w"),
        text("label", mode="w", max_length=60),
        of(Kind.BOOLEAN, "preferred", required=True, mode="w", default=False),
    ),
    deletable=True,
)
CONSENT = Entity(
    "consent",
    41,
    (
        ref("contact_id", "contact", required=True, mode="c"),
        text("purpose", required=True, mode="c", max_length=60),
        text("channel_kind", mode="c", values=CHANNEL_KINDS),
        text("state", required=True, mode="c", values=CONSENT_STATES),
        of(Kind.INSTANT, "at", required=True, mode="c"),
        text("evidence", mode="c", max_length=TEXT_LENGTH_MAX),
        ref("follows_id", "consent", mode="c"),
    ),
    append_only=True,
)
