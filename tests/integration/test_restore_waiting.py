"""Work that waits at a restored server (S1, S11): upon a row that another phone has not handed in again yet."""

from uuid import UUID

import pytest
from outrider_sdk import ReplicaWiped, ServerUnavailable

from tests.integration import installation, phones, waiting_work
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts
from tests.integration.sync_world import World
from tests.integration.waiting_work import EMAIL

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
