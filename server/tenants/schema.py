"""Schemas and roles: the platform's, and one of each per tenant, made by replaying recorded SQL.

Everything here runs as the owner of the database, never as the app's log-in. Tenants' SQL files hold `{{schema}}` and
`{{tenant_id}}`; a migration and its record share a transaction.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from dramatiq_postgres.schema import generate_init_sql

from server.config import MAIN_DATABASE, Config, ConfigError
from server.db import PLATFORM_ROLE, TenantRef
from server.tenants.hardening import harden

_PLATFORM_LOCK = 0x0074_7269_6465
"""Advisory lock of those who prepare one database."""

LOCK_TIMEOUT_MS = 5_000
"""A migration waits no longer for a tenant's open transactions: behind it, the tenant's traffic would wait too."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One recorded step of a schema."""

    number: int
    name: str
    sql: str


@cache
def migrations(kind: Literal["platform", "tenant"]) -> tuple[Migration, ...]:
    """The recorded migrations of the platform's schema, or of a tenant's, in order."""
    found = []
    for file in files("server.tenants").joinpath("migrations", kind).iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text()))
    return tuple(sorted(found, key=lambda m: m.number))


def app_login(database_url: str) -> str:
    """Name of the app's log-in for a database: it bears the database's name, as roles are the cluster's."""
    return f"{urlsplit(database_url).path.lstrip('/')[:59]}_app"


def app_url(database_url: str, password: str) -> str:
    """The URL with which the app logs in, made from the owner's."""
    parts = urlsplit(database_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(app_login(database_url))}:{quote(password)}@{host}"))


def app_password(secret_key: bytes) -> str:
    """The password of the app's log-ins: every process of an installation derives the same one from its secret."""
    return hmac.new(secret_key, b"app-login", hashlib.sha256).hexdigest()


def owner_urls(config: Config) -> dict[str, str]:
    """The owner's URL of each database of an installation; `main` is given, or that of the embedded server.

    Raises:
        ConfigError: no main database is configured.
    """
    if config.database_url is None:
        raise ConfigError(
            "OUTRIDER_DATABASE_URL is not set: set it to a PostgreSQL 15+, or run `outrider serve`, which brings one."
        )
    return {MAIN_DATABASE: config.database_url, **config.databases}


def app_urls(config: Config) -> dict[str, str]:
    """The URL of each database with which the app logs in."""
    password = app_password(config.secret_key)
    return {name: app_url(url, password) for name, url in owner_urls(config).items()}


async def prepare_database(database_url: str, *, app_password: str) -> list[str]:
    """Create or bring up to date what all tenants of a database share: roles, platform schema, job queue.

    Idempotent, and safe when several processes do it at once. Returns warnings: hardening that this server
    does not allow us.
    """
    owner = await asyncpg.connect(database_url)
    try:
        async with owner.transaction():
            await owner.execute("SELECT pg_advisory_xact_lock($1)", _PLATFORM_LOCK)
            await _create_roles(owner, app_login(database_url), app_password)
            await _create_platform(owner)
            await _grant_platform(owner, app_login(database_url))
            remaining = await harden(owner, app_login(database_url))
        return [f"{function} stays executable by all: revoking it needs a superuser." for function in remaining]
    finally:
        await owner.close()


async def _create_roles(owner: asyncpg.Connection, login: str, password: str) -> None:
    await _create_role(owner, f'"{PLATFORM_ROLE}" NOLOGIN')
    await _create_role(owner, f'"{login}" LOGIN NOINHERIT')
    secret = await owner.fetchval("SELECT quote_literal($1::text)", password)
    await owner.execute(f'ALTER ROLE "{login}" PASSWORD {secret}')
    await owner.execute(f"ALTER ROLE \"{login}\" SET search_path = ''")
    await owner.execute(f'GRANT "{PLATFORM_ROLE}" TO "{login}"')


async def _create_role(owner: asyncpg.Connection, role: str) -> None:
    # Roles are the cluster's and the lock is the database's: one that prepares another database may be faster.
    try:
        async with owner.transaction():
            await owner.execute(f"CREATE ROLE {role}")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return


async def _create_platform(owner: asyncpg.Connection) -> None:
    await owner.execute("CREATE SCHEMA IF NOT EXISTS platform")
    await owner.execute(
        "CREATE TABLE IF NOT EXISTS platform.schema_migration"
        " (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {r["number"] for r in await owner.fetch("SELECT number FROM platform.schema_migration")}
    for migration in migrations("platform"):
        if migration.number not in done:
            await owner.execute(migration.sql)
            await _record(owner, "platform", migration)
    if await owner.fetchval("SELECT to_regclass('dramatiq.queue')") is None:
        await owner.execute(generate_init_sql())


async def _grant_platform(owner: asyncpg.Connection, login: str) -> None:
    database = await owner.fetchval("SELECT quote_ident(current_database())")
    await owner.execute(f"""
        REVOKE ALL ON DATABASE {database} FROM PUBLIC;
        GRANT CONNECT ON DATABASE {database} TO "{login}";
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA platform, dramatiq TO {PLATFORM_ROLE};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA platform, dramatiq TO {PLATFORM_ROLE};
        REVOKE INSERT, UPDATE, DELETE ON platform.schema_migration FROM {PLATFORM_ROLE};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA dramatiq TO {PLATFORM_ROLE};
    """)


async def _record(conn: asyncpg.Connection, schema: str, migration: Migration) -> None:
    await conn.execute(
        f'INSERT INTO "{schema}".schema_migration (number, name) VALUES ($1, $2)',  # noqa: S608 - our own name
        migration.number,
        migration.name,
    )


def _fill(sql: str, tenant: TenantRef) -> str:
    return sql.replace("{{schema}}", f'"{tenant.schema}"').replace("{{tenant_id}}", str(tenant.id))


def _grants(tenant: TenantRef) -> str:
    """The tenant's role has data rights in its schema, and none to what only triggers write."""
    return _fill(
        """
        GRANT USAGE ON SCHEMA {{schema}} TO {{schema}};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {{schema}} TO {{schema}};
        REVOKE INSERT, UPDATE, DELETE ON {{schema}}.schema_migration, {{schema}}.revision_counter,
            {{schema}}.scope_entry, {{schema}}.scope_grant, {{schema}}.scope_change, {{schema}}.price_change,
            {{schema}}.member_role_change, {{schema}}.role_change,
            {{schema}}.revision_token,
            {{schema}}.audit_revision, {{schema}}.audit_entry, {{schema}}.erasure FROM {{schema}};
        REVOKE INSERT ON {{schema}}.webhook_event FROM {{schema}};
        REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {{schema}} FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION {{schema}}.take_revision(uuid, uuid, text), {{schema}}.refresh_grants(uuid[], uuid[]),
            {{schema}}.refresh_dated_products(), {{schema}}.refresh_windows(uuid[]), {{schema}}.window_start(),
            {{schema}}.fold_changes(bigint), {{schema}}.prune(bigint, integer),
            {{schema}}.erase_record(uuid, uuid, smallint[], uuid[]),
            {{schema}}.reach_of(jsonb), {{schema}}.pair_scope(uuid, uuid),
            {{schema}}.enqueue_job(uuid, text, jsonb, integer), {{schema}}.name_key(text),
            {{schema}}.tax_id_key(text), {{schema}}.channel_key(text, text) TO {{schema}};
        """,
        tenant,
    )


async def create_tenant_schema(owner: asyncpg.Connection, tenant: TenantRef, *, login: str) -> None:
    """Make role and schema of a new tenant, within the owner's transaction: recorded DDL in one round trip.

    The bodies of its functions are not checked again: the tests replay the record with the check on.
    """
    recorded = "\n".join(_fill(m.sql, tenant) for m in migrations("tenant"))
    records = ", ".join(f"({m.number}, '{m.name}')" for m in migrations("tenant"))
    await owner.execute(
        f"""
        SET LOCAL check_function_bodies = off;
        CREATE ROLE "{tenant.schema}" NOLOGIN;
        GRANT "{tenant.schema}" TO "{login}";
        CREATE SCHEMA "{tenant.schema}";
        {recorded}
        INSERT INTO "{tenant.schema}".schema_migration (number, name) VALUES {records};
        {_grants(tenant)}
        SET LOCAL check_function_bodies = on;
        """  # noqa: S608 - our own names and files
    )


async def migrate_tenant(owner: asyncpg.Connection, tenant: TenantRef, steps: Sequence[Migration]) -> list[Migration]:
    """Apply to one tenant the steps it lacks, in one transaction. Returns those applied."""
    async with owner.transaction():
        await owner.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        await owner.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", tenant.schema)
        recorded = await owner.fetch(f'SELECT number FROM "{tenant.schema}".schema_migration')  # noqa: S608 - our own name
        done = {row["number"] for row in recorded}
        missing = [step for step in steps if step.number not in done]
        for step in missing:
            await owner.execute(_fill(step.sql, tenant))
            await _record(owner, tenant.schema, step)
        if missing:
            await owner.execute(_grants(tenant))
    return missing


async def drop_tenant_schema(owner: asyncpg.Connection, tenant: TenantRef) -> None:
    """Remove a tenant's schema and role, with all it holds; harmless where there is none."""
    async with owner.transaction():
        await owner.execute(f'DROP SCHEMA IF EXISTS "{tenant.schema}" CASCADE; DROP ROLE IF EXISTS "{tenant.schema}"')
