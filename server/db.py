"""The database: one transaction is one tenant, and nothing runs outside a transaction.

Piccolo's tables declare no schema. `tenant_transaction` binds role and search_path in the round trip that begins the
transaction (SET LOCAL: both end with it), and `BoundEngine` sends every Piccolo query to the connection of the open
transaction, or refuses. ADR 0001 has the experiments.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Final
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
TENANT_WRITERS_MAX = 4
"""Of them, those that write. They wait for each other's revision; while somebody holds it for long, readers go on."""
TENANT_WAIT_S = 5.0
CONNECTION_WAIT_S = 5.0
LOCK_TIMEOUT_MS = 2_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
STATEMENT_TIMEOUT_MS = 60_000
"""No request waits so long, and jobs work in parts."""
CONNECTION_QUERIES_MAX = 20_000
"""After so many queries a connection is replaced: one that has seen 1,000 tenants holds 290 MB of cached plans."""

TENANTS_OF_CONNECTION_MAX = 64
"""After so many tenants it is, too: each leaves 1.5 MB of plans and catalogue in the backend (seventy tables)."""

Connection = asyncpg.pool.PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class TenantRef:
    """Which tenant, and where it lives. Its schema and its role bear the same name."""

    id: UUID
    slug: str
    schema: str
    database: str = "main"


class Source(StrEnum):
    """Through what a write came. Plain SQL, which passes nothing, is put on record as `sql`."""

    REST = "rest"
    SYNC = "sync"
    IMPORT = "import"
    JOB = "job"
    CONSOLE = "console"
    """A page of the console, or a command of the operator."""


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

    connection: Connection | None
    tenant: TenantRef | None
    open: bool = True
    after: tuple[Callable[[], None], ...] = ()


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
    if binding is None or not binding.open or binding.connection is None:
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


def after_commit(tell: Callable[[], None]) -> None:
    """Have it called once the open transaction has committed, and not where it fails. It must not fail, nor take long.

    Raises:
        NoTransaction: there is none, or it has ended.
    """
    binding = _binding.get()
    if binding is None or not binding.open:
        raise NoTransaction
    binding.after += (tell,)


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
    _writers: dict[UUID, asyncio.Semaphore] = field(default_factory=dict)
    _seen: dict[int, set[UUID]] = field(default_factory=dict)

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

    def is_worn(self, backend: int, tenant: TenantRef) -> bool:
        """Whether the backend has now seen more tenants than one should; asked once for each of its transactions."""
        seen = self._seen.setdefault(backend, set())
        seen.add(tenant.id)
        if len(seen) <= TENANTS_OF_CONNECTION_MAX:
            return False
        del self._seen[backend]
        return True

    def writers(self, tenant: TenantRef) -> asyncio.Semaphore:
        """Its writers' share of that."""
        return self._writers.setdefault(tenant.id, asyncio.Semaphore(TENANT_WRITERS_MAX))


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
        reset=_reset_at_next_begin,
        server_settings={
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "application_name": "outrider",
            "jit": "off",
            # Short queries on a disk without a head to move: a plan of index look-ups, by one process.
            "random_page_cost": "1.1",
            "max_parallel_workers_per_gather": "0",
        },
    )


async def _warm_codecs(connection: asyncpg.Connection) -> None:
    """Introspect array types now: as a tenant's role, asyncpg may not call set_config and would fail."""
    await connection.fetch(
        "SELECT $1::uuid[], $2::text[], $3::bigint[], $4::jsonb, $5::smallint[]", [], [], [], "{}", []
    )


async def _reset_at_next_begin(_: asyncpg.Connection) -> None:
    """Leave a released connection as it is: `_BEGIN` undoes its settings. By itself that is a round trip a request."""


_BEGIN: Final = "RESET ALL; BEGIN"


def tenant_transaction(tenant: TenantRef, *, snapshot: bool = False) -> "_Transaction":
    """One transaction, bound to one tenant by role and search_path.

    Args:
        tenant: from a token, a slug's directory entry, or a job's stamp; never from a header.
        snapshot: REPEATABLE READ, READ ONLY: everything read is of one moment.

    Raises:
        Busy: the tenant holds its share of connections already, or waited too long for its writers, or all
            connections are taken.
    """
    isolation = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else ""
    begin = f'{_BEGIN}{isolation}; SET LOCAL ROLE "{tenant.schema}"; SET LOCAL search_path = "{tenant.schema}", pg_temp'
    return _Transaction(tenant.database, begin, tenant)


def platform_transaction(database: str = "main") -> "_Transaction":
    """One transaction on the platform schema: the directory of tenants, identities, keys, jobs (in `main`)."""
    return _Transaction(
        database, f'{_BEGIN}; SET LOCAL ROLE "{PLATFORM_ROLE}"; SET LOCAL search_path = platform, pg_temp', None
    )


PLATFORM_ROLE = "outrider_platform"


async def _take_slot(slots: asyncio.Semaphore) -> None:
    if not slots.locked():  # nobody waits: no timer
        await slots.acquire()
        return
    try:
        async with asyncio.timeout(TENANT_WAIT_S):
            await slots.acquire()
    except TimeoutError:
        raise Busy() from None


async def _take_connection(pool: asyncpg.Pool) -> Connection:
    if pool.get_idle_size():  # a timer would cost a task
        return await pool.acquire()
    try:
        return await pool.acquire(timeout=CONNECTION_WAIT_S)
    except TimeoutError:
        raise Busy("The server is busy just now. Try again in a moment.") from None


class _Transaction:
    """An open transaction, entered once. A class, as three nested generators would cost 30 µs."""

    __slots__ = ("_begin", "_binding", "_pool", "_slots", "_token")

    def __init__(self, database: str, begin: str, tenant: TenantRef | None) -> None:
        self._begin = begin
        self._pool = databases().pools[database]
        self._slots = databases().slots(tenant) if tenant else None
        self._binding = _Binding(None, tenant)
        self._token: Token[_Binding | None] | None = None

    async def __aenter__(self) -> Connection:
        outer = _binding.get()
        if outer is not None and outer.open:
            raise RuntimeError("A transaction is open already: services never open one.")
        if self._slots is not None:
            await _take_slot(self._slots)
        try:
            conn = self._binding.connection = await _take_connection(self._pool)
        except BaseException:
            self._release_slot()
            raise
        self._token = _binding.set(self._binding)
        try:
            await conn.execute(self._begin)
        except BaseException:
            await self._end(committed=False)
            raise
        return conn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        committed = False
        try:
            if error is None:
                outcome = await connection().execute("COMMIT")
                committed = True
                if outcome != "COMMIT":
                    raise RuntimeError("The transaction had failed, and its error was swallowed; nothing was written.")
            elif isinstance(error, asyncpg.LockNotAvailableError):
                raise Busy() from None
        finally:
            await self._end(committed=committed)
        if committed:
            for tell in self._binding.after:
                tell()

    async def _end(self, *, committed: bool) -> None:
        conn = connection()
        self._binding.open = False
        assert self._token is not None
        _binding.reset(self._token)
        try:
            if committed:
                tenant = self._binding.tenant
                if tenant is not None and databases().is_worn(conn.get_server_pid(), tenant):
                    await conn.close()
                await self._pool.release(conn)
            else:  # also a cancelled task must leave no open transaction behind
                await asyncio.shield(_roll_back(self._pool, conn))
        finally:
            self._release_slot()

    def _release_slot(self) -> None:
        if self._slots is not None:
            self._slots.release()


async def _roll_back(pool: asyncpg.Pool, conn: Connection) -> None:
    """Give a connection back without a transaction; of a cancelled statement, the driver's view may be stale."""
    try:
        await conn.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        conn.terminate()
    await pool.release(conn)


@asynccontextmanager
async def tenant_write(tenant: TenantRef, *, by: Actor, source: Source | None = None) -> AsyncIterator[Revision]:
    """One transaction that may write, under the tenant's next revision.

    Takes the revision before anything is read: its lock is held until commit, so revisions become
    visible in order, a pull cursor never skips a slow writer, and writers cannot deadlock.

    Args:
        by: who acts, for the stamps and the audit.
        source: through what; where it is left out, REST for a member and JOB for nobody.
    """
    writers = databases().writers(tenant)
    await _take_slot(writers)
    try:
        async with tenant_transaction(tenant):
            revision = await take_revision(by=by, source=source)
            yield revision
    finally:
        writers.release()
    for tell in committed:
        tell(tenant, revision.number)


committed: Final[list[Callable[[TenantRef, int], None]]] = []
"""Who is told of each revision that this process has committed, at once. They must not fail, nor take long."""


async def take_revision(*, by: Actor, source: Source | None = None) -> Revision:
    """Lock the tenant's counter and raise it; first statement of every writing transaction (READ COMMITTED)."""
    source = source or (Source.JOB if by.member_id is None else Source.REST)
    row = await connection().fetchrow("SELECT * FROM take_revision($1, $2, $3)", by.member_id, by.device_id, source)
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
    "Source",
    "SyncedTable",
    "TenantRef",
    "after_commit",
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
