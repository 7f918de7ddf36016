"""Fixtures of the integration tests: a prepared database, its pools, a fresh tenant for each test, and who works there.

A file of tests that wants another `world` or `ann` than these names it at its top: `world = rest_world.trading`,
`world = installation.world`, `ann = phones.ann`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from server import connections, storage
from server.auth import passwords
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.connections import Databases
from server.db import TenantRef
from server.tenants.schema import app_url, prepare_database
from server.tenants.service import owner_connection
from tests.integration.application import APP, forget_requests
from tests.integration.installation import APP_PASSWORD, Installation
from tests.integration.phones import Bridge
from tests.integration.sync_world import WireDevice, World, found_company
from tests.integration.tenant_pool import TenantPool


@pytest.fixture(autouse=True)
async def _limits_begin_anew() -> None:
    """The requests of one test are not held against the next: they all come from one address."""
    await forget_requests()


@pytest.fixture(scope="session")
async def owner_urls(database_url: str) -> dict[str, str]:
    """Owner's URL by name of database, with the platform schema in place."""
    await prepare_database(database_url, app_password=APP_PASSWORD)
    return {"main": database_url}


@pytest.fixture(scope="session")
async def databases(owner_urls: dict[str, str]) -> AsyncIterator[Databases]:
    """The pools, logged in as the app, in use for the whole run."""
    pools = await Databases.connect({name: app_url(url, APP_PASSWORD) for name, url in owner_urls.items()})
    connections.use(pools)
    yield pools
    connections.use(None)
    await pools.close()


@pytest.fixture(scope="session")
async def tenant_pool(owner_urls: dict[str, str], databases: Databases) -> AsyncIterator[TenantPool]:
    """What the tests' tenants come from."""
    async with owner_connection(owner_urls["main"]) as owner:
        yield TenantPool(owner_urls, owner)


@pytest.fixture(scope="session")
async def unused_tenants(owner_urls: dict[str, str], databases: Databases) -> AsyncIterator[TenantPool]:
    """The same, of tenants that count their revisions from the first."""
    async with owner_connection(owner_urls["main"]) as owner:
        yield TenantPool(owner_urls, owner, counts_anew=True)


@pytest.fixture(scope="module")
def new_tenant(tenant_pool: TenantPool) -> Iterator[Callable[[], Awaitable[TenantRef]]]:
    """Brings another fresh, empty tenant, to be kept until the file's last test."""
    taken: list[TenantRef] = []

    async def take() -> TenantRef:
        taken.append(await tenant_pool.take())
        return taken[-1]

    yield take
    tenant_pool.give_back(*taken)


@pytest.fixture
async def tenant(tenant_pool: TenantPool) -> AsyncIterator[TenantRef]:
    """A fresh, empty tenant."""
    tenant = await tenant_pool.take()
    yield tenant
    tenant_pool.give_back(tenant)


@pytest.fixture
async def unused_tenant(unused_tenants: TenantPool) -> AsyncIterator[TenantRef]:
    """A fresh tenant whose next revision is the first."""
    tenant = await unused_tenants.take()
    yield tenant
    unused_tenants.give_back(tenant)


@pytest.fixture
async def world(tenant: TenantRef, tenant_pool: TenantPool) -> World:
    """A small trading company in the test's tenant."""
    return World(tenant, await tenant_pool.fill(tenant, found_company))


@pytest.fixture
async def ann(world: World) -> WireDevice:
    """Ann's device, which has pulled."""
    return await world.pulled_device("ann")


@pytest.fixture
async def bob(world: World) -> WireDevice:
    """Bob's device, which has pulled."""
    return await world.pulled_device("bob")


@pytest.fixture
async def bridge() -> Bridge:
    """The way from phones to the application."""
    return Bridge(APP)


@pytest.fixture
def no_ledger() -> Iterator[None]:
    """What was done stands in the database alone; another test may have left a folder in use."""
    storage.use(None)
    yield
    storage.use(None)


@pytest.fixture(scope="module")
def cheap_hashes() -> Iterator[None]:
    """For tests in which passwords are not the matter: each real hash takes a good part of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=128),)))
        patch.setattr(passwords, "_dummy_hash", lambda: passwords._hasher.hash("nobody's"))
        yield


@pytest.fixture
async def installation(owner_urls: dict[str, str], databases: Databases, tmp_path: Path) -> AsyncIterator[Installation]:
    """A database of its own, to be lost and restored."""
    made = Installation(owner_urls["main"], tmp_path)
    storage.use(tmp_path)
    yield made
    storage.use(None)
    await made.drop()
    connections.use(databases)
    keys._keys, keys._loaded_at = {}, float("-inf")
    forget_standings()
