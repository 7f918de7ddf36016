"""Fresh tenants for tests that empties used ones: making a tenant costs hundreds of milliseconds.

What fills many tests' tenants alike is made once a tenant, and copied from then on.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from uuid import uuid4

import asyncpg

from server.auth import standings
from server.db import SYSTEM, TenantRef, tenant_write
from server.sync.page_cache import pages
from server.tenants.service import create_tenant

_TRUNCATED_BYTES_MIN = 256 * 1024
"""TRUNCATE makes new files of a table and its indexes; deleting few rows costs a tenth, and leaves them dead."""

_TABLES = "SELECT array_agg(oid) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind = 'r'"

_SHAPE = """
    SELECT (SELECT count(*) FROM pg_depend
            WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace(quote_ident($1))),
        (SELECT count(*) FROM pg_attribute WHERE attrelid = ANY ($2::oid[]) AND attnum > 0 AND NOT attisdropped),
        (SELECT count(*) FROM pg_index WHERE indrelid = ANY ($2::oid[])),
        (SELECT count(*) FROM pg_trigger WHERE tgrelid = ANY ($2::oid[]) AND tgenabled = 'O'),
        (SELECT string_agg(coalesce(relacl::text, '-'), ',' ORDER BY oid) FROM pg_class WHERE oid = ANY ($2::oid[]))"""
"""What a test may have changed of a schema: its tables, functions, columns, indexes, triggers and rights."""

_BILLING = (
    "usage_day", "seat", "billing_notice", "billing_intent", "billing_invoice", "transfer_subscription",
    "billing_subscription", "entitlement", "billing_account",
)  # fmt: skip
"""Tables of the platform that say what the tenant pays, in the order in which they can be emptied."""

_COUNTER = "revision_counter"
"""It goes on where it was, so that what processes remember by tenant and revision stays true."""

Ids = dict[str, str]
Fill = Callable[[TenantRef], Awaitable[Ids]]
"""Fills an empty tenant; says by name what it made."""


@dataclass(frozen=True)
class _Content:
    """What stands in a schema: the rows of its tables as COPY writes them, and where its sequences are."""

    rows: Mapping[str, bytes]
    sequences: Mapping[str, int | None]


@dataclass(frozen=True)
class _Used:
    tenant: TenantRef
    tables: list[int]
    shape: tuple[object, ...]
    empty: _Content
    filled: dict[Fill, tuple[_Content, Ids]] = field(default_factory=dict)


class TenantPool:
    """Tenants of one process, as new for each test that takes one.

    Args:
        counts_anew: their revisions begin with the first again, as if nobody had ever used them; for tests that name
            revisions, and ask for them by nothing that remembers.
    """

    def __init__(self, urls: Mapping[str, str], owner: asyncpg.Connection, *, counts_anew: bool = False) -> None:
        self._urls, self._owner, self._counts_anew = urls, owner, counts_anew
        self._idle: list[_Used] = []
        self._taken: dict[TenantRef, _Used] = {}

    async def take(self) -> TenantRef:
        """A tenant as it is just after its making, under a slug of its own."""
        slug = f"t-{uuid4().hex[:12]}"
        while self._idle:
            used = self._idle.pop()
            if await self._shape(used.tenant, used.tables) == used.shape:
                tenant = await self._emptied(used, slug)
                self._taken[tenant] = used
                return tenant
        tenant = await create_tenant(self._urls, slug=slug, name="Test tenant")
        tables = await self._owner.fetchval(_TABLES, tenant.schema)
        shape = await self._shape(tenant, tables)
        self._taken[tenant] = _Used(tenant, tables, shape, await self._content(tenant.schema))
        return tenant

    def give_back(self, *tenants: TenantRef) -> None:
        """Their test is over."""
        self._idle.extend(self._taken.pop(tenant) for tenant in tenants)

    async def fill(self, tenant: TenantRef, fill: Fill) -> Ids:
        """Fill a tenant that was just taken, or copy what the same `fill` made of it for an earlier test."""
        used = self._taken.get(tenant)
        if used is None:  # one that a test has made
            return await fill(tenant)
        if fill not in used.filled:
            made = await fill(tenant)
            used.filled[fill] = (await self._content(tenant.schema), made)
            return dict(made)
        content, made = used.filled[fill]
        async with self._owner.transaction():
            await self._replace(tenant.schema, content)
        async with tenant_write(tenant, by=SYSTEM):
            pass  # a revision later than all that stands there, with its token, as if it had been written now
        return dict(made)

    async def _shape(self, tenant: TenantRef, tables: list[int]) -> tuple[object, ...]:
        shape = tuple(await self._owner.fetchrow(_SHAPE, tenant.schema, tables) or ())
        if not shape[0]:  # its test has deleted it
            return ()
        return shape + tuple(await self._owner.fetchrow(f'SELECT horizon, epoch FROM "{tenant.schema}".{_COUNTER}'))

    async def _content(self, schema: str) -> _Content:
        rows = {}
        for table in await self._used_tables(schema):
            copy = BytesIO()
            await self._owner.copy_from_table(table, schema_name=schema, output=copy, format="binary")
            rows[table] = copy.getvalue()
        found = await self._owner.fetch(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = $1", schema
        )
        return _Content(rows, {row["sequencename"]: row["last_value"] for row in found})

    async def _used_tables(self, schema: str) -> dict[str, int]:
        """The tables that hold anything, or did so until lately, and their sizes in bytes."""
        found = await self._owner.fetch(
            """SELECT relname, pg_relation_size(oid) AS size_bytes FROM pg_class
            WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind = 'r'""",
            schema,
        )
        kept = set() if self._counts_anew else {_COUNTER}
        return {row["relname"]: row["size_bytes"] for row in found if row["size_bytes"] and row["relname"] not in kept}

    async def _replace(self, schema: str, content: _Content) -> None:
        """Let the content be all that stands in the schema, without a trigger's noticing."""
        await self._owner.execute("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '5s'")
        used = await self._used_tables(schema)
        large = [f'"{schema}"."{table}"' for table, size_bytes in used.items() if size_bytes >= _TRUNCATED_BYTES_MIN]
        small = [f'"{schema}"."{table}"' for table, size_bytes in used.items() if size_bytes < _TRUNCATED_BYTES_MIN]
        steps = [f"TRUNCATE {', '.join(large)} CASCADE"] if large else []
        steps += [f"DELETE FROM {table}" for table in small]
        steps += [
            f'SELECT setval(\'"{schema}"."{sequence}"\', {last or 1}, {last is not None})'
            for sequence, last in content.sequences.items()
        ]
        await self._owner.execute("; ".join(steps))
        for table, rows in content.rows.items():
            await self._owner.copy_to_table(table, schema_name=schema, source=BytesIO(rows), format="binary")

    async def _emptied(self, used: _Used, slug: str) -> TenantRef:
        async with self._owner.transaction():
            await self._replace(used.tenant.schema, used.empty)
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
        pages.clear()
        return TenantRef(used.tenant.id, slug, used.tenant.schema, used.tenant.database)
