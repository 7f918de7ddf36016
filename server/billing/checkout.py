"""Subscribing on the provider's pages, and the portal. No transaction is open while the provider is asked."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from server import clock
from server.billing import change_rules, intents, provider
from server.billing.account.customer import Account, lock_account, set_customer
from server.billing.acts import load_standing
from server.billing.change_rules import AlreadySubscribed, Excess, NoSubscription, PaidByTransfer, Wish
from server.billing.intents import Intent, Kind
from server.billing.judge import Mirrored
from server.billing.provider import Checkout, Link, PaymentServiceDown, PaymentServiceUnclear
from server.billing.refresh import refresh_now, want_refresh
from server.billing.setup import STRIPE
from server.billing.usage import current_usage
from server.db import TenantRef, connection, platform_transaction
from server.errors import AppError

REUSED_BEFORE_END: Final = timedelta(minutes=10)
"""A page that has less time left is not given out again."""
WAIT_S: Final = 20.0
"""How long the second of a double click waits for the page of the first."""
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the customer comes back to."""

    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A page on which to subscribe, and what the plan would leave no room for."""

    url: str
    expires_at: datetime | None
    free_until: datetime | None
    excess: tuple[Excess, ...]


async def open_checkout(
    tenant: TenantRef, wish: Wish, currency: str | None, pages: Pages, *, member_id: UUID | None
) -> Opened:
    """A page on which the tenant subscribes; the same order is the same page, and another closes the one before.

    The rest of the trial stays free.

    Raises:
        AlreadySubscribed: a subscription is running: it is changed instead.
    """
    await refresh_now(tenant.id)
    async with platform_transaction():
        standing = await load_standing(tenant.id)
    account = standing.account
    target = change_rules.decide_checkout(standing.present, wish, (currency or account.currency).upper())
    excess = change_rules.find_excess(target, await current_usage(tenant))
    now = clock.now()
    if account.provider not in (None, STRIPE):
        raise PaidByTransfer
    first = standing.present is None
    free_until, free_days = change_rules.rest_of_trial(account.trial_ends_at, now) if first else (None, None)
    shown_free = free_until or (now + timedelta(days=free_days) if free_days else None)
    try:
        customer_id = await _ensure_customer(account)
    except PaymentServiceUnclear as error:  # a customer without a subscription pays nothing
        raise PaymentServiceDown from error
    order = Checkout(
        customer_id, tenant.id, target, free_until, free_days, pages.success_url, pages.cancel_url, account.language
    )
    link = await _open(tenant.id, order, standing.present, member_id)
    return Opened(link.url, link.expires_at, shown_free, excess)


async def _ensure_customer(account: Account) -> str:
    """Who the tenant is with Stripe; made at the first checkout, and anew where somebody deleted it there."""
    if account.customer_id is not None and account.customer_deleted_at is None:
        return account.customer_id
    key = f"customer:{account.tenant_id}:{account.customer_id or 'first'}"
    customer_id = await provider.get_provider(STRIPE).create_customer(account.details, key)
    async with platform_transaction():
        if not await set_customer(account, STRIPE, customer_id):
            raise PaymentServiceUnclear  # somebody else was faster: the same request again finds theirs
    return customer_id


async def _open(tenant_id: UUID, order: Checkout, present: Mirrored | None, member_id: UUID | None) -> Link:
    wish = [order.target.lookup_key, order.target.seats, order.customer_id, order.success_url]
    begun = await _begin(tenant_id, wish, present, member_id)
    if isinstance(begun, Link):
        return begun
    intent, before = begun
    asked = provider.get_provider(STRIPE)
    try:
        if before is not None and await asked.close_checkout(before.id, str(intent.id)):
            raise AlreadySubscribed
        link = await asked.create_checkout(order, str(intent.id))
    except AppError as error:
        async with platform_transaction():
            await intents.end_intent(intent.id, problem=error.problem())
            await want_refresh(tenant_id)
        if isinstance(error, PaymentServiceDown):  # a page that nobody has seen charges nobody
            raise PaymentServiceDown from error
        raise
    expires_at = link.expires_at.isoformat() if link.expires_at else None
    async with platform_transaction():
        await intents.end_intent(intent.id, result={"id": link.id, "url": link.url, "expires_at": expires_at})
    return link


async def _begin(
    tenant_id: UUID, wish: list[Any], present: Mirrored | None, member_id: UUID | None
) -> Link | tuple[Intent, Link | None]:
    """The open page of the same order; else an intent to open one, and the open page of another order.

    One page at a time is opened for a tenant: two would be two subscriptions. The second of a double click waits.
    """
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        async with platform_transaction():
            await lock_account(tenant_id)
            if not await intents.is_under_way(tenant_id, Kind.CHECKOUT):
                before = await _find_open(tenant_id, present)
                if before is not None and before.parameters.get("wish") == wish:
                    return _read_link(before)
                intent = await intents.store_intent(tenant_id, Kind.CHECKOUT, uuid4().hex, {"wish": wish}, member_id)
                return intent, None if before is None else _read_link(before)
        if asyncio.get_running_loop().time() > deadline:
            raise PaymentServiceDown
        await asyncio.sleep(POLL_S)


async def _find_open(tenant_id: UUID, present: Mirrored | None) -> Intent | None:
    """The page that was given out last, if it is still open: it is not once it has led to a subscription."""
    found = await connection().fetchval(
        """SELECT id FROM billing_intent WHERE tenant_id = $1 AND kind = $2 AND state = 'done'
        AND (result->>'expires_at')::timestamptz > $3 AND ($4::timestamptz IS NULL OR created_at > $4)
        ORDER BY created_at DESC, id DESC LIMIT 1""",
        tenant_id, Kind.CHECKOUT.value, clock.now() + REUSED_BEFORE_END, present and present.created_at,
    )  # fmt: skip
    return None if found is None else await intents.get_intent(found)


def _read_link(intent: Intent) -> Link:
    assert intent.result is not None
    expires_at = intent.result["expires_at"]
    return Link(intent.result["id"], intent.result["url"], expires_at and datetime.fromisoformat(expires_at))


async def open_portal(tenant_id: UUID, return_url: str) -> Link:
    """A page for cards, tax ids, invoices and cancelling.

    Raises:
        NoSubscription: nothing was ever bought.
    """
    async with platform_transaction():
        account = (await load_standing(tenant_id)).account
    if account.customer_id is None or account.provider is None or account.customer_deleted_at is not None:
        raise NoSubscription
    asked = provider.get_provider(account.provider)
    return await asked.open_portal(account.customer_id, return_url, account.language, f"portal:{uuid4().hex}")
