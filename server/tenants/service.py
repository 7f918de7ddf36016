"""The directory of tenants: create, find, migrate. Provisioning needs the owner's connection; the rest the app's."""

import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.ids import uuid7

from server.db import TenantRef, connection
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.tenants.schema import Migration, app_login, create_tenant_schema, drop_tenant_schema, migrate_tenant, migrations

SLUG_PATTERN = re.compile(r"[a-z0-9](-?[a-z0-9]){1,39}")
_COLUMNS = "id, slug, schema, database"


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
    """Provision a tenant: role, schema, and its line in the directory, last: what is listed is whole.

    Args:
        urls: the owner's URL of each database; `main` holds the directory.

    Raises:
        InvalidInput: the slug is not 2 to 40 of a-z, 0-9 and single hyphens.
        SlugTaken: another tenant has it.
    """
    if not SLUG_PATTERN.fullmatch(slug):
        raise InvalidInput([FieldError("slug", "Use 2 to 40 letters a-z, digits and single hyphens.")])
    tenant = TenantRef(uuid7(), slug, f"t_{secrets.token_hex(8)}", database)
    async with owner_connection(urls["main"]) as directory:
        if await directory.fetchval("SELECT EXISTS (SELECT FROM platform.tenant WHERE slug = $1)", slug):
            raise SlugTaken(slug)
        async with owner_connection(urls[database]) as owner:
            await create_tenant_schema(owner, tenant, login=app_login(urls[database]))
            try:
                await directory.execute(
                    "INSERT INTO platform.tenant (id, slug, name, schema, database) VALUES ($1, $2, $3, $4, $5)",
                    tenant.id, slug, name, tenant.schema, database,
                )
            except asyncpg.UniqueViolationError:
                await drop_tenant_schema(owner, tenant)
                raise SlugTaken(slug) from None
    return tenant


async def migrate_tenants(
    urls: Mapping[str, str], steps: tuple[Migration, ...] | None = None
) -> AsyncIterator[tuple[TenantRef, list[Migration]]]:
    """Bring every tenant up to date, one transaction each; yields each tenant with the steps applied."""
    async with owner_connection(urls["main"]) as directory:
        tenants = [_ref(r) for r in await directory.fetch(f"SELECT {_COLUMNS} FROM platform.tenant ORDER BY created_at")]
    for database, url in urls.items():
        async with owner_connection(url) as owner:
            for tenant in tenants:
                if tenant.database == database:
                    yield tenant, await migrate_tenant(owner, tenant, steps or migrations("tenant"))


async def get_tenant_by_slug(slug: str) -> TenantRef:
    """The active tenant of that address, within a platform transaction.

    Raises:
        TenantUnknown: there is none, or it is suspended.
    """
    row = await connection().fetchrow(f"SELECT {_COLUMNS} FROM tenant WHERE slug = $1 AND status = 'active'", slug)
    if row is None:
        raise TenantUnknown
    return _ref(row)


async def get_tenant(tenant_id: UUID) -> TenantRef:
    """The active tenant of that id, within a platform transaction.

    Raises:
        TenantUnknown: there is none, or it is suspended.
    """
    row = await connection().fetchrow(f"SELECT {_COLUMNS} FROM tenant WHERE id = $1 AND status = 'active'", tenant_id)
    if row is None:
        raise TenantUnknown
    return _ref(row)


async def list_tenants() -> list[TenantRef]:
    """All active tenants, within a platform transaction."""
    rows = await connection().fetch(f"SELECT {_COLUMNS} FROM tenant WHERE status = 'active' ORDER BY slug")
    return [_ref(row) for row in rows]


@asynccontextmanager
async def owner_connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the database's owner, for DDL alone."""
    owner = await asyncpg.connect(url)
    try:
        yield owner
    finally:
        await owner.close()
