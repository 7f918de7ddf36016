"""Acts of billing that broke off, on either side: finished once, or given up and said (ADR 0035)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server import clock
from server.billing import acts
from server.billing.intents import GIVE_UP_AFTER, TRY_FOR
from server.billing.provider import PaymentServiceDown, PaymentServiceUnclear
from tests.integration import billing_world, rest_world
from tests.integration.application import APP
from tests.integration.billing_world import (
    ScriptedProvider,
    bill,
    entitlement,
    intents_of,
    put,
    run_jobs,
    subscribed,
)
from tests.integration.rest_world import World, make_world

world = rest_world.staffed
scripted = billing_world.scripted
customer = billing_world.customer


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
    async with asyncio.timeout(10):
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
