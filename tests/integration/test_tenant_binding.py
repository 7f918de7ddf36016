"""One transaction is one tenant: under load, errors and cancellations, nobody ever sees another's row.

The hammer is believed because its controls find leaks where the binding is broken on purpose.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from server import connections, db
from server.connections import Databases
from server.crm.account.tables import Account
from server.db import NoTransaction, TenantRef, connection, platform_transaction, tenant_transaction
from server.errors import Busy
from server.tenants.schema import app_url
from server.tenants.service import create_tenant, owner_connection
from tests.integration.conftest import APP_PASSWORD

TENANTS = 50
TASKS = 64
TRANSACTIONS_PER_TASK = 75
CANCELLED_SHARE = 0.25
POOL_SIZE = 12
"""Fewer than tasks, so that connections pass from tenant to tenant all the time."""

EXPECTED = (asyncpg.DivisionByZeroError, asyncpg.InterfaceError, NoTransaction, Busy, ZeroDivisionError)


@pytest.fixture(scope="module")
async def crowd(owner_urls: dict[str, str]) -> list[TenantRef]:
    """Tenants, each with one account that bears its schema's name."""
    gate = asyncio.Semaphore(4)

    async def make(number: int) -> TenantRef:
        async with gate:
            return await create_tenant(owner_urls, slug=f"crowd-{uuid4().hex[:12]}", name=f"Tenant {number}")

    tenants = await asyncio.gather(*(make(number) for number in range(TENANTS)))
    async with owner_connection(owner_urls["main"]) as owner:
        for tenant in tenants:
            await owner.execute(
                f'INSERT INTO "{tenant.schema}".account (id, name) VALUES ($1, $2)', uuid4(), tenant.schema
            )
    return list(tenants)


@pytest.fixture
async def pool(owner_urls: dict[str, str], databases: Databases) -> AsyncIterator[asyncpg.Pool]:
    """A small pool of the test's own, in the place of the run's."""
    mine = await Databases.connect({"main": app_url(owner_urls["main"], APP_PASSWORD)}, size_max=POOL_SIZE)
    connections.use(mine)
    yield mine.pools["main"]
    connections.use(databases)
    await mine.close()


@dataclass
class Hammer:
    """Runs random transactions and notes what each saw."""

    tenants: Sequence[TenantRef]
    seed: int = 0
    leaks: list[tuple[str, Any]] = field(default_factory=list)
    kept: dict[str, set[str]] = field(default_factory=dict)
    """Schema → keys whose commit was acknowledged."""
    undone: dict[str, set[str]] = field(default_factory=dict)
    """Schema → keys of transactions that were rolled back for certain."""
    outcomes: Counter[str] = field(default_factory=Counter)
    late: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> None:
        await asyncio.gather(*(self._work(number) for number in range(TASKS)))
        await asyncio.gather(*self.late)

    async def _work(self, number: int) -> None:
        dice = random.Random(self.seed * 1_000 + number)
        for _ in range(TRANSACTIONS_PER_TASK):
            tenant = dice.choice(self.tenants)
            task = asyncio.create_task(self._transact(tenant, dice.choice(_KINDS)))
            if dice.random() < CANCELLED_SHARE:
                await asyncio.sleep(dice.random() * 0.02)
                task.cancel()
            await self._note(task)

    async def _note(self, task: asyncio.Task[None]) -> None:
        try:
            await task
        except asyncio.CancelledError:
            self.outcomes["cancelled"] += 1
        except EXPECTED as error:
            self.outcomes[type(error).__name__] += 1
        except RuntimeError as error:
            assert "swallowed" in str(error)  # noqa: PT017
            self.outcomes["swallowed"] += 1
        else:
            self.outcomes["committed"] += 1

    async def _transact(self, tenant: TenantRef, kind: str) -> None:
        key = f"{tenant.schema}:{uuid4()}"
        try:
            async with tenant_transaction(tenant):
                await self._look(tenant)
                if kind != "read":
                    await connection().execute("INSERT INTO setting (key, value) VALUES ($1, '1')", key)
                await getattr(self, f"_{kind}")(tenant)
        except (*EXPECTED, RuntimeError):
            self.undone.setdefault(tenant.schema, set()).add(key)
            raise
        if kind != "read":
            self.kept.setdefault(tenant.schema, set()).add(key)

    async def _look(self, tenant: TenantRef) -> None:
        """Past Piccolo and through it: every row must be the tenant's."""
        names = [row["name"] for row in await connection().fetch("SELECT name FROM account")]
        names += [row["name"] for row in await Account.select(Account.name)]
        keys = [row["key"] for row in await connection().fetch("SELECT key FROM setting ORDER BY key LIMIT 5")]
        self.leaks += [(tenant.schema, seen) for seen in [*names, *keys] if not seen.startswith(tenant.schema)]

    async def _read(self, tenant: TenantRef) -> None:
        await self._look(tenant)

    async def _write(self, tenant: TenantRef) -> None:
        await asyncio.sleep(0)

    async def _roll_back(self, tenant: TenantRef) -> None:
        raise ZeroDivisionError

    async def _fail(self, tenant: TenantRef) -> None:
        await connection().execute("SELECT 1 / 0")

    async def _swallow(self, tenant: TenantRef) -> None:
        with contextlib.suppress(asyncpg.DivisionByZeroError):
            await connection().execute("SELECT 1 / 0")

    async def _recover(self, tenant: TenantRef) -> None:
        await connection().execute("SAVEPOINT here")
        with contextlib.suppress(asyncpg.DivisionByZeroError):
            await connection().execute("SELECT 1 / 0")
        await connection().execute("ROLLBACK TO here")
        await self._look(tenant)

    async def _together(self, tenant: TenantRef) -> None:
        """Two queries at once on one connection: the driver refuses one, and the other goes on by itself."""
        await asyncio.gather(self._look(tenant), self._look(tenant))

    async def _outlive(self, tenant: TenantRef) -> None:
        """A task that goes on after the transaction that it was started in."""

        async def look_later() -> None:
            for _ in range(4):
                with contextlib.suppress(NoTransaction, asyncpg.InterfaceError):
                    await self._look(tenant)
                await asyncio.sleep(0.003)

        self.late.append(asyncio.create_task(look_later()))

    async def written(self, owner: asyncpg.Connection) -> dict[str, set[str]]:
        """Schema → keys that are there now."""
        found = {}
        for tenant in self.tenants:
            rows = await owner.fetch(f'SELECT key FROM "{tenant.schema}".setting')
            found[tenant.schema] = {row["key"] for row in rows}
        return found


_KINDS = ("read", "read", "write", "write", "roll_back", "fail", "swallow", "recover", "together", "outlive")


@dataclass(frozen=True)
class Left:
    """The state of a connection that is back in the pool."""

    user: str
    search_path: str
    in_transaction: bool


async def inspect(pool: asyncpg.Pool) -> list[Left]:
    """Every connection the pool can give: that it gives all of them says that none was lost."""
    async with asyncio.timeout(20):
        taken = [await pool.acquire() for _ in range(POOL_SIZE)]
    states = []
    for conn in taken:
        inside = conn.is_in_transaction()
        user, path = await conn.fetchrow("SELECT current_user::text, current_setting('search_path')")
        states.append(Left(user, path, inside))
        await pool.release(conn)
    return states


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
async def _broken_transaction(database: str, begin: str, tenant: TenantRef | None) -> AsyncIterator[Any]:
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
    monkeypatch.setattr(db, "_Transaction", lambda d, begin, t: real(d, begin.replace("SET LOCAL", "SET"), t))

    for tenant in crowd[:POOL_SIZE]:
        async with tenant_transaction(tenant) as conn:
            await conn.fetch("SELECT 1")

    left = await inspect(never_reset)
    assert any(state.user.startswith("t_") and state.search_path != '""' for state in left)


async def test_what_a_statement_set_for_its_session_is_gone_for_the_next(crowd: list[TenantRef], databases: Databases):
    """Nobody here sets anything for a session; if ever one does, the next tenant is not to inherit it."""
    async with tenant_transaction(crowd[0]) as conn:
        await conn.execute("SET lock_timeout = '77s'; SET search_path = pg_temp")
        backend = conn.get_server_pid()
    async with tenant_transaction(crowd[1]) as conn:
        assert conn.get_server_pid() == backend
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


async def test_a_tenant_that_holds_its_share_is_told_to_wait_and_the_others_are_not(
    crowd: list[TenantRef], databases: Databases, monkeypatch: pytest.MonkeyPatch
):
    """S7: nobody's flood takes everybody's connections."""
    monkeypatch.setattr(connections, "TENANT_WAIT_S", 0.2)
    greedy, other = crowd[0], crowd[1]
    async with contextlib.AsyncExitStack() as held:
        for _ in range(connections.TENANT_TRANSACTIONS_MAX):
            await held.enter_async_context(_in_a_context_of_its_own(greedy))

        with pytest.raises(Busy):
            async with tenant_transaction(greedy):
                pass
        async with tenant_transaction(other) as conn:
            assert await conn.fetchval("SELECT name FROM account") == other.schema

    async with tenant_transaction(greedy) as conn:
        assert await conn.fetchval("SELECT name FROM account") == greedy.schema


@asynccontextmanager
async def _in_a_context_of_its_own(tenant: TenantRef) -> AsyncIterator[None]:
    """Hold a transaction open in another task, as another request would."""
    opened, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with tenant_transaction(tenant):
            opened.set()
            await done.wait()

    task = asyncio.create_task(hold())
    await opened.wait()
    try:
        yield
    finally:
        done.set()
        await task


async def test_waiters_that_give_up_leave_the_share_whole(
    crowd: list[TenantRef], databases: Databases, monkeypatch: pytest.MonkeyPatch
):
    """Cancelled or timed out while waiting: a slot lost each time would lock the tenant out in the end."""
    monkeypatch.setattr(connections, "TENANT_WAIT_S", 0.05)
    tenant, dice = crowd[2], random.Random(5)
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
    crowd: list[TenantRef], pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    """Better a clear answer in seconds than a queue without an end."""
    monkeypatch.setattr(connections, "CONNECTION_WAIT_S", 0.2)
    async with contextlib.AsyncExitStack() as held:
        for number in range(POOL_SIZE):
            await held.enter_async_context(_in_a_context_of_its_own(crowd[number]))

        with pytest.raises(Busy):
            async with tenant_transaction(crowd[-1]):
                pass

    assert len(await inspect(pool)) == POOL_SIZE


async def test_a_writer_that_waits_too_long_for_the_others_is_told_so(crowd: list[TenantRef], databases: Databases):
    """Lunch with an open transaction in psql must not hang everybody's requests."""
    tenant = crowd[3]
    async with _writing(tenant):
        with pytest.raises(Busy):
            async with db.tenant_write(tenant, by=db.SYSTEM):
                pass


@asynccontextmanager
async def _writing(tenant: TenantRef) -> AsyncIterator[None]:
    opened, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.tenant_write(tenant, by=db.SYSTEM):
            opened.set()
            await done.wait()

    task = asyncio.create_task(hold())
    await opened.wait()
    try:
        yield
    finally:
        done.set()
        await task


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


async def _add_account(tenant: TenantRef) -> UUID:
    async with tenant_transaction(tenant) as conn:
        return await conn.fetchval(
            "INSERT INTO account (id, name) VALUES ($1, $2) RETURNING id", uuid4(), tenant.schema
        )


@pytest.fixture(autouse=True)
def _no_binding_left() -> Iterator[None]:
    yield
    assert db._binding.get() is None or not db._binding.get().open
