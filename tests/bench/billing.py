"""What billing costs, and whether it ends right: webhooks at sixteen at once, doubled, shuffled and lost; 250 tenants.

Stripe is the simulator of the tests, over HTTP, on the wall clock; the web server and the worker are processes of their
own.
"""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7

from server.auth import limits
from server.auth.standings import tenants
from server.billing import commands, setup
from server.billing.account.service import open_account
from server.billing.plans import Interval, get_plan
from server.billing.reconcile import begin_run
from server.db import connection, platform_transaction
from server.tenants.entitlements import get_entitled_tenant
from tests.bench.house import House, web_server
from tests.bench.report import report
from tests.stripe import Policy, StripeSimulator

TENANTS = 250
EVENTS = 10_000
AT_ONCE = 16
LOST = 0.1
SINGLE_EVENTS = 40
SECRET = "whsec_of_the_bench"
PATH = "/billing/webhooks/stripe"
DRAINED_WITHIN_S = 300.0


@dataclass
class Stand:
    """The simulator, and who pays by it."""

    stripe: StripeSimulator
    customers: dict[str, UUID]
    """Customer → tenant."""
    subscriptions: dict[str, tuple[str, str]]
    """Customer → (subscription, item)."""

    def __post_init__(self) -> None:
        self.client = self.stripe.client()
        self.random = random.Random(5)

    def change(self, customer: str) -> None:
        """Somebody buys or gives back seats, and may cancel."""
        subscription, item = self.subscriptions[customer]
        wanted: Any = {"id": item, "quantity": self.random.randint(1, 25)}
        self.client.v1.subscriptions.update(subscription, {"items": [wanted], "proration_behavior": "none"})
        ends = self.random.random() < 0.3
        self.client.v1.subscriptions.update(subscription, {"cancel_at_period_end": ends})


async def bench_billing(house: House) -> None:
    """Each figure of the design, in the order in which a day has them."""
    with StripeSimulator.running() as stripe, _environment(stripe):
        stripe.send_webhooks_to("http://127.0.0.1:1/taken-from-here", secret=SECRET)
        async with _provider(house, stripe):
            await commands.publish_catalogue()
            async with platform_transaction():
                await begin_run()  # the day's is done: the worker is not to begin it in the middle
            stand = await _open_stand(stripe)
            with web_server(house.config) as (url, _):
                await _measure_backlog(house, stand, url)
                await _measure_loss(house, stand, url)
                await _measure_delay(house, stand, url)
    await _measure_check(house)


async def _measure_backlog(house: House, stand: Stand, url: str) -> None:
    """Everything comes while no worker runs: the answers are timed; then one worker takes the backlog."""
    stand.stripe.deliveries(Policy(copies=5, shuffle=True, seed=1))
    await asyncio.to_thread(_subscribe_all, stand)
    for _ in range(2):
        await asyncio.to_thread(lambda: [stand.change(customer) for customer in stand.customers])
    messages = stand.stripe.take_deliveries()[:EVENTS]
    assert len(messages) == EVENTS, len(messages)
    began = time.perf_counter()
    taken = await _post_all(url, messages)
    spent = time.perf_counter() - began
    report(f"webhook answered, {AT_ONCE} at once, p99", _percentile(taken, 0.99) * 1_000, "ms", 50)
    report(f"webhook answered, {AT_ONCE} at once, p50", _percentile(taken, 0.5) * 1_000, "ms", None)
    report("webhooks a second, to take one", 1_000 * spent / EVENTS, "ms", None)
    before = stand.stripe.api.calls["get /v1/customers/{}"]
    with _worker(house):
        await _until_drained()
    fetches = stand.stripe.api.calls["get /v1/customers/{}"] - before
    report(f"{EVENTS:,} doubled, shuffled events: tenants wrong", await _count_wrong(stand), "tenants", 0)
    report("refetches a tenant, of a backlog", fetches / TENANTS, "fetches", 1)


async def _measure_loss(house: House, stand: Stand, url: str) -> None:
    stand.stripe.deliveries(Policy(copies=2, shuffle=True, lost=LOST, seed=2))
    await asyncio.to_thread(lambda: [stand.change(customer) for customer in stand.customers])
    with _worker(house):
        await _post_all(url, stand.stripe.take_deliveries())
        await _until_drained()
    report("10 % lost: tenants wrong before reconciliation", await _count_wrong(stand), "tenants", None)
    began = time.perf_counter()
    run = await commands.reconcile_all()
    report("10 % lost: tenants wrong after one reconciliation", await _count_wrong(stand), "tenants", 0)
    report("reconciliation, a tenant", 1_000 * (time.perf_counter() - began) / run.checked, "ms", None)
    assert run.failed == 0, run.findings


async def _measure_delay(house: House, stand: Stand, url: str) -> None:
    """From the arrival of an event to the entitlement that it leads to, one tenant after the other."""
    stand.stripe.deliveries(Policy())
    delays = []
    with _worker(house):
        for customer in list(stand.customers)[:SINGLE_EVENTS]:
            version = await _version(stand.customers[customer])
            await asyncio.to_thread(stand.change, customer)
            seats = stand.stripe.world.objects[stand.subscriptions[customer][0]]["items"]["data"][0]["quantity"]
            if await _seats(stand.customers[customer]) == seats:
                stand.stripe.take_deliveries()
                continue
            began = time.perf_counter()
            await _post_all(url, stand.stripe.take_deliveries(), at_once=1)
            while await _version(stand.customers[customer]) == version:  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.01)
            delays.append(time.perf_counter() - began)
    report("event to entitlement, p95", _percentile(delays, 0.95), "s", 5)


async def _measure_check(house: House) -> None:
    """What each request asks: the tenant's steps, as this process has them."""
    async with platform_transaction():
        await open_account(house.tenant.id, house.tenant.slug, email="bench@example.com")
    async with platform_transaction():
        tenants.put(house.tenant.id, await get_entitled_tenant(house.tenant.id))
    times = []
    for _ in range(20_000):
        began = time.perf_counter()
        entitled = tenants.get(house.tenant.id)
        assert entitled is not None
        limits.require_writing(entitled.entitlement, "admin")
        times.append(time.perf_counter() - began)
    report("entitlement check, p99", _percentile(times, 0.99) * 1_000, "ms", 1)


@contextmanager
def _environment(stripe: StripeSimulator) -> Iterator[None]:
    """What the processes are started with."""
    settings = {
        "OUTRIDER_STRIPE_KEY": stripe.API_KEY, "OUTRIDER_STRIPE_URL": stripe.url,
        "OUTRIDER_STRIPE_WEBHOOK_SECRET": SECRET,
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@asynccontextmanager
async def _provider(house: House, stripe: StripeSimulator) -> AsyncIterator[None]:
    setup.use(replace(house.config, stripe_key=stripe.API_KEY, stripe_url=stripe.url))
    try:
        yield
    finally:
        await setup.close()
        setup.use(replace(house.config, stripe_key=None))


@contextmanager
def _worker(house: House) -> Iterator[None]:
    env = os.environ | {
        "OUTRIDER_DATABASE_URL": str(house.config.database_url), "OUTRIDER_SECRET_KEY": "bench" * 8,
        "OUTRIDER_STATE_DIR": str(house.config.state_dir),
    }  # fmt: skip
    command = [sys.executable, "-m", "server.cli", "worker"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def _open_stand(stripe: StripeSimulator) -> Stand:
    """250 billed tenants with a customer each. Nothing but billing is asked of them, so they need no schema."""
    client = stripe.client()
    customers = {}
    for n in range(TENANTS):
        customer = await asyncio.to_thread(client.v1.customers.create, {"email": f"pay{n}@example.com"})
        stripe.save_card(customer.id)
        customers[customer.id] = uuid7()
    async with platform_transaction():
        for customer_id, tenant_id in customers.items():
            ends = datetime.now(UTC) + timedelta(days=14)
            await open_account(tenant_id, f"b-{tenant_id.hex[-10:]}", email="pay@example.com", trial_ends_at=ends)
            await connection().execute(
                "UPDATE billing_account SET provider = 'stripe', customer_id = $2 WHERE tenant_id = $1",
                tenant_id,
                customer_id,
            )
    stripe.take_deliveries()
    return Stand(stripe, customers, {})


def _subscribe_all(stand: Stand) -> None:
    key = get_plan("team").lookup_key(Interval.MONTH, "EUR")
    [price] = stand.client.v1.prices.list({"lookup_keys": [key]}).data
    for customer in stand.customers:
        made = stand.client.v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price.id, "quantity": 3}]}
        )
        stand.subscriptions[customer] = (made.id, made["items"].data[0].id)


async def _post_all(
    url: str, messages: Sequence[tuple[bytes, dict[str, str]]], *, at_once: int = AT_ONCE
) -> list[float]:
    """Post all messages over so many kept connections; how long each took, in seconds."""
    waiting, taken = iter(messages), []
    target = urlsplit(url)

    async def sender() -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        with contextlib.closing(writer):
            for body, headers in waiting:
                head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                request = f"POST {PATH} HTTP/1.1\r\nHost: bench\r\n{head}Content-Length: {len(body)}\r\n\r\n"
                began = time.perf_counter()
                writer.write(request.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                taken.append(time.perf_counter() - began)
                assert answer.startswith(b"HTTP/1.1 200"), answer

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(sender())
    return taken


async def _until_drained() -> None:
    """Until no event waits and no job is left."""
    deadline = time.monotonic() + DRAINED_WITHIN_S
    while time.monotonic() < deadline:
        async with platform_transaction() as conn:
            left = await conn.fetchval(
                """SELECT (SELECT count(*) FROM stripe_event WHERE processed_at IS NULL)
                + (SELECT count(*) FROM billing_account
                    WHERE refresh_wanted_at IS NOT NULL OR refresh_lease IS NOT NULL)"""
            )
        if not left:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{left} events or refetches are left")


async def _count_wrong(stand: Stand) -> int:
    """Tenants whose mirror or entitlement is not what Stripe has."""
    async with platform_transaction() as conn:
        rows = await conn.fetch(
            """SELECT s.id, s.seats, s.cancel_at IS NOT NULL AS ends, (e.steps->0->>'seats_max')::int AS allowed
            FROM billing_subscription s JOIN entitlement e ON e.tenant_id = s.tenant_id"""
        )
    known = {row["id"]: row for row in rows}
    wrong = 0
    for subscription, _ in stand.subscriptions.values():
        truth, row = stand.stripe.world.objects[subscription], known.get(subscription)
        seats = truth["items"]["data"][0]["quantity"]
        ends = bool(truth["cancel_at_period_end"] or truth["cancel_at"])
        wrong += row is None or (row["seats"], row["ends"], row["allowed"]) != (seats, ends, seats)
    return wrong


async def _version(tenant_id: UUID) -> int:
    async with platform_transaction() as conn:
        return int(await conn.fetchval("SELECT version FROM entitlement WHERE tenant_id = $1", tenant_id))


async def _seats(tenant_id: UUID) -> int:
    async with platform_transaction() as conn:
        return int(await conn.fetchval("SELECT seats FROM billing_subscription WHERE tenant_id = $1", tenant_id))


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]
