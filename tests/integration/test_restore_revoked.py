"""Phones that are revoked, to be wiped, or enrolled again, and a server that was restored (S1, S2, S11)."""

from typing import Any

import pytest
from outrider_sdk import DeviceRevoked, Offline, Rejected, ReplicaWiped

from server.auth.standings import forget_standings
from tests.integration import installation, phones
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, contacts, enrol_again
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
