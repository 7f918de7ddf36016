"""What repairs what lost webhooks left, and what an operator can do by hand."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner

from server import clock
from server.billing import commands, jobs, provider
from server.billing.provider import PaymentServiceDown, PaymentsNotSetUp
from server.billing.refresh import refresh_now
from server.cli.billing import manage_billing
from server.db import TenantRef
from tests.integration.billing_world import ScriptedProvider, bill, entitlement, platform, subscribed, use
from tests.integration.stripe_world import open_shop
from tests.integration.tenant_pool import TenantPool
from tests.stripe import Policy, StripeSimulator


@pytest.fixture
async def scripted(databases: object) -> AsyncIterator[ScriptedProvider]:
    found = ScriptedProvider()
    use(found)
    await platform("UPDATE billing_account SET customer_id = NULL")
    await platform("DELETE FROM reconcile_run")
    yield found
    provider.use("stripe", None)


BillSome = Callable[[int], Awaitable[list[TenantRef]]]


@pytest.fixture
async def bill_some(tenant_pool: TenantPool, scripted: ScriptedProvider) -> AsyncIterator[BillSome]:
    """Bills so many tenants of the test's own, each with a subscription."""
    tenants: list[TenantRef] = []

    async def make(count: int) -> list[TenantRef]:
        for _ in range(count):
            tenants.append(await tenant_pool.take())
            customer = await bill(tenants[-1])
            scripted.states[customer] = subscribed(customer)
        return tenants

    yield make
    tenant_pool.give_back(*tenants)


async def run_reconciliation() -> int:
    """Run the day's jobs, one after the other; answers how many there were."""
    ran = 0
    while True:
        rows = await platform(
            """DELETE FROM dramatiq.queue WHERE message->>'actor_name' = 'reconcile_customers' AND state = 'queued'
            RETURNING message->'args' AS args"""
        )
        if not rows:
            return ran
        for row in rows:
            ran += 1
            await jobs.reconcile_customers.fn.__wrapped__(*json.loads(row["args"]))


async def test_what_lost_webhooks_left_is_repaired_and_put_on_record(bill_some: BillSome, scripted: ScriptedProvider):
    """Nobody told us that one has bought more, and one has left."""
    tenants = await bill_some(3)
    customers = list(scripted.states)
    for tenant, customer in zip(tenants, customers, strict=True):
        scripted.states[customer] = subscribed(customer, "team", seats=2)
        await refresh_now(tenant.id)
    scripted.states[customers[0]] = subscribed(customers[0], "business", seats=9)
    ended = datetime.now(UTC) - timedelta(hours=1)
    scripted.states[customers[1]] = subscribed(customers[1], status="canceled", ended_at=ended)

    due = await jobs.reconcile_if_due()
    twice = await jobs.reconcile_if_due()
    ran = await run_reconciliation()

    assert (due, twice, ran) == (True, False, 1)
    assert [(await entitlement(tenant)).state for tenant in tenants] == ["active", "cancelled", "active"]
    assert (await entitlement(tenants[0])).seats_max == 9
    [run] = await platform("SELECT checked, repaired, failed, ended_at, findings::text FROM reconcile_run")
    assert tuple(run)[:3] == (3, 2, 0)
    assert run["ended_at"] is not None
    assert tenants[0].slug in run["findings"]
    assert tenants[2].slug not in run["findings"]


async def test_a_second_reconciliation_finds_nothing(tenant: TenantRef, scripted: ScriptedProvider):
    """What is repaired is repaired; and time that went by is no finding."""
    customer = await bill(tenant)
    due = datetime.now(UTC) - timedelta(days=5)
    scripted.states[customer] = subscribed(customer, status="past_due", started_at=due)
    first = await commands.reconcile_all()

    with clock.frozen(datetime.now(UTC) + timedelta(days=10)):
        second = await commands.reconcile_all()

    assert (first.checked, first.repaired) == (1, 1)
    assert (second.checked, second.repaired, second.findings) == (1, 0, [])


async def test_a_provider_that_does_not_answer_fails_its_own_tenants_alone(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """And tomorrow is another day."""
    await bill(tenant)
    scripted.error = PaymentServiceDown()

    run = await commands.reconcile_all()

    assert (run.checked, run.failed) == (1, 1)
    assert run.findings[0]["tenant"] == tenant.slug


async def test_many_customers_are_many_jobs(
    bill_some: BillSome, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    """None of them takes longer than a job may."""
    from server.billing import reconcile

    await bill_some(5)
    monkeypatch.setattr(reconcile.reconcile_some, "__kwdefaults__", {"at_a_time": 2})

    await jobs.reconcile_if_due()
    ran = await run_reconciliation()

    assert ran == 3
    [run] = await platform("SELECT checked FROM reconcile_run")
    assert run["checked"] == 5
    assert len(scripted.fetches) == 5


async def test_a_slow_provider_is_given_more_jobs_rather_than_longer_ones(
    bill_some: BillSome, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    """A job has a minute, and one customer alone may take most of it."""
    from server.billing import reconcile

    await bill_some(3)
    monkeypatch.setattr(reconcile, "BEGIN_WITHIN_S", -1.0)

    await jobs.reconcile_if_due()
    ran = await run_reconciliation()

    [run] = await platform("SELECT checked, ended_at FROM reconcile_run")
    assert ran == 3
    assert run["checked"] == 3
    assert run["ended_at"] is not None


async def test_with_every_webhook_lost_one_reconciliation_brings_all_in_line(
    tenant: TenantRef, stripe: StripeSimulator, caplog: pytest.LogCaptureFixture
):
    """And drift of the catalogue is told in the same breath."""
    await platform("UPDATE billing_account SET customer_id = NULL")
    async with open_shop(tenant, stripe) as shop:
        await shop.subscribe("team", seats=2)
        await shop.hear()
        stripe.deliveries(Policy(lost=1.0))
        stripe.card_fails(await shop.customer_id())
        await shop.pass_time(timedelta(days=14, hours=2))
        before = (await shop.held()).state
        stripe.world.select("price").__next__()["unit_amount"] = 7

        with caplog.at_level(logging.WARNING):
            run = await commands.reconcile_all()

        assert before == "active"
        assert (await shop.held()).state == "past_due"
        assert (run.checked, run.repaired, run.failed) == (1, 1, 0)
        assert [f for f in run.findings if "drift" in f]


async def test_publishing_notes_the_prices(tenant: TenantRef, stripe: StripeSimulator):
    """Which price of Stripe's is which of ours, on record."""
    async with open_shop(tenant, stripe):
        found, made, drift = await commands.publish_catalogue()
        rows = await platform("SELECT lookup_key, price_id, unit_amount_minor FROM plan_version")

    assert (len(found), made, drift) == (30, [], [])
    assert {(row["lookup_key"], row["price_id"]) for row in rows} >= {(f.lookup_key, f.price_id) for f in found}


async def test_an_operator_refetches_one_tenant(tenant: TenantRef, scripted: ScriptedProvider):
    """Somebody on the telephone says that they have paid."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, seats=4)

    refreshed = await commands.refresh_tenant(tenant.slug)

    assert refreshed is not None
    assert "entitlement" in refreshed.changes
    assert UUID(str(refreshed.account.tenant_id)) == tenant.id


async def test_without_a_key_the_commands_say_so():
    """Rather than fail somewhere inside."""
    provider.use("stripe", None)

    with pytest.raises(PaymentsNotSetUp, match="not set up"):
        await commands.publish_catalogue()


def test_the_commands_are_there():
    """With help."""
    text = CliRunner().invoke(manage_billing, ["--help"]).output

    assert all(name in text for name in ("publish", "drift", "refresh", "reconcile"))
