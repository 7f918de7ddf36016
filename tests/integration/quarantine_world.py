"""A revoked phone with work on it, whoever looks after it, and what they do: for tests of quarantine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import Replica, outbox
from outrider_sdk.errors import DeviceRevoked

from server.auth import devices
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.db import tenant_transaction
from server.sync import quarantine_commands
from server.sync.quarantine import HandIn
from tests.integration.application import APP
from tests.integration.live_server import enrol, on_device
from tests.integration.rest_world import Person
from tests.integration.sync_world import World


@pytest.fixture
async def phone(world: World, url: str, tmp_path: Path) -> AsyncIterator[Replica]:
    """Ann's phone: synced, then two pieces of work that were not sent, and revoked."""
    replica = await enrol(world, "ann", url, tmp_path / "ann.db")
    await on_device(replica.sync)
    with replica:
        replica.contacts.create(account_id=world.shop, name="Zoe")
        replica.accounts.edit(world.shop, name="Corner Shop 2")
        yield replica


async def revoke(world: World, phone: Replica) -> None:
    async with tenant_transaction(world.tenant):
        await devices.revoke_device(UUID(phone.status().device_id), by=UUID(world.mia), role="manager")
    forget_standings()


async def person(world: World, name: str, role: str) -> Person:
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.ids[name]), role=role)
    return Person(APP, world.tenant, UUID(world.ids[name]), role, token)


async def release(world: World) -> dict[str, int]:
    """Mia releases what waits; how much of it ended as what."""
    [waiting] = await world.fetch("SELECT id FROM quarantine")
    return await quarantine_commands.decide(world.tenant, waiting["id"], "released", by=UUID(world.mia), role="manager")


async def hand_in(world: World, phone: Replica) -> DeviceRevoked:
    await revoke(world, phone)
    with pytest.raises(DeviceRevoked) as revoked:
        await on_device(phone.sync)
    return revoked.value


def part_of(phone: Replica, *numbers: int, complete: bool) -> HandIn:
    """What the phone hands in of its outbox."""
    held = phone._credentials.load()
    assert held is not None
    with phone._store.read() as conn:
        entries = outbox.entries(conn, f"number IN ({', '.join('?' * len(numbers))})", numbers)
        mutations: list[dict[str, Any]] = [dict(entry.wire()) for entry in entries]
    text = f"quarantine/{held.device_id}/{mutations[-1]['digest']}/{str(complete).lower()}"
    return HandIn(UUID(held.device_id), held.proof(text), 1, mutations, complete)
