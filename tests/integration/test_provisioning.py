"""Tenants come into being whole, keep up with the schema, and go without a trace."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from server import connections, db
from server.connections import Databases
from server.db import TenantRef, connection, platform_transaction, tenant_transaction, tenant_write
from server.errors import InvalidInput
from server.sync.ddl import create_schema_sql
from server.tenants import schema, service
from server.tenants.schema import (
    Migration,
    app_login,
    app_url,
    create_tenant_schema,
    drop_tenant_schema,
    migrate_tenant,
    migrations,
    prepare_database,
)
from server.tenants.service import (
    SlugTaken,
    create_tenant,
    get_tenant_by_slug,
    keep_spares,
    list_tenants,
    migrate_tenants,
    owner_connection,
)
from tests.integration.installation import APP_PASSWORD

CATALOGUE = """
    SELECT 'column', c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
        pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'v')
    UNION ALL SELECT 'index', c.relname, pg_get_indexdef(c.oid), '', '', ''
    FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'i'
    UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid), conrelid::regclass::text, '', ''
    FROM pg_constraint WHERE connamespace = $1::regnamespace
    UNION ALL SELECT 'trigger', t.tgname, pg_get_triggerdef(t.oid), '', '', ''
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = $1::regnamespace AND NOT t.tgisinternal
    UNION ALL SELECT 'function', p.proname, pg_get_functiondef(p.oid), coalesce(p.proacl::text, ''), '', ''
    FROM pg_proc p WHERE p.pronamespace = $1::regnamespace
    UNION ALL SELECT 'view', c.relname, pg_get_viewdef(c.oid), '', '', ''
    FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'v'
    UNION ALL SELECT 'right', c.relname, coalesce(c.relacl::text, ''), '', '', ''
    FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'v')"""

SECOND_STEP = Migration(
    2, "note", 'ALTER TABLE {{schema}}.contact ADD COLUMN "note_for_test" text; CREATE TABLE {{schema}}.extra (a int)'
)


def a_slug() -> str:
    return f"p-{uuid4().hex[:12]}"


def a_ref() -> TenantRef:
    return TenantRef(uuid4(), a_slug(), f"t_{secrets.token_hex(8)}")


@pytest.fixture
async def owner(owner_urls: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    async with owner_connection(owner_urls["main"]) as conn:
        yield conn


async def describe(owner: asyncpg.Connection, tenant: TenantRef) -> set[tuple[str, ...]]:
    """Everything in a tenant's schema, with its own names taken out."""
    rows = await owner.fetch(CATALOGUE, tenant.schema)
    return {
        tuple(str(value).replace(tenant.schema, "S").replace(str(tenant.id), "ID") for value in row) for row in rows
    }


async def remains(owner: asyncpg.Connection, tenant: TenantRef) -> tuple[bool, bool]:
    """Whether a schema, and a role, of the tenant exist."""
    return tuple(
        await owner.fetchrow(
            "SELECT to_regnamespace($1) IS NOT NULL, EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", tenant.schema
        )
    )


def test_the_recorded_ddl_is_what_the_generator_prints():
    """A change of the generator that nobody recorded would never reach a tenant."""
    recorded = migrations("tenant")[0].sql.partition("\n")[2]

    assert recorded.startswith(create_schema_sql())


async def test_a_provisioned_schema_equals_one_migrated_step_by_step(
    owner: asyncpg.Connection, owner_urls: dict[str, str]
):
    """Tenants of different ages have the same schema, or a bug shows in some of them only."""
    at_once, by_steps = a_ref(), a_ref()

    async with owner.transaction():
        await create_tenant_schema(owner, at_once, login=app_login(owner_urls["main"]))
    await owner.execute(f'CREATE ROLE "{by_steps.schema}" NOLOGIN; CREATE SCHEMA "{by_steps.schema}"')
    bookkeeping, found, rest = migrations("tenant")[0].sql.partition("-- One row: the tenant's revision")
    await owner.execute(bookkeeping.replace("{{schema}}", f'"{by_steps.schema}"'))
    steps = (Migration(1, "core", found + rest), *migrations("tenant")[1:])
    await migrate_tenant(owner, by_steps, steps)

    assert await describe(owner, at_once) == await describe(owner, by_steps)
    for tenant in (at_once, by_steps):
        await drop_tenant_schema(owner, tenant)
        assert await remains(owner, tenant) == (False, False)


async def test_a_failed_provisioning_leaves_nothing(
    owner: asyncpg.Connection, owner_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """Neither role nor schema nor line: the slug is free for the next attempt."""
    for _ in range(await owner.fetchval("SELECT count(*) FROM platform.tenant WHERE status = 'spare'")):
        await create_tenant(owner_urls, slug=a_slug(), name="Of a spare that other tests left")
    slug, before = a_slug(), await count_everything(owner)
    broken = (*migrations("tenant"), Migration(2, "broken", "SELECT 1 / 0;"))
    monkeypatch.setattr(schema, "migrations", lambda kind: broken)

    with pytest.raises(asyncpg.DivisionByZeroError):
        await create_tenant(owner_urls, slug=slug, name="Broken")

    assert await count_everything(owner) == before
    monkeypatch.undo()
    assert (await create_tenant(owner_urls, slug=slug, name="Whole")).slug == slug


async def test_a_cancelled_provisioning_leaves_nothing(owner: asyncpg.Connection, owner_urls: dict[str, str]):
    """The browser that asked for it may go away at any moment."""
    before = await count_everything(owner)

    for delay_s in (0.005, 0.02, 0.05, 0.1):
        creating = asyncio.create_task(create_tenant(owner_urls, slug=a_slug(), name="Cancelled"))
        await asyncio.sleep(delay_s)
        if creating.cancel():
            with pytest.raises(asyncio.CancelledError):
                await creating
        else:
            before = None
            break

    assert before is None or await settled(owner, before)


async def settled(owner: asyncpg.Connection, expected: tuple[int, int, int]) -> bool:
    """A cancelled connection's rollback may come a moment later."""
    for _ in range(100):
        if await count_everything(owner) == expected:
            return True
        await asyncio.sleep(0.05)
    return False


async def count_everything(owner: asyncpg.Connection) -> tuple[int, int, int]:
    return tuple(
        await owner.fetchrow(
            r"SELECT (SELECT count(*) FROM pg_namespace WHERE nspname ~ '^t_'),"
            r" (SELECT count(*) FROM pg_auth_members m WHERE m.member = $1::regrole),"
            r" (SELECT count(*) FROM platform.tenant)",
            app_login_of(owner),
        )
    )


def app_login_of(owner: asyncpg.Connection) -> str:
    return f"{owner._params.database}_app"


@pytest.mark.parametrize(
    "slug", ["", "a", "A-b", "a--b", "-ab", "ab-", "a" * 41, "a b", "ü1", 'x"; DROP SCHEMA platform; --', "a\n"]
)
async def test_a_bad_slug_is_refused_before_anything_is_made(owner_urls: dict[str, str], slug: str):
    """It becomes part of addresses."""
    with pytest.raises(InvalidInput) as refusal:
        await create_tenant(owner_urls, slug=slug, name="Bad")

    assert refusal.value.extra["errors"][0]["field"] == "slug"


async def test_an_unknown_database_and_an_empty_name_are_refused(owner_urls: dict[str, str]):
    with pytest.raises(InvalidInput) as refusal:
        await create_tenant(owner_urls, slug=a_slug(), name=" ", database="moon")

    assert [error["field"] for error in refusal.value.extra["errors"]] == ["name", "database"]


async def test_a_taken_slug_is_refused(owner: asyncpg.Connection, owner_urls: dict[str, str]):
    """The second one learns it in their words, and leaves nothing behind."""
    slug = a_slug()
    await create_tenant(owner_urls, slug=slug, name="First")
    before = await count_everything(owner)

    with pytest.raises(SlugTaken):
        await create_tenant(owner_urls, slug=slug, name="Second")

    assert await count_everything(owner) == before


async def test_of_many_who_want_a_slug_at_once_exactly_one_gets_it(
    owner: asyncpg.Connection, owner_urls: dict[str, str]
):
    """Whoever loses leaves nothing behind."""
    slug, (schemas, roles, lines) = a_slug(), await count_everything(owner)

    outcomes = await asyncio.gather(
        *(create_tenant(owner_urls, slug=slug, name=f"Rival {i}") for i in range(6)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SlugTaken"] * 5 + ["TenantRef"]
    assert await count_everything(owner) == (schemas + 1, roles + 1, lines + 1)


async def test_a_new_step_reaches_every_tenant_once(
    owner: asyncpg.Connection, owner_urls: dict[str, str], new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Suspended ones too: they come back one day. The tenant's role gets its rights to what is new."""
    first, second = await new_tenant(), await new_tenant()
    await owner.execute("UPDATE platform.tenant SET status = 'suspended' WHERE id = $1", second.id)
    steps = (*migrations("tenant"), SECOND_STEP)

    before = [o async for o in migrate_tenants(owner_urls)]
    during = {o.tenant.id: o async for o in migrate_tenants(owner_urls, steps)}
    after = [o async for o in migrate_tenants(owner_urls, steps)]

    assert not any(o.applied or o.error for o in before + after)
    assert all(list(o.applied) == [SECOND_STEP] for o in during.values())
    assert {first.id, second.id} <= set(during)
    async with tenant_transaction(first) as conn:
        await conn.execute("INSERT INTO extra VALUES (1)")
    await undo_second_step(owner)


async def undo_second_step(owner: asyncpg.Connection) -> None:
    for row in await owner.fetch("SELECT schema FROM platform.tenant"):
        name = row["schema"]
        await owner.execute(
            f'ALTER TABLE "{name}".contact DROP COLUMN IF EXISTS note_for_test; DROP TABLE IF EXISTS "{name}".extra;'
            f'DELETE FROM "{name}".schema_migration WHERE number > 1'
        )


async def test_a_tenant_whose_migration_fails_stays_as_it_was_and_the_others_go_on(
    owner: asyncpg.Connection, owner_urls: dict[str, str], new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """One tenant's odd data must not hold up all the others."""
    odd, plain = await new_tenant(), await new_tenant()
    await owner.execute(f'CREATE TABLE "{odd.schema}".extra (in_the_way int)')

    outcomes = {o.tenant.id: o async for o in migrate_tenants(owner_urls, (*migrations("tenant"), SECOND_STEP))}

    assert isinstance(outcomes[odd.id].error, asyncpg.DuplicateTableError)
    assert not outcomes[odd.id].applied
    assert list(outcomes[plain.id].applied) == [SECOND_STEP]
    assert not await owner.fetchval(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'note_for_test')",
        f'"{odd.schema}".contact',
    )
    await undo_second_step(owner)


async def test_a_migration_waits_for_an_open_transaction_only_so_long(
    owner: asyncpg.Connection,
    owner_urls: dict[str, str],
    tenant: TenantRef,
    monkeypatch: pytest.MonkeyPatch,
):
    """Everyone else of the tenant would queue behind the waiting DDL."""
    monkeypatch.setattr(schema, "LOCK_TIMEOUT_MS", 100)

    async with tenant_transaction(tenant) as conn:
        await conn.fetch("SELECT * FROM contact")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate_tenant(owner, tenant, (SECOND_STEP,))

    assert not await migrate_tenant(owner, tenant, migrations("tenant"))


@pytest.fixture
async def second_url(owner: asyncpg.Connection, owner_urls: dict[str, str]) -> AsyncIterator[str]:
    """Another database of the same server."""
    name = f"outrider_second_{secrets.token_hex(4)}"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlsplit(owner_urls["main"])._replace(path=f"/{name}").geturl()
    await owner.execute("DELETE FROM platform.tenant WHERE database = 'second'")
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


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


async def describe_platform(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    return await owner.fetch(
        "SELECT relname, relacl::text FROM pg_class"
        " WHERE relnamespace IN ('platform'::regnamespace, 'dramatiq'::regnamespace) ORDER BY 1"
    )


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


def test_migrations_are_numbered_without_a_gap():
    """Two branches that both add the next number would otherwise both be merged."""
    for kind in ("platform", "tenant"):
        names = [path.name for path in (Path(schema.__file__).parent / "migrations" / kind).glob("*.sql")]

        assert [step.number for step in migrations(kind)] == list(range(1, len(names) + 1))


async def test_a_spare_becomes_the_next_tenant_at_once(owner_urls: dict[str, str], databases: Databases):
    """Whoever signs up does not wait; and a spare is nobody's until then."""
    assert await keep_spares(owner_urls, count=1) == 1
    assert await keep_spares(owner_urls, count=1) == 0
    async with platform_transaction():
        listed = await list_tenants()

    slug = f"s-{uuid4().hex[:8]}"
    tenant = await create_tenant(owner_urls, slug=slug, name="Signed up")

    assert tenant.id not in {each.id for each in listed}
    assert not any(each.slug.startswith("spare") for each in listed)
    async with platform_transaction():
        assert await get_tenant_by_slug(slug) == tenant
    async with tenant_transaction(tenant) as conn:
        assert await conn.fetchval("SELECT count(*) FROM member") == 0
    assert await keep_spares(owner_urls, count=1) == 1


async def test_a_taken_address_costs_no_spare(owner_urls: dict[str, str], databases: Databases):
    """It waits for the next."""
    slug = f"s-{uuid4().hex[:8]}"
    await create_tenant(owner_urls, slug=slug, name="First")
    await keep_spares(owner_urls, count=1)

    with pytest.raises(SlugTaken):
        await create_tenant(owner_urls, slug=slug, name="Second")

    assert await keep_spares(owner_urls, count=1) == 0
