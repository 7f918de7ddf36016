"""Devices that begin with snapshots, over real HTTP: how tests ask for them, and look at what there is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from backports import zstd
from outrider_sdk import Replica

from server import storage
from server.sync import snapshot_plan
from tests.integration.live_server import live
from tests.integration.sync_oracle import Oracle
from tests.integration.sync_world import WireDevice, World
from tests.integration.web_world import open_replica, token_of

Begin = Callable[[WireDevice, Path], Awaitable[Replica]]
PULL = {"protocol": 1, "schema": 1, "cursor": 0, "position": None, "snapshots": ["zstd", "gzip"]}


@pytest.fixture(autouse=True)
def every_snapshot_is_worth_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The company of these tests is too small for them otherwise."""
    monkeypatch.setattr(snapshot_plan, "WHOLE_ROWS_MIN", 1)
    monkeypatch.setattr(snapshot_plan, "CATALOGUE_ROWS_MIN", 1)
    storage.use(tmp_path / "state")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with live() as address:
        yield address


@pytest.fixture
def begin(url: str) -> Iterator[Begin]:
    """Makes a replica of a device, and has it sync once."""
    opened = []

    async def make(device: WireDevice, path: Path) -> Replica:
        replica = await open_replica(device, url, path)
        opened.append(replica)
        await asyncio.to_thread(replica.sync)
        return replica

    yield make
    for replica in opened:
        replica.close()


def files_in(state: Path) -> list[Path]:
    """The snapshots in the storage."""
    return list(state.rglob("snapshots/*/*"))


async def ask(device: WireDevice, url: str, method: str, path: str, **options: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {await token_of(device)}", **options.pop("headers", {})}
    async with httpx2.AsyncClient(base_url=url) as client:
        return await client.request(method, path, headers=headers, **options)


async def offer_to(device: WireDevice, url: str, **changed: Any) -> dict[str, Any]:
    reply = await ask(device, url, "POST", "/sync/pull", json=PULL | changed)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def file_of(device: WireDevice, url: str, **changed: Any) -> bytes:
    """The SQLite file that a device is offered, decompressed."""
    page = await offer_to(device, url, **changed)
    reply = await ask(device, url, "GET", f"/sync/snapshots/{page['snapshot']['id']}")
    assert reply.status_code == 206
    return zstd.decompress(reply.content)


async def expected_rows(world: World, member: str) -> dict[str, set[str]]:
    """Entity → ids of what a member sees."""
    seen = (await Oracle.look(world)).rows_of(world.ids[member])
    return {entity: {row_id.replace("-", "") for row_id in rows} for entity, rows in seen.items() if rows}
