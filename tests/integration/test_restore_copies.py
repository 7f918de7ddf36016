"""Restored servers and copied files at once (S11, S2): each of these was found by the simulator."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import DeviceRevoked, Offline, Rejected, ReplicaWiped, ServerUnavailable

from server.auth.standings import forget_standings
from server.db import tenant_transaction
from server.sync.cursors import EPOCH_BITS
from server.sync.position import Position, PositionUnknown
from server.sync.pull import pull
from tests.integration import installation, phones
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts, enrol_phone
from tests.integration.sync_world import WireDevice, World

world = installation.world
ann = phones.ann


async def count_applied(world: World) -> int:
    """How many changes took effect, or were refused, not counting what another incarnation of a device had."""
    return int((await world.fetch("SELECT count(DISTINCT revision) AS n FROM mutation_outcome"))[0]["n"])


async def page_of(world: World, device: WireDevice, position: str | None) -> dict[str, Any]:
    async with tenant_transaction(world.tenant, snapshot=True):
        return await pull(device.cursor, Position.parse(position), actor=device.actor, page_rows=2)


async def enrol_again(world: World, phone: Phone, bridge: Bridge, folder: Path) -> None:
    with pytest.raises((DeviceRevoked, Rejected)):
        await phone.sync()
    await enrol_phone(world, "ann", bridge, folder, phone=phone)


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


async def test_s2_what_waits_under_two_copies_of_a_file_takes_effect_once(
    world: World, installation: Installation, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """Both hand in the same visit to a shop whose maker has not synced yet; then it comes back."""
    bob = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    await bob.sync()
    await installation.backup()
    clara = bob.crm.contacts.create(account_id=world.shop, name="Clara")
    await bob.sync()
    await ann.sync()
    ann.crm.contact_channels.create(contact_id=clara.id, channel_kind="email", value="clara@shop.example")
    await ann.sync()
    copy = ann.copy("copy.db", bridge)
    add(copy, world, "typed on the copy")
    await installation.restore()
    add(ann, world, "typed on ann's")
    for phone in (ann, copy, bob, copy, ann, copy):
        await phone.sync()

    assert await contacts(world) == ["Carla Clerk", "Clara", "typed on ann's", "typed on the copy"]
    outcomes = await world.fetch("SELECT DISTINCT outcome FROM mutation_outcome WHERE outcome ->> 'number' = '1'")
    assert [phone.crm.status().pending for phone in (ann, copy)] == [0, 0]
    assert ("already_exists" in str(outcomes), "refused" in str(outcomes)) == (False, False)
    await assert_phones_converged(world, "ann", ann, copy)
    for phone in (bob, copy):
        phone.crm.close()


async def test_s1_a_phone_whose_work_waits_at_a_restored_server_is_not_wiped_yet(
    world: World, installation: Installation, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """The server keeps no content of what is parked: the phone alone has it."""
    bob = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    await installation.backup()
    clara = bob.crm.contacts.create(account_id=world.shop, name="Clara")
    await bob.sync()
    await ann.sync()
    ann.crm.contact_channels.create(contact_id=clara.id, channel_kind="email", value="clara@shop.example")
    await ann.sync()
    await installation.restore()
    await world.execute("UPDATE device SET wipe_ordered_at = now() WHERE member_id = $1", UUID(world.ann))

    with pytest.raises(ServerUnavailable, match="Nothing was erased"):
        await ann.sync()
    await bob.sync()
    with pytest.raises(ReplicaWiped):
        await ann.sync()

    assert [r["value"] for r in await world.fetch("SELECT value FROM contact_channel ORDER BY 1")] == [
        "carla@shop.example",
        "clara@shop.example",
    ]
    bob.crm.close()


async def test_s1_a_revoked_phone_whose_work_waits_at_a_restored_server_is_not_wiped_yet(
    world: World, installation: Installation, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """The server knows its number, so quarantine does not take it; a code brings it in, and then the phone is wiped."""
    bob = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    await installation.backup()
    clara = bob.crm.contacts.create(account_id=world.shop, name="Clara")
    await bob.sync()
    await ann.sync()
    ann.crm.contact_channels.create(contact_id=clara.id, channel_kind="email", value="clara@shop.example")
    await ann.sync()
    await installation.restore()
    assert (await ann.sync()).parked == 1
    ordered = "UPDATE device SET revoked_at = now(), wipe_ordered_at = now() WHERE member_id = $1"
    await world.execute(ordered, UUID(world.ann))
    forget_standings()

    with pytest.raises(DeviceRevoked):
        await ann.sync()

    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    await bob.sync()
    with pytest.raises(ReplicaWiped):
        await ann.sync()
    assert len(await world.fetch("SELECT FROM contact_channel WHERE value = 'clara@shop.example'")) == 1
    bob.crm.close()


async def test_s11_what_waited_in_the_backup_is_handed_in_again_though_its_device_has_heard_of_its_end(
    world: World, installation: Installation, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """Two disasters in two weeks: the backup was made while the work waited, and the server has no content of it."""
    bob = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    await installation.backup()
    clara = bob.crm.contacts.create(account_id=world.shop, name="Clara")
    await bob.sync()
    await ann.sync()
    ann.crm.contact_channels.create(contact_id=clara.id, channel_kind="email", value="clara@shop.example")
    await ann.sync()
    await installation.restore()
    parked = await ann.sync()
    await installation.backup()
    await bob.sync()
    applied = await ann.sync()
    await installation.restore()

    for phone in (ann, bob, ann, ann):
        await phone.sync()

    assert (parked.parked, applied.applied) == (1, 1)
    assert "clara@shop.example" in [r["value"] for r in await world.fetch("SELECT value FROM contact_channel")]
    bob.crm.close()


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
    world: World, installation: Installation, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """The server has forgotten the second enrolment, and has the work of the first one."""
    add(ann, world, "in the backup")
    await ann.sync()
    await installation.backup()
    await world.execute("UPDATE device SET revoked_at = now()")
    forget_standings()
    await enrol_again(world, ann, bridge, tmp_path)
    add(ann, world, "since the backup")
    await ann.sync()
    await installation.restore()

    await enrol_again(world, ann, bridge, tmp_path)
    report = await ann.sync()

    assert (report.applied, report.refused) == (1, 0)
    assert await contacts(world) == ["Carla Clerk", "in the backup", "since the backup"]
    [newest] = await world.fetch("SELECT origin_id, begun_after FROM device ORDER BY enrolled_at DESC, id DESC LIMIT 1")
    assert (newest["origin_id"] is not None, newest["begun_after"]) == (True, 1)


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
        await enrol_again(world, phone, bridge, tmp_path)
        reports.append(await phone.sync())

    assert [report.refused for report in reports] == [0, 0]
    assert (await contacts(world), await count_applied(world)) == (["Carla Clerk", "in both"], 1)
    for phone in (ann, copy):
        phone.crm.close()


async def test_s11_a_push_that_broke_off_is_begun_anew_by_a_phone_that_is_enrolled_again(
    world: World,
    installation: Installation,
    ann: Phone,
    bridge: Bridge,
    tmp_path: Path,
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

    await enrol_again(world, ann, bridge, tmp_path)
    await ann.sync()

    assert (ann.crm.status().pending, ann.crm._store.meta_int("incarnation")) == (0, 2)
    assert await contacts(world) == ["Carla Clerk", "a", "b", "c"]


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


BURY = "UPDATE contact SET deleted_at = now() WHERE id = $1"


def add_channel(phone: Phone, world: World) -> None:
    phone.crm.contact_channels.create(contact_id=world.clerk, channel_kind="phone", value="+4930123456")


async def test_s1_what_comes_again_without_its_content_does_not_follow_on_another_copys_work(
    world: World, installation: Installation, ann: Phone, bridge: Bridge
):
    """Its digest shows nobody what it is of: without a word of what it follows, the server took it for the copy's next.

    The phone then forked without end, as each life of it went on from there.
    """
    await installation.backup()
    copy = ann.copy("copy.db", bridge)
    await world.execute(BURY, UUID(world.clerk))
    add(ann, world, "a")
    add_channel(ann, world)
    assert (await ann.sync()).refused == 1
    await installation.restore()
    add(copy, world, "of the copy")
    await copy.sync()

    await ann.sync()

    await copy.sync()
    assert await contacts(world) == ["Carla Clerk", "a", "of the copy"]
    await assert_phones_converged(world, "ann", ann, copy)
    copy.crm.close()


async def test_s12_a_copy_hears_of_what_was_decided_otherwise_after_a_restore(
    world: World, installation: Installation, ann: Phone, bridge: Bridge
):
    """It had the server's word that its change is applied, and another phone with the same file was told otherwise."""
    await installation.backup()
    add_channel(ann, world)
    applied = await ann.sync()
    copy = ann.copy("copy.db", bridge)
    await installation.restore()
    await world.execute(BURY, UUID(world.clerk))

    reports = [await phone.sync() for phone in (ann, copy)]

    assert (applied.applied, [report.refused for report in reports]) == (1, [1, 1])
    assert [[i.code for i in phone.crm.attention() if i.number] for phone in (ann, copy)] == [["parent_missing"]] * 2
    copy.crm.close()


async def test_s12_a_phone_hears_what_a_later_backup_has_of_its_work_where_an_earlier_one_was_restored_first(
    world: World, installation: Installation, ann: Phone
):
    """In between it was refused, and the person would do again what the server has."""
    await installation.backup()
    add_channel(ann, world)
    await ann.sync()
    await installation.backup("later")
    await installation.restore()
    await world.execute(BURY, UUID(world.clerk))
    in_between = await ann.sync()
    await installation.restore("later")

    await ann.sync()

    assert in_between.refused == 1
    assert [item.code for item in ann.crm.attention() if item.number] == []
    await assert_phones_converged(world, "ann", ann)


async def test_s2_what_a_held_push_brought_after_a_restore_is_refused_no_longer(
    world: World, installation: Installation, ann: Phone, bridge: Bridge
):
    """The person was told that it is refused, and would do it again."""
    await installation.backup()
    await world.execute(BURY, UUID(world.clerk))
    add_channel(ann, world)
    first = await ann.sync()
    [held] = [message for path, message, _ in bridge.log if path == "/sync/push" and message["mutations"]]
    await installation.restore()
    credentials = ann.credentials.load()
    assert credentials is not None
    await bridge._post("/sync/push", held, credentials.access_token)

    await ann.sync()

    assert (first.refused, [item.number for item in ann.crm.attention() if item.number]) == (1, [])
    assert len(await world.fetch("SELECT FROM contact_channel WHERE value = '+4930123456'")) == 1
    await assert_phones_converged(world, "ann", ann)


async def test_s12_what_comes_again_without_its_content_counts_as_refused(
    world: World, installation: Installation, ann: Phone, bridge: Bridge
):
    """The phone that was refused knows why. Its copy, which was not told yet, would take the empty one for applied."""
    await installation.backup()
    await world.execute(BURY, UUID(world.clerk))
    add_channel(ann, world)
    copy = ann.copy("copy.db", bridge)
    first = await ann.sync()
    add(ann, world, "next")
    await ann.sync()
    await installation.restore()
    await ann.sync()

    report = await copy.sync()

    assert (first.refused, report.refused) == (1, 1)
    assert [i.code for i in copy.crm.attention() if i.number] == ["refused_before"]
    assert [i.code for i in ann.crm.attention() if i.number] == ["parent_missing"]
    copy.crm.close()


async def test_s6_a_settlement_of_a_conflict_that_is_lost_tells_nothing_of_an_erased_person(
    world: World, installation: Installation, ann: Phone
):
    """The restored server knows the person, and not the conflict about her: the row tells it apart."""
    from server.crm.erasure.commands import erase_person

    await installation.backup()
    ann.crm.contacts.edit(world.clerk, job_title="Boss")
    await world.execute("UPDATE contact SET job_title = 'Chef de cuisine' WHERE id = $1", UUID(world.clerk))
    await ann.sync()
    [conflict] = ann.crm.conflicts.list()
    ann.crm.conflicts.settle(conflict.id, "keep")
    await installation.restore()
    await erase_person(world.tenant, "contact", UUID(world.clerk))

    await ann.sync()

    told = [i for i in ann.crm.attention() if i.number == 2]
    assert [i.code for i in told] == ["erased"]
    assert b"Chef de cuisine" not in (ann.folder / ann.name).read_bytes()
