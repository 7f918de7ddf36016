"""Subscriptions and invoices of transfer, as they are stored (platform transactions)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.billing.account.details import Details
from server.billing.account.service import get_party
from server.billing.invoice.jobs import enqueue_invoice_mail
from server.billing.plans import find_price
from server.billing.provider import PaymentServiceRefused
from server.billing.transfer.invoice import amounts_of, line_record, read_line, write_document
from server.billing.transfer.periods import Period, boundary, period_of
from server.billing.transfer.proration import Line, Terms
from server.billing.transfer.seller import Seller
from server.db import connection

CUSTOMER_PREFIX: Final = "transfer_"


def customer_of(tenant_id: UUID) -> str:
    """Who a tenant is as a customer of ours."""
    return f"{CUSTOMER_PREFIX}{tenant_id.hex}"


def tenant_of(customer_id: str) -> UUID:
    """The tenant of a customer."""
    return UUID(customer_id.removeprefix(CUSTOMER_PREFIX))


@dataclass(frozen=True, slots=True)
class Planned:
    """What a subscription is from a period on."""

    terms: Terms
    period: int


@dataclass(frozen=True, slots=True)
class TransferSubscription:
    """A subscription of ours."""

    id: str
    tenant_id: UUID
    terms: Terms
    timezone: str
    anchor_at: datetime
    created_at: datetime
    period: int = 0
    invoiced_periods: int = 0
    waiting: tuple[Line, ...] = ()
    scheduled: Planned | None = None
    ends_after_period: int | None = None
    ended_at: datetime | None = None

    def terms_of(self, number: int) -> Terms:
        """What is subscribed to in the period of that number."""
        planned = self.scheduled
        return planned.terms if planned is not None and number >= planned.period else self.terms

    def period_at(self, number: int) -> Period:
        """The period of that number; from where another interval is planned, it counts by that."""
        planned = self.scheduled
        if planned is None or number < planned.period or planned.terms.interval is self.terms.interval:
            return period_of(self.anchor_at, self.terms.interval, self.timezone, number)
        start = boundary(self.anchor_at, self.terms.interval, self.timezone, planned.period)
        return period_of(start, planned.terms.interval, self.timezone, number - planned.period)

    @property
    def invoiced(self) -> tuple[tuple[Terms, Period], ...]:
        """The present period and those after it that have an invoice."""
        return tuple((self.terms_of(n), self.period_at(n)) for n in range(self.period, self.invoiced_periods))

    def advanced(self) -> "TransferSubscription":
        """The same in its next period, under what was planned for it."""
        number, planned = self.period + 1, self.scheduled
        if planned is None or planned.period != number:
            return replace(self, period=number)
        if planned.terms.interval is self.terms.interval:
            return replace(self, terms=planned.terms, scheduled=None, period=number)
        return replace(
            self, terms=planned.terms, scheduled=None, anchor_at=self.period_at(number).start, period=0,
            invoiced_periods=self.invoiced_periods - number,
        )  # fmt: skip

    @property
    def cancel_at(self) -> datetime | None:
        """When it ends, if it does."""
        return None if self.ends_after_period is None else self.period_at(self.ends_after_period).end


def read_terms(lookup_key: str, seats: int) -> Terms:
    """The terms of a price of ours."""
    price = find_price(lookup_key)
    if price is None:
        raise PaymentServiceRefused(f"there is no price {lookup_key}.")
    return Terms(*price, seats)


def key_of(terms: Terms) -> str:
    """The name of the terms' price."""
    return terms.plan.lookup_key(terms.interval, terms.currency)


def _read(row: asyncpg.Record) -> TransferSubscription:
    planned = json.loads(row["scheduled"]) if row["scheduled"] else None
    return TransferSubscription(
        row["id"], row["tenant_id"], read_terms(row["lookup_key"], row["seats"]), row["timezone"], row["anchor_at"],
        row["created_at"], row["period"], row["invoiced_periods"],
        tuple(read_line(each) for each in json.loads(row["waiting"])),
        planned and Planned(read_terms(planned["lookup_key"], planned["seats"]), planned["period"]),
        row["ends_after_period"], row["ended_at"],
    )  # fmt: skip


async def list_subscriptions(tenant_id: UUID) -> list[TransferSubscription]:
    """All of a tenant, oldest first."""
    rows = await connection().fetch(
        "SELECT * FROM transfer_subscription WHERE tenant_id = $1 ORDER BY created_at, id", tenant_id
    )
    return [_read(row) for row in rows]


async def find_live(tenant_id: UUID) -> TransferSubscription | None:
    """The one that goes on, locked until the transaction ends; the account first, like everybody who takes both."""
    await connection().execute("SELECT FROM billing_account WHERE tenant_id = $1 FOR UPDATE", tenant_id)
    row = await connection().fetchrow(
        "SELECT * FROM transfer_subscription WHERE tenant_id = $1 AND ended_at IS NULL FOR UPDATE", tenant_id
    )
    return _read(row) if row else None


async def get_locked(subscription_id: str) -> TransferSubscription:
    """The subscription of that id, locked until the transaction ends, after its account.

    Raises:
        PaymentServiceRefused: there is none, or it has ended.
    """
    await connection().execute(
        """SELECT FROM billing_account WHERE tenant_id =
            (SELECT s.tenant_id FROM transfer_subscription s WHERE s.id = $1) FOR UPDATE""",
        subscription_id,
    )
    row = await connection().fetchrow("SELECT * FROM transfer_subscription WHERE id = $1 FOR UPDATE", subscription_id)
    if row is None or row["ended_at"] is not None:
        raise PaymentServiceRefused("this subscription has ended.")
    return _read(row)


async def store(subscription: TransferSubscription) -> None:
    """Write a subscription, new or changed."""
    planned = subscription.scheduled
    scheduled = planned and {
        "lookup_key": key_of(planned.terms), "seats": planned.terms.seats, "period": planned.period,
    }  # fmt: skip
    await connection().execute(
        """INSERT INTO transfer_subscription (id, tenant_id, lookup_key, seats, timezone, anchor_at, period,
            invoiced_periods, waiting, scheduled, ends_after_period, ended_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, $12, $13)
        ON CONFLICT (id) DO UPDATE SET lookup_key = excluded.lookup_key, seats = excluded.seats,
            anchor_at = excluded.anchor_at, period = excluded.period, invoiced_periods = excluded.invoiced_periods,
            waiting = excluded.waiting, scheduled = excluded.scheduled, ended_at = excluded.ended_at,
            ends_after_period = excluded.ends_after_period""",
        subscription.id, subscription.tenant_id, key_of(subscription.terms), subscription.terms.seats,
        subscription.timezone, subscription.anchor_at, subscription.period, subscription.invoiced_periods,
        json.dumps([line_record(line) for line in subscription.waiting]), scheduled and json.dumps(scheduled),
        subscription.ends_after_period, subscription.ended_at, subscription.created_at,
    )  # fmt: skip


async def begin_act(key: str) -> bool:
    """Whether an act of that key is still to be done; who asks first does it, the others wait for them."""
    sql = "INSERT INTO transfer_act (key, done_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"
    return bool(await connection().fetchval(sql, key, clock.now()))


async def get_details(tenant_id: UUID) -> tuple[str, Details]:
    """The slug of a tenant, and what is to stand on its invoices."""
    party = await get_party(tenant_id)
    return party.slug, party.details


async def issue_invoice(
    subscription: TransferSubscription,
    lines: Sequence[Line],
    *,
    period: Period,
    due_at: datetime,
    seller: Seller,
) -> str:
    """Write an invoice under the next number of its year, to be mailed; answers its id. Nothing to pay is paid."""
    now = clock.now()
    details = (await get_details(subscription.tenant_id))[1]
    details = replace(details, currency=subscription.terms.currency)
    amounts = amounts_of(lines, seller)
    number = await _next_number(seller, now)
    document = write_document(
        number=number, details=details, seller=seller, lines=lines, issued_at=now, due_at=due_at
    )  # fmt: skip
    invoice_id = f"ti_{uuid7().hex}"
    is_paid = amounts.total_minor == 0
    await connection().execute(
        """INSERT INTO billing_invoice (id, tenant_id, provider, subscription_id, number, status, currency,
            subtotal_minor, tax_minor, total_minor, period_start, period_end, issued_at, due_at, paid_at, details,
            created_at)
        VALUES ($1, $2, 'transfer', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb, $12)""",
        invoice_id, subscription.tenant_id, subscription.id, number, "paid" if is_paid else "open",
        details.currency, amounts.subtotal_minor, amounts.tax_minor, amounts.total_minor, period.start, period.end,
        now, due_at, now if is_paid else None, json.dumps(document),
    )  # fmt: skip
    await enqueue_invoice_mail(invoice_id)
    return invoice_id


async def _next_number(seller: Seller, now: datetime) -> str:
    """The row stays locked until the transaction ends: whoever comes next continues from what was committed."""
    year = now.astimezone(seller.zone).year
    last = await connection().fetchval(
        """INSERT INTO transfer_number AS n (year, last) VALUES ($1, 1)
        ON CONFLICT (year) DO UPDATE SET last = n.last + 1 RETURNING last""",
        year,
    )
    return f"{seller.prefix}-{year}-{last:05d}"


@dataclass(frozen=True, slots=True)
class Renewal:
    """The invoice of a period to come, of which nothing is paid, and the subscription as it would be without."""

    invoice_id: str | None
    without: TransferSubscription


async def find_unpaid_renewal(subscription: TransferSubscription) -> Renewal:
    """What `take_back` would take back; what else stood on it waits again then."""
    ahead = subscription.invoiced_periods - 1
    if ahead <= subscription.period:
        return Renewal(None, subscription)
    period = subscription.period_at(ahead)
    row = await connection().fetchrow(
        """SELECT id, details FROM billing_invoice WHERE subscription_id = $1 AND period_start = $2
            AND period_end = $3 AND status = 'open' AND paid_minor = 0""",
        subscription.id, period.start, period.end,
    )  # fmt: skip
    if row is None:
        return Renewal(None, subscription)
    lines = [read_line(each["line"]) for each in json.loads(row["details"])["lines"]]
    kept = tuple(line for line in lines if line.kind != "period")
    return Renewal(row["id"], replace(subscription, invoiced_periods=ahead, waiting=(*kept, *subscription.waiting)))


async def take_back(renewal: Renewal) -> TransferSubscription:
    """Void the invoice of a period to come, if there is such a one; another is written when its time comes."""
    if renewal.invoice_id is not None:
        await connection().execute("UPDATE billing_invoice SET status = 'void' WHERE id = $1", renewal.invoice_id)
    return renewal.without


async def list_live() -> list[str]:
    """Ids of the subscriptions that go on."""
    rows = await connection().fetch("SELECT id FROM transfer_subscription WHERE ended_at IS NULL ORDER BY id")
    return [row["id"] for row in rows]


async def list_invoices(tenant_id: UUID) -> list[Any]:
    """Rows of a tenant's invoices of ours."""
    return list(
        await connection().fetch(
            "SELECT * FROM billing_invoice WHERE tenant_id = $1 AND provider = 'transfer' ORDER BY created_at, id",
            tenant_id,
        )
    )
