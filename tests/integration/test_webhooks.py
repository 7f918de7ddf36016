"""Webhooks: each committed change is told, whoever wrote it; signed, tried again, replayed, never to private places."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from server import connections, mail
from server.app import create_app
from server.auth.standings import forget_standings
from server.db import SYSTEM, Actor, TenantRef, connection, tenant_transaction, tenant_write
from server.tenants.schema import app_password, app_url, prepare_database
from server.tenants.service import create_tenant, owner_connection
from server.webhooks import dispatch as dispatching
from server.webhooks import gateway
from server.webhooks.gateway import WebhookSettings
from server.webhooks.jobs import tell_disabled
from tests.integration.rest_world import World, make_world
from tests.integration.webhook_world import Receiver, deliver, dispatch, drain, let_time_pass, queued

LOOPBACK = (ip_network("127.0.0.0/8"),)
KEY = b"k" * 32
APP = create_app(SimpleNamespace(secret_key=KEY, webhook_networks=LOOPBACK), connect=False)  # type: ignore[arg-type]


@pytest.fixture
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> AsyncIterator[World]:
    gateway.use(WebhookSettings(KEY, LOOPBACK))
    yield await make_world(APP, await new_tenant())
    gateway.use(None)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await receiver.start()
    yield receiver
    server.close()


async def subscribe(world: World, receiver: Receiver, *events: str) -> tuple[str, str]:
    """Id and secret of a new webhook."""
    made = await world.admin.post("/webhooks", url=receiver.url, events=events or ("*",))
    return made["webhook"]["id"], made["secret"]


def read_mail(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]


def types(receiver: Receiver) -> list[str]:
    return [message.data["type"] for message in receiver.take()]


async def deliveries(world: World, webhook_id: str, **query: Any) -> list[dict[str, Any]]:
    return (await world.admin.get(f"/webhooks/{webhook_id}/deliveries", **query))["items"]


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


async def test_a_failed_delivery_is_tried_again_under_the_same_id(world: World, receiver: Receiver):
    """The receiver can tell that it has seen it already."""
    webhook_id, secret = await subscribe(world, receiver, "account.created")
    await world.admin.post("/accounts", name="x")
    receiver.statuses = [500, 302]
    receiver.headers = "Location: http://127.0.0.1:1/elsewhere\r\n"

    await drain(world.tenant)
    [pending] = await deliveries(world, webhook_id)
    assert (pending["state"], pending["attempts"], pending["response_status"]) == ("pending", 1, 500)
    await deliver(world.tenant)  # too early
    for _ in range(2):
        await let_time_pass(world.tenant, webhook_id)
        await deliver(world.tenant)

    messages = receiver.take()
    assert len(messages) == 3  # a redirect is not followed: it is a failure
    assert len({m.headers["webhook-id"] for m in messages}) == 1
    assert all(m.is_signed_with(secret) for m in messages)
    [done] = await deliveries(world, webhook_id)
    assert (done["state"], done["attempts"], done["response_status"]) == ("delivered", 3, 200)
    assert (await world.admin.get(f"/webhooks/{webhook_id}"))["failing_since"] is None


async def test_a_receiver_that_is_not_there_holds_up_nobody(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """One attempt, then a pause for all of its deliveries; other receivers get theirs."""
    monkeypatch.setattr(gateway, "TIMEOUT_S", 0.3)
    hanging = Receiver(status=None)
    server = await hanging.start()
    webhook_id, _ = await subscribe(world, hanging, "account.created")
    await subscribe(world, receiver, "account.created")
    for _ in range(5):
        await world.admin.post("/accounts", name="x")

    await drain(world.tenant)
    await deliver(world.tenant)
    server.close()

    assert len(hanging.messages) == 1
    assert len(receiver.messages) == 5
    first = [each for each in await deliveries(world, webhook_id) if each["attempts"]]
    assert [each["error"] for each in first] == ["No answer within 0.3 s."]


async def test_a_job_that_finds_another_at_work_leaves_it_alone(world: World, receiver: Receiver):
    """Nothing is delivered twice because two jobs ran at once."""
    await subscribe(world, receiver, "account.created")
    for _ in range(5):
        await world.admin.post("/accounts", name="x")
    await dispatch(world.tenant)

    await asyncio.gather(*(deliver(world.tenant) for _ in range(2)))

    assert len(receiver.messages) == 5


async def test_a_lease_is_given_back_with_what_came_meanwhile(world: World, receiver: Receiver):
    """A delivery whose job found the lease taken must not wait for the next event."""
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    await world.admin.post("/accounts", name="x")
    await dispatch(world.tenant)
    async with tenant_transaction(world.tenant):
        assert await dispatching.lease(UUID(webhook_id)) is not None
    await deliver(world.tenant)
    assert receiver.take() == []

    async with tenant_transaction(world.tenant):
        delay = await dispatching.release(UUID(webhook_id))

    assert delay == timedelta(0)


async def test_after_days_of_failure_it_is_disabled_and_admins_are_told(
    world: World, receiver: Receiver, tmp_path: Path, owner_urls: dict[str, str]
):
    """Once, by mail; and what happens meanwhile is kept for a replay."""
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    await world.admin.post("/accounts", name="x")
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE webhook SET failing_since = now() - interval '6 days'")
    receiver.status = 503

    await drain(world.tenant)

    webhook = await world.admin.get(f"/webhooks/{webhook_id}")
    assert (webhook["disabled_at"] is not None, webhook["disabled_reason"]) == (True, "failing")
    async with owner_connection(owner_urls["main"]) as owner:
        assert await queued(world.tenant, owner, "tell_disabled") == 1
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("UPDATE member SET email = 'boss@us.example' WHERE role = 'owner'")
    mail.use(mail.MailSettings(f"folder:{tmp_path}"))
    for _ in range(2):
        await tell_disabled.fn.__wrapped__(webhook_id, "Nothing has got through for 5 days.")
    mail.use(None)
    [letter] = read_mail(tmp_path)
    assert (letter["To"], receiver.url in letter.get_content()) == ("boss@us.example", True)

    await world.admin.post("/accounts", name="while disabled")
    await drain(world.tenant)
    assert len(receiver.take()) == 1
    receiver.status = 200
    await world.admin.patch(f"/webhooks/{webhook_id}", enabled=True)
    since, until = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"
    replay = await world.admin.post(f"/webhooks/{webhook_id}/replays", since=since, until=until)
    await let_time_pass(world.tenant, webhook_id)
    await deliver(world.tenant)

    assert replay == {"deliveries": 2}
    assert len({m.headers["webhook-id"] for m in receiver.take()}) == 2


async def test_410_ends_it_at_once(world: World, receiver: Receiver):
    """The receiver says that nobody is there any more."""
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    await world.admin.post("/accounts", name="x")
    receiver.status = 410

    await drain(world.tenant)

    assert (await world.admin.get(f"/webhooks/{webhook_id}"))["disabled_reason"] == "gone"
    replay = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert (await world.admin.refusal("POST", f"/webhooks/{webhook_id}/replays", replay))[:2] == (
        409,
        "webhook_disabled",
    )


async def test_one_delivery_is_replayed_whatever_became_of_it(world: World, receiver: Receiver):
    """The receiver lost it: it comes again, under the same webhook-id, as a delivery of its own."""
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    await world.admin.post("/accounts", name="x")
    await drain(world.tenant)
    [first] = await deliveries(world, webhook_id, delivery_state="delivered")

    await world.admin.post(f"/webhooks/{webhook_id}/replays", delivery_id=first["id"])
    await deliver(world.tenant)

    assert len({m.headers["webhook-id"] for m in receiver.messages}) == 1
    assert len(receiver.messages) == 2
    assert len(await deliveries(world, webhook_id)) == 2


async def test_deliveries_are_listed_in_pages_newest_first(world: World, receiver: Receiver):
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    for name in "abc":
        await world.admin.post("/accounts", name=name)
        await dispatch(world.tenant)

    first = await world.admin.get(f"/webhooks/{webhook_id}/deliveries", limit=2)
    rest = await world.admin.get(f"/webhooks/{webhook_id}/deliveries", limit=2, after=first["next"])

    revisions = [each["revision"] for each in first["items"] + rest["items"]]
    assert revisions == sorted(revisions, reverse=True)
    assert (len(revisions), rest["next"]) == (3, None)
    for cursor in ("x", "e30", "WzEsMl0"):
        refused = await world.admin.refusal("GET", f"/webhooks/{webhook_id}/deliveries", params={"after": cursor})
        assert refused == (400, "invalid_input", ["after"])


async def test_a_rotated_secret_is_accompanied_by_the_old_one(world: World, receiver: Receiver):
    """And the old one ends after a day."""
    webhook_id, old = await subscribe(world, receiver, "account.created")
    new = (await world.admin.post(f"/webhooks/{webhook_id}/rotation"))["secret"]
    await world.admin.post("/accounts", name="x")
    await drain(world.tenant)
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE webhook SET secret_rotated_at = now() - interval '25 hours'")
    await world.admin.post("/accounts", name="y")
    await drain(world.tenant)

    both, one = receiver.take()
    assert old != new
    assert (both.is_signed_with(old), both.is_signed_with(new)) == (True, True)
    assert (one.is_signed_with(old), one.is_signed_with(new)) == (False, True)


async def test_an_address_that_has_become_private_is_not_gone_to(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """A name that was public when the webhook was made may lead into the server's own network an hour later."""
    webhook_id, _ = await subscribe(world, receiver, "account.created")
    port = receiver.url.split(":")[2].partition("/")[0]
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE webhook SET url = $1", f"https://localhost:{port}/hook")
    gateway.use(WebhookSettings(KEY, ()))
    await world.admin.post("/accounts", name="x")

    await drain(world.tenant)

    assert receiver.take() == []
    [failed] = await deliveries(world, webhook_id)
    assert "private address" in failed["error"]


async def test_the_connection_goes_to_the_address_that_was_looked_at(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """A name that answers differently the second time (DNS rebinding) gains nothing: there is no second time."""
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def resolve(host: str, port: int, **more: Any) -> Any:
        asked.append(str(host))
        return await real("127.0.0.1" if host == "erp.example" else host, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    port = receiver.url.split(":")[2].partition("/")[0]
    made = await world.admin.post("/webhooks", url=f"http://erp.example:{port}/hook", events=["account.created"])
    await world.admin.post("/accounts", name="x")

    await drain(world.tenant)

    [message] = receiver.take()
    assert message.headers["host"] == f"erp.example:{port}"
    assert asked.count("erp.example") == 1
    assert made["webhook"]["url"].startswith("http://erp.example")


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
    receiver: Receiver, owner_urls: dict[str, str], databases: connections.Databases, tmp_path: Path
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
