"""One transaction is one tenant: under load, errors and cancellations, nobody ever sees another's row.

The hammer is believed because its controls find leaks where the binding is broken on purpose.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from server import connections, db
from server.connections import Connection, Databases
from server.crm.account.tables import Account
from server.db import NoTransaction, TenantRef, connection, platform_transaction, tenant_transaction
from server.tenants.schema import app_url
from server.tenants.service import owner_connection
from tests.integration import tenant_hammer
from tests.integration.installation import APP_PASSWORD
from tests.integration.tenant_hammer import POOL_SIZE, TASKS, TRANSACTIONS_PER_TASK, Hammer, Left, inspect

crowd = tenant_hammer.crowd
pool, no_binding_left = tenant_hammer.pool, tenant_hammer.no_binding_left


async def test_nobody_sees_or_writes_anothers_rows(
    owner_urls: dict[str, str], crowd: list[TenantRef], pool: asyncpg.Pool, caplog: pytest.LogCaptureFixture
):
    """50 tenants, 64 tasks, 4,800 transactions with cancellations, errors, rollbacks and tasks that outlive theirs."""
    hammer = Hammer(crowd)

    await hammer.run()

    assert hammer.leaks == []
    assert sum(hammer.outcomes.values()) == TASKS * TRANSACTIONS_PER_TASK
    for outcome in (
        "committed",
        "cancelled",
        "DivisionByZeroError",
        "ZeroDivisionError",
        "swallowed",
        "InterfaceError",
    ):
        assert hammer.outcomes[outcome] > 50, hammer.outcomes
    async with owner_connection(owner_urls["main"]) as owner:
        written = await hammer.written(owner)
        for schema, keys in written.items():
            assert all(key.startswith(schema) for key in keys)
            assert hammer.kept.get(schema, set()) <= keys
            assert not hammer.undone.get(schema, set()) & keys
        states = await inspect(pool)
        login = states[0].user
        assert states == [Left(login, '""', in_transaction=False)] * POOL_SIZE
        assert login.endswith("_app")
        hanging = await owner.fetch(
            "SELECT state, query FROM pg_stat_activity WHERE usename = $1 AND state LIKE 'idle in%'", login
        )
    assert hanging == []
    assert "active transaction" not in caplog.text


class _AnyConnection:
    """What a binding amounts to that sets the session and does not hold on to it: each query takes any connection."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def fetch(self, *query: Any) -> Any:
        async with self._pool.acquire() as conn:
            return await conn.fetch(*query)

    async def execute(self, *query: Any) -> Any:
        async with self._pool.acquire() as conn:
            return await conn.execute(*query)


@asynccontextmanager
async def _broken_transaction(database: str, begin: str, tenant: TenantRef | None, **_: bool) -> AsyncIterator[Any]:
    pool = connections.databases().pools[database]
    async with pool.acquire() as conn:
        await conn.execute(begin.removeprefix(f"{db._BEGIN}; ").replace("SET LOCAL", "SET"))
    binding = db._Binding(_AnyConnection(pool), tenant)
    token = db._binding.set(binding)
    try:
        yield binding.connection
    finally:
        binding.open = False
        db._binding.reset(token)


@pytest.fixture
async def never_reset(owner_urls: dict[str, str], databases: Databases) -> AsyncIterator[asyncpg.Pool]:
    """A pool that gives connections on as they are."""

    async def leave(conn: asyncpg.Connection) -> None:
        pass

    pool = await asyncpg.create_pool(
        app_url(owner_urls["main"], APP_PASSWORD),
        min_size=1,
        max_size=POOL_SIZE,
        init=connections._warm_codecs,
        reset=leave,
    )
    connections.use(Databases({"main": pool}))
    yield pool
    connections.use(databases)
    pool.terminate()


async def test_control_a_session_level_set_is_seen_to_leak(
    owner_urls: dict[str, str],
    crowd: list[TenantRef],
    never_reset: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
):
    """The same hammer, a binding broken on purpose: finding nothing here, its silence above would mean nothing."""
    hammer = Hammer(crowd, seed=1)
    monkeypatch.setattr(db, "_Transaction", _broken_transaction)
    monkeypatch.setattr(hammer, "_note", _note_anything(hammer))

    await hammer.run()

    async with owner_connection(owner_urls["main"]) as owner:
        written = await hammer.written(owner)
        astray = sum(not key.startswith(schema) for schema, keys in written.items() for key in keys)
        for tenant in crowd:
            await owner.execute(f'DELETE FROM "{tenant.schema}".setting')
    record_property("leaked_rows", len(hammer.leaks))
    record_property("writes_astray", astray)
    print(f"control: {len(hammer.leaks)} rows leaked, {astray} writes astray")  # noqa: T201 - shown by -s
    assert len(hammer.leaks) > 1_000
    assert astray > 50


def _note_anything(hammer: Hammer) -> Any:
    async def note(task: asyncio.Task[None]) -> None:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await task
        hammer.outcomes["any"] += 1

    return note


async def test_control_set_instead_of_set_local_is_seen_on_the_connections(
    crowd: list[TenantRef], never_reset: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    """The smallest mistake: everything as it is but for one word. What is left on the connections gives it away."""
    real = db._Transaction
    monkeypatch.setattr(db, "_Transaction", lambda d, begin, t, **k: real(d, begin.replace("SET LOCAL", "SET"), t, **k))

    for tenant in crowd[:POOL_SIZE]:
        async with tenant_transaction(tenant) as conn:
            await conn.fetch("SELECT 1")

    left = await inspect(never_reset)
    assert any(state.user.startswith("t_") and state.search_path != '""' for state in left)


async def test_what_a_statement_set_for_its_session_is_gone_for_the_next(crowd: list[TenantRef], databases: Databases):
    """Nobody here sets anything for a session; if ever one does, the next tenant is not to inherit it."""
    backend, heir = 0, 1
    while backend != heir:  # a connection whose wear is looked at is not the next one's
        async with tenant_transaction(crowd[0]) as conn:
            await conn.execute("SET lock_timeout = '77s'; SET search_path = pg_temp")
            backend = conn.get_server_pid()
        async with tenant_transaction(crowd[1]) as conn:
            heir = conn.get_server_pid()
            found = await conn.fetchrow("SELECT current_setting('lock_timeout'), current_setting('search_path')")
    async with connections.databases().pools["main"].acquire() as bare:
        await bare.execute("RESET ALL")
        usual = await bare.fetchval("SELECT current_setting('lock_timeout')")

    assert (found[0], found[1]) == (usual, f"{crowd[1].schema}, pg_temp")


async def test_a_query_without_a_transaction_is_refused(databases: Databases):
    """Forgetting to bind is an error, not a query on whatever is there."""
    with pytest.raises(NoTransaction):
        await Account.select()
    with pytest.raises(NoTransaction):
        connection()


async def test_a_transaction_within_a_transaction_is_refused(crowd: list[TenantRef], databases: Databases):
    """The inner one would be another connection: half of the work would commit without the other."""
    async with tenant_transaction(crowd[0]):
        with pytest.raises(RuntimeError, match="open already"):
            async with tenant_transaction(crowd[1]):
                pass
        with pytest.raises(RuntimeError, match="open already"):
            async with platform_transaction():
                pass


async def test_a_swallowed_error_does_not_pass_for_a_commit(crowd: list[TenantRef], databases: Databases):
    """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and says so quietly."""

    async def swallow() -> None:
        async with tenant_transaction(crowd[0]) as conn:
            with contextlib.suppress(asyncpg.DivisionByZeroError):
                await conn.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="nothing was written"):
        await swallow()


async def test_a_snapshot_reads_one_moment_and_writes_nothing(crowd: list[TenantRef], databases: Databases):
    """A page of a pull is of one moment, whatever is committed meanwhile."""
    tenant = crowd[5]

    async def read_then_write() -> None:
        async with tenant_transaction(tenant, snapshot=True) as conn:
            before = await conn.fetchval("SELECT count(*) FROM account")
            await asyncio.create_task(_add_account(tenant), context=Context())
            assert await conn.fetchval("SELECT count(*) FROM account") == before
            await conn.execute("INSERT INTO setting (key, value) VALUES ('x', '1')")

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await read_then_write()


async def test_nobody_waits_for_the_end_of_what_only_reads(
    crowd: list[TenantRef], databases: Databases, monkeypatch: pytest.MonkeyPatch
):
    """A page goes out while PostgreSQL ends the transaction that read it; then the connection comes back."""
    pool, real, may_end = databases.pools["main"], Connection.execute, asyncio.Event()

    async def execute(self: Connection, query: str, *args: Any) -> str:
        if query == "COMMIT":
            await may_end.wait()
        return str(await real(self, query, *args))

    monkeypatch.setattr(Connection, "execute", execute)

    async with asyncio.timeout(20), tenant_transaction(crowd[0], snapshot=True):
        pass

    assert pool.get_idle_size() < pool.get_size()
    may_end.set()
    await asyncio.gather(*databases._beside)
    assert pool.get_idle_size() == pool.get_size()
    assert databases.slots(crowd[0].id)._value == connections.TENANT_TRANSACTIONS_MAX


async def test_a_connection_that_breaks_when_all_is_read_harms_nobody(
    crowd: list[TenantRef], databases: Databases, owner_urls: dict[str, str]
):
    """What was read is read; and whoever comes next gets another connection."""
    async with owner_connection(owner_urls["main"]) as owner, tenant_transaction(crowd[0], snapshot=True) as conn:
        pid = conn.get_server_pid()
        assert await owner.fetchval("SELECT pg_terminate_backend($1, 20000)", pid)  # waits until it is gone

    await asyncio.gather(*databases._beside)
    async with tenant_transaction(crowd[0], snapshot=True) as conn:
        assert conn.get_server_pid() != pid
    await asyncio.gather(*databases._beside)
    assert databases.slots(crowd[0].id)._value == connections.TENANT_TRANSACTIONS_MAX


async def _add_account(tenant: TenantRef) -> UUID:
    async with tenant_transaction(tenant) as conn:
        return await conn.fetchval(
            "INSERT INTO account (id, name) VALUES ($1, $2) RETURNING id", uuid4(), tenant.schema
        )
