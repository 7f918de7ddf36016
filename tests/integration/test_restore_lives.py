"""A file of a life that a restored server has lost, beside credentials of an earlier one (S11, S2): found by the
simulator."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from outrider_sdk import DeviceRevoked, MemoryCredentials

from server.storage import ledger
from tests.integration import installation, phones
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts, enrol_phone, open_phone
from tests.integration.sync_world import World

world = installation.world
ann = phones.ann


@pytest.fixture
async def lost(world: World, installation: Installation, ann: Phone, bridge: Bridge) -> AsyncIterator[Phone]:
    """A copy that went on as another device since the backup; its file was moved to where the old credentials are."""
    add(ann, world, "a", "b")
    await ann.sync()
    copy = ann.copy("copy.db", bridge)
    for name in ("c", "d"):
        add(ann, world, name)
        await ann.sync()
    await installation.backup()
    add(copy, world, "of the copy")
    await copy.sync()
    add(copy, world, "later")
    await copy.sync()
    add(copy, world, "unsent")
    assert copy.crm.status().device_id != ann.crm.status().device_id
    copy.crm.close()
    await installation.restore()
    phone = open_phone(ann.folder, "copy.db", MemoryCredentials(ann.credentials.load()), bridge)
    yield phone
    phone.crm.close()


async def test_s11_a_file_of_a_life_that_the_backup_does_not_know_goes_on_from_what_it_knows(
    world: World, ann: Phone, lost: Phone
):
    """Nobody has to draw a code: who asks has the secret of all the lives, and what is common tells where they part."""
    forgotten = lost.crm.status().device_id

    report = await lost.sync()

    assert (report.begun_anew, report.refused) == (True, 0)
    assert lost.crm.status().device_id not in (forgotten, ann.crm.status().device_id)
    await ann.sync()
    await lost.sync()
    assert await contacts(world) == ["Carla Clerk", "a", "b", "c", "d", "later", "of the copy", "unsent"]
    await assert_phones_converged(world, "ann", ann, lost)
    [newest] = await world.fetch("SELECT origin_id, begun_after FROM device ORDER BY incarnation DESC LIMIT 1")
    assert (str(newest["origin_id"]), newest["begun_after"]) == (ann.crm.status().device_id, 2)


async def test_s6_a_lost_life_that_was_revoked_since_the_backup_stays_out(world: World, lost: Phone):
    """The restored server does not know that it was stolen; the ledger does."""
    ledger.note("revoked", world.tenant.id, str(lost.crm.status().device_id))

    with pytest.raises(DeviceRevoked):
        await lost.sync()

    assert await contacts(world) == ["Carla Clerk", "a", "b", "c", "d"]


async def test_s6_a_device_that_nobody_knows_is_no_past_for_whoever_lacks_the_secret(
    world: World, ann: Phone, bridge: Bridge
):
    """A token alone begins no new life, whatever the server has lost."""
    held = ann.credentials.load()
    assert held is not None
    key = str(uuid4())
    message = {"device_id": str(uuid4()), "key": key, "proof": held.proof("another")}
    message |= {"points": [{"number": 0, "digest": "0" * 64}]}  # type: ignore[dict-item]

    status, problem = await bridge._post("/devices/incarnations", message, held.access_token)

    assert (status, problem["code"]) == (403, "proof_invalid")
    assert len(await world.fetch("SELECT FROM device")) == 1


async def test_s6_a_lost_life_is_not_taken_over_with_another_members_token(
    world: World, lost: Phone, bridge: Bridge, tmp_path: Path
):
    """Bob's token with Ann's secret makes none of her work his."""
    bob = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    held, hers = bob.credentials.load(), lost.credentials.load()
    assert held is not None
    assert hers is not None
    key = str(uuid4())
    message = {"device_id": str(lost.crm.status().device_id), "key": key, "proof": hers.proof(key)}
    message |= {"points": [{"number": 0, "digest": "0" * 64}]}  # type: ignore[dict-item]

    status, problem = await bridge._post("/devices/incarnations", message, held.access_token)

    assert (status, problem["code"]) == (403, "proof_invalid")
    bob.crm.close()
