"""The application on a loopback port, within the tests' event loop: for the SDK, which speaks real HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from outrider_sdk import Replica

from server import storage
from server.auth import devices
from server.auth.standings import forget_standings
from server.db import tenant_transaction
from tests.integration.application import APP
from tests.integration.sync_world import World

T = TypeVar("T")


@asynccontextmanager
async def live() -> AsyncIterator[str]:
    """The address of a server that runs until the block ends; `connections.use` and `storage.use` are the caller's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(APP, "127.0.0.1", port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    try:
        await _until_listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        await serving


async def _until_listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise RuntimeError("the server does not listen")


async def enrol(world: World, member: str, url: str, path: Path, **options: Any) -> Replica:
    """A replica of a member's new device, enrolled with a code; not yet synced."""
    forget_standings()
    member_id = UUID(world.ids[member])
    async with tenant_transaction(world.tenant):
        drawn = await devices.draw_code(member_id, by=member_id, role="rep")

    def open_and_enrol() -> Replica:
        replica = Replica.open(path, **options)
        replica.enrol(server=url, tenant=world.tenant.slug, code=drawn.code)
        return replica

    return await asyncio.to_thread(open_and_enrol)


async def on_device(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What a device does, in a thread of its own: the server answers meanwhile."""
    return await asyncio.to_thread(call, *args, **kwargs)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """Address of the server, which keeps its files in the test's folder."""
    storage.use(tmp_path)
    async with live() as address:
        yield address
    storage.use(None)
