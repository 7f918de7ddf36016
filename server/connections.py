"""The connections to the databases: how many there are, how long one lives, and whose share of them is how large (S7).

Who may do what on one is another matter: `server.db` gives them out, each for one transaction.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from server.errors import Busy

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

    def slots(self, tenant_id: UUID) -> asyncio.Semaphore:
        """A tenant's share of the pool."""
        return self._slots.setdefault(tenant_id, asyncio.Semaphore(TENANT_TRANSACTIONS_MAX))

    def is_worn(self, backend: int, tenant_id: UUID) -> bool:
        """Whether the backend has now seen more tenants than one should; asked once for each of its transactions."""
        seen = self._seen.setdefault(backend, set())
        seen.add(tenant_id)
        if len(seen) <= TENANTS_OF_CONNECTION_MAX:
            return False
        del self._seen[backend]
        return True

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
