"""`outrider serve`: database, web server and workers under one roof."""

import asyncio
import contextlib
import http.client
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

import click

from server import db
from server.cli.database import connected, keep_database, migrate_all, prepare_all
from server.cli.supervisor import POLL_S, Child, Supervisor, own_command
from server.config import MAIN_DATABASE, Config
from server.tenants.recovery import check_places
from server.tenants.schema import owner_urls
from server.tenants.service import keep_spares, list_tenants

Say = Callable[[str], None]

SEED_CONNECTIONS_MAX: Final = 8


def serve(config: Config, *, seed: bool, say: Say) -> None:
    """Run until Ctrl-C or SIGTERM, then stop in order: web server, workers, database."""
    _check_port(config)
    with keep_database(config) as (config, revive):
        try:
            notes = asyncio.run(_prepare(config, seed=seed, say=say))
        except KeyboardInterrupt:
            return
        children = [Child("web", own_command("web"))]
        children += [
            Child(f"worker ({name})", own_command("worker", "--database", name)) for name in owner_urls(config)
        ]

        def on_start(go_on: Callable[[], bool]) -> None:
            if _wait_until_listening(config, go_on):
                for line in (f"Outrider serves {config.base_url} (Ctrl-C stops it).", *notes):
                    say(line)

        def tend() -> None:
            if revive():
                say("PostgreSQL had died; it runs again.")

        Supervisor(children, _child_env(config), say, tend=tend).run(on_start=on_start)
    say("Stopped.")


def _check_port(config: Config) -> None:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {config.host} port {config.port} ({error.strerror}): choose another with --port."
            ) from error


async def _prepare(config: Config, *, seed: bool, say: Say) -> Sequence[str]:
    """Make the databases ready; what to tell once the server listens."""
    for warning in await prepare_all(config):
        say(f"Note: {warning}")
    await check_places(owner_urls(config), config.state_dir)
    for outcome in await migrate_all(config):
        if outcome.error:
            say(f"Tenant {outcome.tenant.slug} could not be migrated: {outcome.error}")
    notes = await _seed(config, say) if seed else ()
    await keep_spares(owner_urls(config))
    return notes


async def _seed(config: Config, say: Say) -> Sequence[str]:
    """Fill an installation without tenants with demo data; what to tell of the demo."""
    from server.demo import seed  # loads slowly, and only here

    async with connected(config, size_max=SEED_CONNECTIONS_MAX):
        async with db.platform_transaction():
            slugs = {tenant.slug for tenant in await list_tenants()}
        if not slugs:
            say("Filling the demo tenant ...")
            return await seed.seed_demo(owner_urls(config))
    if seed.DEMO_SLUG in slugs:
        return [f"The demo's tenant is “{seed.DEMO_SLUG}”, its password was {seed.DEMO_PASSWORD} at first."]
    return ()


def _child_env(config: Config) -> dict[str, str]:
    return {
        **os.environ,
        "OUTRIDER_DATABASE_URL": owner_urls(config)[MAIN_DATABASE],
        "OUTRIDER_STATE_DIR": str(config.state_dir),
        "OUTRIDER_HOST": config.host,
        "OUTRIDER_PORT": str(config.port),
        "OUTRIDER_BASE_URL": config.base_url,
    }


def _wait_until_listening(config: Config, go_on: Callable[[], bool]) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 - compared with
    while go_on():
        with contextlib.closing(http.client.HTTPConnection(host, config.port, timeout=1)) as connection:
            try:
                connection.request("GET", "/health")
                connection.getresponse()
            except (OSError, http.client.HTTPException):
                time.sleep(POLL_S)
            else:
                return True
    return False
