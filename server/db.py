"""The database: one transaction is one tenant, and nothing runs outside a transaction.

Piccolo's tables declare no schema. `tenant_transaction` binds role and search_path in the round trip that begins the
transaction (SET LOCAL: both end with it), and `BoundEngine` sends every Piccolo query to the connection of the open
transaction, or refuses. ADR 0001 has the experiments.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
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

from server.connections import LOCK_HELD_MAX_MS, Connection, databases, take_connection, take_slot
from server.errors import Busy

_log = logging.getLogger(__name__)


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
        """Nothing to check: `server.connections` opens the connections, not Piccolo."""

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


_BEGIN: Final = "RESET ALL; BEGIN"


def tenant_transaction(tenant: TenantRef, *, snapshot: bool = False) -> "_Transaction":
    """One transaction, bound to one tenant by role and search_path.

    Args:
        tenant: from a token, a slug's directory entry, or a job's stamp; never from a header.
        snapshot: REPEATABLE READ, READ ONLY: everything read is of one moment. Nobody waits for its end, as there is
            nothing to commit.

    Raises:
        Busy: the tenant holds its share of connections already, or waited too long for its writers, or all
            connections are taken.
    """
    isolation = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else ""
    begin = f'{_BEGIN}{isolation}; SET LOCAL ROLE "{tenant.schema}"; SET LOCAL search_path = "{tenant.schema}", pg_temp'
    return _Transaction(tenant.database, begin, tenant, reads_only=snapshot)


def platform_transaction(database: str = "main") -> "_Transaction":
    """One transaction on the platform schema: the directory of tenants, identities, keys, jobs (in `main`)."""
    return _Transaction(
        database, f'{_BEGIN}; SET LOCAL ROLE "{PLATFORM_ROLE}"; SET LOCAL search_path = platform, pg_temp', None
    )


PLATFORM_ROLE = "outrider_platform"


class _Transaction:
    """An open transaction, entered once. A class, as three nested generators would cost 30 µs."""

    __slots__ = ("_begin", "_binding", "_databases", "_pool", "_reads_only", "_slots", "_token")

    def __init__(self, database: str, begin: str, tenant: TenantRef | None, *, reads_only: bool = False) -> None:
        self._begin = begin
        self._reads_only = reads_only
        self._databases = databases()
        self._pool = self._databases.pools[database]
        self._slots = self._databases.slots(tenant.id) if tenant else None
        self._binding = _Binding(None, tenant)
        self._token: Token[_Binding | None] | None = None

    async def __aenter__(self) -> Connection:
        outer = _binding.get()
        if outer is not None and outer.open:
            raise RuntimeError("A transaction is open already: services never open one.")
        if self._slots is not None:
            await take_slot(self._slots)
        try:
            conn = self._binding.connection = await take_connection(self._pool)
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
        if error is None and self._reads_only:
            self._databases.beside(self._end_reading(self._unbind()))
            return
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

    async def _end_reading(self, conn: Connection) -> None:
        try:
            try:
                if await conn.execute("COMMIT") != "COMMIT":
                    _log.error("A reading transaction had failed, and its error was swallowed.")
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                conn.terminate()  # what was read is read
            await self._give_back(conn)
        finally:
            self._release_slot()

    def _unbind(self) -> Connection:
        conn = connection()
        self._binding.open = False
        assert self._token is not None
        _binding.reset(self._token)
        return conn

    async def _give_back(self, conn: Connection) -> None:
        tenant = self._binding.tenant
        await self._databases.give_back(self._pool, conn, tenant.id if tenant else None)

    async def _end(self, *, committed: bool) -> None:
        conn = self._unbind()
        try:
            if committed:
                await self._give_back(conn)
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
    writers = databases().writers(tenant.id)
    await take_slot(writers)
    try:
        async with tenant_transaction(tenant):
            revision = await take_revision(by=by, source=source)
            yield revision
    finally:
        writers.release()
    for tell in committed:
        tell(tenant, revision.number)


@asynccontextmanager
async def process_lock(database: str, name: str) -> AsyncIterator[None]:
    """Hold a lock beside transactions, over several of them, on a connection of its own: that ends with the process.

    So whoever gets it knows that no other process is at it, however that ended. Within a transaction it would keep two
    connections waiting for each other: take it first.

    Raises:
        Busy: somebody else holds it for longer than one waits for locks, or all connections are taken.
    """
    locks, pool = databases().locks, databases().pools[database]
    await take_slot(locks)
    try:
        conn = await take_connection(pool)
        try:
            await conn.execute(f"{_BEGIN}; SET LOCAL idle_in_transaction_session_timeout = {LOCK_HELD_MAX_MS}")
            try:
                await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
            except asyncpg.LockNotAvailableError:
                raise Busy() from None
            yield
        finally:
            await asyncio.shield(_roll_back(pool, conn))
    finally:
        locks.release()


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
    "Revision",
    "Source",
    "SyncedTable",
    "TenantRef",
    "after_commit",
    "connection",
    "current_tenant",
    "engine",
    "platform_transaction",
    "process_lock",
    "savepoint",
    "take_revision",
    "tenant_transaction",
    "tenant_write",
]
