"""A database of its own, that can be lost and restored from a backup; copies stand in for backups."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server import connections
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.connections import Databases
from server.tenants.recovery import adopt, check_places
from server.tenants.schema import app_url, prepare_database
from server.tenants.service import create_tenant, owner_connection
from tests.integration.sync_world import World, make_world

APP_PASSWORD = "app-password-of-the-tests"


class Installation:
    """A database of its own, that can be lost and restored; backups are copies beside it."""

    def __init__(self, server_url: str, folder: Path) -> None:
        self.server_url, self.folder = server_url, folder
        self.name = f"outrider_restore_{secrets.token_hex(4)}"
        self.url = urlsplit(server_url)._replace(path=f"/{self.name}").geturl()
        self.pools: Databases | None = None

    async def make(self) -> World:
        await self._run(f"CREATE DATABASE {self.name} TEMPLATE template0 ENCODING 'UTF8'")
        await prepare_database(self.url, app_password=APP_PASSWORD)
        tenant = await create_tenant({"main": self.url}, slug="acme", name="Acme")
        await check_places({"main": self.url}, self.folder)
        await self.open()
        return await make_world(tenant)

    async def open(self) -> None:
        self.pools = await Databases.connect({"main": app_url(self.url, APP_PASSWORD)})
        connections.use(self.pools)
        keys._keys, keys._loaded_at = {}, float("-inf")
        forget_standings()

    async def close(self) -> None:
        if self.pools is not None:
            await self.pools.close()
        self.pools = None

    async def backup(self, copy: str = "backup") -> None:
        await self.close()
        await self._run(f"DROP DATABASE IF EXISTS {self.name}_{copy}")
        await self._run(f"CREATE DATABASE {self.name}_{copy} TEMPLATE {self.name}")
        await self.open()

    async def restore(self, copy: str = "backup", *, adopted: bool = True) -> None:
        """The database is lost; a backup takes its place."""
        await self.close()
        await self._run(f"DROP DATABASE {self.name} WITH (FORCE)")
        await self._run(f"CREATE DATABASE {self.name} TEMPLATE {self.name}_{copy}")
        if adopted:
            await adopt({"main": self.url}, self.folder)
        await self.open()

    async def drop(self) -> None:
        await self.close()
        for name in (self.name, f"{self.name}_backup", f"{self.name}_later"):
            await self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _run(self, sql: str) -> None:
        async with owner_connection(self.server_url) as owner:
            await owner.execute(sql)


@pytest.fixture
async def world(installation: Installation) -> World:
    """The company in a database of its own; for files that say `world = installation.world`."""
    return await installation.make()
