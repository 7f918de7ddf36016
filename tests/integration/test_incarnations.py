"""Copied, restored and re-enrolled phones against the real server: S2, and S1 where something is gone."""

import shutil
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from outrider_sdk import DeviceRevoked, ForeignCredentials, MemoryCredentials, Replica, ReplicaWiped

from server.auth.standings import forget_standings
from server.auth.wipes import order_wipe
from server.clock import now, to_micros
from server.db import tenant_transaction
from tests.integration import phones
from tests.integration.live_server import enrol, live, on_device
from tests.integration.phones import Bridge, Phone, add, assert_phones_converged, contacts, enrol_phone, open_phone
from tests.integration.sync_world import World, make_world

ann = phones.ann


async def test_s2_two_living_copies_of_a_phone_lose_and_double_nothing(world: World, ann: Phone, bridge: Bridge):
    """A cloned phone is another writer: its work is kept beside the first one's, and both go on."""
    copy = ann.copy("copy.db", bridge)
    add(ann, world, "from ann")
    add(copy, world, "from the copy")

    await ann.sync()
    report = await copy.sync()
    add(ann, world, "ann again")
    add(copy, world, "the copy again")
    for phone in (ann, copy, ann):
        await phone.sync()

    assert report.begun_anew
    assert await contacts(world) == ["Carla Clerk", "ann again", "from ann", "from the copy", "the copy again"]
    await assert_phones_converged(world, "ann", ann, copy)
    devices = await world.fetch("SELECT incarnation, cause, origin_id IS NULL AS first FROM device ORDER BY 1")
    assert [tuple(d.values()) for d in devices] == [(1, "enrolled", True), (2, "forked", False)]
    copy.crm.close()


async def test_s2_a_copy_with_a_long_past_begins_anew_over_http(world: World, tmp_path: Path):
    """What it says of its past is longer than what travels as it is: it comes compressed."""
    async with live() as url:
        ann = await enrol(world, "ann", url, tmp_path / "ann.db")
        for number in range(600):
            ann.contacts.create(account_id=world.shop, name=f"Contact {number}")
        await on_device(ann.sync)
        ann._store.checkpoint()
        shutil.copyfile(tmp_path / "ann.db", tmp_path / "copy.db")
        copy = Replica.open(tmp_path / "copy.db", credentials=ann._credentials)
        ann.contacts.create(account_id=world.shop, name="from ann")
        copy.contacts.create(account_id=world.shop, name="from the copy")
        await on_device(ann.sync)

        report = await on_device(copy.sync)

        assert report.begun_anew
        assert {"from ann", "from the copy"} <= set(await contacts(world))
        ann.close()
        copy.close()


async def test_s2_edits_of_a_copy_are_merged_like_any_other_persons(world: World, ann: Phone, bridge: Bridge):
    """Under one identity the second edit would overwrite the first, and nobody would know."""
    copy = ann.copy("copy.db", bridge)
    ann.crm.contacts.edit(world.clerk, name="Anna")
    copy.crm.contacts.edit(world.clerk, name="Bella")

    await ann.sync()
    report = await copy.sync()

    assert report.merged == 1
    lost = await world.fetch("SELECT lost::text FROM conflict")
    assert len(lost) == 1
    copy.crm.close()


async def test_s2_an_edit_of_a_restored_phone_is_in_no_conflict_with_itself(world: World, ann: Phone, bridge: Bridge):
    """What it did before the backup was made is its own work, under whichever id."""
    ann.crm.contacts.edit(world.clerk, name="first")
    restored = ann.copy("restored.db", bridge)
    add(ann, world, "later")
    await ann.sync()
    restored.crm.contacts.edit(world.clerk, name="second")

    report = await restored.sync()

    assert (report.applied, report.merged, report.refused) == (2, 0, 0)
    assert (await world.fetch("SELECT name FROM contact WHERE id = $1", UUID(world.clerk)))[0]["name"] == "second"
    restored.crm.close()


async def test_s1_a_person_who_types_over_their_own_work_is_in_no_conflict_with_a_life_that_nobody_connected(
    world: World,
):
    """After a restore, a life that was enrolled again handed in first what another one has in common with it."""
    known = await world.pulled_device("ann")
    lost, heir = known.copy(), known.copy()
    lost.id, heir.id = (await world.device("ann")).id, (await world.device("ann")).id
    await world.execute("UPDATE device SET enrolled_at = now() - interval '60 days' WHERE id <> $1", UUID(lost.id))
    await world.execute("UPDATE device SET cause = 'enrolled_again' WHERE id = $1", UUID(lost.id))
    await world.execute("UPDATE device SET origin_id = $2 WHERE id = $1", UUID(heir.id), UUID(known.id))
    typed_at = to_micros(now()) - 3_600_000_000  # before the lost life was enrolled again
    first = known.mutation(known.edit_change("outlet", world.shop_outlet, description="first"), captured_at=typed_at)
    heir.number, heir.digest = known.number, known.digest
    seen = {"value": "second", "seen": "first", "base": known.cursor}
    edit = {"op": "edit", "entity": "outlet", "id": world.shop_outlet, "fields": {"description": seen}}
    second = heir.mutation(edit, captured_at=typed_at + 60_000_000)

    outcomes = [await lost.push(first), await known.push(first), await heir.push(first, second)]

    assert [o["status"] for reply in outcomes for o in reply] == ["applied"] * 4
    found = await world.fetch("SELECT description FROM outlet WHERE id = $1", UUID(world.shop_outlet))
    assert found == [{"description": "second"}]


async def test_s2_a_phone_restored_twice_has_each_effect_once(world: World, ann: Phone, bridge: Bridge):
    """The first restore handed it in under its new identity; the second one holds it too."""
    restored = ann.copy("restored.db", bridge)
    add(ann, world, "original")
    await ann.sync()
    add(restored, world, "typed on the restored one")
    again = restored.copy("again.db", bridge)

    await restored.sync()
    report = await again.sync()

    assert report.begun_anew
    assert await contacts(world) == ["Carla Clerk", "original", "typed on the restored one"]
    restored.crm.close()
    again.crm.close()


async def test_s2_a_revoked_phone_hands_in_its_work_when_it_is_enrolled_again(
    world: World, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """The second user of one refresh token is told to enrol anew; what it holds comes along, once."""
    add(ann, world, "handed in, reply lost")

    def lose(path: str, message: Any) -> None:
        if path == "/sync/pull":
            raise OSError("lost")

    bridge.before = lose
    with pytest.raises(OSError, match="lost"):
        await ann.sync()
    bridge.before = lambda path, message: None
    with ann.crm._store.write() as conn:  # as if the reply of the push had been lost as well
        conn.execute("UPDATE sync_outbox SET status = NULL, outcome = NULL")
        ann.crm._store.set_meta(answered_through=0)
    add(ann, world, "not handed in")
    await world.execute("UPDATE device SET revoked_at = now()")
    forget_standings()
    with pytest.raises(DeviceRevoked):
        await ann.sync()

    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    report = await ann.sync()

    assert report.applied == 2
    assert await contacts(world) == ["Carla Clerk", "handed in, reply lost", "not handed in"]
    await assert_phones_converged(world, "ann", ann)


async def test_s2_a_phone_with_work_is_not_enrolled_for_somebody_else(
    world: World, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """Ann's orders must not become Bob's because he found her phone."""
    add(ann, world, "ann's")

    with pytest.raises(ForeignCredentials, match="not theirs"):
        await enrol_phone(world, "bob", bridge, tmp_path, phone=ann)
    await ann.sync()

    assert "ann's" in await contacts(world)


async def test_s1_what_a_phone_lost_is_on_record_for_the_admin(world: World, ann: Phone, bridge: Bridge):
    """Lost history is stated, not glossed over: from which number to which."""
    add(ann, world, "a", "b", "c")
    with ann.crm._store.write() as conn:
        conn.execute("DELETE FROM sync_outbox WHERE number = 2")

    await ann.sync()

    [lost] = await world.fetch("SELECT cause, lost_from, lost_to FROM device WHERE origin_id IS NOT NULL")
    assert tuple(lost.values()) == ("lost", 2, 2)
    assert await contacts(world) == ["Carla Clerk", "a", "c"]
    assert [item.code for item in ann.crm.attention()] == ["history_lost"]


async def test_s2_an_empty_file_with_the_old_credentials_starts_a_life_of_its_own(
    world: World, ann: Phone, bridge: Bridge, tmp_path: Path
):
    """Its numbers begin again; those of the file that is gone stay what they were."""
    add(ann, world, "a")
    await ann.sync()
    empty = open_phone(tmp_path, "empty.db", MemoryCredentials(ann.credentials.load()), bridge)

    await empty.sync()
    add(empty, world, "b")
    await empty.sync()

    assert await contacts(world) == ["Carla Clerk", "a", "b"]
    await assert_phones_converged(world, "ann", empty)
    empty.crm.close()


@pytest.mark.parametrize("now", [False, True])
async def test_s6_an_order_to_wipe_stands_though_the_reply_of_the_enrolment_was_lost(
    world: World, ann: Phone, bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: bool
):
    """The admin orders what the list shows, which the phone has never heard of; the next code does not undo it."""
    answered = bridge.post

    def lose(path: str, message: dict[str, Any], token: str | None) -> dict[str, Any]:
        answered(path, message, token)
        raise OSError("lost")

    monkeypatch.setattr(bridge, "post", lose)
    with pytest.raises(OSError, match="lost"):
        await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    monkeypatch.undo()
    [unheard_of] = await world.fetch("SELECT id FROM device WHERE id <> $1", UUID(ann.crm.status().device_id))
    async with tenant_transaction(world.tenant):
        await order_wipe(unheard_of["id"], now=now, by=UUID(world.mia), role="admin")

    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)

    with pytest.raises(ReplicaWiped):
        await ann.sync()
    [device] = await world.fetch("SELECT id, wipe_now, wipe_ordered_by FROM device ORDER BY incarnation DESC LIMIT 1")
    assert (device["wipe_now"], str(device["wipe_ordered_by"])) == (now, world.mia)
    assert device["id"] != unheard_of["id"]


@pytest.mark.parametrize("spoilt", ["proof", "device"])
async def test_a_new_incarnation_needs_the_secret_of_that_very_device(
    world: World, ann: Phone, bridge: Bridge, tmp_path: Path, spoilt: str
):
    """A token alone, or another member's phone, is no heir."""
    bob = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    mine, theirs = ann.credentials.load(), bob.credentials.load()
    assert mine is not None
    assert theirs is not None
    key = str(uuid4())
    message = {
        "device_id": theirs.device_id if spoilt == "device" else mine.device_id,
        "key": key,
        "proof": (theirs if spoilt == "device" else mine).proof(key if spoilt == "device" else "another"),
        "points": [{"number": 0, "digest": "0" * 64}],
    }

    status, problem = await bridge._post("/devices/incarnations", message, mine.access_token)

    assert (status, problem["code"]) == (403, "proof_invalid")
    bob.crm.close()


async def test_s6_a_revoked_copy_begins_no_new_life_from_its_sister(world: World, ann: Phone, bridge: Bridge):
    """The office revoked the stolen copy. Its token lives for minutes more, and it has the secret of both."""
    copy = ann.copy("copy.db", bridge)
    add(ann, world, "from ann")
    add(copy, world, "from the copy")
    await ann.sync()
    await copy.sync()
    mine, theirs = ann.credentials.load(), copy.credentials.load()
    assert mine is not None
    assert theirs is not None
    assert mine.device_id != theirs.device_id
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", UUID(theirs.device_id))
    key = str(uuid4())
    message = {"device_id": mine.device_id, "key": key, "proof": theirs.proof(key)}
    message |= {"points": [{"number": 0, "digest": "0" * 64}]}  # type: ignore[dict-item]

    status, problem = await bridge._post("/devices/incarnations", message, theirs.access_token)

    assert (status, problem["code"]) == (401, "device_revoked")
    assert len(await world.fetch("SELECT FROM device")) == 2
    copy.crm.close()


async def test_a_new_incarnation_of_another_tenants_device_is_none(
    world: World, ann: Phone, bridge: Bridge, tmp_path: Path, new_tenant: Any
):
    """Another tenant's device does not exist here, whatever proves it."""
    elsewhere = await make_world(await new_tenant())
    other = await enrol_phone(elsewhere, "ann", bridge, tmp_path, name="other.db")
    mine, theirs = ann.credentials.load(), other.credentials.load()
    assert mine is not None
    assert theirs is not None
    key = str(uuid4())
    message = {"device_id": theirs.device_id, "key": key, "proof": theirs.proof(key)}
    message |= {"points": [{"number": 0, "digest": "0" * 64}]}  # type: ignore[dict-item]

    status, problem = await bridge._post("/devices/incarnations", message, mine.access_token)

    assert (status, problem["code"]) == (403, "proof_invalid")
    async with tenant_transaction(elsewhere.tenant) as conn:
        assert await conn.fetchval("SELECT count(*) FROM device") == 1
    other.crm.close()


async def test_a_phone_that_begins_anew_without_end_is_stopped(
    world: World, ann: Phone, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
):
    """Something restores it each night; the admin should know, and the prefixes are for everybody."""
    monkeypatch.setattr("server.auth.incarnations.INCARNATIONS_MAX", 1)
    mine = ann.credentials.load()
    assert mine
    key = str(uuid4())
    message = {"device_id": mine.device_id, "key": key, "proof": mine.proof(key)}
    message |= {"points": [{"number": 0, "digest": "0" * 64}]}  # type: ignore[dict-item]

    status, problem = await bridge._post("/devices/incarnations", message, mine.access_token)

    assert (status, problem["code"]) == (409, "incarnations_exhausted")
