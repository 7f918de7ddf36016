"""What an operator wants to know of an installation, checked."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import asyncpg

from server.config import MAIN_DATABASE, Config
from server.db import PLATFORM_ROLE
from server.tenants.hardening import find_unhardened
from server.tenants.recovery import look_at
from server.tenants.schema import app_login, app_urls, migrations, owner_urls
from server.tenants.service import owner_connection

SERVER_VERSION_MIN: Final = 150_000
ROLES_ADVISED_MAX: Final = 3_000
"""PostgreSQL before 18 slows beyond so many roles, quadratically."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `wrong` makes the command fail, `note` does not."""

    database: str
    subject: str
    state: Literal["ok", "note", "wrong"]
    text: str


async def examine(config: Config) -> AsyncIterator[Finding]:
    """Look at every database of the installation."""
    urls = owner_urls(config)
    for name, url in urls.items():
        try:
            async with owner_connection(url) as owner:
                yield await _server_version(owner, name)
                yield await _roles(owner, name, app_login(url))
                yield await _log_in(app_urls(config)[name], name)
                yield await _hardening(owner, name)
                yield (platform := await _platform(owner, name))
                if platform.state == "wrong":
                    continue
                yield await _place(owner, name, config.state_dir)
                async with owner_connection(urls[MAIN_DATABASE]) as directory:
                    yield await _tenants(owner, directory, name)
                yield await _jobs(owner, name)
                if name == MAIN_DATABASE:
                    yield await _billing(owner, config)
        except (OSError, asyncpg.PostgresError) as error:
            yield Finding(name, "database", "wrong", f"cannot be examined: {error or type(error).__name__}")


async def _server_version(owner: asyncpg.Connection, name: str) -> Finding:
    number, roles = await owner.fetchrow(
        "SELECT current_setting('server_version_num')::int, (SELECT count(*) FROM pg_roles)"
    ) or (0, 0)
    if number < SERVER_VERSION_MIN:
        return Finding(name, "server", "wrong", f"PostgreSQL {number // 10_000} is too old: use 15 or newer.")
    if number < 180_000 and roles > ROLES_ADVISED_MAX:
        return Finding(name, "server", "note", f"{roles} roles slow PostgreSQL {number // 10_000}: upgrade to 18.")
    return Finding(name, "server", "ok", f"PostgreSQL {number // 10_000}, {roles} roles")


async def _roles(owner: asyncpg.Connection, name: str, login: str) -> Finding:
    rows = await owner.fetch(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS mighty, rolinherit, rolcanlogin"
        " FROM pg_roles WHERE rolname = ANY ($1::text[])",
        [login, PLATFORM_ROLE],
    )
    roles = {row["rolname"]: row for row in rows}
    if len(roles) < 2:
        return Finding(name, "roles", "wrong", "are missing: run `outrider migrate`.")
    if roles[login]["mighty"] or roles[login]["rolinherit"] or roles[PLATFORM_ROLE]["rolcanlogin"]:
        return Finding(
            name, "roles", "wrong", f"{login} must be NOINHERIT and {PLATFORM_ROLE} NOLOGIN, both without powers."
        )
    return Finding(name, "roles", "ok", f"{login} logs in, owns nothing, inherits nothing")


async def _log_in(url: str, name: str) -> Finding:
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError) as error:
        return Finding(name, "log-in", "wrong", f"{error}: run `outrider migrate` with this OUTRIDER_SECRET_KEY.")
    try:
        path = await connection.fetchval("SELECT current_setting('search_path')")
    finally:
        await connection.close()
    if path.strip('"'):
        return Finding(name, "log-in", "wrong", f"its search_path is {path}, not empty: run `outrider migrate`.")
    return Finding(name, "log-in", "ok", "the app logs in with the installation's secret")


async def _hardening(owner: asyncpg.Connection, name: str) -> Finding:
    remaining = await find_unhardened(owner)
    if not remaining:
        return Finding(name, "hardening", "ok", "no SELECT can switch role or run text as SQL")
    if await owner.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return Finding(
            name, "hardening", "wrong", f"{len(remaining)} functions are open to all: run `outrider migrate`."
        )
    return Finding(
        name, "hardening", "note", f"{len(remaining)} functions are open to all; only a superuser can revoke them."
    )


async def _platform(owner: asyncpg.Connection, name: str) -> Finding:
    if await owner.fetchval("SELECT to_regclass('platform.schema_migration') IS NULL"):
        return Finding(name, "platform", "wrong", "has no schema yet: run `outrider migrate`.")
    done = await owner.fetchval("SELECT count(*) FROM platform.schema_migration")
    if done < len(migrations("platform")):
        return Finding(
            name, "platform", "wrong", f"is at step {done} of {len(migrations('platform'))}: run `outrider migrate`."
        )
    return Finding(name, "platform", "ok", f"at step {done}")


async def _place(owner: asyncpg.Connection, name: str, state_dir: Path) -> Finding:
    difference = await look_at(owner, name, state_dir)
    if difference is not None:
        return Finding(name, "place", "wrong", f"{difference}: restored from a backup? Run `outrider adopt`.")
    return Finding(name, "place", "ok", "the database that was served last")


async def _tenants(owner: asyncpg.Connection, directory: asyncpg.Connection, name: str) -> Finding:
    listed = await directory.fetch("SELECT slug, schema FROM platform.tenant WHERE database = $1", name)
    present = {
        row["nspname"]
        for row in await owner.fetch(r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_[0-9a-f]{16}$'")
    }
    missing = [row["slug"] for row in listed if row["schema"] not in present]
    if missing:
        return Finding(name, "tenants", "wrong", f"{_some(missing)} have no schema: restore it from a backup.")
    behind = [row["slug"] for row in listed if await _lags(owner, row["schema"])]
    if behind:
        return Finding(name, "tenants", "wrong", f"{_some(behind)} lack migrations: run `outrider migrate`.")
    unlisted = sorted(present - {row["schema"] for row in listed})
    if unlisted:
        return Finding(
            name, "tenants", "note", f"{_some(unlisted)} belong to no tenant: left by a crash, or another installation."
        )
    return Finding(name, "tenants", "ok", f"{len(listed)}, all migrated")


async def _lags(owner: asyncpg.Connection, schema: str) -> bool:
    done = await owner.fetchval(f'SELECT array_agg(number) FROM "{schema}".schema_migration')  # noqa: S608 - ours
    return not {step.number for step in migrations("tenant")} <= set(done or ())


async def _jobs(owner: asyncpg.Connection, name: str) -> Finding:
    late, rejected = await owner.fetchrow(
        "SELECT count(*) FILTER (WHERE state = 'queued' AND available_at < now() - interval '5 minutes'),"
        " count(*) FILTER (WHERE state = 'rejected') FROM dramatiq.queue"
    ) or (0, 0)
    if late:
        return Finding(name, "jobs", "wrong", f"{late} wait for over five minutes: is a worker running?")
    if rejected:
        return Finding(name, "jobs", "note", f"{rejected} were given up after all retries: see dramatiq.queue.")
    return Finding(name, "jobs", "ok", "none late, none given up")


async def _billing(owner: asyncpg.Connection, config: Config) -> Finding:
    """Whether what is paid is noticed, and what somebody has to look at."""
    subject = "billing"
    if config.stripe_key and not config.stripe_webhook_secret:
        text = (
            "OUTRIDER_STRIPE_WEBHOOK_SECRET is missing: what Stripe tells is not believed, and is noticed a day late."
        )
        return Finding(MAIN_DATABASE, subject, "wrong", text)
    if config.stripe_key and config.stripe_url and config.stripe_key.startswith(("sk_live_", "rk_live_")):
        text = "OUTRIDER_STRIPE_URL sends the key of a live account to another address than Stripe's: leave it out."
        return Finding(MAIN_DATABASE, subject, "wrong", text)
    alerts = await owner.fetch(
        """SELECT slug FROM platform.billing_account WHERE alert IS NOT NULL AND deleted_at IS NULL
        ORDER BY slug LIMIT 20"""
    )
    if alerts:
        slugs = _some([row["slug"] for row in alerts])
        return Finding(MAIN_DATABASE, subject, "note", f"look at {slugs}: `outrider billing refresh` says why.")
    billed = await owner.fetchval("SELECT count(*) FROM platform.billing_account WHERE deleted_at IS NULL")
    taken = "cards are taken" if config.stripe_key else "no cards are taken"
    return Finding(MAIN_DATABASE, subject, "ok", f"{billed} tenants are billed; {taken}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
