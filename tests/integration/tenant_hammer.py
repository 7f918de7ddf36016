"""Random transactions of many tenants over few connections, and what is left on these."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from server import connections, db
from server.connections import Databases
from server.crm.account.tables import Account
from server.db import NoTransaction, TenantRef, connection, tenant_transaction
from server.errors import Busy
from server.tenants.schema import app_url
from server.tenants.service import create_tenant, owner_connection
from tests.integration.installation import APP_PASSWORD

TENANTS = 50
TASKS = 64
TRANSACTIONS_PER_TASK = 75
CANCELLED_SHARE = 0.25
POOL_SIZE = 12
"""Fewer than tasks, so that connections pass from tenant to tenant all the time."""

EXPECTED = (asyncpg.DivisionByZeroError, asyncpg.InterfaceError, NoTransaction, Busy, ZeroDivisionError)
_KINDS = ("read", "read", "write", "write", "roll_back", "fail", "swallow", "recover", "together", "outlive")


async def sign(owner_urls: dict[str, str], tenants: Sequence[TenantRef]) -> None:
    """Give each tenant one account that bears its schema's name."""
    async with owner_connection(owner_urls["main"]) as owner:
        for tenant in tenants:
            await owner.execute(
                f'INSERT INTO "{tenant.schema}".account (id, name) VALUES ($1, $2)', uuid4(), tenant.schema
            )


@pytest.fixture(scope="module")
async def crowd(owner_urls: dict[str, str]) -> list[TenantRef]:
    """Tenants, each with one account that bears its schema's name."""
    gate = asyncio.Semaphore(4)

    async def make(number: int) -> TenantRef:
        async with gate:
            return await create_tenant(owner_urls, slug=f"crowd-{uuid4().hex[:12]}", name=f"Tenant {number}")

    tenants = await asyncio.gather(*(make(number) for number in range(TENANTS)))
    await sign(owner_urls, tenants)
    return list(tenants)


@pytest.fixture
async def pool(owner_urls: dict[str, str], databases: Databases) -> AsyncIterator[asyncpg.Pool]:
    """A small pool of the test's own, in the place of the run's."""
    mine = await Databases.connect({"main": app_url(owner_urls["main"], APP_PASSWORD)}, size_max=POOL_SIZE)
    connections.use(mine)
    yield mine.pools["main"]
    connections.use(databases)
    await mine.close()


@pytest.fixture(autouse=True)
def no_binding_left() -> Iterator[None]:
    """Whatever a test did, its task is bound to nobody in the end."""
    yield
    assert db._binding.get() is None or not db._binding.get().open


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
            if "swallowed" not in str(error):
                raise
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
