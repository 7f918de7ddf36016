"""Phones that are revoked, to be wiped, or enrolled again, and a server that was restored (S1, S2, S11)."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import DeviceRevoked, Offline, Rejected, ReplicaWiped

from server.auth import wipes
from server.auth.standings import forget_standings
from server.db import tenant_transaction
from tests.integration import installation, phones
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, contacts, enrol_again, enrol_phone
from tests.integration.sync_world import World

world = installation.world
ann = phones.ann


async def test_s11_a_phone_that_is_to_be_wiped_hands_in_what_a_restored_server_lost(
    world: World, installation: Installation, ann: Phone
):
    """It had the server's word for it, and no page tells it that the word is void: it asks before it erases."""
    await installation.backup()
    add(ann, world, "acknowledged")
    await ann.sync()
    await installation.restore()
    await world.execute("UPDATE device SET wipe_ordered_at = now()")

    with pytest.raises(ReplicaWiped):
        await ann.sync()

    assert "acknowledged" in await contacts(world)


@pytest.mark.parametrize("handed_in_before", [False, True])
async def test_s11_a_revoked_phone_hands_in_again_what_a_restored_server_lost_before_it_is_wiped(
    world: World, installation: Installation, ann: Phone, handed_in_before: bool
):
    """Its work waits for a manager, also what was acknowledged, or in quarantine, before the disaster."""
    await installation.backup()
    add(ann, world, "acknowledged")
    await ann.sync()
    add(ann, world, "not handed in")
    if handed_in_before:
        await world.execute("UPDATE device SET revoked_at = now()")
        forget_standings()
        with pytest.raises(DeviceRevoked):
            await ann.sync()
    await installation.restore()
    await world.execute("UPDATE device SET revoked_at = now(), wipe_ordered_at = now()")
    forget_standings()

    with pytest.raises(ReplicaWiped):
        await ann.sync()

    kept = await world.fetch("SELECT number, payload FROM quarantined_mutation ORDER BY number")
    assert [(row["number"], name in row["payload"]) for row, name in zip(kept, (b"ack", b"not"), strict=True)] == [
        (1, True),
        (2, True),
    ]


async def test_s2_a_phone_that_was_enrolled_again_since_the_backup_is_recognised_by_its_past(
    world: World, installation: Installation, ann: Phone, bridge: Bridge
):
    """The server has forgotten the second enrolment, and has the work of the first one."""
    add(ann, world, "in the backup")
    await ann.sync()
    await installation.backup()
    await world.execute("UPDATE device SET revoked_at = now()")
    forget_standings()
    with pytest.raises((DeviceRevoked, Rejected)):
        await ann.sync()
    await enrol_again(world, ann, bridge)
    add(ann, world, "since the backup")
    await ann.sync()
    await installation.restore()

    with pytest.raises((DeviceRevoked, Rejected)):
        await ann.sync()
    await enrol_again(world, ann, bridge)
    report = await ann.sync()

    assert (report.applied, report.refused) == (1, 0)
    assert await contacts(world) == ["Carla Clerk", "in the backup", "since the backup"]
    [newest] = await world.fetch("SELECT origin_id, begun_after FROM device ORDER BY enrolled_at DESC, id DESC LIMIT 1")
    assert (newest["origin_id"] is not None, newest["begun_after"]) == (True, 1)


async def test_s11_a_push_that_broke_off_is_begun_anew_by_a_phone_that_is_enrolled_again(
    world: World,
    installation: Installation,
    ann: Phone,
    bridge: Bridge,
    monkeypatch: pytest.MonkeyPatch,
):
    """From where the old device had to hand in again is no concern of the new one, which knows what was answered."""
    monkeypatch.setattr("outrider_sdk.outbox.PUSH_MUTATIONS_MAX", 1)
    await installation.backup()
    add(ann, world, "a", "b")
    await ann.sync()
    await installation.restore()
    add(ann, world, "c")

    def lose(path: str, message: Any) -> None:
        is_third = path == "/sync/push" and message["mutations"][0]["number"] == 3
        if is_third and ann.crm._store.meta("again_from") == "1":
            raise Offline("lost")

    bridge.before = lose
    with pytest.raises(Offline):
        await ann.sync()
    bridge.before = lambda path, message: None
    await world.execute("UPDATE device SET revoked_at = now()")
    forget_standings()

    with pytest.raises((DeviceRevoked, Rejected)):
        await ann.sync()
    await enrol_again(world, ann, bridge)
    await ann.sync()

    assert (ann.crm.status().pending, ann.crm._store.meta_int("incarnation")) == (0, 2)
    assert await contacts(world) == ["Carla Clerk", "a", "b", "c"]


async def leave(world: World, *, active: bool = False) -> None:
    """Ann leaves the company, or is back."""
    async with tenant_transaction(world.tenant):
        await (wipes.cancel_wipes_of if active else wipes.order_wipes_of)(UUID(world.ann))


async def wipe_order(world: World) -> list[tuple[bool, bool, bool]]:
    """Of Ann's devices: whether they are to be wiped, at once, and were."""
    sql = "SELECT wipe_ordered_at IS NOT NULL AS a, wipe_now AS b, wiped_at IS NOT NULL AS c FROM device"
    return [tuple(row.values()) for row in await world.fetch(f"{sql} WHERE member_id = $1", UUID(world.ann))]


@pytest.mark.parametrize("now", [False, True])
async def test_s11_an_order_to_wipe_that_was_given_since_the_backup_stands(
    world: World, installation: Installation, ann: Phone, now: bool
):
    """The thief must not profit from the disaster, nor a rep lose what they have typed meanwhile."""
    await installation.backup()
    async with tenant_transaction(world.tenant):
        await wipes.order_wipe(UUID(ann.crm.status().device_id), now=now, by=UUID(world.mia), role="manager")
    add(ann, world, "typed")

    await installation.restore()

    assert await wipe_order(world) == [(True, now, False)]
    with pytest.raises(ReplicaWiped):
        await ann.sync()
    assert ("typed" in await contacts(world)) is not now


async def test_s11_a_wipe_that_was_done_since_the_backup_is_known(
    world: World, installation: Installation, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """A copy of the erased file does not come back, and nobody waits for the phone."""
    monkeypatch.setattr(wipes.credentials, "proves", lambda *_: True)
    await installation.backup()
    await leave(world)
    async with tenant_transaction(world.tenant):
        await wipes.record_receipt(UUID(ann.crm.status().device_id), "", {"files": 1})

    await installation.restore()

    assert [wiped for *_, wiped in await wipe_order(world)] == [True]
    with pytest.raises(DeviceRevoked):
        await ann.sync()


async def test_s11_who_came_back_since_the_backup_keeps_the_phone(world: World, installation: Installation, ann: Phone):
    """The backup holds an order that was withdrawn: it must not come back with the disaster."""
    await leave(world)
    await installation.backup()
    await leave(world, active=True)

    await installation.restore()

    assert await wipe_order(world) == [(False, False, False)]
    await ann.sync()


async def test_s11_a_phone_that_the_backup_does_not_know_comes_back_with_its_order(
    world: World, installation: Installation, bridge: Bridge, tmp_path: Path
):
    """It was enrolled since, and is let in by its lease, or by a code: to hand in, and to be wiped."""
    await installation.backup()
    ann = await enrol_phone(world, "ann", bridge, tmp_path)
    await ann.sync()
    await leave(world)
    add(ann, world, "typed")
    await installation.restore()
    assert await wipe_order(world) == []

    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    with pytest.raises(ReplicaWiped):
        await ann.sync()

    assert "typed" in await contacts(world)
