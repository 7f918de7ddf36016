"""What of a tenant is in the database, in the eyes of its owner."""

import secrets
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from server.db import TenantRef
from server.tenants.service import owner_connection

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
