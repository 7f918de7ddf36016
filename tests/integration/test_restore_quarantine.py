"""Revoked phones whose work a restored server waits with: they hand it in, are wiped, and a manager decides (S1, S11).

The server keeps no content of what is parked until a phone brings it into quarantine.
"""

from pathlib import Path
from uuid import UUID

import pytest
from outrider_sdk import DeviceRevoked, ReplicaWiped

from server.db import tenant_transaction
from server.sync import quarantine
from server.sync.quarantine import HandIn, NotRevoked, QuarantineDecided
from tests.integration import installation, phones, waiting_work
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, contacts, enrol_phone
from tests.integration.sync_world import World
from tests.integration.waiting_work import EMAIL, decide, emails, end_healing, look_at, revoke, run_jobs

world = installation.world
ann, bob = phones.ann, waiting_work.bob


async def test_s1_a_revoked_phone_hands_in_what_waits_and_is_wiped(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Its number is known, and its content is nowhere else: quarantine takes it, and a release waits for Bob, too."""
    assert (await ann.sync()).parked == 1
    add(ann, world, "typed since")
    await revoke(world, wipe=True)

    with pytest.raises(ReplicaWiped):
        await ann.sync()
    seen = await look_at(world)
    released = await decide(world)
    still = await look_at(world)
    await bob.sync()
    await run_jobs(world)

    assert (seen, released) == (("waiting", 2, 1), {"applied": 1, "parked": 1})
    assert (still, await look_at(world)) == (("released", 2, 1), ("released", 2, 0))
    assert await emails(world) == 1
    assert {"Clara", "typed since"} <= set(await contacts(world))
    with pytest.raises(QuarantineDecided):
        await decide(world)


async def test_s12_what_waits_may_be_discarded(world: World, installation: Installation, ann: Phone, bob: Phone):
    """Then it waits for nobody any more: it is refused, and its payload stays on record."""
    await ann.sync()
    await revoke(world, wipe=True)
    with pytest.raises(ReplicaWiped):
        await ann.sync()

    counts = await decide(world, "discarded")
    await bob.sync()

    assert counts == {"refused": 1}
    assert await look_at(world) == ("discarded", 1, 0)
    [refused] = await world.fetch("SELECT code, payload::text AS payload FROM refused_mutation")
    assert (refused["code"], EMAIL in refused["payload"], await emails(world)) == ("quarantine_discarded", True, 0)


async def test_s1_when_healing_is_over_a_release_refuses_what_still_misses_its_rows(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Bob never came back: the manager learns why it cannot be taken, and it is kept as every refusal is."""
    await ann.sync()
    await revoke(world, wipe=True)
    with pytest.raises(ReplicaWiped):
        await ann.sync()
    await end_healing(world, installation)

    assert await decide(world) == {"refused": 1}
    [refused] = await world.fetch("SELECT code FROM refused_mutation")
    assert refused["code"] == "parent_missing"


async def test_s11_what_waits_though_the_phone_heard_of_its_end_is_handed_in_before_the_wipe(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Two disasters: the second backup was made while the work waited, and to the phone it is applied long since."""
    await ann.sync()
    await installation.backup()
    await bob.sync()
    assert (await ann.sync()).applied == 1
    await installation.restore()
    await revoke(world, wipe=True)

    with pytest.raises(ReplicaWiped):
        await ann.sync()
    await bob.sync()

    assert await decide(world) == {"applied": 1}
    assert await emails(world) == 1


async def test_s11_what_waits_is_handed_in_again_where_the_quarantine_was_lost(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """The phone does not trust its memory that the server had it: it asks before it erases."""
    await ann.sync()
    await installation.backup()
    await revoke(world, wipe=False)
    with pytest.raises(DeviceRevoked) as told:
        await ann.sync()
    await installation.restore()
    await revoke(world, wipe=True)

    with pytest.raises(ReplicaWiped):
        await ann.sync()

    assert (told.value.handed_in_through, told.value.kept_nowhere) == (1, 0)
    assert await look_at(world) == ("waiting", 1, 1)


async def test_s2_what_waits_in_quarantine_and_comes_by_a_code_takes_effect_once(
    world: World, installation: Installation, ann: Phone, bob: Phone, bridge: Bridge, tmp_path: Path
):
    """The manager releases what the phone, enrolled again, has handed in meanwhile."""
    await ann.sync()
    await revoke(world, wipe=False)
    with pytest.raises(DeviceRevoked):
        await ann.sync()
    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    await bob.sync()
    await ann.sync()

    assert await decide(world) == {"applied": 1}
    assert (await emails(world), ann.crm.status().pending) == (1, 0)


@pytest.mark.parametrize("forged", ["digest", "content"])
async def test_s1_other_work_under_the_number_of_what_waits_is_not_kept_for_it(
    world: World, installation: Installation, ann: Phone, bob: Phone, forged: str
):
    """The phone is told that its work is missing still, and is not wiped."""
    await ann.sync()
    [device] = await world.fetch("SELECT id FROM device WHERE member_id = $1", UUID(world.ann))
    with ann.crm._store.read() as conn:
        changes, digest = conn.execute("SELECT changes, digest FROM sync_outbox").fetchone()
    mutation = {"number": 1, "captured_at": 1, "skew": None, "changes": [], "digest": "0" * 64}
    mutation |= {"digest": digest} if forged == "content" else {}
    given = HandIn(device["id"], "", 1, [mutation], complete=True)

    async def hand_in() -> quarantine.HandedIn:
        async with tenant_transaction(world.tenant):
            return await quarantine.hand_in(given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quarantine.credentials, "proves", lambda *_: True)
        with pytest.raises(NotRevoked):
            await hand_in()
        await revoke(world, wipe=True)
        handed = await hand_in()

    assert EMAIL in changes
    assert (handed.through, handed.missing) == (1, [1])
    assert await world.fetch("SELECT FROM quarantine") == []
