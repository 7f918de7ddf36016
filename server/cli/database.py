"""The databases of a command: those configured, or the embedded one, started or already running."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

from server import connections
from server.config import Config
from server.connections import Databases
from server.embedded import EmbeddedError, EmbeddedPostgres
from server.embedded.processes import read_postmaster_file
from server.tenants.schema import app_password, app_urls, migrations, owner_urls, prepare_database
from server.tenants.service import TenantMigration, migrate_tenants


@contextlib.contextmanager
def open_database(config: Config) -> Iterator[Config]:
    """The configuration with a database in it: for a command's duration PostgreSQL is started where none is given.

    Raises:
        EmbeddedError: it cannot be started.
    """
    running = config.database_url or _find_running(config)
    if running is not None:
        yield replace(config, database_url=running)
        return
    with EmbeddedPostgres.persistent(config.state_dir) as postgres:
        yield replace(config, database_url=postgres.url)


@contextlib.contextmanager
def keep_database(config: Config) -> Iterator[tuple[Config, Callable[[], bool]]]:
    """The same for whoever serves: with a function that starts a PostgreSQL of ours again, and says whether it did.

    Raises:
        EmbeddedError: it cannot be started, or runs already.
    """
    if config.database_url is not None:
        yield config, lambda: False
        return
    with EmbeddedPostgres.persistent(config.state_dir) as postgres:
        yield replace(config, database_url=postgres.url), postgres.revive


def _find_running(config: Config) -> str | None:
    """The URL of the embedded PostgreSQL that another process of this installation runs."""
    data = (config.state_dir / "postgres").resolve()
    notes = read_postmaster_file(data)  # pid first, port fourth, readiness eighth
    if len(notes) < 8 or notes[7] != "ready":
        return None
    try:
        os.kill(int(notes[0]), 0)
        password = (data / "password").read_text(encoding="ascii").strip()
    except PermissionError:
        raise EmbeddedError(f"{data} belongs to another user: run as the user of `outrider serve`.") from None
    except (OSError, ValueError):
        return None
    return f"postgresql://outrider:{password}@127.0.0.1:{notes[3]}/outrider"


@contextlib.asynccontextmanager
async def connected(config: Config, *, size_max: int = 2) -> AsyncIterator[Databases]:
    """The app's pools, in use (`connections.use`) until the command is done."""
    databases = await Databases.connect(app_urls(config), size_max=size_max)
    connections.use(databases)
    try:
        yield databases
    finally:
        connections.use(None)
        await databases.close()


async def prepare_all(config: Config) -> list[str]:
    """Prepare every database: roles, platform schema, job queue. Returns warnings."""
    password = app_password(config.secret_key)
    warnings = []
    for name, url in owner_urls(config).items():
        warnings += [f"{name}: {warning}" for warning in await prepare_database(url, app_password=password)]
    return warnings


async def migrate_all(config: Config) -> list[TenantMigration]:
    """Bring every tenant up to date; the outcomes of those that changed or failed."""
    outcomes = [outcome async for outcome in migrate_tenants(owner_urls(config), migrations("tenant"))]
    return [outcome for outcome in outcomes if outcome.applied or outcome.error]
