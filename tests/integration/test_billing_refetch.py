"""What follows a webhook of Stripe: everything is fetched anew, once, and ends in the same rows (ADR 0035)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server import clock
from server.billing import jobs
from server.billing.provider import PaymentServiceDown, PaymentServiceRefused
from server.billing.refresh import LEASE, refresh_if_wanted, refresh_now, want_refresh
from server.db import TenantRef, platform_transaction
from tests.integration import billing_world
from tests.integration.billing_world import (
    ScriptedProvider,
    bill,
    deliver,
    entitlement,
    event,
    invoice,
    jobs_waiting,
    platform,
    run_jobs,
    stored,
    subscribed,
)

scripted = billing_world.scripted


async def test_what_happens_during_a_fetch_is_fetched_after_it(tenant: TenantRef, scripted: ScriptedProvider):
    """The state that a fetch brings may be from before the event that came meanwhile."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, seats=1)
    scripted.hold = asyncio.Event()
    await deliver(event(customer))
    running = asyncio.create_task(run_jobs(tenant.id))
    await asyncio.wait_for(scripted.asked.wait(), 10)

    scripted.states[customer] = subscribed(customer, seats=2)
    await deliver(event(customer))
    held_back = await refresh_if_wanted(tenant.id)
    scripted.hold.set()
    await running
    await run_jobs(tenant.id)

    assert held_back is None
    assert len(scripted.fetches) == 2
    assert (await entitlement(tenant)).seats_max == 2


async def test_a_fetch_that_lost_its_lease_stores_nothing(tenant: TenantRef, scripted: ScriptedProvider):
    """A process that slept for an hour must not write what was an hour ago over what is now."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, seats=1)
    scripted.hold = asyncio.Event()
    await deliver(event(customer))
    slow = asyncio.create_task(refresh_if_wanted(tenant.id))
    await asyncio.wait_for(scripted.asked.wait(), 10)

    held, scripted.hold = scripted.hold, None
    scripted.states[customer] = subscribed(customer, seats=9)
    with clock.frozen(datetime.now(UTC) + LEASE + timedelta(seconds=1)):
        later = await refresh_if_wanted(tenant.id)
    held.set()

    assert later is not None
    assert await slow is None
    assert (await entitlement(tenant)).seats_max == 9


async def test_a_lost_wake_up_is_found_by_the_sweeper(tenant: TenantRef, scripted: ScriptedProvider):
    """A crash between the commit and the job, or a queue that was emptied."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer)
    await deliver(event(customer))
    await platform("DELETE FROM dramatiq.queue WHERE message->'args'->>0 = $1", str(tenant.id))

    with clock.frozen(datetime.now(UTC) + jobs.LOST_AFTER + timedelta(seconds=1)):
        await jobs.sweep()
        ran = await run_jobs(tenant.id)

    assert ran == 1
    assert (await entitlement(tenant)).plan == "team"


async def test_a_crash_in_the_middle_of_a_fetch_is_found_by_the_sweeper(tenant: TenantRef, scripted: ScriptedProvider):
    """The lease that it left runs out."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer)
    await platform(
        "UPDATE billing_account SET refresh_lease = gen_random_uuid(), refresh_leased_until = $2 WHERE tenant_id = $1",
        tenant.id,
        datetime.now(UTC) + LEASE,
    )

    with clock.frozen(datetime.now(UTC) + LEASE + jobs.LOST_AFTER + timedelta(seconds=1)):
        await jobs.sweep()
        await run_jobs(tenant.id)

    assert (await entitlement(tenant)).plan == "team"


async def test_while_stripe_is_down_the_last_entitlements_hold_and_the_job_comes_again(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """Stripe's outage is nobody's outage but Stripe's."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, seats=5)
    await refresh_now(tenant.id)
    scripted.error = PaymentServiceDown()

    await deliver(event(customer))
    await platform("DELETE FROM dramatiq.queue WHERE message->'args'->>0 = $1", str(tenant.id))
    await jobs.refresh_customer.fn.__wrapped__(str(tenant.id))
    still = await entitlement(tenant)
    waiting = await jobs_waiting(tenant.id)
    scripted.error = None
    scripted.states[customer] = subscribed(customer, seats=6)
    await run_jobs(tenant.id)

    assert (still.plan, still.seats_max) == ("team", 5)
    assert waiting == 1
    assert (await entitlement(tenant)).seats_max == 6


async def test_a_long_outage_keeps_one_job_a_tenant(tenant: TenantRef, scripted: ScriptedProvider):
    """The job comes again by itself, and the sweeper adds none: else an outage would end in a storm."""
    customer = await bill(tenant)
    scripted.error = PaymentServiceDown()
    await deliver(event(customer))
    now = datetime.now(UTC)

    waiting = []
    for minutes in range(0, 60, 1):
        with clock.frozen(now + timedelta(minutes=minutes)):
            await platform("DELETE FROM dramatiq.queue WHERE message->'args'->>0 = $1", str(tenant.id))
            await jobs.refresh_customer.fn.__wrapped__(str(tenant.id))
            await jobs.sweep()
            await deliver(event(customer))
            waiting.append(await jobs_waiting(tenant.id))

    assert waiting == [1] * 60


async def test_a_customer_that_stripe_refuses_to_show_is_an_alert_and_no_endless_loop(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """A key of another account, say: the operator has to look, and asking again helps nobody."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer)
    scripted.error = PaymentServiceRefused("No such customer.")
    told = event(customer)

    await deliver(told)
    await run_jobs(tenant.id)
    with clock.frozen(datetime.now(UTC) + jobs.LOST_AFTER + timedelta(seconds=1)):
        await jobs.sweep()

    assert await stored(told["id"]) == ["refused"]
    assert await jobs_waiting(tenant.id) == 0
    [account] = await platform("SELECT alert FROM billing_account WHERE tenant_id = $1", tenant.id)
    assert "No such customer" in account["alert"]
    assert (await entitlement(tenant)).state == "trialing"


async def test_an_unknown_price_keeps_the_last_entitlements_and_alerts(
    tenant: TenantRef, scripted: ScriptedProvider, caplog: pytest.LogCaptureFixture
):
    """Somebody migrated the price in the dashboard: nobody loses their work over it."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, "business", seats=5)
    await refresh_now(tenant.id)

    scripted.states[customer] = subscribed(customer, seats=8, lookup_key="somebody_elses_price")
    await refresh_now(tenant.id)

    held = await entitlement(tenant)
    assert (held.state, held.plan, held.seats_max) == ("active", "business", 8)
    [account] = await platform("SELECT alert FROM billing_account WHERE tenant_id = $1", tenant.id)
    assert "somebody_elses_price" in account["alert"]
    assert "somebody_elses_price" in caplog.text


async def test_a_subscription_of_a_price_that_was_never_ours_leaves_the_trial_alone(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """There is nothing to go by, so nothing changes."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, lookup_key=None)

    await refresh_now(tenant.id)

    assert (await entitlement(tenant)).state == "trialing"


async def test_a_customer_deleted_in_the_dashboard_has_ended_the_subscription(
    tenant: TenantRef, scripted: ScriptedProvider, caplog: pytest.LogCaptureFixture
):
    """Stripe ends what a deleted customer has. We say so, once, and to the operator."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer)
    await refresh_now(tenant.id)

    scripted.states[customer] = replace(scripted.states[customer], deleted=True, subscriptions=(), invoices=())
    first = await refresh_now(tenant.id)
    second = await refresh_now(tenant.id)

    assert first is not None
    assert second is not None
    assert (await entitlement(tenant)).state == "cancelled"
    assert second.changes == ()
    [account] = await platform("SELECT alert, customer_deleted_at FROM billing_account WHERE tenant_id = $1", tenant.id)
    assert "deleted" in account["alert"]
    assert account["customer_deleted_at"] is not None


async def test_a_refund_is_noted_and_takes_nothing_away(tenant: TenantRef, scripted: ScriptedProvider):
    """Money given back is no debt."""
    customer = await bill(tenant)
    paid = invoice(customer, refunded_minor=5_700)
    scripted.states[customer] = subscribed(customer, invoices=[paid])

    await refresh_now(tenant.id)

    assert (await entitlement(tenant)).state == "active"
    [row] = await platform("SELECT refunded_minor, status FROM billing_invoice WHERE id = $1", paid.id)
    assert tuple(row) == (5_700, "paid")


async def test_a_dispute_restricts_when_it_is_lost_and_until_something_is_paid_again(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """While the bank looks at it, and when we win, everything works."""
    customer = await bill(tenant)
    paid = invoice(customer)
    seen = []
    renewal = invoice(customer, paid_at=datetime.now(UTC) + timedelta(days=1))
    for invoices in (
        [replace(paid, dispute="needs_response")],
        [replace(paid, dispute="won")],
        [replace(paid, dispute="lost")],
        [replace(paid, dispute="lost"), renewal],
    ):
        scripted.states[customer] = subscribed(customer, invoices=invoices)
        await refresh_now(tenant.id)
        seen.append((await entitlement(tenant)).state)

    assert seen == ["active", "active", "restricted", "active"]


async def test_an_unpaid_invoice_falls_behind_day_by_day_without_anybody_telling(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """The clock alone moves a tenant on, with Stripe down and no job running."""
    customer = await bill(tenant)
    due = datetime.now(UTC).replace(microsecond=0)
    unpaid = invoice(customer, status="open", paid_minor=0, paid_at=None, issued_at=due)
    scripted.states[customer] = subscribed(customer, invoices=[unpaid], status="past_due")
    await refresh_now(tenant.id)

    seen = []
    for days in (0, 6.9, 7.1, 13.9, 14.1):
        with clock.frozen(due + timedelta(days=days, seconds=1)):
            seen.append((await entitlement(tenant)).state)

    assert seen == ["past_due", "past_due", "grace", "grace", "restricted"]


async def test_a_subscription_that_ends_with_its_period_ends_to_the_second(
    tenant: TenantRef, scripted: ScriptedProvider
):
    """In UTC, whatever the time zone of tenant and server, and though nobody told."""
    customer = await bill(tenant)
    ends = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)  # the night in which Europe turns its clocks
    scripted.states[customer] = subscribed(customer, cancel_at=ends)
    await refresh_now(tenant.id)

    seen = []
    for moment in (ends - timedelta(seconds=1), ends):
        with clock.frozen(moment):
            seen.append((await entitlement(tenant)).state)

    assert seen == ["active", "cancelled"]


async def test_word_left_for_a_tenant_without_a_customer_goes_nowhere(tenant: TenantRef, scripted: ScriptedProvider):
    """A trial asks nobody."""
    await bill(tenant)
    await platform("UPDATE billing_account SET customer_id = NULL WHERE tenant_id = $1", tenant.id)

    async with platform_transaction():
        await want_refresh(tenant.id)

    assert await jobs_waiting(tenant.id) == 0
    assert await refresh_now(tenant.id) is None
    assert scripted.fetches == []
