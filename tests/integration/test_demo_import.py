"""Writing a company into a tenant: all of it or nothing, and twice is once."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.demo.company import Company
from server.demo.generated import generate_company
from server.demo.load import load_company


async def add_people(tenant: TenantRef, company: Company) -> dict[str, UUID]:
    """Members, as far as the import needs them."""
    members = {person.key: uuid4() for person in company.people}
    async with tenant_write(tenant, by=SYSTEM):
        for person in company.people:
            await connection().execute(
                "INSERT INTO member (id, name, role) VALUES ($1, $2, 'rep')", members[person.key], person.name
            )
    return members


async def count(tenant: TenantRef, *tables: str) -> list[int]:
    async with tenant_transaction(tenant) as conn:
        return [await conn.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables]


async def test_a_company_is_written_whole(tenant: TenantRef) -> None:
    """Each customer is an account, an outlet, an agreement and somebody's to visit."""
    company = generate_company()
    members = await add_people(tenant, company)

    async with tenant_write(tenant, by=SYSTEM):
        loaded = await load_company(company, members)

    tables = ("account", "outlet", "agreement", "assignment", "order", "order_line")
    assert await count(tenant, *tables) == [90, 90, 90, 90, len(company.orders), len(company.lines)]
    assert loaded.added["order"] == len(company.orders)


async def test_importing_again_adds_nothing_and_overwrites_nothing(tenant: TenantRef) -> None:
    """The files are older than what people have entered since."""
    company = generate_company()
    members = await add_people(tenant, company)
    async with tenant_write(tenant, by=SYSTEM):
        loaded = await load_company(company, members)
    account = loaded.ids["account", company.customers[0].key]
    async with tenant_write(tenant, by=SYSTEM):
        await connection().execute("UPDATE account SET name = 'Renamed since' WHERE id = $1", account)

    async with tenant_write(tenant, by=SYSTEM):
        again = await load_company(company, members)

    assert again.added.total() == 0
    assert again.ids == loaded.ids
    assert await count(tenant, "account", "order") == [90, len(company.orders)]
    async with tenant_transaction(tenant) as conn:
        assert await conn.fetchval("SELECT name FROM account WHERE id = $1", account) == "Renamed since"


async def test_an_import_that_fails_leaves_nothing_behind(tenant: TenantRef) -> None:
    """Half a company would be found by devices before anybody noticed."""
    company = generate_company()
    members = await add_people(tenant, company)
    company.lines[-1] = replace(company.lines[-1], product="unknown")

    with pytest.raises(Exception, match="foreign key"):
        async with tenant_write(tenant, by=SYSTEM):
            await load_company(company, members)

    assert await count(tenant, "product", "account", "order", "external_id") == [0, 0, 0, 0]
