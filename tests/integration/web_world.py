"""The real application behind a real socket, and real replicas that speak to it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from granian.constants import Interfaces
from granian.server.embed import Server
from outrider_sdk import Credentials, MemoryCredentials, Replica
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.transport import HttpTransport

from server.app import create_app
from server.auth.tokens import keys
from tests.integration.sync_world import WireDevice

APP = create_app(SimpleNamespace(secret_key=b"k" * 32), connect=False)  # type: ignore[arg-type]


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The address of the application, which runs on this event loop."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    server = Server(APP, "127.0.0.1", port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    running = asyncio.create_task(server.serve())
    for _ in range(200):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        await running


async def token_of(device: WireDevice) -> str:
    """An access token of a device."""
    return await keys.issue(
        tenant_id=device.tenant.id, member_id=UUID(device.member_id), role="rep", device_id=UUID(device.id)
    )


async def open_replica(device: WireDevice, url: str, path: Path, **options: Any) -> Replica:
    """The replica of a device, which syncs over HTTP."""
    known = Credentials(
        server=url, slug=device.tenant.slug, device_id=device.id, member_id=device.member_id, incarnation=1,
        number_prefix=device.id[-6:], secret="x", refresh_token="x", access_token=await token_of(device),
    )  # fmt: skip
    credentials = MemoryCredentials(known)
    return Replica.open(path, credentials=credentials, transport=HttpTransport(credentials), **options)


def rows_of(replica: Replica) -> dict[str, dict[str, dict[str, Any]]]:
    """Entity → id → the row as the replica stores it."""
    found = {}
    for name in ENTITIES:
        rows = {row["id"].hex(): row for row in replica.query(f'SELECT * FROM "{name}"')}
        if rows:
            found[name] = rows
    return found
