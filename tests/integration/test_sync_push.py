"""Pushes against PostgreSQL: one effect each, whole or not at all, and a queue that always drains."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from server.auth.devices import DeviceRevoked
from server.connections import Databases
from server.db import TenantRef, tenant_transaction, tenant_write
from server.errors import Busy
from server.sync import push as push_module
from server.sync.numbers import Forked, NumberGap
from server.sync.push import IncarnationUnknown
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import (
    WireDevice,
    World,
    cancel,
    create,
    delete,
    make_world,
    new_id,
    order_changes,
    outcomes_stored,
    statuses,
)


async def test_s2_one_batch_pushed_by_five_at_once_has_one_effect(world: World, ann: WireDevice):
    """A phone with a bad network sends the same thing again before the first answer comes."""
    batch = [ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"No. {n}")) for n in range(20)]
    batch.append(ann.mutation(*order_changes(world, new_id(), "5")))

    replies = await asyncio.gather(*(ann.push(*batch) for _ in range(5)))

    assert all(reply == replies[0] for reply in replies)
    assert statuses(replies[0]) == ["applied"] * 21
    assert len(await world.fetch("SELECT 1 FROM contact WHERE name LIKE 'No. %'")) == 20
    stock = await world.fetch("SELECT reserved::text FROM stock WHERE id = $1", world.tea_stock)
    assert stock == [{"reserved": "5"}]


async def test_s2_outcomes_are_repeated_whenever_the_same_comes_again(world: World, ann: WireDevice):
    """The reply of a push may be lost any number of times."""
    merged = await world.device("bob")
    await merged.pull()
    await merged.edit("contact", world.clerk, job_title="Buyer")
    batch = [
        ann.mutation(ann.edit_change("contact", world.clerk, job_title="Chef")),
        ann.mutation(create("contact", new_id(), account_id=world.shop)),
    ]

    first = await ann.push(*batch)
    again = await ann.push(*batch)
    await ann.push(acked_through=1)
    last = await ann.push(*batch)

    assert statuses(first) == ["merged", "refused"]
    assert json.dumps(again, sort_keys=True) == json.dumps(first, sort_keys=True)
    assert json.dumps(last, sort_keys=True) == json.dumps(first, sort_keys=True)
    assert await outcomes_stored(world) == 3  # bob's, and ann's two


async def test_s1_a_reply_lost_between_two_halves_of_an_outbox_loses_nothing(world: World, ann: WireDevice):
    """The device repeats the old together with the new, and each has one effect."""
    batch = [ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"No. {n}")) for n in range(10)]
    await ann.push(*batch[:6])

    outcomes = await ann.push(*batch)

    assert [o["number"] for o in outcomes] == list(range(1, 11))
    assert len(await world.fetch("SELECT 1 FROM contact WHERE name LIKE 'No. %'")) == 10


async def test_s1_a_refused_payload_is_kept_on_the_server_too(world: World, ann: WireDevice):
    """Nothing that a person typed is only on a phone that may fall into the river."""
    typed = create("contact", new_id(), account_id=world.shop, job_title="Clerk")

    await ann.do(typed)

    kept = await world.fetch("SELECT code, payload, member_id::text FROM refused_mutation")
    assert [(k["code"], k["member_id"]) for k in kept] == [("value_invalid", world.ann)]
    assert json.loads(kept[0]["payload"])["changes"] == [typed]


async def test_s2_a_gap_in_the_numbers_says_what_is_missing(world: World, ann: WireDevice):
    """Nothing is applied upon work that never arrived."""
    first, second = (ann.mutation(ann.edit_change("contact", world.clerk, job_title=t)) for t in ("Buyer", "Chef"))

    with pytest.raises(NumberGap) as gap:
        await ann.push(second)

    assert gap.value.extra == {"expected": 1}
    assert statuses(await ann.push(first, second)) == ["applied", "applied"]


async def test_s2_a_batch_out_of_order_is_a_gap(world: World, ann: WireDevice):
    """Reordering within a push is a client's bug, and changes nothing."""
    first, second = (ann.mutation(ann.edit_change("contact", world.clerk, job_title=t)) for t in ("Buyer", "Chef"))

    with pytest.raises(NumberGap):
        await ann.push(second, first)

    assert await outcomes_stored(world) == 0


@pytest.mark.parametrize("acked_through", [0, 2])
async def test_s2_a_copied_replica_is_told_that_it_forked(world: World, ann: WireDevice, acked_through: int):
    """Two phones under one identity must not write over each other's numbers, acknowledged or not."""
    copy = ann.copy()
    for title in ("Buyer", "Chef"):
        await ann.edit("contact", world.clerk, job_title=title)
    await ann.push(acked_through=acked_through)

    theirs = [copy.mutation(copy.edit_change("contact", world.clerk, name=n)) for n in ("Mallory", "Eve")]
    with pytest.raises(Forked):
        await copy.push(*theirs)
    theirs.append(copy.mutation())
    with pytest.raises(Forked):
        await copy.push(*theirs)

    row = await world.fetch("SELECT name, job_title FROM contact WHERE id = $1", world.clerk)
    assert row == [{"name": "Carla Clerk", "job_title": "Chef"}]


async def test_s2_a_changed_payload_under_its_old_digest_is_a_fork(world: World, ann: WireDevice):
    """The digest is computed here, not believed."""
    mutation = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))
    mutation["captured_at"] += 1

    with pytest.raises(Forked):
        await ann.push(mutation)


async def test_s2_another_incarnation_is_unknown(world: World, ann: WireDevice):
    """Numbers of a new life of the device are not those of the old one."""
    mutation = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))

    with pytest.raises(IncarnationUnknown):
        await ann.push(mutation, incarnation=2)

    assert statuses(await ann.push(mutation)) == ["applied"]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE device SET revoked_at = now() WHERE id = $1",
        "UPDATE member SET active = false WHERE id = (SELECT member_id FROM device WHERE id = $1)",
        "DELETE FROM member WHERE id = (SELECT member_id FROM device WHERE id = $1)",
    ],
    ids=["device revoked", "member inactive", "member deleted"],
)
async def test_a_device_that_may_no_longer_sync_neither_pushes_nor_pulls(world: World, ann: WireDevice, sql: str):
    """Whoever was dismissed is out at the next contact."""
    await world.execute(sql, ann.id)

    with pytest.raises(DeviceRevoked):
        await ann.edit("contact", world.clerk, job_title="Buyer")
    with pytest.raises(DeviceRevoked):
        await ann.pull()


async def test_an_empty_push_acknowledges(world: World, ann: WireDevice):
    """What the device has stored need not be repeated to it; never more than it has. It stays known all the same."""
    await ann.edit("contact", world.clerk, job_title="Buyer")

    await ann.push(acked_through=2**40)

    assert await outcomes_stored(world) == 1
    assert (await world.fetch("SELECT acked_through FROM device WHERE id = $1", ann.id))[0]["acked_through"] == 1


# S4


# S8


# S7


async def test_s7_a_long_open_transaction_of_a_tenant_keeps_its_own_writers_waiting_only(
    world: World, ann: WireDevice, new_tenant: Callable[[], Awaitable[TenantRef]], databases: Databases
):
    """Somebody's psql went to lunch: its tenant's pushes are told to come again, all others go on."""
    other = await make_world(await new_tenant())
    neighbour = await other.device("ann")
    await neighbour.pull()
    mutation = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))

    async with databases.pools["main"].acquire() as lunch:
        transaction = lunch.transaction()
        await transaction.start()
        await lunch.execute(f'SET LOCAL ROLE "{world.tenant.schema}"')
        await lunch.execute(f"UPDATE \"{world.tenant.schema}\".contact SET name = 'Lunch'")
        with pytest.raises(Busy):
            await ann.push(mutation)
        assert (await neighbour.edit("contact", other.clerk, job_title="Buyer"))["status"] == "applied"
        await ann.pull()  # readers wait for nobody
        await transaction.rollback()

    assert statuses(await ann.push(mutation)) == ["applied"]


async def test_s7_a_flood_of_one_tenants_devices_leaves_connections_for_others(
    world: World, ann: WireDevice, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """A tenant has its share of the pool, and no more."""
    other = await make_world(await new_tenant())
    neighbour = await other.device("ann")
    await neighbour.pull()
    release = asyncio.Event()

    async def sit() -> None:
        async with tenant_transaction(world.tenant):
            await release.wait()

    flood = [asyncio.create_task(sit()) for _ in range(30)]
    await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(2):
            outcome = await neighbour.edit("contact", other.clerk, job_title="Buyer")
    finally:
        release.set()
        await asyncio.gather(*flood, return_exceptions=True)

    assert outcome["status"] == "applied"


# S12


async def test_s12_a_field_that_is_not_the_devices_is_refused_in_business_words(world: World, ann: WireDevice):
    """Whether or not somebody else changed it (domain.md, rule 2)."""
    outcome = await ann.edit("outlet", world.shop_outlet, account_id=world.cafe)

    assert outcome["code"] == "field_not_writable"
    assert "account_id" in outcome["explanation"]
    assert outcome["choices"] == [{"code": "discard", "label": "Discard my change"}]


async def test_s12_a_conflict_tells_both_values_and_whose_was_kept(world: World, ann: WireDevice, bob: WireDevice):
    """The person whose word was not kept sees both, on the device, without asking anyone."""
    await bob.edit("contact", world.clerk, job_title="Chef")

    outcome = await ann.edit("contact", world.clerk, job_title="Buyer")
    await bob.pull()

    (conflict,) = outcome["conflicts"]
    assert (json.loads(conflict["kept"]), json.loads(conflict["lost"]), conflict["yours"]) == ("Buyer", "Chef", "kept")
    (record,) = bob.rows["conflict"].values()
    assert (json.loads(record["kept"]), json.loads(record["lost"])) == ("Buyer", "Chef")
    assert (record["kept_by"], record["lost_by"]) == (world.ann, world.bob)
    assert "later" in record["explanation"]


async def test_s12_an_edit_of_unknown_skew_waits_for_a_person(world: World, ann: WireDevice, bob: WireDevice):
    """A phone that never measured its clock can't claim to be the later."""
    await bob.edit("contact", world.clerk, job_title="Chef")

    (outcome,) = await ann.push(ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"), skew=None))

    assert outcome["conflicts"][0]["yours"] == "pending"
    row = await world.fetch("SELECT job_title, c.status FROM contact, conflict c WHERE contact.id = $1", world.clerk)
    assert row == [{"job_title": "Chef", "status": "open"}]


# Delete against edit


async def test_an_edit_of_a_row_deleted_meanwhile_brings_it_back_with_a_case(
    world: World, ann: WireDevice, bob: WireDevice
):
    """Nobody's work vanishes because somebody tidied up."""
    await bob.do(delete("contact", world.clerk, bob.rows["contact"][world.clerk]["revision"]))

    outcome = await ann.edit("contact", world.clerk, job_title="Buyer")
    await ann.pull()
    await bob.pull()

    assert outcome["conflicts"][0]["yours"] == "pending"
    assert bob.rows["contact"][world.clerk]["job_title"] == "Buyer"
    cases = await world.fetch("SELECT rule, status, kept_by::text, lost_by::text FROM conflict")
    assert cases == [{"rule": "case", "status": "open", "kept_by": world.bob, "lost_by": world.ann}]
    await assert_converged(world, ann, bob)


async def test_a_delete_of_a_row_edited_meanwhile_waits_for_a_person(world: World, ann: WireDevice, bob: WireDevice):
    """The one who deletes did not know of the edit."""
    await bob.edit("contact", world.clerk, job_title="Buyer")

    outcome = await ann.do(delete("contact", world.clerk, ann.rows["contact"][world.clerk]["revision"]))
    await ann.pull()
    await bob.pull()

    assert (outcome["status"], outcome["conflicts"][0]["field"]) == ("merged", "*")
    assert ann.rows["contact"][world.clerk]["job_title"] == "Buyer"
    cases = await world.fetch("SELECT rule, status, kept_by::text, lost_by::text FROM conflict")
    assert cases == [{"rule": "case", "status": "open", "kept_by": world.bob, "lost_by": world.ann}]
    await assert_converged(world, ann, bob)


async def test_two_who_delete_the_same_agree(world: World, ann: WireDevice, bob: WireDevice):
    """There is nothing to decide."""
    for device in (ann, bob):
        outcome = await device.do(delete("contact", world.clerk, device.rows["contact"][world.clerk]["revision"]))
        assert outcome["status"] == "applied"
    await ann.pull()
    await bob.pull()

    assert world.clerk not in ann.rows["contact"]
    await assert_converged(world, ann, bob)


async def test_a_draft_order_survives_the_outbox_of_weeks(world: World, ann: WireDevice):
    """Create, change, cancel, all offline, and handed in in one piece."""
    order, line = new_id(), new_id()
    changes = order_changes(world, order, "2", line_id=line)

    outcomes = await ann.push(
        ann.mutation(changes[0]),
        ann.mutation(changes[1]),
        ann.mutation({"op": "edit", "entity": "order_line", "id": line, "fields": {
            "quantity": {"value": "3", "seen": "2", "base": 0}}}),
        ann.mutation(cancel(order)),
    )  # fmt: skip

    assert statuses(outcomes) == ["applied"] * 4
    row = await world.fetch('SELECT status, total_minor FROM "order" WHERE id = $1', order)
    assert row == [{"status": "cancelled", "total_minor": 5400}]


async def test_a_transaction_that_fails_after_the_push_leaves_nothing(world: World, ann: WireDevice):
    """Outcomes, rows and the device's number are one commit."""
    mutation = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))

    async def push_and_fail() -> None:
        async with tenant_write(world.tenant, by=ann.actor) as revision:
            await push_module.push([mutation], incarnation=1, acked_through=0, revision=revision)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await push_and_fail()

    assert await outcomes_stored(world) == 0
    assert statuses(await ann.push(mutation)) == ["applied"]
