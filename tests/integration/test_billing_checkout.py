"""The way to the payment page and back: one page, one subscription, whoever clicks when."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.billing.provider import PaymentServiceUnclear
from server.db import TenantRef
from tests.integration import billing_world, rest_world
from tests.integration.billing_world import (
    ScriptedProvider,
    bill,
    deliver,
    event,
    intents_of,
    platform,
    run_jobs,
    subscribed,
)
from tests.integration.rest_world import World

world = rest_world.staffed
scripted = billing_world.scripted
customer = billing_world.customer


async def test_a_checkout_leaves_the_rest_of_the_trial_free_and_is_one_page(
    world: World, tenant: TenantRef, scripted: ScriptedProvider
):
    """Whoever subscribes on the fourth day pays from the fifteenth. A second page would be a second subscription."""
    ends = (datetime.now(UTC) + timedelta(days=10)).replace(microsecond=0)
    await bill(tenant, trial_ends_at=ends)
    await platform("UPDATE billing_account SET provider = NULL, customer_id = NULL WHERE tenant_id = $1", tenant.id)
    order = {"plan": "team", "seats": 3, "currency": "kzt"}

    first = await world.owner.post("/billing/checkouts", **order)
    same = await world.billing.post("/billing/checkouts", **order)
    other = await world.owner.post("/billing/checkouts", **order | {"seats": 4})

    assert datetime.fromisoformat(first["free_until"]) == ends
    assert same["url"] == first["url"]
    assert other["url"] != first["url"]
    assert scripted.closed == [f"cs_{first['url'].rpartition('/')[2]}"]
    assert len(scripted.customers) == 1
    assert [(o.target.lookup_key, o.target.seats, o.free_until) for o in scripted.orders] == [
        ("outrider_team_v1_month_kzt", 3, ends), ("outrider_team_v1_month_kzt", 4, ends),
    ]  # fmt: skip


async def test_a_double_click_on_the_checkout_is_one_page(world: World, tenant: TenantRef, scripted: ScriptedProvider):
    """Both would lead to a subscription, and both would be paid."""
    await bill(tenant)
    await platform("UPDATE billing_account SET provider = NULL, customer_id = NULL WHERE tenant_id = $1", tenant.id)

    pages = await asyncio.gather(*(world.owner.send("POST", "/billing/checkouts", {"plan": "team"}) for _ in range(3)))

    opened = {reply.json()["url"] for reply in pages if reply.status_code == 201}
    assert len(opened) == 1
    assert len(scripted.orders) == 1
    assert len(scripted.customers) == 1


async def test_a_page_that_was_completed_meanwhile_is_not_followed_by_another(
    world: World, tenant: TenantRef, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    """Paid in one tab, and a larger order begun in the other before anybody told us."""
    customer = await bill(tenant)
    scripted.states[customer] = replace(subscribed(customer), subscriptions=())
    await world.owner.post("/billing/checkouts", plan="team")

    async def completed(*_: Any) -> bool:
        scripted.states[customer] = subscribed(customer, "team", seats=1)
        return True

    monkeypatch.setattr(scripted, "close_checkout", completed)
    refused = await world.owner.refusal("POST", "/billing/checkouts", {"plan": "business"})
    await run_jobs(tenant.id)

    assert refused[:2] == (409, "already_subscribed")
    assert (await world.owner.get("/billing"))["plan"] == "team"


async def test_a_page_that_has_led_to_a_subscription_is_not_given_out_again(
    world: World, tenant: TenantRef, scripted: ScriptedProvider
):
    """It has ended within the day, and somebody comes back for the same plan."""
    customer = await bill(tenant)
    scripted.states[customer] = replace(subscribed(customer), subscriptions=())
    first = await world.owner.post("/billing/checkouts", plan="team")
    now = datetime.now(UTC)
    ended = subscribed(customer, created_at=now + timedelta(seconds=1), status="canceled", ended_at=now)
    scripted.states[customer] = ended

    second = await world.owner.post("/billing/checkouts", plan="team")

    assert second["url"] != first["url"]


async def test_the_return_from_the_checkout_comes_before_the_webhook(
    world: World, tenant: TenantRef, scripted: ScriptedProvider
):
    """The page asks by itself, and the webhook then finds nothing new."""
    customer = await bill(tenant)
    scripted.states[customer] = subscribed(customer, "team", seats=2)

    back = (await world.owner.send("POST", "/billing/refreshes")).json()
    await deliver(event(customer))
    await run_jobs(tenant.id)

    assert (back["state"], back["seats_bought"]) == ("active", 2)
    assert (await world.owner.get("/billing"))["seats_bought"] == 2


async def test_whoever_has_a_subscription_buys_no_second_one(world: World, customer: str, scripted: ScriptedProvider):
    """It would be paid twice."""
    assert (await world.owner.refusal("POST", "/billing/checkouts", {"plan": "team"}))[:2] == (
        409,
        "already_subscribed",
    )


async def test_after_a_customer_was_deleted_the_next_checkout_makes_another(
    world: World, customer: str, scripted: ScriptedProvider
):
    """And the old subscription stays on record."""
    scripted.states[customer] = replace(scripted.states[customer], deleted=True, subscriptions=(), invoices=())

    opened = await world.owner.post("/billing/checkouts", plan="team", seats=2)
    [new] = scripted.customers.values()
    scripted.states[new] = subscribed(new, "team", seats=2)
    back = (await world.owner.send("POST", "/billing/refreshes")).json()

    assert opened["free_until"] is None
    assert (back["state"], back["seats_bought"], back["alert"]) == ("active", 2, None)
    assert len(await platform("SELECT id FROM billing_subscription WHERE tenant_id = $1", world.tenant.id)) == 2


async def test_who_pays_by_transfer_has_no_checkout(world: World, tenant: TenantRef, scripted: ScriptedProvider):
    """Their customer is not one of Stripe's."""
    await bill(tenant, name="transfer")
    await platform("UPDATE billing_account SET customer_id = NULL WHERE tenant_id = $1", tenant.id)

    assert (await world.owner.refusal("POST", "/billing/checkouts", {"plan": "team"}))[:2] == (409, "paid_by_transfer")


async def test_a_checkout_that_stripe_broke_off_leaves_nothing_behind(
    world: World, tenant: TenantRef, scripted: ScriptedProvider
):
    """A page that nobody has seen charges nobody: the next click opens another."""
    await bill(tenant)
    await platform("UPDATE billing_account SET provider = NULL, customer_id = NULL WHERE tenant_id = $1", tenant.id)
    scripted.act_error, scripted.lose_answer = PaymentServiceUnclear(), True
    refused = await world.owner.refusal("POST", "/billing/checkouts", {"plan": "team"})
    scripted.act_error = None
    opened = await world.owner.post("/billing/checkouts", plan="team")

    assert refused[:2] == (503, "payment_service_down")
    assert opened["url"]
    assert await intents_of(tenant) == [("checkout", "failed"), ("checkout", "done")]
