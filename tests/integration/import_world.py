"""What the tests of imports share: a tenant, files as text, and runs of them."""

from pathlib import Path
from typing import Any

import pytest

from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.imports import store
from server.imports.decide import Options, Outcome
from server.imports.plan import Wishes, plan_path
from server.imports.run import FileResult, Importer
from server.imports.undo import Undone, undo_run

CUSTOMERS = """id,name,tax_id,city,phone,email
C1,Corner Shop,TX1,Delft,+31 15 256 1000,corner@shop.example
C2,Market Hall,TX2,Leiden,+31 71 516 5000,
"""


class Office:
    """Somebody who imports files into a tenant."""

    def __init__(self, tenant: TenantRef, folder: Path) -> None:
        self.tenant, self.folder = tenant, folder
        self.outcomes: list[Outcome] = []
        self.number = 0

    def write(self, name: str, text: str) -> Path:
        """A file with that text."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    async def importer(self, path: Path, wishes: Wishes | None = None, **options: Any) -> Importer:
        """What imports the file; its outcomes are kept here."""
        self.outcomes = []
        async with tenant_transaction(self.tenant):
            plan = await plan_path(path, wishes or Wishes())

        def keep(position: int, outcomes: Any) -> None:
            self.outcomes += [o for o in outcomes if o.kind != "deferred"]

        return Importer(self.tenant, plan.intakes, plan.system, Options(**options), sink=keep)

    async def begin(self, importer: Importer, path: Path) -> Any:
        """Note a run, and claim it."""
        files = [store.RunFile(n, i.table.name, i.table.sha256, i.mapping) for n, i in enumerate(importer.intakes)]
        async with tenant_write(self.tenant, by=SYSTEM):
            self.number = await store.create_run(str(path), importer.system, importer.options, files, by=None)
            return await store.claim(self.number, "running")

    async def load(self, name: str, text: str, target: str | None = None, **options: Any) -> FileResult:
        """Import a file."""
        return await self.load_path(self.write(name, text), Wishes(target), **options)

    async def load_path(self, path: Path, wishes: Wishes | None = None, **options: Any) -> FileResult:
        """Import a file that is there."""
        importer = await self.importer(path, wishes, **options)
        claim = await self.begin(importer, path)
        (result,) = await importer.run(self.number, claim)
        async with tenant_transaction(self.tenant):
            await store.release(self.number, "done")
        return result

    async def check(self, name: str, text: str, target: str | None = None, **options: Any) -> FileResult:
        """A dry run."""
        (result,) = await (await self.importer(self.write(name, text), Wishes(target), **options)).check()
        return result

    async def undo(self, number: int | None = None) -> Undone:
        """Take the last run back."""
        return await undo_run(self.tenant, self.number if number is None else number)

    async def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the tenant."""
        async with tenant_transaction(self.tenant) as conn:
            return [tuple(row) for row in await conn.fetch(sql, *values)]

    async def one(self, sql: str, *values: Any) -> Any:
        """One value of the tenant."""
        return (await self.fetch(sql, *values))[0][0]

    async def write_sql(self, sql: str, *values: Any) -> None:
        """Somebody else's change."""
        async with tenant_write(self.tenant, by=SYSTEM):
            await connection().execute(sql, *values)

    def reasons(self) -> list[tuple[int, str, str | None, str | None]]:
        """Of lines about which there is something to say: line, outcome, column, reason."""
        return [(o.line, o.kind, o.column, o.reason) for o in self.outcomes if o.reason]

    async def trade(self) -> None:
        """A company, a price list, a depot, two products with prices and stock, a rep, and a customer who may order."""
        await self.load("legal_entities.csv", "id,name,country,currency\nus,Us BV,NL,EUR\n", "legal_entity")
        await self.load("price_lists.csv", "id,name,currency\nretail,Retail,EUR\n", "price_list")
        await self.load("warehouses.csv", "id,name\nd,Depot\n", "warehouse")
        await self.load("products.csv", "sku,name,base_unit,price,quantity\ntea,Tea,pc,10.00,100\noil,Oil,pc,2.50,39\n")
        await self.load("users.csv", "id,name,email\nann,Ann,ann@us.example\n", "user")
        await self.load("customers.csv", "id,name,city,price_list,rep\nC1,Corner Shop,Delft,Retail,ann\n", "account")


@pytest.fixture
def office(tenant: TenantRef, tmp_path: Path) -> Office:
    """Where the test's tenant imports."""
    return Office(tenant, tmp_path)
