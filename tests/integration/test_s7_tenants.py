"""S7: tenants don't disturb each other. Nobody's lunch, flood or haste delays another tenant, nor drains the pool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from server import connection_wear, connections
from server.connections import Databases
from server.db import TenantRef, tenant_transaction
from server.sync import device_guard
from server.tenants.schema import app_url
from tests.integration.installation import APP_PASSWORD
from tests.integration.sync_requests import encoded, pull_body, push_body, send
from tests.integration.sync_world import WireDevice, World, create, make_world, new_id


@pytest.fixture
async def neighbour(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    return await make_world(await new_tenant())


async def push_of(device: WireDevice, world: World) -> int:
    """A push of one contact; the status of its reply."""
    mutation = device.mutation(create("contact", new_id(), account_id=world.shop, name="New"))
    return (await send(device, "/sync/push", encoded(push_body(mutation)))).status_code


async def pull_of(device: WireDevice) -> int:
    """The status of a pull."""
    return (await send(device, "/sync/pull", encoded(pull_body(cursor=device.cursor, view=device.view)))).status_code


async def _until_none_more_waits(conn: asyncpg.Connection) -> None:
    """Until as many wait for the lock as will: the same number at five looks in a row."""
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < 5 or seen[-5:] != seen[-1:] * 5 or not seen[-1]:
            seen.append(await conn.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            await asyncio.sleep(0.05)


async def test_s7_a_transaction_left_open_over_lunch_holds_up_nobody_but_its_own_tenant_s_writers(
    world: World, neighbour: World, owner_urls: dict[str, str]
):
    """Somebody types UPDATE in psql, and goes to eat. Their colleagues read on; other companies notice nothing."""
    colleagues = [await world.device("ann") for _ in range(12)]
    reader, other = await world.device("bob"), await neighbour.device("ann")
    lunch = await asyncpg.connect(owner_urls["main"])
    order: list[str] = []

    async def noted(name: str, act: Any) -> int:
        status = await act
        order.append(name)
        return int(status)

    try:
        await lunch.execute(f"BEGIN; UPDATE \"{world.tenant.schema}\".account SET name = 'Lunch'")
        pushes = [asyncio.create_task(noted("held up", push_of(device, world))) for device in colleagues]
        await _until_none_more_waits(lunch)

        pulled = await noted("read", pull_of(reader))
        theirs = await noted("neighbour", push_of(other, neighbour)), await noted("neighbour", pull_of(other))
        held_up = await asyncio.gather(*pushes)
    finally:
        await lunch.close()

    assert (pulled, theirs) == (200, (200, 200))
    assert set(held_up) == {503}
    assert order[:3] == ["read", "neighbour", "neighbour"]
    assert await push_of(await world.device("ann"), world) == 200


async def test_s7_who_is_held_up_is_told_when_to_come_again(world: World, owner_urls: dict[str, str]):
    """503 with Retry-After: the SDK waits so long, and no push is lost."""
    ann = await world.device("ann")
    lunch = await asyncpg.connect(owner_urls["main"])
    try:
        await lunch.execute(f"BEGIN; UPDATE \"{world.tenant.schema}\".account SET name = 'Lunch'")
        mutation = ann.mutation(create("contact", new_id(), account_id=world.shop, name="New"))
        reply = await send(ann, "/sync/push", encoded(push_body(mutation)))
    finally:
        await lunch.close()

    assert (reply.status_code, reply.json()["code"]) == (503, "busy")
    assert int(reply.headers["retry-after"]) > 0


async def test_s7_a_flood_of_one_tenant_does_not_make_another_wait_for_its_end(world: World, neighbour: World):
    """A hundred phones of one company come back into coverage at once; their neighbour has one."""
    crowd = [await world.device("ann") for _ in range(100)]
    other = await neighbour.device("ann")
    done: list[WireDevice] = []

    async def flood(device: WireDevice) -> int:
        status = await push_of(device, world)
        done.append(device)
        return status

    flooding = [asyncio.create_task(flood(device)) for device in crowd]
    await asyncio.sleep(0.05)
    status = await push_of(other, neighbour)
    before_the_neighbour = len(done)
    statuses = await asyncio.gather(*flooding)

    assert status == 200
    assert before_the_neighbour < len(crowd) * 0.8
    assert set(statuses) <= {200, 503}


async def test_s7_writers_leave_room_for_readers_and_a_tenant_for_the_others():
    """The bounds that this follows from, one below the other."""
    assert 1 < connections.TENANT_WRITERS_MAX < connections.TENANT_TRANSACTIONS_MAX < connections.POOL_SIZE_MAX / 2


async def test_s7_no_transaction_of_ours_waits_idles_or_runs_for_ever(world: World):
    """What a bug or a lost connection leaves open, PostgreSQL ends."""
    async with tenant_transaction(world.tenant) as conn:
        settings = {
            name: await conn.fetchval(f"SELECT setting FROM pg_settings WHERE name = '{name}'")
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        }

    assert {name: int(value) for name, value in settings.items()} == {
        "lock_timeout": connections.LOCK_TIMEOUT_MS,
        "statement_timeout": connections.STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": connections.IDLE_IN_TRANSACTION_TIMEOUT_MS,
    }


@pytest.fixture
async def lone_connection(world: World, neighbour: World, owner_urls: dict[str, str]) -> AsyncIterator[Databases]:
    """A pool of one, in place of the process's, which has seen neither of the two."""
    before = connections.databases()
    own = await Databases.connect({"main": app_url(owner_urls["main"], APP_PASSWORD)}, size_max=1)
    connections.use(own)
    yield own
    connections.use(before)
    await own.close()


async def backends_of(*tenants: TenantRef) -> list[int]:
    """The backend of a transaction of each, one after the other."""
    found = []
    for tenant in tenants:
        async with tenant_transaction(tenant) as conn:
            found.append(conn.get_server_pid())
    return found


@pytest.mark.usefixtures("lone_connection")
async def test_a_connection_whose_backend_holds_too_much_is_replaced(
    world: World, neighbour: World, monkeypatch: pytest.MonkeyPatch
):
    """Each tenant leaves plans and catalogue in it, those that write far more; a thousand would leave gigabytes."""
    monkeypatch.setattr(connection_wear, "LOOK_AFTER_TENANTS", 2)
    await backends_of(world.tenant)
    monkeypatch.setattr(connection_wear, "BACKEND_BYTES_MAX", 1)

    found = await backends_of(world.tenant, neighbour.tenant, world.tenant, world.tenant)

    assert found[0] == found[1] != found[2] == found[3]


@pytest.mark.usefixtures("lone_connection")
async def test_a_backend_that_holds_little_is_kept_however_often_it_is_looked_at(
    world: World, neighbour: World, monkeypatch: pytest.MonkeyPatch
):
    """A new one has everything to learn again. The look itself works: the log-in may ask."""
    monkeypatch.setattr(connection_wear, "LOOK_AFTER_TRANSACTIONS", 1)
    monkeypatch.setattr(connection_wear, "TENANTS_MAX", 1)

    found = await backends_of(*[world.tenant, neighbour.tenant] * 3)

    assert len(set(found)) == 1


@pytest.mark.usefixtures("lone_connection")
async def test_a_backend_is_bounded_by_tenants_where_the_server_does_not_say_what_it_holds(
    world: World, neighbour: World, monkeypatch: pytest.MonkeyPatch
):
    """A managed PostgreSQL, whose owner may not grant it: every new tenant is taken for a heavy one."""
    monkeypatch.setattr(connection_wear, "LOOK_AFTER_TRANSACTIONS", 1)
    monkeypatch.setattr(connection_wear, "TENANTS_MAX", 1)
    held = "SELECT sum(total_bytes)::bigint FROM pg_ls_waldir(), pg_get_backend_memory_contexts()"  # needs rights, too
    monkeypatch.setattr(connection_wear, "_HELD", held)

    found = await backends_of(world.tenant, world.tenant, neighbour.tenant, neighbour.tenant)

    assert found[0] == found[1] == found[2] != found[3]


async def test_what_is_known_of_a_backend_goes_with_it(
    world: World, lone_connection: Databases, monkeypatch: pytest.MonkeyPatch
):
    """Numbers of processes come again: a new one is not worn by what the old one saw."""
    monkeypatch.setattr(connection_wear, "LOOK_AFTER_TRANSACTIONS", 1)
    monkeypatch.setattr(connection_wear, "BACKEND_BYTES_MAX", 1)

    found = await backends_of(*[world.tenant] * 4)

    (wear,) = lone_connection._wear.values()
    assert len(set(found)) == 4
    assert len(wear._backends) <= 1


async def test_nobody_waits_for_the_look_at_a_backend(
    world: World, lone_connection: Databases, monkeypatch: pytest.MonkeyPatch
):
    """It takes milliseconds, after the commit: the answer is on its way by then."""
    monkeypatch.setattr(connection_wear, "LOOK_AFTER_TRANSACTIONS", 1)
    asked, answered = asyncio.Event(), asyncio.Event()

    async def is_worn(self: connection_wear.Wear, connection: object) -> bool:
        asked.set()
        await answered.wait()
        return False

    monkeypatch.setattr(connection_wear.Wear, "is_worn", is_worn)

    first = await asyncio.wait_for(backends_of(world.tenant), 10)

    await asked.wait()
    answered.set()
    assert await backends_of(world.tenant) == first


DOORS = {
    "/sync/push": push_body(),
    "/sync/checksum": {
        "protocol": 1, "schema": 1, "cursor": 0, "view": "x", "sums": {}, "bucket": 0, "contents": {},
    },
}  # fmt: skip


async def test_s7_a_device_in_a_hurry_is_slowed_down_and_no_other(world: World, monkeypatch: pytest.MonkeyPatch):
    """A client that asks without end; no client that waits for its answers gets there."""
    monkeypatch.setattr(device_guard, "DEVICE_REQUESTS_PER_MINUTE", 3)
    hasty, calm = await world.device("ann"), await world.device("ann")

    statuses = [await pull_of(hasty) for _ in range(3)]
    reply = await send(hasty, "/sync/pull", encoded(pull_body()))

    assert statuses == [200] * 3
    assert (reply.status_code, reply.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(reply.headers["retry-after"]) <= 60
    for path in ("/sync/push", "/sync/checksum"):  # all doors count together
        assert (await send(hasty, path, encoded(DOORS[path]))).status_code == 429
    assert await pull_of(calm) == 200
