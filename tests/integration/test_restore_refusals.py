"""What was refused, or decided otherwise, before a restore or after it, and what its person is told (S12)."""

from uuid import UUID

from tests.integration import installation, phones
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts
from tests.integration.sync_world import World

world = installation.world
ann = phones.ann

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
