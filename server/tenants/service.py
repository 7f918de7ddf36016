"""The directory of tenants: create, find, migrate. Provisioning needs the owner's connection; the rest the app's."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.ids import uuid7

from server.connections import Connection
from server.db import TenantRef, connection
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.tenants.schema import (
    Migration,
    app_login,
    create_tenant_schema,
    drop_tenant_schema,
    migrate_tenant,
    migrations,
)
from server.tenants.slugs import slug_problem

NAME_LENGTH_MAX = 200
SPARES_KEPT = 2
"""Tenants that wait for a name, in each database: whoever signs up does not wait for seventy tables to be made."""
_SELECT = "SELECT id, slug, schema, database FROM "


class SlugTaken(Conflict):
    """Another tenant has the address."""

    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        super().__init__(f"The address “{slug}” is taken. Choose another.")


class TenantUnknown(NotFound):
    """No tenant has the slug."""


def _ref(row: asyncpg.Record) -> TenantRef:
    return TenantRef(row["id"], row["slug"], row["schema"], row["database"])


async def create_tenant(urls: Mapping[str, str], *, slug: str, name: str, database: str = "main") -> TenantRef:
    """Provision a tenant: role, schema, and its line in the directory; all of it or nothing.

    A spare is taken where there is one (`keep_spares`): its schema is there already.

    Args:
        urls: the owner's URL of each database; `main` holds the directory.

    Raises:
        InvalidInput: the slug is not 2 to 40 of a-z, 0-9 and single hyphens, the name is empty or too long,
            or there is no such database.
        SlugTaken: another tenant has it.
    """
    _check_new(urls, slug, name, database)
    async with owner_connection(urls["main"]) as directory:
        return await _claim_spare(directory, slug, name, database) or await _build(
            directory, urls, TenantRef(uuid7(), slug, f"t_{secrets.token_hex(8)}", database), name
        )


async def _build(
    directory: asyncpg.Connection, urls: Mapping[str, str], tenant: TenantRef, name: str, *, status: str = "active"
) -> TenantRef:
    if tenant.database == "main":
        async with directory.transaction():
            await _list(directory, tenant, name, status)
            await create_tenant_schema(directory, tenant, login=app_login(urls["main"]))
    else:
        await _create_elsewhere(directory, urls[tenant.database], tenant, name, status)
    return tenant


async def claim_spare(*, slug: str, name: str) -> TenantRef | None:
    """Make a spare the tenant of that address, within a platform transaction; None where there is no spare.

    Needs no owner of a database: who signs up waits for no DDL. Taken in the database with the fewest tenants.

    Raises:
        InvalidInput: slug or name won't do.
        SlugTaken: another tenant has it.
    """
    _check_names(slug, name)
    return await _claim_spare(connection(), slug, name, None)


async def _claim_spare(
    conn: asyncpg.Connection | Connection, slug: str, name: str, database: str | None
) -> TenantRef | None:
    """The oldest spare of the database under its new address; of two who want one at once, each gets another."""
    try:
        row = await conn.fetchrow(
            """UPDATE platform.tenant SET slug = $1, name = $2, status = 'active', created_at = now()
            WHERE id = (SELECT s.id FROM platform.tenant s
                WHERE s.status = 'spare' AND ($3::text IS NULL OR s.database = $3)
                ORDER BY (SELECT count(*) FROM platform.tenant t WHERE t.database = s.database AND t.status <> 'spare'),
                    s.created_at, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED)
            RETURNING id, slug, schema, database""",
            slug,
            name.strip(),
            database,
        )
    except asyncpg.UniqueViolationError:
        raise SlugTaken(slug) from None
    return _ref(row) if row else None


async def keep_spares(urls: Mapping[str, str], *, count: int = SPARES_KEPT) -> int:
    """Build tenants ahead, until each database has so many that wait for a name; how many were built."""
    built = 0
    async with owner_connection(urls["main"]) as directory:
        for database in urls:
            sql = "SELECT count(*) FROM platform.tenant WHERE status = 'spare' AND database = $1"
            for _ in range(await directory.fetchval(sql, database), count):
                number = uuid7()
                spare = TenantRef(number, f"spare-{number.hex[-12:]}", f"t_{secrets.token_hex(8)}", database)
                await _build(directory, urls, spare, "Spare", status="spare")
                built += 1
    return built


def _check_names(slug: str, name: str, *more: FieldError) -> None:
    errors = []
    if problem := slug_problem(slug):
        errors.append(FieldError("slug", problem))
    if not name.strip() or len(name) > NAME_LENGTH_MAX:
        errors.append(FieldError("name", f"Give it a name of at most {NAME_LENGTH_MAX} characters."))
    if errors or more:
        raise InvalidInput([*errors, *more])


def _check_new(urls: Mapping[str, str], slug: str, name: str, database: str) -> None:
    unknown = () if database in urls else (FieldError("database", f"Choose one of: {', '.join(sorted(urls))}."),)
    _check_names(slug, name, *unknown)


async def _list(directory: asyncpg.Connection, tenant: TenantRef, name: str, status: str) -> None:
    """Write the directory's line. Until its transaction ends, others who want the slug wait for it."""
    try:
        await directory.execute(
            "INSERT INTO platform.tenant (id, slug, name, schema, database, status) VALUES ($1, $2, $3, $4, $5, $6)",
            tenant.id,
            tenant.slug,
            name.strip(),
            tenant.schema,
            tenant.database,
            status,
        )
    except asyncpg.UniqueViolationError:
        raise SlugTaken(tenant.slug) from None


async def _create_elsewhere(directory: asyncpg.Connection, url: str, tenant: TenantRef, name: str, status: str) -> None:
    """Make the schema in another database, where no transaction can span both.

    The schema is there before the line shows, and goes again when the line fails. Only a crash in between
    leaves a schema that nobody lists; `outrider doctor` finds it.
    """
    async with owner_connection(url) as owner:
        try:
            async with directory.transaction():
                await _list(directory, tenant, name, status)
                async with owner.transaction():
                    await create_tenant_schema(owner, tenant, login=app_login(url))
        except BaseException:
            await asyncio.shield(drop_tenant_schema(owner, tenant))
            raise


@dataclass(frozen=True, slots=True)
class TenantMigration:
    """What became of one tenant: the steps applied, or the trouble that kept it as it was."""

    tenant: TenantRef
    applied: Sequence[Migration] = ()
    error: Exception | None = None


async def migrate_tenants(
    urls: Mapping[str, str], steps: Sequence[Migration] | None = None
) -> AsyncIterator[TenantMigration]:
    """Bring every tenant up to date, one transaction each, suspended ones too.

    One tenant's failure leaves that tenant as it was, is reported, and does not keep the others waiting.
    """
    wanted = migrations("tenant") if steps is None else steps
    async with owner_connection(urls["main"]) as directory:
        rows = await directory.fetch(_SELECT + "platform.tenant ORDER BY created_at, id")
    tenants = [_ref(row) for row in rows]
    for tenant in tenants:
        if tenant.database not in urls:
            yield TenantMigration(tenant, error=LookupError(f"Database {tenant.database!r} is not configured."))
    for database, url in urls.items():
        there = [tenant for tenant in tenants if tenant.database == database]
        if there:
            async with owner_connection(url) as owner:
                for tenant in there:
                    yield await _migrate(owner, tenant, wanted)


async def _migrate(owner: asyncpg.Connection, tenant: TenantRef, steps: Sequence[Migration]) -> TenantMigration:
    try:
        return TenantMigration(tenant, await migrate_tenant(owner, tenant, steps))
    except asyncpg.PostgresError as error:
        return TenantMigration(tenant, error=error)


async def get_tenant_by_slug(slug: str) -> TenantRef:
    """The active tenant of that address, within a platform transaction.

    Raises:
        TenantUnknown: there is none, or it is suspended.
    """
    row = await connection().fetchrow(_SELECT + "tenant WHERE slug = $1 AND status = 'active'", slug)
    if row is None:
        raise TenantUnknown
    return _ref(row)


async def get_tenant(tenant_id: UUID) -> TenantRef:
    """The active tenant of that id, within a platform transaction.

    Raises:
        TenantUnknown: there is none, or it is suspended.
    """
    row = await connection().fetchrow(_SELECT + "tenant WHERE id = $1 AND status = 'active'", tenant_id)
    if row is None:
        raise TenantUnknown
    return _ref(row)


async def is_slug_free(slug: str) -> bool:
    """Whether no tenant has the address, not even a suspended one, within a platform transaction."""
    return not await connection().fetchval("SELECT EXISTS (SELECT FROM tenant WHERE slug = $1)", slug)


async def list_tenants() -> list[TenantRef]:
    """All active tenants, within a platform transaction."""
    rows = await connection().fetch(_SELECT + "tenant WHERE status = 'active' ORDER BY slug")
    return [_ref(row) for row in rows]


async def list_directory() -> list[TenantRef]:
    """All tenants but spares, suspended ones too, within a platform transaction."""
    rows = await connection().fetch(_SELECT + "tenant WHERE status <> 'spare' ORDER BY slug")
    return [_ref(row) for row in rows]


@asynccontextmanager
async def owner_connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the database's owner, for DDL alone."""
    owner = await asyncpg.connect(url)
    try:
        yield owner
    finally:
        await owner.close()
