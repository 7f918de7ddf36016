"""Tenants come into being whole, at once where there is a spare, or leave no trace."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from server.connections import Databases
from server.db import platform_transaction, tenant_transaction
from server.errors import InvalidInput
from server.sync.ddl import create_schema_sql
from server.tenants import schema
from server.tenants.schema import (
    Migration,
    app_login,
    create_tenant_schema,
    drop_tenant_schema,
    migrate_tenant,
    migrations,
)
from server.tenants.service import SlugTaken, create_tenant, get_tenant_by_slug, keep_spares, list_tenants
from tests.integration import provisioned
from tests.integration.provisioned import a_ref, a_slug, count_everything, describe, remains

owner = provisioned.owner


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


@pytest.mark.parametrize(
    "slug", ["", "a", "A-b", "a--b", "-ab", "ab-", "a" * 41, "a b", "ü1", 'x"; DROP SCHEMA platform; --', "a\n"]
)
async def test_a_bad_slug_is_refused_before_anything_is_made(owner_urls: dict[str, str], slug: str):
    """It becomes part of addresses."""
    with pytest.raises(InvalidInput) as refusal:
        await create_tenant(owner_urls, slug=slug, name="Bad")

    assert refusal.value.extra["errors"][0]["field"] == "slug"


async def test_an_unknown_database_and_an_empty_name_are_refused(owner_urls: dict[str, str]):
    """Both at once, so that the operator types the command once more, and not twice."""
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
