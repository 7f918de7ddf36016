"""Buying, changing and cancelling over REST: each act once, whoever clicks twice and whatever breaks off (ADR 0035)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.billing.deletion.commands import end_subscriptions
from server.billing.provider import PaymentDeclined, PaymentServiceDown, PaymentServiceRefused
from server.billing.refresh import refresh_now
from tests.integration import billing_world, rest_world
from tests.integration.application import APP
from tests.integration.billing_world import (
    ScriptedProvider,
    bill,
    entitlement,
    intents_of,
    invoice,
    platform,
    put,
    subscribed,
)
from tests.integration.rest_world import World, make_world

world = rest_world.staffed
scripted = billing_world.scripted
customer = billing_world.customer


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/billing", None),
    ("POST", "/billing/checkouts", {"plan": "team"}),
    ("POST", "/billing/portal-sessions", None),
    ("POST", "/billing/previews", {"seats": 6}),
    ("POST", "/billing/changes", {"seats": 6}),
    ("DELETE", "/billing/changes/scheduled", None),
    ("PUT", "/billing/seats", {"seats": 6}),
    ("PUT", "/billing/cancellation", None),
    ("DELETE", "/billing/cancellation", None),
    ("POST", "/billing/refreshes", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_only_owners_admins_and_the_billing_role_do_the_billing(
    world: World, scripted: ScriptedProvider, method: str, path: str, body: Any
):
    """Reps have other things to do; the billing role has no others."""
    for role in ("rep", "manager"):
        assert await world.people[role].refusal(method, path, body) == (403, "forbidden", [])
    for role in ("owner", "admin", "billing"):
        assert (await world.people[role].refusal(method, path, body))[:2] == (404, "not_billed")


@pytest.mark.parametrize(
    ("method", "path", "body"), [route for route in ROUTES if route[1] != "/billing/portal-sessions"]
)
async def test_nobody_reaches_the_billing_of_another_tenant(
    world: World, customer: str, tenant_pool: Any, scripted: ScriptedProvider, method: str, path: str, body: Any
):
    """The tenant is that of the token: what another's owner asks for concerns another's subscription."""
    other = await tenant_pool.take()
    theirs = await make_world(APP, other)
    await bill(other)
    await platform("UPDATE billing_account SET provider = NULL, customer_id = NULL WHERE tenant_id = $1", other.id)

    await theirs.owner.send(method, path, body)

    [account] = await platform("SELECT * FROM billing_subscription WHERE tenant_id = $1", world.tenant.id)
    assert (account["seats"], account["cancel_at"], account["scheduled"]) == (5, None, None)
    assert [act for act, _ in scripted.acts if act not in ("create_customer", "create_checkout")] == []
    assert await intents_of(world.tenant) == []
    tenant_pool.give_back(other)


async def test_the_page_says_how_the_tenant_stands_and_asks_nobody(
    world: World, customer: str, scripted: ScriptedProvider
):
    """It opens at once, also with Stripe down."""
    scripted.error = PaymentServiceDown()

    found = await world.billing.get("/billing")

    assert (found["state"], found["plan"], found["seats_bought"], found["banner"]) == ("active", "team", 5, None)
    assert found["subscription"]["interval"] == "month"
    assert [step["state"] for step in found["steps"]] == ["active"]
    assert scripted.fetches == []


async def test_plans_name_their_limits_and_prices(world: World):
    """Anybody may know what things cost."""
    plans = await world.rep.get("/billing/plans")

    assert [plan["key"] for plan in plans] == ["free", "team", "business", "enterprise"]
    assert {"interval": "month", "currency": "KWD", "amount_minor": 6_000} in plans[1]["prices"]


async def test_a_change_is_previewed_and_then_made_at_the_moment_of_the_preview(
    world: World, customer: str, scripted: ScriptedProvider
):
    """What was shown is what is charged."""
    preview = (await world.owner.send("POST", "/billing/previews", {"plan": "business"})).json()
    after = (
        await world.owner.send("POST", "/billing/changes", {"plan": "business", "at": preview["cost"]["at"]})
    ).json()

    assert (preview["mode"], preview["cost"]["due_minor"]) == ("now", 1_000)
    assert (after["plan"], after["subscription"]["seats"]) == ("business", 5)
    assert scripted.charges == [(5, datetime.fromisoformat(preview["cost"]["at"]), True)]
    assert await world.owner.refusal("POST", "/billing/changes", {"seats": 6, "at": "2020-01-01T00:00:00Z"}) == (
        400,
        "invalid_input",
        ["at"],
    )


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "click"}])
async def test_a_double_click_is_one_change(
    world: World, customer: str, scripted: ScriptedProvider, key: dict[str, str]
):
    """Also without a key, and while the first is under way."""
    first, second = await asyncio.gather(
        put(world, "/billing/seats", {"seats": 7}, **key), put(world, "/billing/seats", {"seats": 7}, **key)
    )
    third = await put(world, "/billing/seats", {"seats": 7}, **key)

    assert first["seats_bought"] == second["seats_bought"] == third["seats_bought"] == 7
    assert len(scripted.charges) == 1
    assert await intents_of(world.tenant) == [("change_now", "done")]


async def test_a_key_is_for_one_wish(world: World, customer: str, scripted: ScriptedProvider):
    """Else somebody would be told that something was done that was not."""
    await put(world, "/billing/seats", {"seats": 7}, **{"Idempotency-Key": "mine"})

    refused = await world.owner.refusal("PUT", "/billing/seats", {"seats": 8}, headers={"Idempotency-Key": "mine"})

    assert refused == (422, "idempotency_key_reused", [])
    assert len(scripted.charges) == 1


async def test_the_same_wish_later_is_another_one(world: World, customer: str, scripted: ScriptedProvider):
    """Seven seats, back to five at the period's end, and seven again."""
    await put(world, "/billing/seats", {"seats": 7})
    scheduled = await put(world, "/billing/seats", {"seats": 5})
    withdrawn = await put(world, "/billing/seats", {"seats": 7})
    again = await put(world, "/billing/seats", {"seats": 5})

    assert scheduled["subscription"]["scheduled"]["seats"] == 5
    assert withdrawn["subscription"]["scheduled"] is None
    assert again["subscription"]["scheduled"]["seats"] == 5
    assert [kind for kind, _ in await intents_of(world.tenant)] == [
        "change_now", "schedule_change", "withdraw_change", "schedule_change",
    ]  # fmt: skip


async def test_a_declined_card_changes_nothing_and_says_what_the_bank_says(
    world: World, customer: str, scripted: ScriptedProvider
):
    """And the next try is a new one."""
    scripted.act_error = PaymentDeclined("Your card has insufficient funds.", "insufficient_funds")
    reply = await world.owner.send("PUT", "/billing/seats", {"seats": 6}, headers={"Idempotency-Key": "a"})
    same = await world.owner.send("PUT", "/billing/seats", {"seats": 6}, headers={"Idempotency-Key": "a"})
    scripted.act_error = None
    after = await put(world, "/billing/seats", {"seats": 6})

    assert (reply.status_code, reply.json()["code"], reply.json()["reason"]) == (
        402, "payment_declined", "insufficient_funds",
    )  # fmt: skip
    assert "insufficient funds" in reply.json()["detail"]
    assert same.json() == reply.json()
    assert after["seats_bought"] == 6
    assert await intents_of(world.tenant) == [("change_now", "failed"), ("change_now", "done")]


async def test_a_seat_is_not_sold_in_grace(world: World, customer: str, scripted: ScriptedProvider):
    """It would be one more invoice that is not paid; while just past due it is."""
    for days, outcome in ((3, 200), (8, 402), (20, 402)):
        due = datetime.now(UTC) - timedelta(days=days)
        unpaid = invoice(customer, status="open", paid_minor=0, paid_at=None, issued_at=due)
        scripted.states[customer] = subscribed(customer, seats=5, invoices=[unpaid], status="past_due")
        reply = await world.owner.send("PUT", "/billing/seats", {"seats": 6})
        assert reply.status_code == outcome, reply.text
        if outcome == 402:
            assert reply.json()["code"] == "payment_overdue"


async def test_seats_in_a_hurry_wait_for_the_next_invoice(world: World, customer: str, scripted: ScriptedProvider):
    """Stripe makes ten invoices a minute for a subscription: somebody who clicks plus ten times gets ten seats."""
    for seats in range(6, 16):
        await put(world, "/billing/seats", {"seats": seats})

    assert [seats for seats, _, _ in scripted.charges] == list(range(6, 16))
    assert [invoiced for _, _, invoiced in scripted.charges] == [True] * 3 + [False] * 7


async def test_a_downgrade_names_what_exceeds_and_waits_for_the_periods_end(
    world: World, customer: str, scripted: ScriptedProvider
):
    """And it can be taken back until then."""
    scripted.states[customer] = subscribed(customer, "business", seats=5)
    await refresh_now(world.tenant.id)
    await world.owner.post("/webhooks", url="https://erp.example.com/hook", events=["order.*"])

    preview = (await world.owner.send("POST", "/billing/previews", {"plan": "team"})).json()
    after = (await world.owner.send("POST", "/billing/changes", {"plan": "team"})).json()
    back = (await world.owner.send("DELETE", "/billing/changes/scheduled")).json()

    assert (preview["mode"], preview["cost"]) == ("scheduled", None)
    assert preview["exceeds"] == [{"limit": "webhooks", "used": 1, "maximum": 0}]
    assert preview["at"] == after["subscription"]["period_end"]
    assert (after["plan"], after["subscription"]["scheduled"]["plan"]) == ("business", "team")
    assert back["subscription"]["scheduled"] is None
    assert scripted.charges == []


async def test_a_cancelled_subscription_goes_on_until_its_end_and_can_be_resumed(
    world: World, customer: str, scripted: ScriptedProvider
):
    """What is paid for is had; and nothing is bought meanwhile."""
    cancelled = await put(world, "/billing/cancellation")
    twice = await put(world, "/billing/cancellation")
    refused = await world.owner.refusal("PUT", "/billing/seats", {"seats": 9})
    resumed = (await world.owner.send("DELETE", "/billing/cancellation")).json()

    assert cancelled["state"] == "active"
    assert cancelled["subscription"]["cancel_at"] == cancelled["subscription"]["period_end"]
    assert [step["state"] for step in cancelled["steps"]] == ["active", "cancelled"]
    assert "ends on" in cancelled["banner"]
    assert twice["subscription"]["cancel_at"] == cancelled["subscription"]["cancel_at"]
    assert refused[:2] == (409, "subscription_ends")
    assert (resumed["subscription"]["cancel_at"], len(resumed["steps"])) == (None, 1)
    assert [act for act, _ in scripted.acts] == ["cancel", "resume"]


async def test_the_portal_is_for_customers(world: World, customer: str, scripted: ScriptedProvider):
    """And leads back to us."""
    opened = await world.billing.post("/billing/portal-sessions")

    assert opened["url"].endswith(f"{customer}?back=https://crm.example/t/{world.tenant.slug}/billing")


async def test_what_stripe_refuses_is_said_and_ended(world: World, customer: str, scripted: ScriptedProvider):
    """A price that was not published, say."""
    scripted.act_error = PaymentServiceRefused("it has no such price.")

    assert (await world.owner.refusal("PUT", "/billing/seats", {"seats": 6}))[:2] == (409, "payment_service_refused")
    assert await intents_of(world.tenant) == [("change_now", "failed")]


async def test_a_tenant_that_is_deleted_is_cancelled_there_first(
    world: World, customer: str, scripted: ScriptedProvider
):
    """Else Stripe would go on charging somebody who has left. Twice is once."""
    ended = await end_subscriptions(world.tenant.id)
    again = await end_subscriptions(world.tenant.id)

    assert (ended, again) == (1, 0)
    assert (await entitlement(world.tenant)).state == "cancelled"


async def test_a_restricted_tenant_still_does_its_billing(world: World, customer: str, scripted: ScriptedProvider):
    """The way out stays open."""
    due = datetime.now(UTC) - timedelta(days=30)
    unpaid = invoice(customer, status="open", paid_minor=0, paid_at=None, issued_at=due)
    scripted.states[customer] = subscribed(customer, seats=5, invoices=[unpaid], status="unpaid")

    page = (await world.owner.send("POST", "/billing/refreshes")).json()

    assert page["state"] == "restricted"
    assert "long overdue" in page["banner"]
    assert (await world.owner.post("/billing/portal-sessions"))["url"]
    assert (await put(world, "/billing/cancellation"))["subscription"]["cancel_at"]
