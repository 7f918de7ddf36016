"""A server that was restored from its backup heals (S11): what devices had acknowledged comes back, once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import DeviceRevoked, Rejected

from server.db import tenant_transaction
from server.storage import ledger
from server.sync.horizon import note_durable
from server.sync.parking import HEALING_DAYS
from server.tenants.recovery import DatabaseRestored, adopt, check_places
from server.tenants.service import owner_connection
from tests.integration import installation
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, assert_phones_converged, enrol_phone
from tests.integration.sync_world import World

world = installation.world


@pytest.fixture
async def phones(world: World, bridge: Bridge, tmp_path: Path) -> AsyncIterator[tuple[Phone, Phone]]:
    """Ann's and Bob's; both see the shop."""
    both = [await enrol_phone(world, name, bridge, tmp_path, name=f"{name}.db") for name in ("ann", "bob")]
    for phone in both:
        await phone.sync()
    yield both[0], both[1]
    for phone in both:
        phone.crm.close()


async def rows(world: World, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(r.values()) for r in await world.fetch(sql)]


CONTACTS = "SELECT name, job_title FROM contact WHERE deleted_at IS NULL ORDER BY name"


async def business(world: World) -> list[Any]:
    """What the reps made, in the eyes of the office."""
    return [
        await rows(world, CONTACTS),
        await rows(world, "SELECT value FROM contact_channel WHERE deleted_at IS NULL ORDER BY 1"),
        await rows(world, 'SELECT number, status, total_minor FROM "order" WHERE deleted_at IS NULL ORDER BY 1'),
        await rows(world, "SELECT quantity, amount_minor FROM order_line WHERE deleted_at IS NULL ORDER BY 1"),
    ]


async def work_together(world: World, ann: Phone, bob: Phone) -> None:
    """Each builds on what the other did, and all of it is acknowledged."""
    clara = ann.crm.contacts.create(account_id=world.shop, name="Clara")
    await ann.sync()
    await bob.sync()
    bob.crm.contacts.edit(clara.id, job_title="Buyer")
    bob.crm.contact_channels.create(contact_id=clara.id, channel_kind="email", value="clara@shop.example")
    await bob.sync()
    with ann.crm.transaction():
        order = ann.crm.orders.create(outlet_id=world.shop_outlet)
        ann.crm.order_lines.create(order_id=order.id, product_id=world.tea, quantity=2)
        ann.crm.orders.submit(order.id)
    await ann.sync()
    await bob.sync()


async def test_s11_nothing_acknowledged_since_the_backup_is_lost_or_doubled(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """The order was promised to a customer, and the rep had the server's word for it."""
    ann, bob = phones
    ann.crm.contacts.edit(world.clerk, name="before the backup")
    await ann.sync()
    await installation.backup()
    await work_together(world, ann, bob)
    before = await business(world)
    await installation.restore()
    lost = await business(world)

    for phone in (bob, ann, bob, ann):  # Bob first: what he changed is not there yet
        await phone.sync()

    assert lost != before
    assert await business(world) == before
    await assert_phones_converged(world, "ann", ann)
    await assert_phones_converged(world, "bob", bob)
    assert [phone.crm.status().pending for phone in phones] == [0, 0]
    assert all("server_restored" in {i.code for i in phone.crm.attention()} for phone in phones)


async def test_s11_work_upon_a_row_that_is_not_back_yet_waits_and_stays_on_the_screen(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """Refusing it would ask Bob to repair what will repair itself."""
    ann, bob = phones
    await installation.backup()
    await work_together(world, ann, bob)
    await installation.restore()

    report = await bob.sync()

    assert (report.refused, report.handed_in_again, report.parked) == (0, 2, 2)
    assert bob.crm.status().pending == 2
    assert [c.value for c in bob.crm.contact_channels.list()].count("clara@shop.example") == 1
    assert bob.crm.verify() == []


async def test_s11_what_never_comes_back_is_refused_in_the_end_with_an_explanation(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """Ann's phone fell into the river meanwhile: after two weeks Bob is told, and has his text."""
    ann, bob = phones
    await installation.backup()
    await work_together(world, ann, bob)
    await installation.restore()
    await bob.sync()
    async with owner_connection(installation.url) as owner:
        await owner.execute(
            f'UPDATE "{world.tenant.schema}".revision_counter SET epoch_began_at = now() - make_interval(days => $1)',
            HEALING_DAYS + 1,
        )

    report = await bob.sync()

    assert report.refused == 2
    assert {item.code for item in bob.crm.attention()} == {"server_restored", "not_found", "parent_missing"}
    assert bob.crm.status().pending == 0
    await assert_phones_converged(world, "bob", bob)


async def test_s11_edits_after_the_restore_conflict_with_those_of_before(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """Revisions of a new epoch are above all that a device ever saw, so nobody's word is overwritten unseen."""
    ann, _ = phones
    await installation.backup()
    ann.crm.contacts.edit(world.clerk, name="from ann, lost and found")
    await ann.sync()
    await installation.restore()
    await world.execute("UPDATE contact SET name = 'from the office, later' WHERE id = $1", UUID(world.clerk))

    report = await ann.sync()

    assert report.merged == 1
    assert await rows(world, CONTACTS) == [("from the office, later", "Clerk")]
    assert ("from ann, lost and found",) in await rows(world, "SELECT lost #>> '{}' FROM conflict")


async def test_s11_devices_heal_a_restore_that_nobody_told_them_of(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """Somebody ran pg_restore into the same place: the tokens give it away, device by device."""
    ann, bob = phones
    await installation.backup()
    ann.crm.contacts.create(account_id=world.shop, name="acknowledged")
    await ann.sync()
    await bob.sync()
    await installation.restore(adopted=False)
    await world.execute("UPDATE account SET name = 'in the same revision' WHERE id = $1", UUID(world.shop))

    for phone in (ann, bob, ann):
        await phone.sync()

    assert ("acknowledged", None) in await rows(world, CONTACTS)
    await assert_phones_converged(world, "ann", ann)
    await assert_phones_converged(world, "bob", bob)


async def test_s11_a_restored_database_is_not_served_before_it_is_adopted(world: World, installation: Installation):
    """Whoever restores should know that devices will pull anew, and that the original must be off."""
    await installation.backup()
    await installation.restore(adopted=False)
    urls = {"main": installation.url}

    with pytest.raises(DatabaseRestored, match=r"another database.*outrider adopt"):
        await check_places(urls, installation.folder)
    [adopted] = await adopt(urls, installation.folder)
    await check_places(urls, installation.folder)

    assert (adopted.tenants, adopted.revoked) == (1, 0)


async def test_s11_files_that_went_back_in_time_are_recognised(world: World, installation: Installation):
    """The cluster's folder of last night under the same name has all identifiers; its log is shorter."""
    places = (installation.folder / "databases.json").read_text()
    far = places.replace('"position": ', '"position": 9999')
    (installation.folder / "databases.json").write_text(far)

    with pytest.raises(DatabaseRestored, match="back in time"):
        await check_places({"main": installation.url}, installation.folder)


async def test_s11_a_device_that_was_revoked_since_the_backup_stays_out(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """The thief's phone must not profit from the disaster; the ledger is outside of the database."""
    _, bob = phones
    await installation.backup()
    credentials = bob.credentials.load()
    assert credentials is not None
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", UUID(credentials.device_id))
    ledger.note("revoked", world.tenant.id, credentials.device_id)

    await installation.restore()

    with pytest.raises(DeviceRevoked):
        await bob.sync()


async def test_s11_a_phone_enrolled_since_the_backup_is_enrolled_again_and_hands_in_everything(
    world: World, installation: Installation, bridge: Bridge, tmp_path: Path
):
    """The restored server has never heard of it: a code lets it in, and all of its work comes along."""
    await installation.backup()
    ann = await enrol_phone(world, "ann", bridge, tmp_path)
    await ann.sync()
    for name in ("a", "b"):
        ann.crm.contacts.create(account_id=world.shop, name=name)
        await ann.sync()
    await installation.restore()
    with pytest.raises((Rejected, DeviceRevoked)):
        await ann.sync()

    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    await ann.sync()

    assert [name for name, _ in await rows(world, CONTACTS)] == ["Carla Clerk", "a", "b"]
    await assert_phones_converged(world, "ann", ann)
    ann.crm.close()


async def test_s11_a_phone_keeps_what_it_handed_in_until_a_backup_is_verified(
    world: World, phones: tuple[Phone, Phone]
):
    """Only then is it in two places; the server says up to which number."""
    from server import clock

    ann, _ = phones
    ann.crm.contacts.create(account_id=world.shop, name="in the backup")
    await ann.sync()
    moment = clock.now()
    ann.crm.contacts.create(account_id=world.shop, name="after it")
    await ann.sync()

    async with tenant_transaction(world.tenant):
        devices = await note_durable(moment)
    await ann.sync()

    assert devices == 1
    assert ann.crm._store.meta_int("durable_through") == 1


async def test_s11_a_person_who_was_erased_since_the_backup_is_erased_in_it(
    world: World, installation: Installation, phones: tuple[Phone, Phone]
):
    """They asked to be forgotten; a disaster is no reason to remember them."""
    from server.crm.erasure.commands import erase_person, repeat_erasures

    ann, _ = phones
    ann.crm.contacts.edit(world.clerk, name="Carla, edited")
    await ann.sync()
    await installation.backup()
    ann.crm.contacts.edit(world.clerk, job_title="Confidante")
    ann.crm.contacts.create(account_id=world.shop, name="Somebody else")
    await ann.sync()
    await erase_person(world.tenant, "contact", UUID(world.clerk))
    await ann.sync()
    await installation.restore()

    known = await repeat_erasures(world.tenant)
    await ann.sync()

    assert known == 1
    assert [name for name, _ in await rows(world, CONTACTS)] == ["Somebody else"]
    assert await rows(world, "SELECT count(*) FROM contact WHERE name LIKE 'Carla%' OR job_title = 'Confidante'") == [
        (0,)
    ]
    assert ann.crm.status().pending == 0
    assert ann.crm.verify() == []
