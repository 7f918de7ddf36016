"""Plain SQL in a tenant's schema, as an owner writes it in psql: each statement for itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.db import TenantRef
from server.tenants.service import owner_connection


@asynccontextmanager
async def log_in(owner_urls: dict[str, str], tenant: TenantRef) -> AsyncIterator[asyncpg.Connection]:
    """A log-in of the owner's, in the tenant's schema."""
    async with owner_connection(owner_urls["main"]) as conn:
        await conn.execute(f'SET search_path = "{tenant.schema}"')
        yield conn


@pytest.fixture
async def sql(owner_urls: dict[str, str], tenant: TenantRef) -> AsyncIterator[asyncpg.Connection]:
    """Somebody at psql, in the test's tenant."""
    async with log_in(owner_urls, tenant) as conn:
        yield conn


async def an_account(conn: asyncpg.Connection, name: str = "Acme") -> UUID:
    """A customer, typed in."""
    return await conn.fetchval("INSERT INTO account (id, name) VALUES ($1, $2) RETURNING id", uuid4(), name)
