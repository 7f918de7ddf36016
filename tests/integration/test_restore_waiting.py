"""Work that waits at a restored server (S1, S11): upon a row that another phone has not handed in again yet."""

from uuid import UUID

import pytest
from outrider_sdk import ReplicaWiped, ServerUnavailable

from server.auth.tokens import keys
from tests.integration import installation, phones, waiting_work
from tests.integration.application import APP
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts
from tests.integration.rest_world import Person
from tests.integration.sync_world import World
from tests.integration.waiting_work import EMAIL, decide, run_jobs

world = installation.world
ann, bob = phones.ann, waiting_work.bob


async def channels(world: World) -> list[str]:
    return [r["value"] for r in await world.fetch("SELECT value FROM contact_channel ORDER BY 1")]


async def test_s1_a_phone_whose_work_waits_at_a_restored_server_is_not_wiped_yet(world: World, ann: Phone, bob: Phone):
    """The server keeps no content of what is parked: the phone alone has it."""
    await world.execute("UPDATE device SET wipe_ordered_at = now() WHERE member_id = $1", UUID(world.ann))

    with pytest.raises(ServerUnavailable, match="Nothing was erased"):
        await ann.sync()
    await bob.sync()
    with pytest.raises(ReplicaWiped):
        await ann.sync()

    assert await channels(world) == ["carla@shop.example", EMAIL]


async def test_s12_who_has_a_waiting_phone_wiped_is_told_what_lets_the_wipe_go_on(world: World, ann: Phone, bob: Phone):
    """Bob is at sea for a week, and Ann's phone is to be sold tomorrow: Mia revokes it, and nothing is lost."""
    await ann.sync()
    [device] = await world.fetch("SELECT id FROM device WHERE member_id = $1", UUID(world.ann))
    mia = await manager(world)

    ordered = await mia.post(f"/devices/{device['id']}/wipe")
    with pytest.raises(ServerUnavailable, match="Nothing was erased"):
        await ann.sync()
    listed = {each["id"]: each for each in await mia.get("/devices")}
    await mia.send("DELETE", f"/devices/{device['id']}")
    with pytest.raises(ReplicaWiped):
        await ann.sync()
    after = {each["id"]: each for each in await mia.get("/devices")}[str(device["id"])]
    released = await decide(world)
    await bob.sync()
    await run_jobs(world)

    assert ordered["wipe_waits_for"] == 1
    assert f"revoke it as well (DELETE /devices/{device['id']})" in ordered["advice"]
    assert listed[str(device["id"])] | {"last_seen_at": None} == ordered | {"last_seen_at": None}
    assert [(e["wipe_waits_for"], e["advice"]) for i, e in listed.items() if i != str(device["id"])] == [(0, None)]
    assert (after["wipe_waits_for"], after["advice"]) == (0, None)
    assert (released, await channels(world)) == ({"parked": 1}, ["carla@shop.example", EMAIL])


async def manager(world: World) -> Person:
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.mia), role="manager")
    return Person(APP, world.tenant, UUID(world.mia), "manager", token)


async def test_s11_what_waited_in_the_backup_is_handed_in_again_though_its_device_has_heard_of_its_end(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Two disasters in two weeks: the backup was made while the work waited, and the server has no content of it."""
    parked = await ann.sync()
    await installation.backup()
    await bob.sync()
    applied = await ann.sync()
    await installation.restore()

    for phone in (ann, bob, ann, ann):
        await phone.sync()

    assert (parked.parked, applied.applied) == (1, 1)
    assert EMAIL in await channels(world)


async def test_s2_what_waits_under_two_copies_of_a_file_takes_effect_once(
    world: World, ann: Phone, bob: Phone, bridge: Bridge
):
    """Both hand in the same visit to a shop whose maker has not synced yet; then it comes back."""
    copy = ann.copy("copy.db", bridge)
    add(copy, world, "typed on the copy")
    add(ann, world, "typed on ann's")

    for phone in (ann, copy, bob, copy, ann, copy):
        await phone.sync()

    assert await contacts(world) == ["Carla Clerk", "Clara", "typed on ann's", "typed on the copy"]
    outcomes = await world.fetch("SELECT DISTINCT outcome FROM mutation_outcome WHERE outcome ->> 'number' = '1'")
    assert [phone.crm.status().pending for phone in (ann, copy)] == [0, 0]
    assert ("already_exists" in str(outcomes), "refused" in str(outcomes)) == (False, False)
    await assert_phones_converged(world, "ann", ann, copy)
    copy.crm.close()
