"""Captured work is never refused for a billing reason: pushes in each state, orders that wait, and their release."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk.protocol import PROTOCOL_VERSION
from outrider_sdk.protocol.entities import SCHEMA_VERSION

from server import clock
from server.auth.credentials import prove
from server.auth.tokens import keys
from server.crm.order.rules import UNPAID
from server.db import connection, platform_transaction, tenant_transaction
from server.sync.daily import begin_day
from server.sync.held import release_held_orders, release_orders
from server.sync.quarantine import HandIn, hand_in
from server.tenants.entitlements import REGAINED
from tests.integration.application import APP
from tests.integration.entitled import STATES, WRITING, entitle
from tests.integration.rest_world import Person
from tests.integration.sync_world import WireDevice, World, create, new_id, order_changes
from tests.integration.web_world import token_of


async def push(device: WireDevice, *mutations: dict[str, Any]) -> list[dict[str, Any]]:
    """Hand in mutations over HTTP, as a phone does; their outcomes."""
    person = Person(APP, device.tenant, UUID(device.member_id), "rep", await token_of(device))
    body = {"protocol": PROTOCOL_VERSION, "incarnation": 1, "acked_through": 0, "mutations": list(mutations)}
    reply = await person.send("POST", "/sync/push", body)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["outcomes"]
    return found


async def order_of(world: World, order_id: str) -> Any:
    [order] = await world.fetch('SELECT status, status_reason, total_minor FROM "order" WHERE id = $1', UUID(order_id))
    return order


async def reserved(world: World) -> int:
    [stock] = await world.fetch("SELECT reserved FROM stock WHERE id = $1", UUID(world.tea_stock))
    return int(stock["reserved"])


@pytest.mark.parametrize("state", STATES)
async def test_every_door_of_a_device_is_open_whatever_is_paid(world: World, ann: WireDevice, state: str):
    """It goes on seeing what is its member's to see, compares itself, and begins another life; seats change nothing."""
    await entitle(world.tenant, state, seats_max=0)
    person = Person(APP, ann.tenant, UUID(ann.member_id), "rep", await token_of(ann))
    body = {"protocol": PROTOCOL_VERSION, "schema": SCHEMA_VERSION, "cursor": 0}
    succession = {
        "device_id": ann.id,
        "key": new_id(),
        "proof": "0" * 64,
        "points": [{"number": 0, "digest": "0" * 64}],
    }

    pulled = await person.send("POST", "/sync/pull", body)
    code = await person.send("POST", "/devices/codes", {})
    begun = await person.refusal("POST", "/devices/incarnations", succession)

    assert (pulled.status_code, code.status_code) == (200, 201)
    assert begun[:2] == (403, "proof_invalid")


@pytest.mark.parametrize("state", ["active", "restricted"])
async def test_work_of_a_revoked_device_waits_like_any_other(world: World, ann: WireDevice, state: str):
    """A manager lets it in whatever is paid; its orders wait until it is."""
    await world.execute("UPDATE device SET secret_hash = $2, revoked_at = now() WHERE id = $1", UUID(ann.id), b"s")
    order = new_id()
    given = HandIn(UUID(ann.id), "", 1, [ann.mutation(*order_changes(world, order, "5"))], True)
    given = replace(given, proof=prove(given.text(), b"s"))
    async with tenant_transaction(world.tenant):
        await hand_in(given)
    await entitle(world.tenant, state)
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.mia), role="manager")
    mia = Person(APP, world.tenant, UUID(world.mia), "manager", token)
    [waiting] = await mia.get("/quarantines")

    released = await mia.send("POST", f"/quarantines/{waiting['id']}/release")

    assert released.json()["applied"] == 1
    expected = ("accepted", None) if state == "active" else ("awaiting", UNPAID)
    assert (await order_of(world, order))["status"] == expected[0]
    assert (await order_of(world, order))["status_reason"] in (expected[1], None)


@pytest.mark.parametrize("state", STATES)
async def test_s1_every_push_is_taken_whatever_is_paid(world: World, ann: WireDevice, state: str):
    """An unpaid bill costs no sale: contacts and visits are stored, and orders at worst wait."""
    await entitle(world.tenant, state, records_max=0, seats_max=0, storage_max_bytes=0, devices_per_seat_max=0)
    contact, order = new_id(), new_id()

    outcomes = await push(
        ann,
        ann.mutation(create("contact", contact, account_id=world.shop, name="Zoe")),
        ann.mutation(*order_changes(world, order, "5")),
    )

    [stored] = await world.fetch("SELECT name FROM contact WHERE id = $1", UUID(contact))
    found = await order_of(world, order)
    assert [outcome["status"] for outcome in outcomes] == ["applied", "applied"]
    assert stored["name"] == "Zoe"
    if state in WRITING:
        assert (found["status"], await reserved(world)) == ("accepted", 5)
    else:
        assert (found["status"], found["status_reason"], await reserved(world)) == ("awaiting", UNPAID, 0)


async def test_a_push_in_an_unpaid_month_repeats_its_answer(world: World, ann: WireDevice):
    """The reply was lost, and the plan was paid meanwhile: still one order, and one effect."""
    await entitle(world.tenant, "restricted")
    order = new_id()
    mutation = ann.mutation(*order_changes(world, order, "5"))
    first = await push(ann, mutation)
    await entitle(world.tenant, "active")

    again = await push(ann, mutation)

    assert again == first
    assert (await order_of(world, order))["status"] == "awaiting"


async def test_once_it_is_paid_waiting_orders_are_judged_in_their_turn(world: World, ann: WireDevice):
    """Nobody submits them again: who ordered first gets what is in stock, as if nothing had been owed."""
    await entitle(world.tenant, "restricted")
    first, second = new_id(), new_id()
    at = clock.to_micros(clock.now())
    await push(
        ann,
        ann.mutation(*order_changes(world, first, "5"), captured_at=at - 2),
        ann.mutation(*order_changes(world, second, "500"), captured_at=at - 1),
    )
    early = await release_orders(world.tenant)
    await entitle(world.tenant, "active")

    async with platform_transaction():
        sent = await connection().fetch("SELECT message FROM dramatiq.queue WHERE queue_name = $1", REGAINED[0])
    judged = await release_orders(world.tenant)
    again = await release_orders(world.tenant)

    assert (early, judged, again, len(sent)) == (0, 2, 0, 1)
    assert str(world.tenant.id) in sent[0]["message"]
    assert (release_held_orders.queue_name, release_held_orders.actor_name) == REGAINED
    assert (await order_of(world, first))["status"] == "accepted"
    assert (await order_of(world, second))["status"] in ("partly_accepted", "needs_attention")


async def test_a_waiting_order_keeps_the_price_of_its_capture(world: World, ann: WireDevice):
    """The shop was promised 18.00; that head office paid late is none of its business."""
    await entitle(world.tenant, "restricted")
    order = new_id()
    await push(ann, ann.mutation(*order_changes(world, order, "1")))
    before = await order_of(world, order)
    await world.execute("UPDATE price_item SET price = price * 2")
    await entitle(world.tenant, "active")

    await release_orders(world.tenant)

    after = await order_of(world, order)
    assert (after["status"], after["total_minor"]) == ("accepted", before["total_minor"])


async def test_the_day_finds_what_a_lost_job_left(world: World, ann: WireDevice):
    """A worker that died with its job in hand costs a day at most."""
    await entitle(world.tenant, "cancelled")
    order = new_id()
    await push(ann, ann.mutation(*order_changes(world, order, "1")))
    await entitle(world.tenant, "active")

    await begin_day(world.tenant)

    assert (await order_of(world, order))["status"] == "accepted"


async def test_one_order_that_cannot_be_judged_holds_up_no_other(world: World, ann: WireDevice):
    """Its lines were removed in the office meanwhile: a person looks at it."""
    await entitle(world.tenant, "restricted")
    broken, sound = new_id(), new_id()
    await push(ann, ann.mutation(*order_changes(world, broken, "1")), ann.mutation(*order_changes(world, sound, "1")))
    await world.execute("DELETE FROM order_line WHERE order_id = $1", UUID(broken))
    await entitle(world.tenant, "active")

    await release_orders(world.tenant)

    assert (await order_of(world, broken))["status"] == "needs_attention"
    assert (await order_of(world, sound))["status"] == "accepted"
