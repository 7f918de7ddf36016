"""Webhooks: each committed change is told, whoever wrote it; signed, tried again, replayed, never to private places."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from server import connections
from server.auth.standings import forget_standings
from server.db import SYSTEM, Actor, TenantRef, connection, tenant_transaction, tenant_write
from server.tenants.schema import app_password, app_url, prepare_database
from server.tenants.service import create_tenant, owner_connection
from tests.integration import webhook_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world
from tests.integration.webhook_world import KEY, Receiver, deliveries, dispatch, drain, queued, subscribe, types

to_loopback = webhook_world.to_loopback
world = webhook_world.world
receiver = webhook_world.receiver


async def test_a_change_arrives_signed_and_says_what_happened_to_which_row(world: World, receiver: Receiver):
    """The receiver verifies it with any library of Standard Webhooks, and reads the row with its own key."""
    _, secret = await subscribe(world, receiver, "account.created")
    account = await world.admin.post("/accounts", name="Secret name")

    await drain(world.tenant)

    [message] = receiver.take()
    assert message.is_signed_with(secret)
    assert not message.is_signed_with("whsec_" + "A" * 44)
    assert message.headers[":request"] == "POST /hook?key=1 HTTP/1.1"
    assert message.headers["content-type"] == "application/json"
    assert abs(int(message.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert message.data["type"] == "account.created"
    data = {"entity": "account", "id": account["id"], "revision": account["revision"], "changed": []}
    assert message.data["data"] == data
    assert "Secret name" not in message.body.decode()


async def test_every_way_of_writing_is_told(world: World, receiver: Receiver):
    """REST, bulk, plain SQL, a device's write: triggers note them all in the writer's transaction."""
    await subscribe(world, receiver, "product.*")
    product = await world.admin.post("/products", name="Tea", sku="t", base_unit="pc")
    await world.admin.patch(f"/products/{product['id']}", name="Green tea", base_unit="kg")
    create = {"op": "create", "data": {"name": "Oil", "sku": "o", "base_unit": "pc"}}
    await world.admin.send("POST", "/products/bulk", {"operations": [create]})
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE product SET description = 'by psql'")
    async with tenant_write(world.tenant, by=Actor(world.rep.id, world.rep.id)) as _:
        await connection().execute("UPDATE product SET active = false WHERE sku = 't'")
    await world.admin.send("DELETE", f"/products/{product['id']}")
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE product SET deleted_at = NULL")

    await drain(world.tenant)

    told = [(m.data["type"].partition(".")[2], m.data["data"]["changed"]) for m in receiver.take()]
    assert told == [
        ("created", []),
        ("changed", ["base_unit", "name"]),
        ("created", []),
        ("changed", ["description"]),
        ("changed", ["description"]),
        ("changed", ["active"]),
        ("deleted", []),
        ("restored", []),
    ]


async def test_what_was_rolled_back_is_never_told(world: World, receiver: Receiver, owner_urls: dict[str, str]):
    """Nor is a job sent for it."""
    await subscribe(world, receiver)
    with contextlib.suppress(ZeroDivisionError):
        async with tenant_write(world.tenant, by=SYSTEM):
            await connection().execute("INSERT INTO account (id, name) VALUES (gen_random_uuid(), 'x')")
            raise ZeroDivisionError

    await drain(world.tenant)

    assert receiver.take() == []
    async with owner_connection(owner_urls["main"]) as owner:
        assert await queued(world.tenant, owner, "dispatch_events") == 0


async def test_one_transaction_sends_one_job_and_each_event_once(
    world: World, receiver: Receiver, owner_urls: dict[str, str]
):
    """A thousand rows are a thousand events, and not a thousand jobs; what is created and then changed, was created."""
    await subscribe(world, receiver, "account.*")
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(
            "INSERT INTO account (id, name) SELECT gen_random_uuid(), n FROM generate_series(1, 9) n"
        )
        for name in ("a", "b"):
            await connection().execute("UPDATE account SET name = $1", name)

    async with owner_connection(owner_urls["main"]) as owner:
        assert await queued(world.tenant, owner, "dispatch_events") == 1
    await drain(world.tenant)
    assert types(receiver) == ["account.created"] * 9


async def test_statuses_have_events_of_their_own(world: World, receiver: Receiver):
    """The ERP wants orders that were accepted, and nothing about drafts."""
    await subscribe(world, receiver, "order.accepted", "order.cancelled")
    await world.trade()
    order = await world.draft()
    await world.line(order, "tea", "1")
    await world.rep.post(f"/orders/{order['id']}/submission")
    await world.rep.post(f"/orders/{order['id']}/cancellation")

    await drain(world.tenant)

    messages = receiver.take()
    assert [m.data["type"] for m in messages] == ["order.accepted", "order.cancelled"]
    assert {m.data["data"]["id"] for m in messages} == {order["id"]}


async def test_without_a_webhook_nothing_is_noted(world: World, receiver: Receiver):
    """Bulk writes of those who have none cost nothing; one that waits for others' entities does not count."""
    await subscribe(world, receiver, "order.*")
    await world.admin.post("/accounts", name="x")

    async with tenant_transaction(world.tenant):
        assert await connection().fetchval("SELECT count(*) FROM webhook_event") == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "http://93.184.215.14/"}, "url"),
        ({"url": "ftp://x.example/"}, "url"),
        ({"events": ["oder.created"]}, "events"),
        ({"events": []}, "events"),
        ({"description": "\x00"}, "description"),
        ({"colour": 1}, "colour"),
    ],
)
async def test_a_webhook_that_cannot_work_is_refused(world: World, body: dict[str, Any], field: str):
    """Before anybody waits for it in vain."""
    whole = {"url": "https://good.example/", "events": ["*"]} | body

    assert await world.admin.refusal("POST", "/webhooks", whole) == (400, "invalid_input", [field])


async def test_only_admins_and_owners_manage_webhooks(world: World, receiver: Receiver):
    """What leaves the company is not for a rep to decide."""
    webhook_id, _ = await subscribe(world, receiver)
    for person in (world.rep, world.manager, world.billing):
        for method, path, body in [
            ("GET", "/webhooks", None),
            ("POST", "/webhooks", {"url": receiver.url, "events": ["*"]}),
            ("GET", f"/webhooks/{webhook_id}", None),
            ("PATCH", f"/webhooks/{webhook_id}", {}),
            ("DELETE", f"/webhooks/{webhook_id}", None),
            ("POST", f"/webhooks/{webhook_id}/rotation", None),
            ("GET", f"/webhooks/{webhook_id}/deliveries", None),
            ("POST", f"/webhooks/{webhook_id}/replays", {}),
        ]:
            assert (await person.refusal(method, path, body))[0] == 403, path
    assert (await world.admin.send("DELETE", f"/webhooks/{webhook_id}")).status_code == 204
    assert await world.admin.get("/webhooks") == []


async def test_another_tenants_changes_are_not_told(
    world: World, receiver: Receiver, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Events lie in the tenant's own schema, and so does who waits for them."""
    other = await make_world(APP, await new_tenant())
    await subscribe(world, receiver)
    await other.admin.post("/accounts", name="Theirs")

    await drain(other.tenant)
    await drain(world.tenant)

    assert receiver.take() == []


async def test_old_events_are_swept_away(world: World, receiver: Receiver):
    """With their deliveries, after thirty days."""
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    await world.admin.post("/accounts", name="x")
    await drain(world.tenant)
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE webhook_event SET at = now() - interval '31 days'")

    await dispatch(world.tenant)

    assert await deliveries(world, webhook_id) == []


async def test_from_the_commit_to_the_receiver_through_a_worker_that_is_killed(
    receiver: Receiver, to_loopback: None, owner_urls: dict[str, str], databases: connections.Databases, tmp_path: Path
):
    """Every part for real: the trigger's job, the worker, the network. kill -9 in the middle loses nothing."""
    async with worker_home(owner_urls["main"], databases) as (url, tenant):
        world = await make_world(APP, tenant)
        _, secret = await subscribe(world, receiver, "account.created")
        receiver.status = None
        await world.admin.post("/accounts", name="x")
        command = [sys.executable, "-m", "server.cli", "worker"]
        env = {key: value for key, value in os.environ.items() if not key.startswith("OUTRIDER_")} | {
            "OUTRIDER_DATABASE_URL": url,
            "OUTRIDER_SECRET_KEY": KEY.decode(),
            "OUTRIDER_STATE_DIR": str(tmp_path),
            "OUTRIDER_WEBHOOK_NETWORKS": "127.0.0.0/8",
        }
        workers = [await asyncio.create_subprocess_exec(*command, env=env)]
        try:
            await wait_for(lambda: len(receiver.messages) == 1)
            workers[0].kill()
            receiver.status = 200
            await forget_worker(url, tenant)
            workers.append(await asyncio.create_subprocess_exec(*command, env=env))
            await wait_for(lambda: len(receiver.messages) == 2)
        finally:
            for worker in workers:
                with contextlib.suppress(ProcessLookupError):
                    worker.kill()
                await worker.wait()
    first, second = receiver.take()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.is_signed_with(secret)


@contextlib.asynccontextmanager
async def worker_home(main_url: str, databases: connections.Databases) -> AsyncIterator[tuple[str, TenantRef]]:
    """A database of its own: a worker takes every job that it finds in its queue."""
    name = f"outrider_webhooks_{secrets.token_hex(4)}"
    async with owner_connection(main_url) as owner:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    url = urlsplit(main_url)._replace(path=f"/{name}").geturl()
    await prepare_database(url, app_password=app_password(KEY))
    tenant = await create_tenant({"main": url}, slug="hooks", name="Hooks")
    mine = await connections.Databases.connect({"main": app_url(url, app_password(KEY))})
    connections.use(mine)
    forget_standings()
    try:
        yield url, tenant
    finally:
        connections.use(databases)
        await mine.close()
        async with owner_connection(main_url) as owner:
            await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def forget_worker(url: str, tenant: TenantRef) -> None:
    """As if the dead worker's heartbeat and lease were long ago."""
    async with owner_connection(url) as owner:
        await owner.execute("UPDATE dramatiq.worker SET heartbeat_at = heartbeat_at - interval '1 hour'")
        await owner.execute(f"UPDATE \"{tenant.schema}\".webhook SET leased_until = now() - interval '1 hour'")


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - set by a request
            await asyncio.sleep(0.1)
