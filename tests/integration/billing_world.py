"""A billed tenant, a provider that says what a test wants, and webhooks signed as Stripe signs them."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from litestar import Litestar
from stripe import WebhookSignature

from server.billing import provider
from server.billing.account.service import open_account
from server.billing.jobs import refresh_customer
from server.billing.plans import Interval, get_plan
from server.billing.provider import (
    Checkout,
    CustomerDetails,
    CustomerState,
    Item,
    Link,
    PreviewLine,
    ProviderInvoice,
    ProviderPreview,
    ProviderSubscription,
    Scheduled,
    Target,
)
from server.billing.refresh import refresh_now
from server.db import TenantRef, connection, platform_transaction
from server.tenants.entitlements import Entitlement, find_entitlement
from tests.integration.application import APP, WEBHOOK_SECRET
from tests.integration.rest_world import World

_numbers = itertools.count(1)


class ScriptedProvider:
    """Answers with the state that a test has set; counts fetches, and can be slow or silent."""

    def __init__(self) -> None:
        self.states: dict[str, CustomerState] = {}
        self.fetches: list[str] = []
        self.error: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.acts: list[tuple[str, str]] = []
        self.act_error: Exception | None = None
        self.lose_answer = False
        """The act is done before the error."""
        self.charges: list[tuple[int, datetime, bool]] = []
        self.customers: dict[str, str] = {}
        self.orders: list[Checkout] = []
        self.closed: list[str] = []
        self._keys: set[str] = set()
        self.asked = asyncio.Event()

    async def fetch_customer_state(self, customer_id: str) -> CustomerState:
        self.fetches.append(customer_id)
        self.asked.set()
        if self.error is not None:
            raise self.error
        state = self.states[customer_id]
        if self.hold is not None:
            await self.hold.wait()
        else:
            await asyncio.sleep(0)
        return state

    async def _done(self, act: str, key: str) -> bool:
        """Whether this act is new; perhaps it is done and the answer gets lost."""
        self.acts.append((act, key))
        await asyncio.sleep(0.05)
        if self.act_error is not None and not self.lose_answer:
            raise self.act_error
        new = key not in self._keys
        self._keys.add(key)
        return new

    def _answer(self) -> None:
        if self.act_error is not None and self.lose_answer:
            raise self.act_error

    def _change(self, subscription: ProviderSubscription, **changes: Any) -> None:
        for customer_id, state in self.states.items():
            rest = tuple(replace(s, **changes) if s.id == subscription.id else s for s in state.subscriptions)
            self.states[customer_id] = replace(state, subscriptions=rest)

    async def create_customer(self, details: CustomerDetails, key: str) -> str:
        if await self._done("create_customer", key):
            self.customers[key] = f"cus_{uuid4().hex[:14]}"
            self.states[self.customers[key]] = CustomerState(self.customers[key], deleted=False)
        return self.customers[key]

    async def create_checkout(self, order: Checkout, key: str) -> Link:
        await self._done("create_checkout", key)
        self._answer()
        self.orders.append(order)
        return Link(f"cs_{key}", f"https://pay.example/{key}", datetime.now(UTC) + timedelta(hours=24))

    async def close_checkout(self, checkout_id: str, key: str) -> bool:
        self.closed.append(checkout_id)
        return False

    async def open_portal(self, customer_id: str, return_url: str, language: str, key: str) -> Link:
        return Link("bps_1", f"https://portal.example/{customer_id}?back={return_url}")

    async def preview_change(
        self, customer_id: str, subscription: ProviderSubscription, target: Target, at: datetime
    ) -> ProviderPreview:
        lines = (PreviewLine("Unused time", -500), PreviewLine("Remaining time", 1_500))
        return ProviderPreview(at, "EUR", lines, 1_000, 0, 1_000)

    async def change_now(
        self, subscription: ProviderSubscription, target: Target, at: datetime, *, invoice: bool, key: str
    ) -> None:
        if await self._done("change_now", key):
            self.charges.append((target.seats, at, invoice))
            item = replace(subscription.items[0], lookup_key=target.lookup_key, quantity=target.seats)
            self._change(subscription, items=(item,), scheduled=None)
        self._answer()

    async def schedule_change(self, subscription: ProviderSubscription, target: Target, key: str) -> None:
        if await self._done("schedule_change", key):
            at = subscription.items[0].period_end
            self._change(subscription, scheduled=Scheduled(at, "price_x", target.lookup_key, target.seats))
        self._answer()

    async def withdraw_change(self, subscription: ProviderSubscription, key: str) -> None:
        await self._done("withdraw_change", key)
        self._change(subscription, scheduled=None)

    async def cancel(self, subscription: ProviderSubscription, key: str) -> None:
        await self._done("cancel", key)
        self._change(subscription, cancel_at=subscription.items[0].period_end, scheduled=None)

    async def resume(self, subscription: ProviderSubscription, key: str) -> None:
        await self._done("resume", key)
        self._change(subscription, cancel_at=None)

    async def end_now(self, subscription: ProviderSubscription, key: str) -> None:
        await self._done("end_now", key)
        self._change(subscription, status="canceled", ended_at=datetime.now(UTC))


async def bill(tenant: TenantRef, *, name: str = "stripe", trial_ends_at: datetime | None = None) -> str:
    """Give a tenant a billing account and a customer; answers the customer's id."""
    customer_id = f"cus_{uuid4().hex[:14]}"
    async with platform_transaction():
        await open_account(tenant.id, tenant.slug, email="pay@example.com", trial_ends_at=trial_ends_at)
        await connection().execute(
            "UPDATE billing_account SET provider = $2, customer_id = $3 WHERE tenant_id = $1",
            tenant.id,
            name,
            customer_id,
        )
    return customer_id


def use(scripted: Any) -> None:
    """Make it the provider."""
    provider.use("stripe", scripted)


def subscribed(customer_id: str, plan: str = "team", seats: int = 3, **changes: Any) -> CustomerState:
    """The state of a customer with one subscription, paid for since yesterday."""
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    lookup_key = changes.pop("lookup_key", get_plan(plan).lookup_key(Interval.MONTH, "EUR"))
    invoices = changes.pop("invoices", ())
    item = Item(f"si_{customer_id}", f"price_{plan}", lookup_key, seats, begun, begun + timedelta(days=30))
    subscription = ProviderSubscription(f"sub_{customer_id}", "active", "EUR", (item,), begun, begun)
    return CustomerState(
        customer_id, deleted=False, subscriptions=(replace(subscription, **changes),), invoices=tuple(invoices)
    )


def invoice(customer_id: str, **changes: Any) -> ProviderInvoice:
    """A paid invoice of that subscription."""
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    paid = ProviderInvoice(
        f"in_{uuid4().hex[:12]}", "paid", "EUR", f"sub_{customer_id}", 5_700, 5_700, begun, paid_minor=5_700,
        attempted=True, issued_at=begun, paid_at=begun,
    )  # fmt: skip
    return replace(paid, **changes)


def event(customer_id: str | None, kind: str = "customer.subscription.updated", **more: Any) -> dict[str, Any]:
    """A snapshot event about something of a customer's."""
    return {
        "id": f"evt_{uuid4().hex}", "object": "event", "type": kind, "api_version": "2026-10-28.endive",
        "created": int(time.time()) + next(_numbers) % 3,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": customer_id}},
    } | more  # fmt: skip


async def deliver(
    body: dict[str, Any] | bytes, *, signature: str | None = None, age_s: float = 0, app: Litestar = APP
) -> httpx2.Response:
    """Send a webhook."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if signature is None:
        signed_at = int(time.time() - age_s)
        signature = WebhookSignature.generate_signature_header(raw.decode(), WEBHOOK_SECRET, signed_at)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.post("/billing/webhooks/stripe", content=raw, headers={"Stripe-Signature": signature})


async def run_jobs(tenant_id: UUID) -> int:
    """Run a tenant's refetching jobs, taken from the queue, until there are none; answers how many ran."""
    ran = 0
    while True:
        rows = await platform(
            """DELETE FROM dramatiq.queue WHERE message->>'actor_name' = 'refresh_customer'
            AND message->'args'->>0 = $1 AND state = 'queued' RETURNING message_id""",
            str(tenant_id),
        )
        if not rows:
            return ran
        for _ in rows:
            ran += 1
            await refresh_customer.fn.__wrapped__(str(tenant_id))


async def jobs_waiting(tenant_id: UUID) -> int:
    """How many refetching jobs of a tenant the queue holds."""
    [row] = await platform(
        """SELECT count(*) FROM dramatiq.queue WHERE message->>'actor_name' = 'refresh_customer'
        AND message->'args'->>0 = $1""",
        str(tenant_id),
    )
    return int(row[0])


async def entitlement(tenant: TenantRef) -> Entitlement:
    """What a tenant may do now."""
    async with platform_transaction():
        return await find_entitlement(tenant.id)


async def platform(sql: str, *args: Any) -> list[Any]:
    """Rows of the platform's schema."""
    async with platform_transaction():
        return list(await connection().fetch(sql, *args))


async def put(world: World, path: str, body: Any = None, **headers: str) -> Any:
    """What a successful PUT of the owner's answers."""
    reply = await world.owner.send("PUT", path, body, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def intents_of(tenant: TenantRef) -> list[tuple[str, str]]:
    """Kind and state of the tenant's acts, oldest first."""
    rows = await platform("SELECT kind, state FROM billing_intent WHERE tenant_id = $1 ORDER BY created_at", tenant.id)
    return [tuple(row) for row in rows]


@pytest.fixture
async def scripted(databases: object) -> AsyncIterator[ScriptedProvider]:
    """The payment provider that a test scripts, in Stripe's place."""
    found = ScriptedProvider()
    use(found)
    yield found
    provider.use("stripe", None)


@pytest.fixture
async def customer(tenant: TenantRef, scripted: ScriptedProvider) -> str:
    """A customer who has bought five seats of Team."""
    customer_id = await bill(tenant)
    scripted.states[customer_id] = subscribed(customer_id, "team", seats=5)
    await refresh_now(tenant.id)
    scripted.fetches.clear()
    return customer_id


async def stored(event_id: str) -> list[str | None]:
    """What became of an event of Stripe's."""
    return [row["outcome"] for row in await platform("SELECT outcome FROM stripe_event WHERE id = $1", event_id)]
