"""Tenants keep up with the schema: each step once, and none holds up the others."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from server.db import TenantRef, tenant_transaction
from server.tenants import schema
from server.tenants.schema import Migration, migrate_tenant, migrations
from server.tenants.service import migrate_tenants
from tests.integration import provisioned

owner = provisioned.owner

SECOND_STEP = Migration(
    2, "note", 'ALTER TABLE {{schema}}.contact ADD COLUMN "note_for_test" text; CREATE TABLE {{schema}}.extra (a int)'
)


async def undo_second_step(owner: asyncpg.Connection) -> None:
    for row in await owner.fetch("SELECT schema FROM platform.tenant"):
        name = row["schema"]
        await owner.execute(
            f'ALTER TABLE "{name}".contact DROP COLUMN IF EXISTS note_for_test; DROP TABLE IF EXISTS "{name}".extra;'
            f'DELETE FROM "{name}".schema_migration WHERE number > 1'
        )


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


def test_migrations_are_numbered_without_a_gap():
    """Two branches that both add the next number would otherwise both be merged."""
    for kind in ("platform", "tenant"):
        names = [path.name for path in (Path(schema.__file__).parent / "migrations" / kind).glob("*.sql")]

        assert [step.number for step in migrations(kind)] == list(range(1, len(names) + 1))
