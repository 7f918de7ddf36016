"""Buying, changing and cancelling over REST: each act once, whoever clicks twice and whatever breaks off (ADR 0035)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server import clock
from server.billing import acts, provider
from server.billing.intents import GIVE_UP_AFTER, TRY_FOR
from server.billing.provider import PaymentDeclined, PaymentServiceDown, PaymentServiceRefused, PaymentServiceUnclear
from server.billing.refresh import refresh_now
from server.db import TenantRef
from tests.integration import rest_world
from tests.integration.billing_world import (
    APP,
    ScriptedProvider,
    bill,
    deliver,
    entitlement,
    event,
    invoice,
    platform,
    run_jobs,
    subscribed,
    use,
)
from tests.integration.rest_world import World, make_world

world = rest_world.staffed


@pytest.fixture
async def scripted(databases: object) -> AsyncIterator[ScriptedProvider]:
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


async def put(world: World, path: str, body: Any = None, **headers: str) -> Any:
    reply = await world.owner.send("PUT", path, body, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def intents_of(tenant: TenantRef) -> list[tuple[str, str]]:
    rows = await platform("SELECT kind, state FROM billing_intent WHERE tenant_id = $1 ORDER BY created_at", tenant.id)
    return [tuple(row) for row in rows]


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


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_what_stripe_broke_off_is_finished_by_itself_and_charged_once(
    world: World, customer: str, scripted: ScriptedProvider, done: bool
):
    """Whether it broke off before or after it was done: nobody knows, and the same key asks again."""
    scripted.act_error, scripted.lose_answer = PaymentServiceUnclear(), done
    reply = await world.owner.send("PUT", "/billing/seats", {"seats": 6})
    other = await world.owner.refusal("PUT", "/billing/seats", {"seats": 9})
    page = await world.owner.get("/billing")
    scripted.act_error = None

    ended = await acts.sweep_intents()

    assert (reply.status_code, reply.json()["code"]) == (503, "payment_service_unclear")
    assert "by ourselves" in reply.json()["detail"]
    assert reply.headers["Retry-After"] == "60"
    assert other[:2] == (409, "change_under_way")
    assert page["change_under_way"] is True
    assert ended == 1
    assert len(scripted.charges) == 1
    assert len({key for act, key in scripted.acts if act == "change_now"}) == 1
    assert await intents_of(world.tenant) == [("change_now", "done")]
    assert (await entitlement(world.tenant)).seats_max == 6


async def test_the_same_request_again_finishes_what_was_broken_off(
    world: World, customer: str, scripted: ScriptedProvider
):
    """Nobody has to wait for the sweeper."""
    scripted.act_error = PaymentServiceUnclear()
    await world.owner.send("PUT", "/billing/seats", {"seats": 6})
    scripted.act_error = None

    after = await put(world, "/billing/seats", {"seats": 6})

    assert after["seats_bought"] == 6
    assert len(scripted.charges) == 1
    assert await intents_of(world.tenant) == [("change_now", "done")]


async def test_a_crash_in_the_middle_of_an_act_is_finished_by_the_sweeper(
    world: World, customer: str, scripted: ScriptedProvider
):
    """The process died between storing what it wanted and hearing of it."""
    asking = asyncio.create_task(put(world, "/billing/seats", {"seats": 6}))
    while not scripted.acts:  # noqa: ASYNC110 - the act begins somewhere inside
        await asyncio.sleep(0.005)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    early = await acts.sweep_intents()
    with clock.frozen(datetime.now(UTC) + TRY_FOR + timedelta(seconds=1)):
        ended = await acts.sweep_intents()

    assert (early, ended) == (0, 1)
    assert len(scripted.charges) == 1
    assert (await entitlement(world.tenant)).seats_max == 6


async def test_a_provider_that_is_down_does_not_hold_up_the_sweeper(tenant_pool: Any, scripted: ScriptedProvider):
    """After three that got no answer it leaves the rest for later, and then begins with those it has tried least."""
    worlds, customers = [], []
    for _ in range(5):
        tenant = await tenant_pool.take()
        customers.append(await bill(tenant))
        scripted.states[customers[-1]] = subscribed(customers[-1], "team", seats=5)
        worlds.append(await make_world(APP, tenant))
    scripted.act_error = PaymentServiceUnclear()
    for world in worlds:
        await world.owner.send("PUT", "/billing/seats", {"seats": 6})
    scripted.fetches.clear()
    scripted.error = PaymentServiceDown()

    await acts.sweep_intents()
    first = list(scripted.fetches)
    await acts.sweep_intents()

    assert len(first) == acts.UNANSWERED_MAX
    assert set(scripted.fetches) == set(customers)
    scripted.error = scripted.act_error = None
    assert await acts.sweep_intents() == 5
    for world in worlds:
        tenant_pool.give_back(world.tenant)


async def test_what_cannot_be_finished_for_an_hour_is_given_up_and_said(
    world: World, customer: str, scripted: ScriptedProvider
):
    """Nobody is surprised tomorrow by what they wanted today."""
    scripted.act_error = PaymentServiceUnclear()
    await world.owner.send("PUT", "/billing/seats", {"seats": 6})

    with clock.frozen(datetime.now(UTC) + GIVE_UP_AFTER + timedelta(seconds=1)):
        await acts.sweep_intents()
    scripted.act_error = None
    await acts.sweep_intents()

    assert scripted.charges == []
    assert await intents_of(world.tenant) == [("change_now", "failed")]
    assert (await world.owner.get("/billing"))["change_under_way"] is False


async def test_while_stripe_is_down_an_act_is_not_even_begun(world: World, customer: str, scripted: ScriptedProvider):
    """Nothing is left that could come true later."""
    scripted.error = PaymentServiceDown()

    assert (await world.owner.refusal("PUT", "/billing/seats", {"seats": 6}))[:2] == (503, "payment_service_down")
    assert await intents_of(world.tenant) == []


async def test_an_act_that_is_done_is_done_though_the_refetch_fails(
    world: World, customer: str, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    """What it has led to is seen a little later, by the job."""
    inner = scripted.change_now

    async def then_down(*args: Any, **more: Any) -> None:
        await inner(*args, **more)
        scripted.error = PaymentServiceDown()

    monkeypatch.setattr(scripted, "change_now", then_down)

    before = await put(world, "/billing/seats", {"seats": 6})
    scripted.error = None
    await run_jobs(world.tenant.id)

    assert before["seats_bought"] == 5
    assert await intents_of(world.tenant) == [("change_now", "done")]
    assert (await world.owner.get("/billing"))["seats_bought"] == 6


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
    ended = await acts.end_subscriptions(world.tenant.id)
    again = await acts.end_subscriptions(world.tenant.id)

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
