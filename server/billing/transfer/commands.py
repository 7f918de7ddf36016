"""Acts of an operator for customers who pay by transfer."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from outrider_sdk.rules import minor_digits as digits
from outrider_sdk.rules import to_minor

from server import clock
from server.billing.access import decide_access
from server.billing.account.customer import get_account, lock_account, set_customer
from server.billing.letters import say_amount
from server.billing.plans import Interval, get_plan
from server.billing.provider import Checkout, Target, get_provider
from server.billing.refresh import refresh_now, want_refresh
from server.db import connection, platform_transaction
from server.errors import Conflict, NotFound, refuse
from server.tenants.service import get_tenant_by_slug

TRANSFER: Final = "transfer"


@dataclass(frozen=True, slots=True)
class Payment:
    """What became of an invoice by a payment."""

    number: str
    currency: str
    paid_minor: int
    total_minor: int

    @property
    def open_minor(self) -> int:
        """What is still to be paid."""
        return self.total_minor - self.paid_minor


async def order(slug: str, plan_key: str, interval: Interval, seats: int) -> str:
    """Let a tenant subscribe and pay by transfer; answers the number of its first invoice.

    What is left of the trial is not charged. The tenant may use what it ordered from now on.

    Raises:
        TenantUnknown, BillingUnknown, PlanUnknown: as their names say.
        InvalidInput: the plan has no price in the account's currency, or not so many seats.
        PaymentServiceRefused: there is a subscription already.
        PaymentsNotSetUp: nobody is set to write invoices.
        Conflict: the tenant pays by card.
    """
    provider = get_provider(TRANSFER)
    async with platform_transaction():
        tenant = await get_tenant_by_slug(slug)
        account = await get_account(tenant.id)
    if account.provider not in (None, TRANSFER):
        raise Conflict(f"{slug} pays by card: let its subscription end first.")
    plan = get_plan(plan_key)
    if (interval, account.currency) not in plan.seat_prices_minor:
        raise refuse("plan", f"{plan.name} has no price in {account.currency}.")
    if seats < 1 or (plan.limits.seats_max is not None and seats > plan.limits.seats_max):
        raise refuse("seats", f"{plan.name} has 1 to {plan.limits.seats_max or 'any number of'} seats.")
    customer_id = await provider.create_customer(account.details, f"customer:{tenant.id}")
    async with platform_transaction():
        await set_customer(account, TRANSFER, customer_id)
    now = clock.now()
    trial = decide_access(account.trial_ends_at, None, now).changes_at
    target = Target(plan, interval, account.currency, seats)
    await provider.create_checkout(
        Checkout(customer_id, tenant.id, target, trial, None, "", "", account.language), f"order:{uuid4()}"
    )  # fmt: skip
    await refresh_now(tenant.id)
    async with platform_transaction():
        sql = "SELECT number FROM billing_invoice WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1"
        return str(await connection().fetchval(sql, tenant.id))


async def mark_paid(number: str, *, amount: Decimal | None = None, on: datetime | None = None) -> Payment:
    """Note that an invoice of ours was paid, wholly or in part; access follows at once.

    Raises:
        NotFound: no invoice of ours has the number.
        Conflict: it is paid, or was taken back.
        InvalidInput: more than is open, nothing, or a day to come.
    """
    at = on or clock.now()
    if at > clock.now():
        raise refuse("on", "That day is still to come.")
    async with platform_transaction():
        tenant_id = await connection().fetchval(
            "SELECT tenant_id FROM billing_invoice WHERE number = $1 AND provider = 'transfer'", number
        )
        if tenant_id is None:
            raise NotFound(f"There is no invoice {number} of ours.")
        await lock_account(tenant_id)  # before the invoice, like everybody who takes both
        row = await connection().fetchrow(
            """SELECT id, tenant_id, status, currency, paid_minor, total_minor FROM billing_invoice
            WHERE number = $1 AND provider = 'transfer' FOR UPDATE""",
            number,
        )
        assert row is not None
        if row["status"] != "open":
            raise Conflict(f"Invoice {number} is {row['status']}: nothing of it is open.")
        payment = await _pay(row, number, amount, at)
        await want_refresh(row["tenant_id"])
    await refresh_now(row["tenant_id"])
    return payment


async def _pay(row: Any, number: str, given: Decimal | None, at: datetime) -> Payment:
    currency, is_open = row["currency"], row["total_minor"] - row["paid_minor"]
    amount = is_open if given is None else to_minor(given, currency)
    if not 0 < amount <= is_open or (given is not None and to_minor(given, currency) != given.scaleb(digits(currency))):
        raise refuse("amount", f"{say_amount(is_open, currency, 'en')} are open: give an amount up to that.")
    paid = row["paid_minor"] + amount
    is_paid = paid == row["total_minor"]
    await connection().execute(
        """UPDATE billing_invoice SET paid_minor = $2, status = $3, paid_at = $4,
            details = jsonb_set(details, '{payments}', coalesce(details->'payments', '[]') || $5::jsonb)
        WHERE id = $1""",
        row["id"], paid, "paid" if is_paid else "open", at if is_paid else None,
        json.dumps([{"amount_minor": amount, "on": at.isoformat()}]),
    )  # fmt: skip
    return Payment(number, currency, paid, row["total_minor"])


async def list_ours(*, only_open: bool) -> list[Any]:
    """Invoices of ours, the first to be paid first; the latest 500."""
    async with platform_transaction():
        return list(
            await connection().fetch(
                """SELECT * FROM (SELECT i.number, i.status, a.slug, a.legal_name, i.currency, i.total_minor,
                    i.paid_minor, i.due_at FROM billing_invoice i JOIN billing_account a USING (tenant_id)
                    WHERE i.provider = 'transfer' AND (i.status = 'open' OR NOT $1)
                    ORDER BY i.created_at DESC LIMIT 500) f ORDER BY due_at, number""",
                only_open,
            )
        )
