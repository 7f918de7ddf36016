"""Wiping a device: it hands in first, erases, and says so; enrolment by QR code, by which it comes back as another."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import Replica
from outrider_sdk.errors import DeviceRevoked, InvalidValue, Offline, ReplicaWiped, ServerUnavailable

from server import storage
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from tests.integration.application import APP
from tests.integration.live_server import enrol, live, on_device
from tests.integration.rest_world import Person
from tests.integration.sync_world import World

SECRET_WORD = "Ultramarine"


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    storage.use(tmp_path / "server")
    async with live() as address:
        yield address
    storage.use(None)


@pytest.fixture
async def phone(world: World, url: str, tmp_path: Path) -> AsyncIterator[Replica]:
    """Ann's phone: synced, with a contact and a photo that were not sent."""
    (tmp_path / "phone").mkdir()
    replica = await enrol(world, "ann", url, tmp_path / "phone" / "crm.db")
    await on_device(replica.sync)
    with replica:
        replica.contacts.create(account_id=world.shop, name=SECRET_WORD)
        replica.attachments.add(replica.outlets.list()[0], b"pixels" * 1000, name="shelf.png")
        yield replica


async def person(world: World, name: str, role: str) -> Person:
    forget_standings()
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.ids[name]), role=role)
    return Person(APP, world.tenant, UUID(world.ids[name]), role, token)


async def order(world: World, phone: Replica, **body: Any) -> Any:
    mia = await person(world, "mia", "manager")
    return await mia.post(f"/devices/{phone.status().device_id}/wipe", **body)


async def receipt(world: World) -> dict[str, Any]:
    [row] = await world.fetch("SELECT wiped_at, revoked_at, wipe_receipt FROM device")
    return row | {"wipe_receipt": json.loads(row["wipe_receipt"]) if row["wipe_receipt"] else None}


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_s1_a_device_hands_in_before_it_is_wiped(world: World, phone: Replica, tmp_path: Path):
    """The rep gave the phone back at noon: the orders of the morning are there, nothing else is on it."""
    ordered = await order(world, phone)

    with pytest.raises(ReplicaWiped, match="the server knows"):
        await on_device(phone.sync)
    kept = await receipt(world)
    [contact] = await world.fetch("SELECT id FROM contact WHERE name = $1", SECRET_WORD)
    [content] = await world.fetch("SELECT size_bytes FROM attachment_content")

    assert ordered["wipe_ordered_at"] is not None
    assert contact is not None
    assert content["size_bytes"] == 6_000
    assert left_in(tmp_path / "phone") == []
    assert kept["wiped_at"] is not None
    assert kept["revoked_at"] is not None
    assert kept["wipe_receipt"]["pushed_first"] is True
    assert kept["wipe_receipt"]["files"] >= 3


async def test_a_wipe_at_once_hands_in_nothing_and_says_what_was_lost(world: World, phone: Replica, tmp_path: Path):
    """The phone is in the wrong hands: by name, the one act that loses work."""
    await order(world, phone, now=True)

    with pytest.raises(ReplicaWiped):
        await on_device(phone.sync)
    kept = await receipt(world)

    assert await world.fetch("SELECT id FROM contact WHERE name = $1", SECRET_WORD) == []
    assert (kept["wipe_receipt"]["pushed_first"], kept["wipe_receipt"]["lost_mutations"]) == (False, 2)
    assert left_in(tmp_path / "phone") == []


async def test_s6_a_device_that_is_to_be_wiped_pulls_nothing(world: World, phone: Replica):
    """It has work to hand in, and gets no more to read."""
    await order(world, phone)
    await world.execute("UPDATE account SET name = 'Secret' WHERE id = $1", UUID(world.shop))
    seen: list[Any] = []
    phone.live(phone.accounts.where(name="Secret"), seen.append)

    with pytest.raises(ReplicaWiped):
        await on_device(phone.sync)

    assert [rows for rows in seen if rows] == []


async def test_a_wiped_device_does_not_come_back(world: World, phone: Replica, url: str, tmp_path: Path):
    """Not by its old token, nor by a copy of its file and a new code."""
    copies = {path: path.read_bytes() for path in (tmp_path / "phone").iterdir() if path.is_file()}
    await order(world, phone)
    with pytest.raises(ReplicaWiped):
        await on_device(phone.sync)
    for path, content in copies.items():
        path.write_bytes(content)
    ann = await person(world, "ann", "rep")
    code = (await ann.post("/devices/codes"))["code"]

    with Replica.open(tmp_path / "phone" / "crm.db") as copy:
        with pytest.raises(DeviceRevoked):
            await on_device(copy.sync)
        with pytest.raises(DeviceRevoked):
            await on_device(copy.enrol, server=url, tenant=world.tenant.slug, code=code, again=True)


async def test_who_leaves_the_company_is_wiped_after_handing_in(world: World, phone: Replica, tmp_path: Path):
    """The work waits for the manager. A photo that can be handed in nowhere keeps the phone, until `now`."""
    await world.execute("UPDATE member SET role = 'admin' WHERE id = $1", UUID(world.mia))
    admin = await person(world, "mia", "admin")
    await admin.patch(f"/members/{world.ann}", active=False)
    forget_standings()

    with pytest.raises(DeviceRevoked):
        await on_device(phone.sync)
    assert left_in(tmp_path / "phone") != []
    await order(world, phone, now=True)
    with pytest.raises(ReplicaWiped):
        await on_device(phone.sync)
    [waiting] = await admin.get("/quarantines")

    assert waiting["mutations"] == 2
    assert left_in(tmp_path / "phone") == []
    assert (await receipt(world))["wiped_at"] is not None


async def test_who_leaves_with_nothing_but_work_is_wiped_in_one_act(world: World, phone: Replica, tmp_path: Path):
    """Offboarding: the member is deactivated, and the phone empties itself."""
    phone.discard(2)
    await world.execute("UPDATE member SET role = 'admin' WHERE id = $1", UUID(world.mia))
    await (await person(world, "mia", "admin")).patch(f"/members/{world.ann}", active=False)
    forget_standings()

    with pytest.raises(ReplicaWiped):
        await on_device(phone.sync)

    assert left_in(tmp_path / "phone") == []
    assert (await receipt(world))["wiped_at"] is not None


async def test_s1_a_wipe_waits_for_contents_that_do_not_arrive(
    world: World, phone: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The server's disk is full: the photo stays on the phone until it is somewhere else."""

    async def full(self: Any, key: str, parts: Any) -> int:
        raise storage.FilesFull

    await order(world, phone)
    with monkeypatch.context() as patched:
        patched.setattr(storage.FolderFiles, "put", full)
        patched.setattr("outrider_sdk.contents.PAUSE_S", 0)
        with pytest.raises(ServerUnavailable):
            await on_device(phone.sync)
        assert left_in(tmp_path / "phone") != []

    with pytest.raises(ReplicaWiped):
        await on_device(phone.sync)
    assert left_in(tmp_path / "phone") == []


async def test_who_comes_back_in_time_keeps_the_phone(world: World, phone: Replica):
    """A mistake of the office, put right before the next sync."""
    await world.execute("UPDATE member SET role = 'admin' WHERE id = $1", UUID(world.mia))
    admin = await person(world, "mia", "admin")
    await admin.patch(f"/members/{world.ann}", active=False)
    await admin.patch(f"/members/{world.ann}", active=True)
    forget_standings()

    report = await on_device(phone.sync)

    assert report.applied == 2


async def test_a_crash_in_the_middle_of_a_wipe_is_finished(world: World, phone: Replica, url: str, tmp_path: Path):
    """The battery died between two files: whoever starts the app again starts with nothing."""
    from outrider_sdk import wipe

    path = tmp_path / "phone" / "crm.db"
    wipe.begin(path, phone._credentials.load(), {"pushed_first": False, "erased_at": 0, "lost_mutations": 2})
    phone.close()

    with Replica.open(path) as fresh:
        assert fresh.accounts.list() == []
        assert not any(SECRET_WORD.encode() in each.read_bytes() for each in path.parent.iterdir())
        assert await on_device(wipe.report, path)

    assert (await receipt(world))["wiped_at"] is not None


async def test_without_a_network_only_a_wipe_at_once_erases(world: World, phone: Replica, tmp_path: Path):
    """Handing in comes first, or is given up by name; the receipt is sent when there is a network again."""
    phone._transport.server = "http://127.0.0.1:9"
    phone._transport._attempts_max = 1
    with pytest.raises(Offline):
        await on_device(phone.wipe)
    assert phone.contacts.count({"name": SECRET_WORD}) == 1

    await on_device(phone.wipe, now=True)

    assert left_in(tmp_path / "phone") == []
    assert (await receipt(world))["wipe_receipt"]["lost_mutations"] == 2


async def test_who_does_not_look_after_somebody_wipes_nothing_of_theirs(world: World, phone: Replica):
    """Bob cannot; Ann can wipe her own."""
    device_id = phone.status().device_id
    bob, ann = await person(world, "bob", "rep"), await person(world, "ann", "rep")

    assert (await bob.refusal("POST", f"/devices/{device_id}/wipe", {}))[:2] == (404, "not_found")
    assert (await ann.post(f"/devices/{device_id}/wipe"))["wipe_ordered_at"] is not None


async def test_a_receipt_without_the_secret_is_none(world: World, phone: Replica):
    """Nobody says that a phone is empty but the phone."""
    body = {"device_id": phone.status().device_id, "proof": "0" * 64, "pushed_first": True, "erased_at": 0, "files": 0,
            "size_bytes": 0, "lost_mutations": 0}  # fmt: skip
    nobody = await person(world, "bob", "rep")

    assert (await nobody.refusal("POST", f"/t/{world.tenant.slug}/devices/wiped", body))[:2] == (401, "token_invalid")
    assert (await nobody.refusal("POST", "/t/nobody/devices/wiped", body))[:2] == (401, "token_invalid")
    assert (await receipt(world))["wiped_at"] is None


async def test_a_device_is_enrolled_by_what_its_qr_code_says(world: World, url: str, tmp_path: Path):
    """Point the camera at the screen: nothing to type."""
    ann = await person(world, "ann", "rep")
    drawn = await ann.post("/devices/codes")
    said = drawn["url"].replace("https://crm.example", url)

    with Replica.open(tmp_path / "new.db") as replica:
        made = await on_device(replica.enrol, said)
        with pytest.raises(InvalidValue, match="no QR code"):
            replica.enrol("https://example.com/menu", again=True)

    assert (made.slug, made.member_id) == (world.tenant.slug, world.ann)
    assert drawn["url"] == f"https://crm.example/t/{world.tenant.slug}/enrol#{drawn['code']}"
    assert drawn["qr_svg"].startswith("<svg")
    png = base64.b64decode(drawn["qr_png"].removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG")
