"""What a bench measures on: a durable PostgreSQL of its own, a tenant, and the real server in a process of its own."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen
from uuid import UUID

from outrider_sdk import Replica
from outrider_sdk.protocol.ids import uuid7

from server import connections
from server.auth.commands import add_member
from server.auth.devices import draw_code
from server.config import Config
from server.connections import Databases
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.embedded import EmbeddedPostgres
from server.tenants.schema import app_password, app_urls, prepare_database
from server.tenants.service import create_tenant

FILLED_AT_ONCE = 100_000
PASSWORD = "correct horse battery"


@dataclass
class House:
    """A prepared installation."""

    config: Config
    tenant: TenantRef
    outlets: list[str] = field(default_factory=list)

    @property
    def urls(self) -> dict[str, str]:
        """Owner's URL by name of database."""
        return {"main": str(self.config.database_url)}


@contextmanager
def postgres() -> Iterator[Config]:
    """A PostgreSQL that keeps its promises (fsync on), in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="outrider-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        env = {"OUTRIDER_STATE_DIR": folder, "OUTRIDER_SECRET_KEY": "bench" * 8}
        given = os.environ.get("OUTRIDER_DATABASE_URL")
        if given:
            yield Config.from_env(env | {"OUTRIDER_DATABASE_URL": given})
            return
        with EmbeddedPostgres.persistent(Path(folder)) as server:
            yield Config.from_env(env | {"OUTRIDER_DATABASE_URL": server.url})


@asynccontextmanager
async def installation(config: Config) -> AsyncIterator[House]:
    """Platform, pools and one tenant."""
    await prepare_database(str(config.database_url), app_password=app_password(config.secret_key))
    pools = await Databases.connect(app_urls(config))
    connections.use(pools)
    try:
        tenant = await create_tenant({"main": str(config.database_url)}, slug=f"bench-{uuid7().hex[-8:]}", name="Bench")
        yield House(config, tenant)
    finally:
        connections.use(None)
        await pools.close()


@contextmanager
def web_server(config: Config) -> Iterator[tuple[str, int]]:
    """The real server as a child process; its address and pid."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    env = os.environ | {
        "OUTRIDER_DATABASE_URL": str(config.database_url),
        "OUTRIDER_SECRET_KEY": "bench" * 8,
        "OUTRIDER_STATE_DIR": str(config.state_dir),
    }
    command = [sys.executable, "-m", "server.cli", "web", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1_200):
        with contextlib.suppress(OSError), urlopen(url, timeout=1):
            return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        time.sleep(0.05)
    raise RuntimeError("the server does not answer")


async def add_rep(house: House, name: str) -> UUID:
    """A rep with a log-in, assigned to all outlets there are."""
    member = await add_member(house.tenant, email=f"{name}@bench.example", name=name, role="rep", password=PASSWORD)
    async with tenant_write(house.tenant, by=SYSTEM):
        await connection().execute(
            "INSERT INTO assignment (id, member_id, outlet_id) SELECT gen_random_uuid(), $1, id FROM outlet", member
        )
    return member


async def enrol(house: House, member: UUID, server: str, path: Path) -> Replica:
    """A device of the member, enrolled over HTTP, not yet synced."""
    async with tenant_transaction(house.tenant):
        code = await draw_code(member, by=member, role="rep")
    replica = Replica.open(path)
    await asyncio.to_thread(replica.enrol, server=server, tenant=house.tenant.slug, code=code.code, name=path.name)
    return replica


_CONTACTS = """
WITH outlets AS (SELECT id, account_id, row_number() OVER (ORDER BY id) AS k, count(*) OVER () AS m FROM outlet),
numbers AS (SELECT n, o.id AS outlet, o.account_id FROM generate_series($1::int, $2::int) n
    JOIN outlets o ON o.k = n % o.m + 1)
INSERT INTO contact (id, account_id, outlet_id, name, job_title, language, description)
SELECT gen_random_uuid(), account_id, outlet, 'Contact number ' || n, (ARRAY['Buyer','Owner','Clerk'])[n % 3 + 1], 'en',
    'Calls back on day ' || n % 31 FROM numbers
"""


async def fill(house: House, contacts: int, outlets: int = 100) -> None:
    """Accounts with an outlet each, and contacts spread over them."""
    async with tenant_write(house.tenant, by=SYSTEM):
        conn = connection()
        await conn.execute(
            "INSERT INTO account (id, name)"
            " SELECT gen_random_uuid(), 'Account ' || n FROM generate_series(1, $1::int) n",
            outlets,
        )
        await conn.execute("INSERT INTO outlet (id, account_id, name) SELECT gen_random_uuid(), id, name FROM account")
    for first in range(1, contacts + 1, FILLED_AT_ONCE):  # as an import does: no statement may take a minute
        async with tenant_write(house.tenant, by=SYSTEM):
            await connection().execute(_CONTACTS, first, min(first + FILLED_AT_ONCE - 1, contacts))
