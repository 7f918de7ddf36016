"""The operator's commands: `outrider …`.

Expected trouble is one line on stderr and status 1, a wrong setting or argument status 2; a traceback is a bug.
"""

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg
import click
from dramatiq.middleware import MiddlewareError

from server import db
from server.cli.billing import manage_billing
from server.cli.database import connected, migrate_all, open_database, prepare_all
from server.cli.devices import manage_devices
from server.cli.doctor import Finding, examine
from server.cli.erase import erase_people
from server.cli.exports import export_files
from server.cli.imports import import_files
from server.cli.recovery import adopt_databases, backup_verified
from server.cli.sign_up import sign_up
from server.cli.sql import query_sql
from server.cli.supervisor import watch_parent
from server.config import MAIN_DATABASE, Config, ConfigError
from server.demo import main as demo
from server.embedded import EmbeddedError
from server.errors import AppError
from server.sync.daily import begin_day_everywhere
from server.tenants.recovery import check_places
from server.tenants.schema import owner_urls
from server.tenants.service import create_tenant, keep_spares, list_tenants

T = TypeVar("T")

EXPECTED = (AppError, EmbeddedError, MiddlewareError, asyncpg.PostgresError, OSError)


class _Commands(click.Group):
    """Turns expected trouble into one clear line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise _WrongSetting(str(error)) from error
        except asyncpg.InvalidPasswordError as error:
            raise _Trouble(f"The database refuses the log-in: {error}") from error
        except ConnectionError as error:
            raise _Trouble(f"The database cannot be reached: {error}") from error
        except EXPECTED as error:
            raise _Trouble(str(error) or type(error).__name__) from error


class _Trouble(click.ClickException):
    exit_code = 1


class _WrongSetting(_Trouble):
    exit_code = 2


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Outrider, a CRM for field sales that works where the network doesn't.

    Settings are environment variables, OUTRIDER_…; without OUTRIDER_DATABASE_URL, an embedded PostgreSQL
    keeps its data in OUTRIDER_STATE_DIR.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("dramatiq", "dramatiq_postgres", "psycopg.pool", "_granian", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


_supervised = click.option("--supervisor-pid", type=int, hidden=True, help="Whose child this process is.")


@main.command()
@click.option("--host", help="Address to listen on; OUTRIDER_HOST otherwise.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on; OUTRIDER_PORT otherwise.")
@click.option("--seed/--no-seed", default=True, help="Fill an installation without tenants with demo data.")
def serve(host: str | None, port: int | None, seed: bool) -> None:
    """Run everything on this machine: database if none is given, web server and workers."""
    from server.cli.serve import serve as run  # what it needs loads slowly

    run(_config(host, port), seed=seed, say=_say)


@main.command()
@click.option("--host", help="Address to listen on; OUTRIDER_HOST otherwise.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on; OUTRIDER_PORT otherwise.")
@_supervised
def web(host: str | None, port: int | None, supervisor_pid: int | None) -> None:
    """Run one web server process on a database that is prepared already."""
    from server.app import create_app
    from server.cli.web import run_web

    _mind(supervisor_pid)
    with open_database(_config(host, port)) as config:
        _run(check_places(owner_urls(config), config.state_dir))
        run_web(create_app(config), host=config.host, port=config.port)


@main.command()
@click.option("--database", default=MAIN_DATABASE, show_default=True, help="Whose jobs: one worker a database.")
@_supervised
def worker(database: str, supervisor_pid: int | None) -> None:
    """Run one worker process on a database that is prepared already."""
    from server.worker import run_worker

    _mind(supervisor_pid)
    with open_database(Config.from_env()) as config:
        _run(check_places(owner_urls(config), config.state_dir))
        run_worker(config, database=database)


@main.command()
def migrate() -> None:
    """Bring the databases and every tenant up to date; safe to repeat."""
    with open_database(Config.from_env()) as config:
        for warning in _run(prepare_all(config)):
            _say(f"Note: {warning}", err=True)
        outcomes = _run(migrate_all(config))
    for outcome in outcomes:
        steps = ", ".join(f"{step.number:04d}_{step.name}" for step in outcome.applied)
        _say(f"{outcome.tenant.slug}: {outcome.error or steps}")
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        raise _Trouble(f"{len(failed)} tenants stay as they were: see above, and run this again.")
    _say("All tenants are up to date.")


@main.command()
def daily() -> None:
    """Begin the day in every tenant: rights that start or end by a date. `outrider serve` does it by itself."""

    async def begin(config: Config) -> tuple[int, int]:
        async with connected(config):
            async with db.platform_transaction():
                tenants = await list_tenants()
            return await begin_day_everywhere(tenants), len(tenants)

    with open_database(Config.from_env()) as config:
        begun, known = _run(begin(config))
    _say(f"Begun in {begun} of {known} tenants; the others had begun already, or are named in the log.")


@main.group()
def tenant() -> None:
    """Create, list and delete tenants."""


@tenant.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@click.option("--database", default=MAIN_DATABASE, show_default=True, help="Where it lives.")
def tenant_create(slug: str, name: str, database: str) -> None:
    """Create a tenant under the address SLUG."""
    with open_database(Config.from_env()) as config:
        _run(prepare_all(config))
        made = _run(create_tenant(owner_urls(config), slug=slug, name=name, database=database))
        _say(f"{made.slug}\t{made.id}\t{made.database}")
        _run(keep_spares(owner_urls(config)))


@tenant.command("delete")
@click.argument("slug")
@click.option("--confirm", help="The slug once more; asked for otherwise.")
def tenant_delete(slug: str, confirm: str | None) -> None:
    """Delete the tenant SLUG now, for good: its subscription, data, files, and people who are nowhere else.

    Its invoices stay. After a restore of a backup, `outrider adopt` deletes it again.
    """
    from server import storage  # loads slowly, and so do the next
    from server.billing import setup
    from server.billing.deletion.commands import order_deletion

    async def delete(config: Config) -> None:
        storage.use(config.state_dir, config.storage_url)
        setup.use(config)
        async with connected(config):
            await order_deletion(slug, owner_urls(config))

    if (confirm or click.prompt(f"Everything of {slug} goes, for good. Type its slug to go on")) != slug:
        raise click.UsageError("That is another slug; nothing was deleted.")
    with open_database(Config.from_env()) as config:
        _run(delete(config))
    _say(f"{slug}: deleted.")


@tenant.command("list")
def tenant_list() -> None:
    """List active tenants: slug, id, database."""

    async def read(config: Config) -> list[db.TenantRef]:
        async with connected(config), db.platform_transaction():
            return await list_tenants()

    with open_database(Config.from_env()) as config:
        for each in _run(read(config)):
            _say(f"{each.slug}\t{each.id}\t{each.database}")


@main.command()
def doctor() -> None:
    """Check the installation; exit with 1 when something is wrong."""

    async def look(config: Config) -> list[Finding]:
        return [finding async for finding in examine(config)]

    with open_database(Config.from_env()) as config:
        findings = _run(look(config))
    width = max(len(finding.database) for finding in findings)
    for finding in findings:
        _say(f"{finding.state:<5}  {finding.database:<{width}}  {finding.subject:<9}  {finding.text}")
    if any(finding.state == "wrong" for finding in findings):
        raise click.exceptions.Exit(1)


@main.group()
def keys() -> None:
    """Manage the keys that sign access tokens."""


@keys.command("rotate")
def keys_rotate() -> None:
    """Sign with a new key from now on; the old one verifies until its tokens have expired."""
    from server.auth.tokens import rotate_keys

    async def rotate(config: Config) -> str:
        async with connected(config):
            return await rotate_keys()

    with open_database(Config.from_env()) as config:
        _say(f"Signing with {_run(rotate(config))} from now on.")


main.add_command(demo)
main.add_command(import_files)
main.add_command(export_files)
main.add_command(erase_people)
main.add_command(manage_devices)
main.add_command(query_sql)
main.add_command(sign_up)
main.add_command(manage_billing)
main.add_command(adopt_databases)
main.add_command(backup_verified)


def _config(host: str | None, port: int | None) -> Config:
    """The settings, where a command's options go before the environment's."""
    options = {"OUTRIDER_HOST": host, "OUTRIDER_PORT": port}
    return Config.from_env({**os.environ, **{name: str(value) for name, value in options.items() if value}})


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _mind(supervisor_pid: int | None) -> None:
    if supervisor_pid is not None:
        watch_parent(supervisor_pid)


def _say(text: str, *, err: bool = False) -> None:
    click.echo(text, err=err)


__all__ = ["main"]
