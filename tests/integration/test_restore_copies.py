"""A restored server beside copied files, and beside pages of history that is lost (S11, S2): found by the simulator."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import DeviceRevoked, Rejected

from server.db import tenant_transaction
from server.sync.cursors import EPOCH_BITS
from server.sync.position import Position, PositionUnknown
from server.sync.pull import pull
from tests.integration import installation, phones
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts, enrol_again, enrol_phone
from tests.integration.sync_world import WireDevice, World

world = installation.world
ann = phones.ann


async def page_of(world: World, device: WireDevice, position: str | None) -> dict[str, Any]:
    async with tenant_transaction(world.tenant, snapshot=True):
        return await pull(device.cursor, Position.parse(position), actor=device.actor, page_rows=2)


async def test_s11_two_restores_of_one_backup_begin_different_epochs(
    world: World, installation: Installation, ann: Phone
):
    """What was typed after the first would count as having seen all that others write after the second."""
    await installation.backup()
    await installation.restore()
    await world.execute("UPDATE contact SET job_title = 'of the first restore' WHERE id = $1", UUID(world.clerk))
    await ann.sync()
    ann.crm.contacts.edit(world.clerk, name="from ann")
    await installation.restore()
    await world.execute("UPDATE contact SET name = 'from the office' WHERE id = $1", UUID(world.clerk))

    report = await ann.sync()

    assert (report.cursor >> EPOCH_BITS, report.merged) == (2, 1)
    assert [r["lost"] for r in await world.fetch("SELECT lost #>> '{}' AS lost FROM conflict")] == ["from ann"]


@pytest.mark.parametrize("adopted", [True, False])
async def test_s11_a_pull_whose_pages_are_of_lost_history_begins_anew(
    world: World, installation: Installation, adopted: bool
):
    """It began before the backup, and its second page holds what was written after it: nothing would remove that."""
    device = await world.device("ann")
    began = await page_of(world, device, None)
    await installation.backup()
    await world.execute("UPDATE contact SET name = 'lost' WHERE id = $1", UUID(world.clerk))
    went_on = await page_of(world, device, began["position"])

    await installation.restore(adopted=adopted)
    await world.execute("UPDATE contact SET job_title = 'something else' WHERE id = $1", UUID(world.clerk))

    with pytest.raises(PositionUnknown):
        await page_of(world, device, went_on["position"])
    assert await page_of(world, device, began["position"])  # of that page, nothing was lost


async def test_s11_a_copy_that_was_faster_after_a_restore_takes_no_work_of_the_other(
    world: World, installation: Installation, ann: Phone, bridge: Bridge
):
    """Both are the device that the server knows, which takes the copy's third change for its third."""
    add(ann, world, "a", "b")
    await ann.sync()
    copy = ann.copy("copy.db", bridge)
    await installation.backup()
    add(ann, world, "c", "d")
    await ann.sync()
    await installation.restore()
    add(copy, world, "of the copy")
    await copy.sync()

    for phone in (ann, copy, ann):
        await phone.sync()

    assert await contacts(world) == ["Carla Clerk", "a", "b", "c", "d", "of the copy"]
    await assert_phones_converged(world, "ann", ann, copy)
    copy.crm.close()


async def count_applied(world: World) -> int:
    """How many changes took effect, or were refused, not counting what another incarnation of a device had."""
    return int((await world.fetch("SELECT count(DISTINCT revision) AS n FROM mutation_outcome"))[0]["n"])


async def test_s2_copies_whose_past_nobody_knows_any_more_have_each_effect_once(
    world: World, installation: Installation, bridge: Bridge, tmp_path: Path
):
    """Two phones with one file, enrolled since the backup: each needs a code, and each holds the same work."""
    await installation.backup()
    ann = await enrol_phone(world, "ann", bridge, tmp_path)
    await ann.sync()
    add(ann, world, "in both")
    copy = ann.copy("copy.db", bridge)
    await installation.restore()

    reports = []
    for phone in (ann, copy):
        with pytest.raises((DeviceRevoked, Rejected)):
            await phone.sync()
        await enrol_again(world, phone, bridge)
        reports.append(await phone.sync())

    assert [report.refused for report in reports] == [0, 0]
    assert (await contacts(world), await count_applied(world)) == (["Carla Clerk", "in both"], 1)
    for phone in (ann, copy):
        phone.crm.close()
