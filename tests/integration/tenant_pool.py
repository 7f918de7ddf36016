"""Fresh tenants for tests that empties used ones: making a tenant costs hundreds of milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from uuid import uuid4

import asyncpg

from server.auth import standings
from server.db import TenantRef
from server.tenants.service import create_tenant

_SHAPE = """
    SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid),
        (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid),
        (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
            WHERE relnamespace = n.oid AND relkind = 'r' AND attnum > 0 AND NOT attisdropped),
        (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
            WHERE relnamespace = n.oid AND tgenabled = 'O'),
        (SELECT string_agg(coalesce(relacl::text, '-'), ',' ORDER BY relname) FROM pg_class
            WHERE relnamespace = n.oid AND relkind = 'r')
    FROM pg_namespace n WHERE nspname = $1"""
"""What a test may have changed of a schema: its tables, functions, columns, triggers and rights."""

_BILLING = (
    "usage_day", "seat", "billing_notice", "billing_intent", "billing_invoice", "transfer_subscription",
    "billing_subscription", "entitlement", "billing_account",
)  # fmt: skip
"""Tables of the platform that say what the tenant pays, in the order in which they can be emptied."""

_COUNTER = "revision_counter"
"""It goes on where it was: what processes remember by tenant and revision stays true."""


@dataclass(frozen=True)
class _Used:
    tenant: TenantRef
    shape: tuple[object, ...]
    contents: Mapping[str, bytes]


class TenantPool:
    """Tenants of one process, as new for each test that takes one."""

    def __init__(self, urls: Mapping[str, str], owner: asyncpg.Connection) -> None:
        self._urls, self._owner = urls, owner
        self._idle: list[_Used] = []
        self._taken: dict[TenantRef, _Used] = {}

    async def take(self) -> TenantRef:
        """A tenant as it is just after its making, under a slug of its own."""
        slug = f"t-{uuid4().hex[:12]}"
        while self._idle:
            used = self._idle.pop()
            if await self._shape(used.tenant) == used.shape:
                return self._keep(await self._emptied(used, slug), used.shape, used.contents)
        tenant = await create_tenant(self._urls, slug=slug, name="Test tenant")
        return self._keep(tenant, await self._shape(tenant), await self._contents(tenant))

    def give_back(self, tenant: TenantRef) -> None:
        """Its test is over."""
        self._idle.append(self._taken.pop(tenant))

    def _keep(self, tenant: TenantRef, shape: tuple[object, ...], contents: Mapping[str, bytes]) -> TenantRef:
        self._taken[tenant] = _Used(tenant, shape, contents)
        return tenant

    async def _shape(self, tenant: TenantRef) -> tuple[object, ...]:
        return tuple(await self._owner.fetchrow(_SHAPE, tenant.schema) or ())

    async def _contents(self, tenant: TenantRef) -> dict[str, bytes]:
        contents = {}
        for table in set(await self._filled(tenant)) - {_COUNTER}:
            copy = BytesIO()
            await self._owner.copy_from_table(table, schema_name=tenant.schema, output=copy, format="binary")
            contents[table] = copy.getvalue()
        return contents

    async def _filled(self, tenant: TenantRef) -> list[str]:
        """The tables that hold anything."""
        asked = await self._owner.fetchval(
            """SELECT 'SELECT array_remove(ARRAY[' || string_agg(format(
                'CASE WHEN EXISTS (SELECT FROM %I.%I) THEN %L END', $1::text, relname, relname), ',') || '], NULL)'
            FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1::text)) AND relkind = 'r'""",
            tenant.schema,
        )
        return list(await self._owner.fetchval(asked))

    async def _emptied(self, used: _Used, slug: str) -> TenantRef:
        schema = used.tenant.schema
        async with self._owner.transaction():
            await self._owner.execute("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '5s'")
            tables = ", ".join(
                f'"{schema}"."{table}"' for table in await self._filled(used.tenant) if table != _COUNTER
            )
            await self._owner.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
            for table, content in used.contents.items():
                await self._owner.copy_to_table(table, schema_name=schema, source=BytesIO(content), format="binary")
            for table in ("membership", *_BILLING):
                await self._owner.execute(f"DELETE FROM platform.{table} WHERE tenant_id = $1", used.tenant.id)
            await self._owner.execute(
                "UPDATE platform.tenant SET slug = $2, name = 'Test tenant', status = 'active', created_at = now()"
                " WHERE id = $1",
                used.tenant.id,
                slug,
            )
            await self._owner.execute("DELETE FROM dramatiq.queue")
        standings.forget_standings()
        return TenantRef(used.tenant.id, slug, schema, used.tenant.database)
