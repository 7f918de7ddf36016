"""Webhooks of Stripe: which are taken, and that whatever becomes of them ends in the same rows (ADR 0035)."""

import asyncio
import json
import logging
import random
from datetime import UTC, datetime, timedelta

import pytest

from server.billing.inbox import BODY_BYTES_MAX
from server.billing.refresh import refresh_now
from server.db import TenantRef
from tests.integration import billing_world
from tests.integration.billing_world import (
    ScriptedProvider,
    bill,
    deliver,
    entitlement,
    event,
    jobs_waiting,
    platform,
    run_jobs,
    stored,
    subscribed,
)

scripted = billing_world.scripted


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


def test_the_body_limit_holds_the_largest_event():
    """An event of an invoice of a hundred lines has some 150 KB."""
    line = {"description": "x" * 200, "metadata": {"a": "b" * 500}, "period": {"start": 1, "end": 2}, "amount": 10_000}

    assert len(json.dumps(event("cus_1", lines=[line] * 100))) < BODY_BYTES_MAX
