"""Pokes: a device that listens is told soon that there is news, whoever made it; and nobody else is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from server.auth.standings import forget_standings
from server.db import SYSTEM, TenantRef, connection, tenant_write
from server.sync import events
from server.sync.events import hub
from tests.integration.application import APP
from tests.integration.sync_requests import token_of
from tests.integration.sync_world import WireDevice, World, new_id


@pytest.fixture(autouse=True)
async def _quiet_hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    forget_standings()
    monkeypatch.setattr(events, "SWEEP_S", 0.05)
    monkeypatch.setattr(events, "COALESCE_S", 0.02)
    yield
    await hub.close()
    assert hub.count == 0


@pytest.fixture
async def other_tenant(new_tenant: Callable[[], Awaitable[TenantRef]]) -> TenantRef:
    return await new_tenant()


class Connection:
    """An open request for events, and what has come of it."""

    def __init__(self, device: WireDevice, token: str, query: str = "", method: str = "GET") -> None:
        self.status, self.headers, self.content, self.is_stuck = 0, {}, b"", False
        self._gone, self._came = asyncio.Event(), asyncio.Event()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": "/sync/events", "raw_path": b"/sync/events", "root_path": "", "query_string": query.encode(),
            "headers": [(b"authorization", f"Bearer {token}".encode())], "client": ("test", 1), "server": ("test", 80),
            "state": {},
        }  # fmt: skip
        self.task = asyncio.create_task(APP(scope, self._receive, self._send))  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if self.is_stuck:
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        self.content += message.get("body", b"")
        self._came.set()

    async def until(self, text: bytes, times: int = 1) -> None:
        """Wait until this came so often."""
        async with asyncio.timeout(20):
            while self.content.count(text) < times:
                self._came.clear()
                await self._came.wait()

    async def ended(self) -> None:
        """Wait until the server has ended it."""
        async with asyncio.timeout(20):
            await self.task

    async def hang_up(self) -> None:
        """As a phone does that drives into a tunnel."""
        self._gone.set()
        await self.ended()


@asynccontextmanager
async def listening(device: WireDevice, query: str = "") -> AsyncIterator[Connection]:
    """A device that listens."""
    there = Connection(device, await token_of(device), query)
    await there.until(b"retry:")
    yield there
    await there.hang_up()


async def write(tenant: TenantRef) -> int:
    """What a colleague does through this process; its revision."""
    async with tenant_write(tenant, by=SYSTEM) as revision:
        await connection().execute("INSERT INTO account (id, name) VALUES ($1, 'New')", new_id())
    return revision.number


async def test_a_poke_follows_a_commit_at_once(world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch):
    """Without waiting for the sweep; it says which revision there is, and nothing of what changed."""
    monkeypatch.setattr(events, "SWEEP_S", 3_600)
    async with listening(ann) as there:
        assert there.status == 200
        assert there.headers[b"content-type"] == b"text/event-stream"
        revision = await write(world.tenant)

        await there.until(b"event: news")

        assert there.content == b"retry: 5000\n\n" + f"event: news\nid: {revision}\ndata: \n\n".encode()


async def test_a_poke_follows_plain_sql_and_other_processes(world: World, ann: WireDevice):
    """They tell nobody: the heads of tenants that are listened to are looked at each second."""
    async with listening(ann) as there:
        await world.execute("UPDATE contact SET name = 'By psql' WHERE id = $1", world.clerk)

        await there.until(b"event: news")


async def test_s7_what_another_tenant_does_pokes_nobody(world: World, ann: WireDevice, other_tenant: TenantRef):
    """Not even that somebody works at this hour."""
    async with listening(ann) as there:
        await write(other_tenant)
        await asyncio.sleep(0.2)
        assert b"news" not in there.content

        await write(world.tenant)
        await there.until(b"event: news")


async def test_who_missed_something_meanwhile_is_told_on_connecting(world: World, ann: WireDevice):
    """Between the pull and the connection lies a gap; the cursor closes it."""
    await write(world.tenant)

    async with listening(ann, f"cursor={ann.cursor}") as there:
        await there.until(b"event: news")
    async with listening(ann, f"cursor={ann.cursor + 1}") as there:
        await asyncio.sleep(0.15)
        assert b"news" not in there.content


async def test_a_device_that_has_nothing_yet_is_told_at_once(ann: WireDevice):
    """It may have come by its credentials, and lost its first sync: cursor 0 is one, and not the lack of one."""
    async with listening(ann, "cursor=0") as there:
        await there.until(b"event: news")


async def test_many_commits_are_few_pokes(world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch):
    """An import of thousands of rows is no reason to wake a phone thousands of times."""
    monkeypatch.setattr(events, "COALESCE_S", 0.3)
    async with listening(ann) as there:
        for _ in range(20):
            last = await write(world.tenant)

        await there.until(f"id: {last}\n".encode())

        assert there.content.count(b"event: news") < 10


async def test_a_revoked_device_s_stream_ends(world: World, ann: WireDevice):
    """At once where this process revoked it, which forgets all standings."""
    async with listening(ann) as there:
        await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", ann.id)
        forget_standings()

        await there.ended()

    again = Connection(ann, await token_of(ann))
    await again.ended()
    assert (again.status, b"device_revoked" in again.content) == (401, True)


async def test_a_silent_stream_is_kept_alive_and_looked_at(
    world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch
):
    """Networks forget connections that say nothing; and another process may have revoked the device."""
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    async with listening(ann) as there:
        await there.until(b": still here", times=2)


async def test_a_stream_ends_with_its_token(ann: WireDevice):
    """The device comes again with another: nobody is trusted for days because they connected once."""
    async with listening(ann) as there:
        for stream in hub._all():
            stream.expires_at = 0

        await there.ended()

        assert there.content.endswith(b"event: end\ndata: \n\n")


async def test_a_device_has_one_stream(ann: WireDevice):
    """The newer one counts: the older is what a lost connection left behind."""
    async with listening(ann) as older, listening(ann):
        await older.ended()

        assert hub.count == 1


async def test_a_tenant_s_streams_are_limited(world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch):
    """S7: one tenant's phones do not use up the server's memory; they go on by asking from time to time."""
    monkeypatch.setattr(events, "STREAMS_OF_TENANT_MAX", 1)
    bob = await world.device("bob")
    async with listening(ann):
        refused = Connection(bob, await token_of(bob))

        await refused.ended()

        assert refused.status == 429
        assert refused.headers[b"retry-after"] == b"60"


async def test_s7_a_phone_that_takes_nothing_does_not_hold_up_the_others(
    world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch
):
    """A full connection is let go of."""
    monkeypatch.setattr(events, "SEND_TIMEOUT_S", 0.05)
    bob = await world.device("bob")
    async with listening(ann) as stuck, listening(bob) as other:
        stuck.is_stuck = True
        await write(world.tenant)

        await other.until(b"event: news")
        await stuck.ended()


@pytest.mark.parametrize(("query", "status"), [("cursor=-1", 400), ("cursor=x", 400), (f"cursor={'9' * 30}", 400)])
async def test_a_cursor_that_is_none_is_named(ann: WireDevice, query: str, status: int):
    """As in a pull."""
    refused = Connection(ann, await token_of(ann), query)

    await refused.ended()

    assert (refused.status, b"cursor" in refused.content) == (status, True)


async def test_only_an_enrolled_device_listens(ann: WireDevice):
    """A person's token is refused in words, as is no token, and another method."""
    person = Connection(ann, await token_of(ann, device_id=None))
    nobody = Connection(ann, "")
    posting = Connection(ann, await token_of(ann), method="POST")

    for refused in (person, nobody, posting):
        await refused.ended()

    assert (person.status, nobody.status, posting.status) == (403, 401, 405)


async def test_a_device_of_another_tenant_is_unknown_here(ann: WireDevice, other_tenant: TenantRef):
    """Its token names its own tenant; there it hears its own news alone."""
    stranger = WireDevice(other_tenant, ann.id, ann.member_id)

    refused = Connection(stranger, await token_of(stranger))
    await refused.ended()

    assert refused.status == 401
