"""Leases on the server: granted at each renewal, and what is captured past them is held, never refused."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk.protocol import chain_digest

from server import clock
from server.auth import leases
from server.auth.tokens import TokenInvalid, keys
from server.db import tenant_transaction
from server.tenants.entitlements import EntitledTenant
from tests.integration.application import APP
from tests.integration.rest_world import Person
from tests.integration.sync_world import WireDevice, World, create, new_id, order_changes


async def lapse(world: World, device: WireDevice, **ago: Any) -> None:
    """The device had no lease from then until now, when it was granted one."""
    ended = clock.now() - timedelta(**ago)
    await world.execute(
        "UPDATE device SET lease_until = $2, enrolled_at = $3 WHERE id = $1",
        UUID(device.id),
        ended,
        ended - timedelta(days=9),
    )
    async with tenant_transaction(world.tenant):
        await leases.grant_lease(UUID(device.id))


def micros(**ago: Any) -> int:
    return clock.to_micros(clock.now() - timedelta(**ago))


async def person(world: World, name: str, role: str) -> Person:
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.ids[name]), role=role)
    return Person(APP, world.tenant, UUID(world.ids[name]), role, token)


async def test_a_lease_lasts_as_long_as_the_tenant_says(world: World, ann: WireDevice):
    """Thirty days, or what the company wants of its devices."""
    async with tenant_transaction(world.tenant):
        usual = await leases.grant_lease(UUID(ann.id))
    await world.execute("INSERT INTO setting (key, value) VALUES ('lease_days', '7')")
    async with tenant_transaction(world.tenant):
        shorter = await leases.grant_lease(UUID(ann.id))

    assert timedelta(days=29) < usual.until - clock.now() <= timedelta(days=30)
    assert timedelta(days=6) < shorter.until - clock.now() <= timedelta(days=7)


async def test_a_lease_is_no_access_token(world: World, ann: WireDevice):
    """The same keys sign both; neither opens what the other does."""
    async with tenant_transaction(world.tenant):
        lease = await leases.grant_lease(UUID(ann.id))
    view = await leases.sign_lease(EntitledTenant(world.tenant), lease)

    with pytest.raises(TokenInvalid):
        await keys.verify(view.token)


@pytest.mark.parametrize("flagged", [True, False])
async def test_s1_an_order_captured_past_the_lease_is_held_and_a_manager_releases_it(
    world: World, ann: WireDevice, flagged: bool
):
    """Six weeks in the mountains: the order is there, judged when the office says so, and nothing was reserved."""
    await lapse(world, ann, days=3)
    order_id = new_id()
    mutation = ann.mutation(*order_changes(world, order_id, "5"), captured_at=micros(days=1))
    if flagged:
        ann.number, ann.digest = 0, "0" * 64
        mutation = flagged_mutation(ann, *order_changes(world, order_id, "5"), captured_at=micros(days=1))
    [outcome] = await ann.push(mutation)
    [order] = await world.fetch('SELECT status, status_reason, total_minor FROM "order" WHERE id = $1', UUID(order_id))
    [stock] = await world.fetch("SELECT reserved FROM stock WHERE id = $1", UUID(world.tea_stock))

    assert (outcome["status"], outcome["past_lease"]) == ("applied", True)
    assert (order["status"], order["total_minor"], stock["reserved"]) == ("awaiting", 9_000, 0)
    assert "without contact" in order["status_reason"]

    ann_online, mia = await person(world, "ann", "rep"), await person(world, "mia", "manager")
    assert (await ann_online.refusal("POST", f"/orders/{order_id}/submission"))[:2] == (409, "transition_illegal")
    released = await mia.post(f"/orders/{order_id}/submission")
    assert released["order"]["status"] == "accepted"


def flagged_mutation(device: WireDevice, *changes: Any, captured_at: int) -> dict[str, Any]:
    """As the SDK sends it: the flag is a part of what is digested."""
    device.number += 1
    body = {
        "number": device.number,
        "captured_at": captured_at,
        "skew": 0,
        "changes": list(changes),
        "past_lease": True,
    }
    device.digest = chain_digest(device.digest, body)
    return body | {"digest": device.digest}


async def test_all_other_work_past_the_lease_is_applied_and_flagged(world: World, ann: WireDevice):
    """A visit was made, a phone number heard: facts. The office sees how much there was of it."""
    await lapse(world, ann, days=3)
    contact = new_id()

    outcome = await ann.do(create("contact", contact, account_id=world.shop, name="Zoe"), captured_at=micros(days=1))
    later = await ann.edit("account", world.shop, name="Corner Shop 2")
    [device] = await world.fetch("SELECT past_lease FROM device WHERE id = $1", UUID(ann.id))
    [shown] = [d for d in await (await person(world, "mia", "manager")).get("/devices") if d["id"] == ann.id]

    assert (outcome["status"], outcome["past_lease"]) == ("applied", True)
    assert "past_lease" not in later
    assert device["past_lease"] == shown["past_lease"] == 1
    assert shown["lease_until"] is not None


async def test_a_flag_of_a_clock_that_ran_ahead_holds_nothing(world: World, ann: WireDevice):
    """The phone believed in 2100; the server knows that the lease was good."""
    async with tenant_transaction(world.tenant):
        await leases.grant_lease(UUID(ann.id))
    order_id = new_id()

    [outcome] = await ann.push(flagged_mutation(ann, *order_changes(world, order_id, "5"), captured_at=micros()))

    [order] = await world.fetch('SELECT status FROM "order" WHERE id = $1', UUID(order_id))
    assert outcome["status"] == "applied"
    assert "past_lease" not in outcome
    assert order["status"] == "accepted"
