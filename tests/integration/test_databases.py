"""Databases are prepared by whoever starts first, and tenants live in the one that the directory names."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from server import connections, db
from server.connections import Databases
from server.db import TenantRef, connection, platform_transaction, tenant_write
from server.tenants import service
from server.tenants.schema import app_url, create_tenant_schema, prepare_database
from server.tenants.service import create_tenant, get_tenant_by_slug, migrate_tenants, owner_connection
from tests.integration import provisioned
from tests.integration.installation import APP_PASSWORD
from tests.integration.provisioned import a_slug, remains

owner = provisioned.owner


@pytest.fixture
async def second_url(owner: asyncpg.Connection, owner_urls: dict[str, str]) -> AsyncIterator[str]:
    """Another database of the same server."""
    name = f"outrider_second_{secrets.token_hex(4)}"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlsplit(owner_urls["main"])._replace(path=f"/{name}").geturl()
    await owner.execute("DELETE FROM platform.tenant WHERE database = 'second'")
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def describe_platform(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    return await owner.fetch(
        "SELECT relname, relacl::text FROM pg_class"
        " WHERE relnamespace IN ('platform'::regnamespace, 'dramatiq'::regnamespace) ORDER BY 1"
    )


async def test_a_tenant_lives_where_the_directory_says(
    owner: asyncpg.Connection, owner_urls: dict[str, str], second_url: str, databases: Databases
):
    """2,000 tenants fill a database; the next ones go elsewhere, and the code does not notice."""
    urls = {**owner_urls, "second": second_url}
    await prepare_database(second_url, app_password=APP_PASSWORD)
    made = await create_tenant(urls, slug=a_slug(), name="Elsewhere", database="second")
    pools = await Databases.connect({name: app_url(url, APP_PASSWORD) for name, url in urls.items()})
    connections.use(pools)
    try:
        async with platform_transaction():
            found = await get_tenant_by_slug(made.slug)
        async with tenant_write(found, by=db.SYSTEM):
            where = await connection().fetchval("SELECT current_database()")
    finally:
        connections.use(databases)
        await pools.close()

    assert found == made
    assert f"/{where}" == urlsplit(second_url).path
    assert await remains(owner, made) == (False, True)
    assert not [o async for o in migrate_tenants(urls) if o.error]
    assert [type(o.error) async for o in migrate_tenants(owner_urls) if o.error] == [LookupError]


async def test_when_the_line_cannot_be_written_the_other_database_is_cleared(
    owner: asyncpg.Connection, owner_urls: dict[str, str], second_url: str, monkeypatch: pytest.MonkeyPatch
):
    """No transaction spans two databases; what was made there is removed again."""
    urls = {**owner_urls, "second": second_url}
    await prepare_database(second_url, app_password=APP_PASSWORD)

    async def crash(owner: asyncpg.Connection, tenant: TenantRef, *, login: str) -> None:
        await create_tenant_schema(owner, tenant, login=login)
        raise ConnectionError("gone")

    monkeypatch.setattr(service, "create_tenant_schema", crash)
    with pytest.raises(ConnectionError):
        await create_tenant(urls, slug=a_slug(), name="Lost", database="second")

    async with owner_connection(second_url) as second:
        assert await second.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^t_'") == 0


async def test_preparing_again_and_at_once_changes_nothing(owner: asyncpg.Connection, owner_urls: dict[str, str]):
    """Every process does it as it starts."""
    before = await describe_platform(owner)

    await asyncio.gather(*(prepare_database(owner_urls["main"], app_password=APP_PASSWORD) for _ in range(4)))

    assert await describe_platform(owner) == before


async def test_two_databases_of_one_server_are_prepared_at_once(
    owner: asyncpg.Connection, owner_urls: dict[str, str], second_url: str
):
    """Their roles are the server's: whoever comes second finds them there."""
    roles = f"{urlsplit(second_url).path.lstrip('/')}_app"
    for _ in range(3):
        await asyncio.gather(
            *(prepare_database(url, app_password=APP_PASSWORD) for url in (owner_urls["main"], second_url, second_url))
        )
    assert await owner.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", roles) == 1
