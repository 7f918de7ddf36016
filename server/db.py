"""The database: one transaction is one tenant, and nothing runs outside a transaction.

Piccolo's tables declare no schema. `tenant_transaction` binds role and search_path in the round trip that begins the
transaction (SET LOCAL: both end with it), and `BoundEngine` sends every Piccolo query to the connection of the open
transaction, or refuses. ADR 0001 has the experiments.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from piccolo.columns import JSONB, BigInt, Timestamptz
from piccolo.columns import UUID as UUIDColumn  # noqa: N811 - a column, beside the type of its values
from piccolo.engine.postgres import PostgresEngine
from piccolo.querystring import QueryString
from piccolo.table import Table

from server.errors import AppError, Busy

POOL_SIZE_MAX = 20
TENANT_TRANSACTIONS_MAX = 8
"""Transactions that one tenant may hold open at once: below the pool's size, so that nobody drains it."""
TENANT_WAIT_S = 5.0
CONNECTION_WAIT_S = 5.0
LOCK_TIMEOUT_MS = 2_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
CONNECTION_QUERIES_MAX = 20_000
"""After so many queries a connection is replaced: one that has seen 1,000 tenants holds 290 MB of cached plans."""

Connection = asyncpg.pool.PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class TenantRef:
    """Which tenant, and where it lives. Its schema and its role bear the same name."""

    id: UUID
    slug: str
    schema: str
    database: str = "main"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of the tenant, perhaps through a device; or nobody (a job, an operator)."""

    member_id: UUID | None = None
    device_id: UUID | None = None


SYSTEM = Actor()


@dataclass(frozen=True, slots=True)
class Revision:
    """The number of this writing transaction in its tenant, when it began, and who acts."""

    number: int
    at: datetime
    actor: Actor


@dataclass(slots=True)
class _Binding:
    """The open transaction of the current context. `tenant` None: the platform."""

    connection: Connection
    tenant: TenantRef | None
    open: bool = True


_binding: ContextVar[_Binding | None] = ContextVar("binding", default=None)


class NoTransaction(RuntimeError):
    """A bug: a query outside a transaction, or in one that has ended."""

    def __init__(self) -> None:
        super().__init__("A query needs an open tenant_transaction or platform_transaction.")


def connection() -> Connection:
    """The connection of the open transaction, for hot paths that go past Piccolo.

    Raises:
        NoTransaction: there is none, or it has ended (a task outlived it).
    """
    binding = _binding.get()
    if binding is None or not binding.open:
        raise NoTransaction
    return binding.connection


def current_tenant() -> TenantRef:
    """The tenant of the open transaction.

    Raises:
        NoTransaction: no tenant is bound.
    """
    binding = _binding.get()
    if binding is None or not binding.open or binding.tenant is None:
        raise NoTransaction
    return binding.tenant


class BoundEngine(PostgresEngine):
    """Sends every Piccolo query to the open transaction; opens nothing by itself."""

    def __init__(self) -> None:
        super().__init__(config={})

    async def check_version(self) -> None:
        """Nothing to check: `Databases.connect` opens the connections, not Piccolo."""

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        """Run one query in the open transaction."""
        query, args = querystring.compile_string(engine_type=self.engine_type)
        return await connection().fetch(query, *args)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        """Refuse: DDL belongs to migrations."""
        raise NoTransaction

    async def get_new_connection(self) -> Any:
        """Refuse: `.batch()` and the like would leave the tenant's transaction."""
        raise NoTransaction

    def transaction(self, allow_nested: bool = True) -> Any:
        """Refuse: tenant_transaction and platform_transaction are the only doors; inside, use savepoints."""
        raise NoTransaction


engine = BoundEngine()


class SyncedTable(Table, db=engine):
    """Columns that every replicated table has. Its triggers keep revision, updated_at and stamps."""

    id = UUIDColumn(primary_key=True)
    revision = BigInt(default=0)
    created_at = Timestamptz()
    created_by = UUIDColumn(null=True, default=None)
    updated_at = Timestamptz()
    deleted_at = Timestamptz(null=True, default=None)
    custom = JSONB(default="{}")
    stamps = JSONB(default="{}")


@dataclass(slots=True)
class Databases:
    """The pools, one for each database in which tenants live; `main` also holds the platform schema."""

    pools: Mapping[str, asyncpg.Pool]
    _slots: dict[UUID, asyncio.Semaphore] = field(default_factory=dict)

    @classmethod
    async def connect(cls, urls: Mapping[str, str], *, size_max: int = POOL_SIZE_MAX) -> "Databases":
        """Open a pool for each URL; the log-ins are those of the app (NOINHERIT, owning nothing)."""
        return cls({name: await _create_pool(url, size_max) for name, url in urls.items()})

    async def close(self) -> None:
        """Close all pools, ending what is still open after a moment."""
        for pool in self.pools.values():
            try:
                await asyncio.wait_for(pool.close(), timeout=5)
            except TimeoutError:
                pool.terminate()

    def slots(self, tenant: TenantRef) -> asyncio.Semaphore:
        """The tenant's share of the pool."""
        return self._slots.setdefault(tenant.id, asyncio.Semaphore(TENANT_TRANSACTIONS_MAX))


_databases: Databases | None = None


def use(databases: Databases | None) -> None:
    """Make these the process's databases (at start-up; None at shutdown)."""
    global _databases
    _databases = databases


def databases() -> Databases:
    """The process's databases."""
    if _databases is None:
        raise RuntimeError("No database is connected: call db.use() at start-up.")
    return _databases


async def _create_pool(url: str, size_max: int) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size_max,
        max_queries=CONNECTION_QUERIES_MAX,
        init=_warm_codecs,
        server_settings={
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            "application_name": "outrider",
            "jit": "off",
        },
    )


async def _warm_codecs(connection: asyncpg.Connection) -> None:
    """Introspect array types now: as a tenant's role, asyncpg may not call set_config and would fail."""
    await connection.fetch(
        "SELECT $1::uuid[], $2::text[], $3::bigint[], $4::jsonb, $5::smallint[]", [], [], [], "{}", []
    )


@asynccontextmanager
async def tenant_transaction(tenant: TenantRef, *, snapshot: bool = False) -> AsyncIterator[Connection]:
    """One transaction, bound to one tenant by role and search_path.

    Args:
        tenant: from a token, a slug's directory entry, or a job's stamp; never from a header.
        snapshot: REPEATABLE READ, READ ONLY: everything read is of one moment.

    Raises:
        Busy: the tenant holds its share of connections already, or waited too long for its writers, or all
            connections are taken.
    """
    isolation = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else ""
    begin = f'BEGIN{isolation}; SET LOCAL ROLE "{tenant.schema}"; SET LOCAL search_path = "{tenant.schema}", pg_temp'
    slots = databases().slots(tenant)
    try:
        async with asyncio.timeout(TENANT_WAIT_S):
            await slots.acquire()
    except TimeoutError:
        raise Busy() from None
    try:
        async with _transaction(tenant.database, begin, tenant) as conn:
            yield conn
    finally:
        slots.release()


@asynccontextmanager
async def platform_transaction() -> AsyncIterator[Connection]:
    """One transaction on the platform schema: the directory of tenants, identities, keys, jobs."""
    begin = 'BEGIN; SET LOCAL ROLE "{0}"; SET LOCAL search_path = platform, pg_temp'
    async with _transaction("main", begin.format(PLATFORM_ROLE), None) as conn:
        yield conn


PLATFORM_ROLE = "outrider_platform"


@asynccontextmanager
async def _transaction(database: str, begin: str, tenant: TenantRef | None) -> AsyncIterator[Connection]:
    outer = _binding.get()
    if outer is not None and outer.open:
        raise RuntimeError("A transaction is open already: services never open one.")
    pool = databases().pools[database]
    try:
        conn = await pool.acquire(timeout=CONNECTION_WAIT_S)
    except TimeoutError:
        raise Busy("The server is busy just now. Try again in a moment.") from None
    binding = _Binding(conn, tenant)
    token = _binding.set(binding)
    ended = False
    try:
        await conn.execute(begin)
        yield conn
        outcome = await conn.execute("COMMIT")
        ended = True
        if outcome != "COMMIT":
            raise RuntimeError("The transaction had failed, and its error was swallowed; nothing was written.")
    except asyncpg.LockNotAvailableError:
        raise Busy() from None
    finally:
        binding.open = False
        _binding.reset(token)
        # Also a cancelled task must leave no open transaction behind: the release is shielded,
        # and the pool rolls back, or drops, a connection whose transaction has not ended.
        await asyncio.shield(_release(pool, conn, ended=ended))


async def _release(pool: asyncpg.Pool, conn: Connection, *, ended: bool) -> None:
    """Give a connection back without a transaction; of a cancelled statement, the driver's view may be stale."""
    try:
        if not ended:
            await conn.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        conn.terminate()
    await pool.release(conn)


@asynccontextmanager
async def tenant_write(tenant: TenantRef, *, by: Actor) -> AsyncIterator[Revision]:
    """One transaction that may write, under the tenant's next revision.

    Takes the revision before anything is read: its lock is held until commit, so revisions become
    visible in order, a pull cursor never skips a slow writer, and writers cannot deadlock.
    """
    async with tenant_transaction(tenant):
        yield await take_revision(by=by)


async def take_revision(*, by: Actor) -> Revision:
    """Lock the tenant's counter and raise it; first statement of every writing transaction (READ COMMITTED)."""
    row = await connection().fetchrow("SELECT * FROM take_revision($1, $2)", by.member_id, by.device_id)
    assert row is not None
    return Revision(row["revision"], row["at"], by)


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """A part of the open transaction that may fail alone: an exception undoes it, and goes on its way."""
    conn = connection()
    await conn.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        await conn.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
        raise
    await conn.execute("RELEASE SAVEPOINT part")


__all__ = [
    "SYSTEM",
    "Actor",
    "AppError",
    "Databases",
    "Revision",
    "SyncedTable",
    "TenantRef",
    "connection",
    "current_tenant",
    "databases",
    "engine",
    "platform_transaction",
    "savepoint",
    "take_revision",
    "tenant_transaction",
    "tenant_write",
    "use",
]
