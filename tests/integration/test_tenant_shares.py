"""Connections are shared out (S7): whoever floods or dawdles is told to wait, and the others are not."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from server import connections, db
from server.connections import Databases
from server.db import TenantRef, tenant_transaction
from server.errors import Busy
from tests.integration import tenant_hammer
from tests.integration.tenant_hammer import POOL_SIZE, inspect, sign

pool, no_binding_left = tenant_hammer.pool, tenant_hammer.no_binding_left


@pytest.fixture(scope="module")
async def tenants(owner_urls: dict[str, str], new_tenant: Callable[[], Awaitable[TenantRef]]) -> list[TenantRef]:
    """One more than the small pool has connections."""
    made = [await new_tenant() for _ in range(POOL_SIZE + 1)]
    await sign(owner_urls, made)
    return made


@asynccontextmanager
async def held_open(transaction: AbstractAsyncContextManager[Any]) -> AsyncIterator[None]:
    """Hold a transaction open in another task, as another request would."""
    opened, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with transaction:
            opened.set()
            await done.wait()

    task = asyncio.create_task(hold())
    await opened.wait()
    try:
        yield
    finally:
        done.set()
        await task


async def test_a_tenant_that_holds_its_share_is_told_to_wait_and_the_others_are_not(
    tenants: list[TenantRef], databases: Databases, monkeypatch: pytest.MonkeyPatch
):
    """S7: nobody's flood takes everybody's connections."""
    monkeypatch.setattr(connections, "TENANT_WAIT_S", 0.2)
    greedy, other = tenants[0], tenants[1]
    async with contextlib.AsyncExitStack() as held:
        for _ in range(connections.TENANT_TRANSACTIONS_MAX):
            await held.enter_async_context(held_open(tenant_transaction(greedy)))

        with pytest.raises(Busy):
            async with tenant_transaction(greedy):
                pass
        async with tenant_transaction(other) as conn:
            assert await conn.fetchval("SELECT name FROM account") == other.schema

    async with tenant_transaction(greedy) as conn:
        assert await conn.fetchval("SELECT name FROM account") == greedy.schema


async def test_waiters_that_give_up_leave_the_share_whole(
    tenants: list[TenantRef], databases: Databases, monkeypatch: pytest.MonkeyPatch
):
    """Cancelled or timed out while waiting: a slot lost each time would lock the tenant out in the end."""
    monkeypatch.setattr(connections, "TENANT_WAIT_S", 0.05)
    tenant, dice = tenants[2], random.Random(5)
    slots = databases.slots(tenant.id)

    async def visit() -> None:
        with contextlib.suppress(Busy):
            async with tenant_transaction(tenant):
                await asyncio.sleep(0.03)

    for _ in range(10):
        visits = [asyncio.create_task(visit()) for _ in range(40)]
        await asyncio.sleep(0.02)
        for task in dice.sample(visits, 15):
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    assert slots._value == connections.TENANT_TRANSACTIONS_MAX


async def test_when_all_connections_are_taken_the_next_one_is_told_to_wait(
    tenants: list[TenantRef], pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    """Better a clear answer in seconds than a queue without an end."""
    monkeypatch.setattr(connections, "CONNECTION_WAIT_S", 0.2)
    async with contextlib.AsyncExitStack() as held:
        for number in range(POOL_SIZE):
            await held.enter_async_context(held_open(tenant_transaction(tenants[number])))

        with pytest.raises(Busy):
            async with tenant_transaction(tenants[-1]):
                pass

    assert len(await inspect(pool)) == POOL_SIZE


async def test_a_writer_that_waits_too_long_for_the_others_is_told_so(tenants: list[TenantRef], databases: Databases):
    """Lunch with an open transaction in psql must not hang everybody's requests."""
    tenant = tenants[3]
    async with held_open(db.tenant_write(tenant, by=db.SYSTEM)):
        with pytest.raises(Busy):
            async with db.tenant_write(tenant, by=db.SYSTEM):
                pass
