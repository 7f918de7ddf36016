"""Webhooks of Stripe: which are taken, and that whatever becomes of them ends in the same rows (ADR 0035)."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server import clock
from server.billing import jobs, provider
from server.billing.inbox import BODY_BYTES_MAX
from server.billing.provider import PaymentServiceDown, PaymentServiceRefused
from server.billing.refresh import LEASE, refresh_if_wanted, refresh_now, want_refresh
from server.db import TenantRef, platform_transaction
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
    subscribed,
    use,
)


@pytest.fixture
async def scripted(databases: object) -> AsyncIterator[ScriptedProvider]:
    found = ScriptedProvider()
    use(found)
    yield found
    provider.use("stripe", None)


async def stored(event_id: str) -> list[str | None]:
    return [row["outcome"] for row in await platform("SELECT outcome FROM stripe_event WHERE id = $1", event_id)]


async def test_an_event_changes_what_the_tenant_may_do(tenant: TenantRef, scripted: ScriptedProvider):
    """Somebody has paid, and works on at once."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, "team", seats=7)
    told = event(customer)

    reply = await deliver(told)
    ran = await run_jobs(tenant.id)

    assert (reply.status_code, reply.json()) == (200, {"new": True})
    assert ran == 1
    assert await stored(told["id"]) == ["refreshed"]
    held = await entitlement(tenant)
    assert (held.state, held.plan, held.seats_max) == ("active", "team", 7)


async def test_what_the_payload_says_is_never_believed(tenant: TenantRef, scripted: ScriptedProvider):
    """An event is a snapshot of another moment: here one that arrives after the subscription has ended."""
    customer = await bill(tenant)
    ended = datetime.now(UTC) - timedelta(hours=1)
    scripted.states[customer] = subscribed(customer, status="canceled", ended_at=ended)
    early = event(
        customer, "customer.subscription.created", data={"object": {"customer": customer, "status": "active"}}
    )

    await deliver(early)
    await run_jobs(tenant.id)

    assert (await entitlement(tenant)).state == "cancelled"


async def test_a_duplicate_is_one_event(tenant: TenantRef, scripted: ScriptedProvider):
    """Stripe delivers at least once."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer)
    told = event(customer)

    replies = [await deliver(told) for _ in range(3)]
    await run_jobs(tenant.id)
    again = await deliver(told)
    ran = await run_jobs(tenant.id)

    assert [r.json()["new"] for r in replies] == [True, False, False]
    assert again.json() == {"new": False}
    assert ran == 0
    assert len(scripted.fetches) == 1


async def test_a_backlog_costs_one_fetch(tenant: TenantRef, scripted: ScriptedProvider):
    """After an outage Stripe sends everything at once, from many sides, in any order."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, seats=4)
    events = [event(customer) for _ in range(40)] * 2
    random.Random(3).shuffle(events)

    async with asyncio.TaskGroup() as group:
        for told in events:
            group.create_task(deliver(told))
    ran = await run_jobs(tenant.id)

    assert (ran, len(scripted.fetches)) == (1, 1)
    left = await platform("SELECT id FROM stripe_event WHERE customer_id = $1 AND processed_at IS NULL", customer)
    assert left == []


@pytest.mark.parametrize(
    ("age_s", "signature"),
    [(0, "t=1,v1=00"), (0, ""), (600, None), (-600, None)],
    ids=["forged", "none", "stale", "future"],
)
async def test_a_message_that_is_not_of_stripe_and_of_now_is_refused(
    tenant: TenantRef, scripted: ScriptedProvider, caplog: pytest.LogCaptureFixture, age_s: float, signature: str | None
):
    """Nothing is stored, nobody is asked, and the operator can see it."""
    customer = await bill(tenant)
    told = event(customer)

    with caplog.at_level(logging.WARNING):
        reply = await deliver(told, age_s=age_s, signature=signature)

    assert (reply.status_code, reply.json()["code"]) == (400, "webhook_refused")
    assert await stored(told["id"]) == []
    assert await jobs_waiting(tenant.id) == 0
    assert "refused" in caplog.text


async def test_a_message_that_is_too_large_is_refused(
    tenant: TenantRef, scripted: ScriptedProvider, caplog: pytest.LogCaptureFixture
):
    """Nobody fills our memory or disk."""
    told = event(await bill(tenant), padding="x" * BODY_BYTES_MAX)

    with caplog.at_level(logging.WARNING):
        reply = await deliver(told)

    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")
    assert await stored(told["id"]) == []
    assert "larger than" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\x00",
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "x", "created": 1}',
        b'{"id":"e","type":"t","created":"yesterday"}',
        b'{"id":"","type":"t","created":1}',
        b'{"id":"e","type":"t","created":99999999999999999999}',
    ],
)
async def test_what_is_signed_and_no_event_is_refused(body: bytes, scripted: ScriptedProvider):
    """Also where the secret was given to something else than Stripe."""
    reply = await deliver(body)

    assert (reply.status_code, reply.json()["code"]) == (400, "webhook_refused")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "quantum.entangled"},
        {"api_version": "2031-01-01.zinnia"},
        {"api_version": None},
        {"data": {"object": {"object": "quark"}}},
        {"data": {"object": {"customer": 7}}},
        {"data": {"object": {"name": "NUL \u0000 in it", "customer": None}}},
        {"data": None},
    ],
)
async def test_events_that_nobody_here_knows_are_kept_and_do_no_harm(
    scripted: ScriptedProvider, changes: dict[str, object]
):
    """Stripe invents new ones without asking; answered with an error it would send them for days."""
    told = event("cus_of_nobody", **changes)

    reply = await deliver(told)

    assert reply.status_code == 200, reply.text
    assert await stored(told["id"]) in (["ignored"], ["unknown customer"])


async def test_a_thin_event_says_whom_it_is_about(tenant: TenantRef, scripted: ScriptedProvider):
    """It has no payload: only a related object, which may be one of a customer's."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer)
    await refresh_now(tenant.id)
    thin = {
        "object": "v2.core.event",
        "created": "2026-11-26T00:00:00.000Z",
        "type": "v1.customer.subscription.updated",
    }

    for related in (customer, f"sub_{customer}"):
        told = thin | {"id": f"evt_{related}", "related_object": {"id": related, "type": "customer", "url": "/v1/x"}}
        reply = await deliver(told)
        await run_jobs(tenant.id)
        assert reply.json() == {"new": True}
        assert await stored(f"evt_{related}") == ["refreshed"]

    assert len(scripted.fetches) == 3


async def test_without_a_secret_nothing_is_believed(monkeypatch: pytest.MonkeyPatch):
    """A half-configured installation is not open to everybody."""
    from tests.integration.application import CONFIG

    monkeypatch.setattr(CONFIG, "stripe_webhook_secret", None)

    reply = await deliver(event("cus_1"))

    assert (reply.status_code, reply.json()["code"]) == (503, "payments_not_set_up")


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


def test_the_body_limit_holds_the_largest_event():
    """An event of an invoice of a hundred lines has some 150 KB."""
    line = {"description": "x" * 200, "metadata": {"a": "b" * 500}, "period": {"start": 1, "end": 2}, "amount": 10_000}

    assert len(json.dumps(event("cus_1", lines=[line] * 100))) < BODY_BYTES_MAX
