"""S11 for phones that a restored server has never heard of: their last lease lets them in again, once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from outrider_sdk import DeviceUnknown, Replica

from server.auth import returning
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.storage import ledger
from server.sync.parking import HEALING_DAYS
from server.tenants.service import owner_connection
from tests.integration import installation
from tests.integration.application import APP
from tests.integration.installation import Installation
from tests.integration.live_server import enrol, live, on_device
from tests.integration.sync_world import World

world = installation.world

GENESIS = "0" * 64


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    async with live() as address:
        yield address


@pytest.fixture
async def phone(world: World, installation: Installation, url: str, tmp_path: Path) -> AsyncIterator[Replica]:
    """Ann's phone, enrolled after the backup, with two contacts that were acknowledged."""
    await keys.public_keys()  # the backup has the key that leases are signed with
    await installation.backup()
    (tmp_path / "phone").mkdir()
    replica = await enrol(world, "ann", url, tmp_path / "phone" / "crm.db")
    await on_device(replica.sync)
    for name in ("a", "b"):
        replica.contacts.create(account_id=world.shop, name=name)
        await on_device(replica.sync)
    yield replica
    replica.close()


async def names(world: World) -> list[str]:
    found = await world.fetch("SELECT name FROM contact WHERE deleted_at IS NULL AND length(name) = 1 ORDER BY 1")
    return [r["name"] for r in found]


def request_of(phone: Replica, **changed: Any) -> dict[str, Any]:
    """What the phone would send, by hand."""
    held = phone._credentials.load()
    assert held is not None
    key = changed.pop("key", str(uuid4()))
    previous = {"device_id": held.device_id, "key": key, "proof": held.proof(key)}
    previous["points"] = [{"number": 0, "digest": GENESIS}]
    return {"name": "phone", "secret": held.secret, "lease": held.lease, "previous": previous} | changed


async def ask(world: World, body: dict[str, Any]) -> tuple[int, str]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client:
        reply = await client.post(f"/t/{world.tenant.slug}/devices/enrol", json=body)
    return reply.status_code, reply.json().get("code") or reply.json().get("device_id", "")


async def test_s11_a_phone_enrolled_since_the_backup_comes_back_by_itself_with_all_its_work(
    world: World, installation: Installation, phone: Replica
):
    """A fleet that was enrolled last week must not wait for codes after a disaster."""
    await installation.restore()
    phone.contacts.create(account_id=world.shop, name="c")

    report = await on_device(phone.sync)
    await on_device(phone.sync)

    assert report.begun_anew
    assert await names(world) == ["a", "b", "c"]
    assert sorted(c.name for c in phone.contacts.list() if len(c.name) == 1) == ["a", "b", "c"]
    assert phone.status().pending == 0
    assert phone.verify() == []
    [device] = await world.fetch("SELECT member_id, cause FROM device")
    assert (str(device["member_id"]), device["cause"]) == (world.ann, "enrolled_again")


async def test_s11_a_phone_whose_token_ended_comes_back_too(world: World, installation: Installation, phone: Replica):
    """It was off during the disaster, and begins with its refresh token."""
    held = phone._credentials.load()
    assert held is not None
    phone._credentials.save(replace(held, access_token=""))
    phone._transport = None
    await installation.restore()

    await on_device(phone.sync)

    assert await names(world) == ["a", "b"]


async def test_s11_a_second_restore_brings_it_back_once_more(world: World, installation: Installation, phone: Replica):
    """By the lease that it got then."""
    await installation.restore()
    await on_device(phone.sync)
    await installation.restore()

    await on_device(phone.sync)
    await on_device(phone.sync)

    assert await names(world) == ["a", "b"]


async def test_s11_a_crash_between_the_reply_and_the_replica_is_gone_on_with(
    world: World, installation: Installation, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """The battery died when the credentials were new and the file was not."""
    await installation.restore()

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("outrider_sdk.incarnation.adopt", die)
        with pytest.raises(KeyboardInterrupt):
            await on_device(phone.sync)
    phone._transport = None
    await on_device(phone.sync)

    assert await names(world) == ["a", "b"]
    assert len(await world.fetch("SELECT FROM device")) == 1


async def test_s11_a_phone_that_was_revoked_since_the_backup_does_not_come_back_by_its_lease(
    world: World, installation: Installation, phone: Replica
):
    """The ledger is outside of the database: a thief profits from no disaster."""
    ledger.note("revoked", world.tenant.id, str(phone.status().device_id))
    await installation.restore()

    with pytest.raises(DeviceUnknown, match="new code"):
        await on_device(phone.sync)

    assert await names(world) == []
    assert await world.fetch("SELECT FROM device") == []
    assert phone.contacts.count(where={"name": "a"}) == 1


async def test_s11_an_old_lease_of_a_phone_that_came_back_is_worth_nothing(
    world: World, installation: Installation, phone: Replica
):
    """Else who is revoked under the new name comes back under the old one, after the next restore."""
    old = request_of(phone)
    await installation.restore()
    await on_device(phone.sync)
    ledger.note("revoked", world.tenant.id, str(phone.status().device_id))
    await installation.restore()

    assert await ask(world, old) == (401, "device_revoked")
    with pytest.raises(DeviceUnknown):
        await on_device(phone.sync)


async def test_the_same_request_again_is_the_same_device(world: World, installation: Installation, phone: Replica):
    """Its reply was lost."""
    body = request_of(phone)
    await installation.restore()

    first, second = await ask(world, body), await ask(world, body)

    assert first[0] == 201
    assert first == second
    assert len(await world.fetch("SELECT FROM device")) == 1


async def test_nobody_is_let_in_by_a_lease_where_nothing_was_restored(
    world: World, installation: Installation, phone: Replica
):
    """Nor while the device is known, nor long after a restore."""
    body = request_of(phone)
    known = await ask(world, body)
    await world.execute("DELETE FROM device")
    lost = await ask(world, body)
    async with owner_connection(installation.url) as owner:
        await owner.execute(
            f'UPDATE "{world.tenant.schema}".revision_counter SET epoch_began_at = now() - make_interval(days => $1)',
            HEALING_DAYS + 1,
        )

    assert [known, lost, await ask(world, body)] == [(403, "lease_invalid")] * 3


async def test_a_lease_lets_in_the_device_that_it_was_given_to_and_no_other(
    world: World, installation: Installation, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """Another secret, another device, another signature, another time, another kind of token, another member."""
    body, held = request_of(phone), phone._credentials.load()
    assert held is not None
    await installation.restore()
    head, payload, signature = held.lease.split(".")
    flipped = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    tries = [
        body | {"secret": "x" * 43},
        body | {"lease": flipped},
        body | {"lease": held.access_token},
        body | {"previous": body["previous"] | {"device_id": str(uuid4())}},
    ]

    assert [await ask(world, each) for each in tries] == [(403, "lease_invalid")] * len(tries)
    with monkeypatch.context() as patched:
        later = returning.clock.now() + timedelta(days=31)
        patched.setattr(returning.clock, "now", lambda: later)
        assert await ask(world, body) == (403, "lease_invalid")
    await world.execute("UPDATE member SET active = false WHERE id = $1", UUID(world.ann))
    forget_standings()
    assert await ask(world, body) == (403, "lease_invalid")
    assert (await ask(world, {**body, "code": "ABCDE-FGHJK"}))[0] == 400
