"""Phones: the real SDK against the real application and PostgreSQL; only the socket between them is left out."""

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from outrider_sdk import MemoryCredentials, Replica, SyncReport, enrolment
from outrider_sdk.errors import ClientTooOld, DeviceRevoked, Rejected, ReplicaForked, WipeOrdered
from outrider_sdk.http import Http
from outrider_sdk.transport import HttpTransport

from server.auth import devices
from server.db import TenantRef, tenant_transaction
from tests.integration.sync_oracle import Oracle
from tests.integration.sync_world import World

SERVER = "https://phones.example"
_addresses = itertools.count()
_NAMED = {"client_too_old": ClientTooOld}


class Bridge:
    """Brings requests of a phone's thread to the application, which lives in the test's event loop."""

    def __init__(self, app: Any) -> None:
        self.app, self.loop = app, asyncio.get_running_loop()
        self.address = f"10.{next(_addresses)}"  # of the test's own: the limits of enrolments count by address
        self.log: list[tuple[str, dict[str, Any], int]] = []
        self.before: Callable[[str, dict[str, Any]], None] = lambda path, message: None

    def post(self, path: str, message: dict[str, Any], token: str | None) -> dict[str, Any]:
        """What `Http.post` does, without HTTP's repetitions."""
        self.before(path, message)
        status, reply = asyncio.run_coroutine_threadsafe(self._post(path, message, token), self.loop).result(60)
        self.log.append((path, message, status))
        if status < 300:
            return reply
        code = reply.get("code", "")
        if code == "forked":
            raise ReplicaForked(reply["number"])
        if code == "device_revoked":
            revoked = DeviceRevoked(reply["detail"])
            revoked.wipe = reply.get("wipe")
            raise revoked
        if code == "wipe_ordered":
            raise WipeOrdered(now=reply["now"])
        raise (
            _NAMED[code](reply["detail"]) if code in _NAMED else Rejected(status, code, reply.get("detail", ""), reply)
        )

    async def _post(self, path: str, message: dict[str, Any], token: str | None) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        way = httpx2.ASGITransport(self.app, client=(self.address, 0))
        async with httpx2.AsyncClient(transport=way, base_url=SERVER) as client:
            response = await client.post(path, content=json.dumps(message), headers=headers)
        return response.status_code, response.json()


class BridgedTransport(HttpTransport):
    """The SDK's own transport over a bridge; it never fetches a page ahead."""

    def __init__(self, credentials: Any, bridge: Bridge) -> None:
        super().__init__(credentials, server=SERVER)
        self.bridge = bridge

    def post(self, path: str, message: Any, token: str | None = None, **_: Any) -> dict[str, Any]:
        """Over the bridge."""
        return self.bridge.post(path, dict(message), token)

    def pull(self, request: Any) -> Any:
        """One page."""
        return self._authorised("/sync/pull", request)


class Phone:
    """A replica in a file, enrolled by a code as a person would."""

    def __init__(self, replica: Replica, folder: Path, name: str, credentials: MemoryCredentials) -> None:
        self.crm, self.folder, self.name, self.credentials = replica, folder, name, credentials

    async def sync(self) -> SyncReport:
        """One sync; in a thread, as it blocks."""
        return await asyncio.to_thread(self.crm.sync)

    def copy(self, name: str, bridge: Bridge) -> "Phone":
        """Another phone with a copy of everything that this one has."""
        self.crm._store.checkpoint()
        shutil.copy(self.folder / self.name, self.folder / name)
        return open_phone(self.folder, name, MemoryCredentials(self.credentials.load()), bridge)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Entity → id → row in wire form."""
        from outrider_sdk import overlay
        from outrider_sdk.protocol.entities import ENTITIES

        found: dict[str, dict[str, Any]] = {}
        with self.crm._store.read() as conn:
            for entity in ENTITIES.values():
                stored = conn.execute(f'SELECT * FROM "{entity.name}"').fetchall()
                rows = [overlay.wire_row(entity, row) for row in stored]
                if rows:
                    found[entity.name] = {str(row["id"]): row for row in rows}
        return found


def open_phone(folder: Path, name: str, credentials: MemoryCredentials, bridge: Bridge) -> Phone:
    """Open a replica that speaks over the bridge."""
    transport = BridgedTransport(credentials, bridge) if credentials.load() else None
    return Phone(Replica.open(folder / name, credentials=credentials, transport=transport), folder, name, credentials)


async def draw_code(tenant: TenantRef, member_id: str) -> str:
    """A code that the member draws for themself."""
    async with tenant_transaction(tenant):
        drawn = await devices.draw_code(UUID(member_id), by=UUID(member_id), role="rep")
    return drawn.code


async def enrol_phone(
    world: World, member: str, bridge: Bridge, folder: Path, *, phone: Phone | None = None, name: str = "phone.db"
) -> Phone:
    """A new phone of a member; or one that is enrolled again."""
    code = await draw_code(world.tenant, world.ids[member])
    credentials = phone.credentials if phone else MemoryCredentials()
    crm = phone.crm if phone else Replica.open(folder / name, credentials=credentials)

    class Way(Http):
        def post(self, path: str, message: Any, token: str | None = None, **_: Any) -> dict[str, Any]:
            return bridge.post(path, dict(message), token)

    plain, enrolment.Http = enrolment.Http, Way  # type: ignore[misc]
    try:
        where = {"server": SERVER, "tenant": world.tenant.slug, "code": code, "name": f"{member}'s phone"}
        await asyncio.to_thread(lambda: crm.enrol(**where, again=phone is not None))
    finally:
        enrolment.Http = plain  # type: ignore[misc]
    crm._transport = BridgedTransport(credentials, bridge)
    return phone or Phone(crm, folder, name, credentials)


async def enrol_again(world: World, phone: Phone, bridge: Bridge) -> None:
    """Ann draws a code for the phone that she has."""
    await enrol_phone(world, "ann", bridge, phone.folder, phone=phone)


async def assert_phones_converged(world: World, member: str, *phones: Phone) -> None:
    """Each phone holds what a fresh look says its member may see, value for value (S3)."""
    oracle = await Oracle.look(world)
    wanted = {entity: rows for entity, rows in oracle.rows_of(world.ids[member]).items() if rows}
    for phone in phones:
        assert phone.rows() == wanted
        assert phone.crm.verify() == []


@pytest.fixture
async def ann(world: World, bridge: Bridge, tmp_path: Path) -> AsyncIterator[Phone]:
    """Ann's phone, which has synced once; for files that say `ann = phones.ann`, as Ann is a wire device elsewhere."""
    phone = await enrol_phone(world, "ann", bridge, tmp_path)
    await phone.sync()
    yield phone
    phone.crm.close()


def add(phone: Phone, world: World, *names: str) -> None:
    """Type contacts of the shop on a phone."""
    for name in names:
        phone.crm.contacts.create(account_id=world.shop, name=name)


async def contacts(world: World) -> list[str]:
    """Names of the contacts that the server has."""
    return [r["name"] for r in await world.fetch("SELECT name FROM contact WHERE deleted_at IS NULL ORDER BY name")]
