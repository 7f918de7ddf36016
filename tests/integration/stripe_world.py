"""A tenant that pays by the simulated Stripe: its people, their requests, and time that passes for both sides."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server import clock
from server.auth.tokens import keys
from server.billing import acts, jobs, provider
from server.billing.access import TRIAL
from server.billing.account.service import open_account
from server.billing.gateway import StripeGateway, StripeSettings
from server.billing.gateway.catalogue import publish
from server.db import TenantRef, platform_transaction
from server.tenants.entitlements import Entitlement
from tests.integration.application import APP, WEBHOOK_SECRET
from tests.integration.billing_world import deliver, entitlement, platform, run_jobs
from tests.integration.rest_world import World, make_world
from tests.stripe import StripeSimulator


class Shop:
    """One tenant and Stripe."""

    def __init__(self, tenant: TenantRef, world: World, stripe: StripeSimulator) -> None:
        self.tenant, self.world, self.stripe = tenant, world, stripe

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.now, UTC)

    async def send(self, method: str, path: str, body: Any = None, *, role: str = "owner", **headers: str) -> Any:
        """A request, with a token of now."""
        person = self.world.people[role]
        token = await keys.issue(tenant_id=self.tenant.id, member_id=person.id, role=role)
        return await person.send(method, path, body, headers={"Authorization": f"Bearer {token}"} | headers)

    async def do(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A request that succeeds; its answer."""
        reply = await self.send(method, path, body, **headers)
        assert reply.status_code < 300, reply.text
        return reply.json()

    async def subscribe(
        self,
        plan: str = "team",
        seats: int = 3,
        *,
        interval: str = "month",
        currency: str | None = None,
        **entered: Any,
    ) -> Any:
        """Buy a plan, as a person does, and come back; answers how the tenant stands."""
        order = {"plan": plan, "seats": seats, "interval": interval, "currency": currency}
        opened = await self.do("POST", "/billing/checkouts", order)
        await asyncio.to_thread(self.stripe.complete_checkout, session_id(self.stripe, opened["url"]), **entered)
        return await self.do("POST", "/billing/refreshes")

    async def pass_time(self, span: timedelta, *, told: bool = True) -> None:
        """Let time pass on both sides; then webhooks come, and jobs run."""
        await asyncio.to_thread(self.stripe.advance, span)
        clock._frozen.set(self.now)
        if told:
            await self.hear()

    async def hear(self) -> int:
        """Take what webhooks come, and run what they lead to; answers how many came."""
        came = self.stripe.take_deliveries()
        for body, headers in came:
            reply = await deliver(body, signature=headers["Stripe-Signature"])
            assert reply.status_code == 200, reply.text
        await run_jobs(self.tenant.id)
        return len(came)

    async def sweep(self) -> None:
        """What the worker does every half minute."""
        await jobs.sweep()
        await acts.sweep_intents()
        await run_jobs(self.tenant.id)

    async def held(self) -> Entitlement:
        return await entitlement(self.tenant)

    async def customer_id(self) -> str:
        [row] = await platform("SELECT customer_id FROM billing_account WHERE tenant_id = $1", self.tenant.id)
        return str(row["customer_id"])

    async def invoices(self) -> list[Any]:
        """The mirror's, oldest first."""
        return await platform(
            "SELECT * FROM billing_invoice WHERE tenant_id = $1 ORDER BY created_at, number", self.tenant.id
        )

    def charged(self) -> int:
        """What Stripe has taken from cards, less what it gave back, in minor units."""
        charges = [c for c in self.stripe.world.select("charge") if c["paid"]]
        return sum(c["amount"] - c["amount_refunded"] for c in charges)


def session_id(stripe: StripeSimulator, url: str) -> str:
    """The id of the checkout session that has this page."""
    [found] = [s["id"] for s in stripe.world.select("checkout.session") if s["url"] == url]
    return str(found)


@asynccontextmanager
async def open_shop(
    tenant: TenantRef, stripe: StripeSimulator, *, trial: timedelta = TRIAL, thin: bool = False
) -> AsyncIterator[Shop]:
    """A tenant in its trial, with the catalogue published."""
    token = clock._frozen.set(datetime.fromtimestamp(stripe.now, UTC))
    gateway = StripeGateway(StripeSettings(stripe.API_KEY, stripe.url, timeout_s=1.0, retry_pause_s=0.01))
    provider.use("stripe", gateway)
    stripe.send_webhooks_to("http://127.0.0.1:1/unused", secret=WEBHOOK_SECRET, thin=thin)
    stripe.webhooks.signed_at = lambda: int(datetime.now(UTC).timestamp())
    try:
        await publish(gateway)
        stripe.take_deliveries()
        async with platform_transaction():
            await open_account(tenant.id, tenant.slug, email="pay@acme.example", trial_ends_at=clock.now() + trial)
        yield Shop(tenant, await make_world(APP, tenant), stripe)
    finally:
        provider.use("stripe", None)
        await gateway.close()
        clock._frozen.reset(token)


@pytest.fixture
async def shop(tenant: TenantRef, stripe: StripeSimulator) -> AsyncIterator[Shop]:
    """The test's tenant at a Stripe of its own."""
    async with open_shop(tenant, stripe) as found:
        yield found
