"""The inbox of webhooks: one insert keyed by the event's id, and word for the refetch.

An event is a hint. Of its body only id, type, customer, version and time are read; what it says of anything else is
fetched. Types and versions that nobody here knows are kept and do no harm.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from server import clock
from server.billing.refresh import enqueue_refresh
from server.db import connection
from server.errors import AppError

BODY_BYTES_MAX: Final = 256 * 1024
"""Stripe's largest events, invoices of many lines, are a quarter of that."""
ID_LENGTH_MAX: Final = 255

_BY_PREFIX: Final = {
    "cus_": "customer", "sub_": "subscription", "in_": "invoice", "pi_": "payment", "ch_": "payment", "py_": "payment",
}  # fmt: skip
_NAMED_BY: Final = ("customer", "invoice", "payment_intent", "charge")
"""Fields of an event's object that say whose it is, the surest first: a dispute or a refund names no customer."""
_ACCOUNT_OF: Final = {
    "customer": "SELECT customer_id, tenant_id FROM billing_account WHERE customer_id = $3::text",
    "subscription": """SELECT a.customer_id, a.tenant_id FROM billing_account a
        JOIN billing_subscription s ON s.tenant_id = a.tenant_id WHERE s.id = $3::text""",
    "invoice": """SELECT a.customer_id, a.tenant_id FROM billing_account a
        JOIN billing_invoice i ON i.tenant_id = a.tenant_id WHERE i.id = $3::text""",
    "payment": """SELECT a.customer_id, a.tenant_id FROM billing_account a
        JOIN billing_invoice i ON i.tenant_id = a.tenant_id WHERE i.payment_ids @> ARRAY[$3::text] LIMIT 1""",
    None: "SELECT NULL::text AS customer_id, NULL::uuid AS tenant_id WHERE false",
}
_STORE: Final = {
    kind: f"""WITH account AS ({account}),
    stored AS (
        INSERT INTO stripe_event (id, type, customer_id, api_version, created_at, received_at, processed_at, outcome,
            body)
        SELECT $1, $2, coalesce(a.customer_id, $3::text), $4, $5, $6,
            CASE WHEN a.tenant_id IS NULL THEN $6::timestamptz END,
            CASE WHEN a.tenant_id IS NOT NULL THEN NULL WHEN $3::text IS NULL THEN 'ignored'
                ELSE 'unknown customer' END,
            $7::jsonb
        FROM (SELECT 1) AS one LEFT JOIN account a ON true ON CONFLICT (id) DO NOTHING RETURNING id),
    woken AS (
        UPDATE billing_account b SET refresh_wanted_at = $6 FROM account a, stored
        WHERE b.tenant_id = a.tenant_id AND b.refresh_wanted_at IS NULL RETURNING b.tenant_id)
    SELECT EXISTS (SELECT FROM stored) AS stored, (SELECT tenant_id FROM woken) AS woken"""  # noqa: S608 - our own
    for kind, account in _ACCOUNT_OF.items()
}
"""One round trip, by what the subject is: the event, and word on its account where none stands there yet."""


class WebhookRefused(AppError):
    """The message is not the payment service's, not of now, or no event."""

    status = 400
    code = "webhook_refused"

    def __init__(self, why: str) -> None:
        super().__init__(f"Not accepted: {why}.")


class _Related(msgspec.Struct):
    id: str = ""


class _Data(msgspec.Struct):
    object: dict[str, msgspec.Raw] = {}


class _Event(msgspec.Struct):
    id: str
    type: str
    created: int | str
    object: str = "event"
    api_version: str | None = None
    data: _Data | None = None
    related_object: _Related | None = None


class Event(msgspec.Struct, frozen=True):
    """What is read of an event."""

    id: str
    type: str
    created_at: datetime
    api_version: str | None
    subject: str | None
    """Whom it is about: a customer, or what we know one by (a subscription, an invoice, a payment)."""


def read_event(body: bytes) -> Event:
    """Read a snapshot event or a thin one.

    Raises:
        WebhookRefused: it is neither.
    """
    try:
        found = msgspec.json.decode(body, type=_Event)
        created_at = _read_time(found.created)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError, OverflowError):
        raise WebhookRefused("it is no event") from None
    if not 0 < len(found.id) <= ID_LENGTH_MAX or not 0 < len(found.type) <= ID_LENGTH_MAX:
        raise WebhookRefused("it is no event")
    subject = found.related_object.id if found.related_object else _subject(found.data)
    return Event(found.id, found.type, created_at, found.api_version, subject or None)


def _subject(data: _Data | None) -> str | None:
    if data is None:
        return None
    read = {}
    for name in ("id", "object", *_NAMED_BY):
        raw: Any = data.object.get(name)
        value = msgspec.json.decode(raw) if raw is not None else None
        read[name] = value.get("id") if isinstance(value, dict) else value
    named = [read["id"] if read["object"] == "customer" else None, *(read[name] for name in _NAMED_BY)]
    return next((each for each in named if isinstance(each, str) and each), None)


def _read_time(created: int | str) -> datetime:
    if isinstance(created, int):
        return datetime.fromtimestamp(created, UTC)
    return datetime.fromisoformat(created).astimezone(UTC)


async def store_event(event: Event, body: bytes) -> bool:
    """Keep an event and have its customer refetched; False where it was there already (platform transaction)."""
    kind = next(
        (kind for prefix, kind in _BY_PREFIX.items() if event.subject and event.subject.startswith(prefix)), None
    )
    row = await connection().fetchrow(
        _STORE[kind], event.id, event.type, event.subject, event.api_version, event.created_at, clock.now(),
        _storable(event, body),
    )  # fmt: skip
    assert row is not None
    if row["woken"] is not None:
        await enqueue_refresh(row["woken"])
    return bool(row["stored"])


def _storable(event: Event, body: bytes) -> str:
    """The body as the database takes it: its texts know no NUL."""
    if b"\\u0000" in body:
        return json.dumps({"id": event.id, "type": event.type, "left_out": "it holds a NUL"})
    return body.decode()
