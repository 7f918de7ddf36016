"""S8 where a mutation ends the server's process: what raises is found otherwise (`test_sync_push.py`)."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest
from outrider_sdk import DeviceRevoked, Offline, Replica, SyncReport

from server import connections
from server.auth import devices
from server.auth.session import Session
from server.auth.tokens import keys
from server.db import tenant_transaction
from server.errors import Busy
from server.sync import push_commands, trial_commands
from server.sync.push import IncarnationUnknown
from server.sync.push_commands import Handed, take_again
from server.sync.trials import Mark, find_mark, set_mark
from server.tenants.entitlements import UNMETERED
from server.tenants.schema import app_url
from tests.integration.installation import APP_PASSWORD
from tests.integration.live_server import enrol, live, on_device
from tests.integration.sync_world import WireDevice, World, create, new_id, until_somebody_waits_for_a_lock

ROOT = Path(__file__).parents[2]
POISON = "Belladonna"
START_TRIES = 400


class Mortal:
    """A server of its own process, which somebody starts again each time that it is dead."""

    def __init__(self, database_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url, self.lives = f"http://127.0.0.1:{self.port}", 0
        self._database_url = app_url(database_url, APP_PASSWORD)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    async def raise_up(self) -> None:
        """Start it, if it is dead, and wait until it listens."""
        if not self.is_dead:
            return
        self._start()
        for _ in range(START_TRIES):
            assert not self.is_dead
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError("it does not listen")

    def _start(self) -> None:
        self.lives += 1
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.poisoned_server", str(self.port), self._database_url, POISON],
            cwd=ROOT,
        )

    def wait_for_death(self) -> None:
        assert self._process is not None
        self._process.wait(30)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)


@pytest.fixture
async def server(owner_urls: dict[str, str]) -> AsyncIterator[Mortal]:
    mortal = Mortal(owner_urls["main"])
    yield mortal
    await asyncio.to_thread(mortal.end)


async def phone_of(world: World, member: str, server: Mortal, folder: Path) -> Replica:
    async with live() as url:
        replica = await enrol(world, member, url, folder / f"{member}.db")
        await on_device(replica.sync)
    replica._transport.server = server.url
    replica._transport._attempts_max = 1
    return replica


async def sync(phone: Replica, server: Mortal) -> SyncReport | None:
    """One sync with a server that lives; None: it died of it."""
    await server.raise_up()
    try:
        return await on_device(phone.sync)
    except Offline:
        await asyncio.to_thread(server.wait_for_death)
        return None


def capture(phone: Replica, world: World, *names: str) -> None:
    for name in names:
        phone.contacts.create(account_id=world.shop, name=name)


async def test_s8_a_mutation_that_ended_the_process_three_times_is_refused_and_passed(
    world: World, server: Mortal, tmp_path: Path
):
    """One entry must not take the server down again and again, for everybody, nor hold up its rep's queue."""
    phone = await phone_of(world, "ann", server, tmp_path)
    capture(phone, world, "before", POISON, "after", "last")

    reports = [await sync(phone, server) for _ in range(4)]

    assert [report is None for report in reports] == [True, True, True, False]
    assert server.lives == 4
    [item] = reports[-1].needs_attention
    assert (item.code, reports[-1].applied) == ("poison", 3)
    names = await world.fetch("SELECT name FROM contact WHERE name IN ('before', 'after', 'last') ORDER BY name")
    assert [r["name"] for r in names] == ["after", "before", "last"]
    kept = await world.fetch("SELECT number, code, payload::text LIKE '%Belladonna%' AS whole FROM refused_mutation")
    assert kept == [{"number": 2, "code": "poison", "whole": True}]
    assert await world.fetch("SELECT trial_start FROM device WHERE trial_start IS NOT NULL") == []
    phone.close()


async def release(server: Mortal, token: str, quarantine_id: str) -> dict[str, int] | None:
    """A manager's click, at a server that lives; None: it died of it."""
    await server.raise_up()
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        try:
            reply = await client.post(f"{server.url}/quarantines/{quarantine_id}/release", timeout=30)
        except httpx2.TransportError:
            await asyncio.to_thread(server.wait_for_death)
            return None
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def test_s8_what_is_released_from_quarantine_ends_the_process_twice_at_most(
    world: World, server: Mortal, tmp_path: Path
):
    """A manager who looks after a lost phone must not take the server down for everybody with each click."""
    phone = await phone_of(world, "ann", server, tmp_path)
    capture(phone, world, "before", POISON, "after", "last")
    async with tenant_transaction(world.tenant):
        await devices.revoke_device(UUID(phone.status().device_id), by=UUID(world.mia), role="manager")
    await server.raise_up()
    with pytest.raises(DeviceRevoked):
        await on_device(phone.sync)
    [waiting] = await world.fetch("SELECT id FROM quarantine")
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.mia), role="manager")

    replies = [await release(server, token, waiting["id"]) for _ in range(3)]

    assert replies == [None, None, {"applied": 3, "merged": 0, "refused": 1, "parked": 0}]
    assert server.lives == 3
    names = await world.fetch("SELECT name FROM contact WHERE name IN ('before', 'after', 'last') ORDER BY name")
    assert [r["name"] for r in names] == ["after", "before", "last"]
    kept = await world.fetch("SELECT number, code, payload::text LIKE '%Belladonna%' AS whole FROM refused_mutation")
    assert kept == [{"number": 2, "code": "poison", "whole": True}]
    assert await world.fetch("SELECT state FROM quarantine") == [{"state": "released"}]
    assert await world.fetch("SELECT trial_start FROM device WHERE trial_start IS NOT NULL") == []
    phone.close()


async def again(device: WireDevice, *mutations: dict[str, Any], incarnation: int = 1) -> Any:
    """Hand in what was handed in before, as the server sees it."""
    session = cast(Session, SimpleNamespace(tenant=device.tenant, actor=device.actor, entitlement=UNMETERED))
    return await take_again(Handed(session, UUID(device.id), incarnation, 0, list(mutations)))


async def mark_of(device: WireDevice) -> Mark | None:
    async with tenant_transaction(device.tenant):
        return await find_mark(UUID(device.id))


async def leave_mark(device: WireDevice, mark: Mark) -> None:
    async with tenant_transaction(device.tenant):
        await set_mark(UUID(device.id), mark)


def contacts(device: WireDevice, world: World, *names: str) -> list[dict[str, Any]]:
    return [device.mutation(create("contact", new_id(), account_id=world.shop, name=name)) for name in names]


async def test_s8_who_was_there_when_a_server_died_is_not_refused_for_it(world: World):
    """Somebody else's entry ended the process while this push was under way, twice."""
    ann = await world.device("ann")
    batch = contacts(ann, world, *"abcdefgh")
    await leave_mark(ann, Mark(1, 8, 2))

    reply = await again(ann, *batch)

    assert [o["status"] for o in reply["outcomes"]] == ["applied"] * 8
    assert reply["applied_through"] == 8
    assert await mark_of(ann) is None


async def test_s8_what_is_suspect_is_tried_alone_in_its_process(world: World, monkeypatch: pytest.MonkeyPatch):
    """Else two devices would be taken for the culprit, each time that one of them is."""
    under_way, most, take_it = 0, 0, push_commands.push

    async def watched(*args: Any, **options: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        try:
            return await take_it(*args, **options)
        finally:
            under_way -= 1

    monkeypatch.setattr(push_commands, "push", watched)
    phones = [await world.device("ann") for _ in range(3)]
    batches = [contacts(device, world, "x", "y") for device in phones]
    for device in phones:
        await leave_mark(device, Mark(1, 2, 1))

    await asyncio.gather(*(again(device, *batch) for device, batch in zip(phones, batches, strict=True)))

    assert most == 1


async def test_s2_a_push_that_comes_again_has_one_effect_and_the_same_answer(world: World):
    """The reply was lost, and nothing died: what is marked is known already."""
    ann = await world.device("ann")
    batch = contacts(ann, world, "x", "y")
    first = await ann.push(*batch)

    reply = await again(ann, *batch)

    assert reply["outcomes"] == first
    assert await mark_of(ann) is None


async def test_s8_a_push_that_is_under_way_elsewhere_is_no_death(world: World, monkeypatch: pytest.MonkeyPatch):
    """A phone that waited too long sends it again, to another process: the mark there is of somebody alive."""
    ann, begun, taken_apart = await world.device("ann"), asyncio.Event(), []
    batch, push = contacts(ann, world, "x", "y"), push_commands.push

    async def slow_at_first(*args: Any, **options: Any) -> Any:
        if not begun.is_set():
            begun.set()
            await until_somebody_waits_for_a_lock()
        return await push(*args, **options)

    async def once_more() -> dict[str, Any]:
        await begun.wait()
        return await again(ann, *batch)

    monkeypatch.setattr(push_commands, "push", slow_at_first)
    monkeypatch.setattr(trial_commands, "split", lambda *args: taken_apart.append(args))
    first, second = await asyncio.gather(again(ann, *batch), once_more())

    assert [o["status"] for o in first["outcomes"]] == ["applied", "applied"]
    assert (second["outcomes"], taken_apart) == (first["outcomes"], [])
    assert await mark_of(ann) is None


async def test_s8_a_lock_of_a_process_that_is_gone_holds_nobody_up(world: World):
    """PostgreSQL lets go of it with the connection: the next one finds the mark, and takes it for the death it is."""
    ann = await world.device("ann")
    batch = contacts(ann, world, "x")
    await leave_mark(ann, Mark(1, 1, 2))
    async with connections.databases().pools["main"].acquire() as conn:
        async with conn.transaction():
            name = f"trial {world.tenant.id} {ann.id}"
            await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
            with pytest.raises(Busy):
                await again(ann, *batch)
        conn.terminate()

    reply = await again(ann, *batch)

    assert [o["code"] for o in reply["outcomes"]] == ["poison"]


async def test_s8_a_push_that_is_refused_as_a_whole_has_survived(world: World):
    """An expected refusal leaves no mark: else it would count as a death."""
    ann = await world.device("ann")
    [mutation] = contacts(ann, world, "x")

    with pytest.raises(IncarnationUnknown):
        await again(ann, mutation, incarnation=7)

    assert await mark_of(ann) is None
