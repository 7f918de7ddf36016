"""The stage of the demo: a database, the real web server in a process of its own, and people with devices.

All of it is thrown away at the end, whichever way it ends.
"""

import asyncio
import contextlib
import http.client
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import urllib3
from psycopg import sql

from server import connections
from server.config import MAIN_DATABASE, Config
from server.connections import Databases
from server.db import TenantRef
from server.demo.company import Company
from server.demo.load import Loaded
from server.demo.seed import DEMO_PASSWORD, DEMO_SLUG, OFFICE, DemoMember, add_members, fill_tenant
from server.demo.web_server import DemoError, WebServer
from server.embedded import EmbeddedPostgres
from server.tenants.schema import app_login, app_password, app_url, drop_tenant_schema, prepare_database
from server.tenants.service import create_tenant, owner_connection

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything set up: the story plays on it."""

    owner_url: str
    server: WebServer
    tenant: TenantRef
    company: Company
    members: Mapping[str, DemoMember]
    """Person, or OFFICE → member."""
    loaded: Loaded
    folder: Path
    """For the replicas."""

    @property
    def server_url(self) -> str:
        """Where the web server listens."""
        return self.server.url


@contextlib.contextmanager
def set_up(company: Company, say: Say) -> Iterator[Stage]:
    """Start what is needed, fill a fresh tenant with the company, and take everything away at the end.

    Raises:
        DemoError, EmbeddedError: something cannot be started here.
    """
    secret = secrets.token_urlsafe(32)
    config = Config.from_env({**os.environ, "OUTRIDER_SECRET_KEY": secret})
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outrider-demo-")))
        say("Starting the database ...")
        url = stack.enter_context(_database(config))
        password = app_password(config.secret_key)
        asyncio.run(prepare_database(url, app_password=password))
        # The server needs a second or two to load: meanwhile the tenant is filled.
        server = stack.enter_context(WebServer(url, secret, folder))
        say(f"Importing {company.name} ...")
        tenant, members, loaded = asyncio.run(_fill(company, url, app_url(url, password)))
        server.wait_until_ready()
        yield Stage(url, server, tenant, company, members, loaded, folder)


@contextlib.contextmanager
def _database(config: Config) -> Iterator[str]:
    """The owner's URL of an empty database: in a throwaway PostgreSQL, or in the one that is configured."""
    if config.database_url is None:
        with EmbeddedPostgres.throwaway(config.state_dir) as postgres:
            yield postgres.url
        return
    name = f"outrider_demo_{secrets.token_hex(6)}"
    with psycopg.connect(config.database_url, autocommit=True) as server:
        try:
            template = sql.SQL("TEMPLATE template0 ENCODING 'UTF8'")
            server.execute(sql.SQL("CREATE DATABASE {} ").format(sql.Identifier(name)) + template)
        except psycopg.errors.InsufficientPrivilege:
            raise DemoError(
                "The demo makes a database of its own, and the log-in of OUTRIDER_DATABASE_URL may not: unset it, and "
                "a throwaway PostgreSQL is started."
            ) from None
    url = urlunsplit(urlsplit(config.database_url)._replace(path=f"/{name}"))
    try:
        yield url
    finally:
        asyncio.run(_drop_tenants(url))
        with psycopg.connect(config.database_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(app_login(url))))


async def _drop_tenants(url: str) -> None:
    """Drop the tenant's role with its schema: roles outlive the database that they were made for."""
    async with owner_connection(url) as owner:
        if await owner.fetchval("SELECT to_regclass('platform.tenant')") is not None:
            for row in await owner.fetch("SELECT id, slug, schema FROM platform.tenant"):
                await drop_tenant_schema(owner, TenantRef(row["id"], row["slug"], row["schema"]))


async def _fill(company: Company, url: str, app: str) -> tuple[TenantRef, dict[str, DemoMember], Loaded]:
    databases = await Databases.connect({MAIN_DATABASE: app}, size_max=4)
    connections.use(databases)
    try:
        tenant = await create_tenant({MAIN_DATABASE: url}, slug=DEMO_SLUG, name=company.name)
        members = await add_members(tenant, company, domain="demo.example")
        return tenant, members, await fill_tenant(tenant, company, members)
    finally:
        connections.use(None)
        await databases.close()


class Console:
    """A person at a desk: the REST API, with the token of their log-in."""

    def __init__(self, server_url: str, member: DemoMember) -> None:
        self._server_url = server_url
        self._http = urllib3.PoolManager(num_pools=1, retries=False, timeout=30)
        self._headers = {"Content-Type": "application/json"}
        reply = self.send("POST", f"/t/{DEMO_SLUG}/login", email=member.email, password=DEMO_PASSWORD)
        self._headers["Authorization"] = f"Bearer {reply['access_token']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.clear()

    def send(self, method: str, path: str, **fields: Any) -> dict[str, Any]:
        """Send fields as JSON, and return the reply's.

        Raises:
            DemoError: the server refused it.
        """
        body = json.dumps(fields).encode()
        response = self._http.request(method, self._server_url + path, body=body, headers=self._headers)
        reply: dict[str, Any] = json.loads(response.data or b"{}")
        if response.status >= http.client.BAD_REQUEST:
            raise DemoError(f"{method} {path} was refused ({response.status}): {reply.get('detail')}")
        return reply

    def draw_code(self, member: DemoMember) -> str:
        """A one-time code that enrols a device of a member."""
        return str(self.send("POST", "/devices/codes", member_id=str(member.id))["code"])


__all__ = ["OFFICE", "Console", "DemoError", "Stage", "set_up"]
