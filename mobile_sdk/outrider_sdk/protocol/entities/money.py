"""What accounts owe, and what they pay."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, of, ref, text

PAYMENT_METHODS = ("cash", "card", "bank_transfer", "cheque", "other")

INVOICE = Entity(
    "invoice",
    36,
    (
        text("number", required=True, max_length=40),
        ref("account_id", "account", required=True),
        ref("legal_entity_id", "legal_entity", required=True),
        ref("order_id", "order"),
        text("currency", required=True, max_length=3),
        of(Kind.DATE, "issued_on", required=True),
        of(Kind.DATE, "due_on"),
        of(Kind.INTEGER, "total_minor", required=True),
    ),
)
RECEIVABLE = Entity(
    "receivable",
    37,
    (
        ref("account_id", "account", required=True),
        ref("legal_entity_id", "legal_entity", required=True),
        ref("invoice_id", "invoice"),
        text("document_number", required=True, max_length=40),
        text("currency", required=True, max_length=3),
        of(Kind.DATE, "due_on", required=True),
        of(Kind.INTEGER, "amount_minor", required=True),
        of(Kind.INTEGER, "balance_minor", required=True),
        of(Kind.INSTANT, "as_of", required=True),
    ),
)
PAYMENT = Entity(
    "payment",
    38,
    (
        ref("account_id", "account", required=True, mode="c"),
        ref("outlet_id", "outlet", mode="c"),
        ref("legal_entity_id", "legal_entity", required=True, mode="c"),
        text("currency", required=True, mode="c", max_length=3),
        of(Kind.INTEGER, "amount_minor", required=True, mode="c"),
        text("method", required=True, mode="c", values=PAYMENT_METHODS),
        text("receipt_number", required=True, mode="c", max_length=40),
        of(Kind.INSTANT, "paid_at", required=True, mode="c"),
        ref("reversal_of_id", "payment", mode="c"),
        of(Kind.INTEGER, "allocated_minor", required=True, default=0),
        text("note", mode="c", max_length=TEXT_LENGTH_MAX),
    ),
    append_only=True,
)
PAYMENT_ALLOCATION = Entity(
    "payment_allocation",
    39,
    (
        ref("payment_id", "payment", required=True),
        ref("receivable_id", "receivable", required=True),
        of(Kind.INTEGER, "amount_minor", required=True, signed=True),
    ),
    append_only=True,
)
