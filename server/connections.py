"""The connections to the databases: how many there are, how long one lives, and whose share of them is how large (S7).

Who may do what on one is another matter: `server.db` gives them out, each for one transaction.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from server.connection_wear import Wear
from server.errors import Busy

POOL_SIZE_MAX = 20
TENANT_TRANSACTIONS_MAX = 8
"""Transactions that one tenant may hold open at once: below the pool's size, so that nobody drains it."""
TENANT_WRITERS_MAX = 4
"""Of them, those that write. They wait for each other's revision; while somebody holds it for long, readers go on."""
LOCKS_MAX = 4
"""Locks that one process holds beside its transactions, each on a connection of its own."""
TENANT_WAIT_S = 5.0
CONNECTION_WAIT_S = 5.0
LOCK_TIMEOUT_MS = 2_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
LOCK_HELD_MAX_MS = 600_000
"""For so long a connection that holds nothing but a lock may be idle: longer than what it is held for takes."""
STATEMENT_TIMEOUT_MS = 60_000
"""No request waits so long, and jobs work in parts."""
CONNECTION_QUERIES_MAX = 20_000
"""After so many queries a connection is replaced, whatever its backend holds; `connection_wear` looks at that."""

Connection = asyncpg.pool.PoolConnectionProxy


@dataclass(slots=True)
class Databases:
    """The pools, one for each database in which tenants live; `main` also holds the platform schema."""

    pools: Mapping[str, asyncpg.Pool]
    locks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOCKS_MAX))
    _slots: dict[UUID, asyncio.Semaphore] = field(default_factory=dict)
    _writers: dict[UUID, asyncio.Semaphore] = field(default_factory=dict)
    _wear: dict[asyncpg.Pool, Wear] = field(default_factory=dict)
    _beside: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def connect(cls, urls: Mapping[str, str], *, size_max: int = POOL_SIZE_MAX) -> "Databases":
        """Open a pool for each URL; the log-ins are those of the app (NOINHERIT, owning nothing)."""
        wear = {name: Wear() for name in urls}
        pools = {name: await _create_pool(url, size_max, wear[name]) for name, url in urls.items()}
        return cls(pools, _wear={pools[name]: wear[name] for name in urls})

    async def close(self) -> None:
        """Close all pools, ending what is still open after a moment."""
        for pool in self.pools.values():
            try:
                await asyncio.wait_for(pool.close(), timeout=5)
            except TimeoutError:
                pool.terminate()

    def slots(self, tenant_id: UUID) -> asyncio.Semaphore:
        """A tenant's share of the pool."""
        return self._slots.setdefault(tenant_id, asyncio.Semaphore(TENANT_TRANSACTIONS_MAX))

    async def give_back(self, pool: asyncpg.Pool, connection: Connection, tenant_id: UUID | None) -> None:
        """Give a connection back after a transaction, or replace it if it is worn. Nobody waits for the look at it."""
        wear = self._wear.get(pool)
        if tenant_id is None or wear is None or not wear.is_due(connection.get_server_pid(), tenant_id):
            await pool.release(connection)
            return
        self.beside(_look_at(pool, connection, wear))

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done while nobody waits for it; that connections come back of it, `close` waits for."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def writers(self, tenant_id: UUID) -> asyncio.Semaphore:
        """Its writers' share of that."""
        return self._writers.setdefault(tenant_id, asyncio.Semaphore(TENANT_WRITERS_MAX))


_databases: Databases | None = None


def use(databases: Databases | None) -> None:
    """Make these the process's databases (at start-up; None at shutdown)."""
    global _databases
    _databases = databases


def databases() -> Databases:
    """The process's databases."""
    if _databases is None:
        raise RuntimeError("No database is connected: call connections.use() at start-up.")
    return _databases


async def _look_at(pool: asyncpg.Pool, connection: Connection, wear: Wear) -> None:
    try:
        if await wear.is_worn(connection):
            await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()
    await pool.release(connection)


async def _create_pool(url: str, size_max: int, wear: Wear) -> asyncpg.Pool:
    async def begin(connection: asyncpg.Connection) -> None:
        wear.begin(connection)
        await _warm_codecs(connection)

    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size_max,
        max_queries=CONNECTION_QUERIES_MAX,
        init=begin,
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
    """Leave a released connection as it is: the next BEGIN undoes its settings. Here it would cost a round trip."""


async def take_slot(slots: asyncio.Semaphore) -> None:
    """Wait for one's turn in a share; whoever has it releases it.

    Raises:
        Busy: the others are too long about it.
    """
    if not slots.locked():  # nobody waits: no timer
        await slots.acquire()
        return
    try:
        async with asyncio.timeout(TENANT_WAIT_S):
            await slots.acquire()
    except TimeoutError:
        raise Busy() from None


async def take_connection(pool: asyncpg.Pool) -> Connection:
    """A connection of the pool; whoever has it gives it back.

    Raises:
        Busy: all are taken, for too long.
    """
    if pool.get_idle_size():  # a timer would cost a task
        return await pool.acquire()
    try:
        return await pool.acquire(timeout=CONNECTION_WAIT_S)
    except TimeoutError:
        raise Busy("The server is busy just now. Try again in a moment.") from None
