"""Deliveries of webhooks: tried again, listed, replayed, given up; and where they may go."""

import asyncio
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server import mail
from server.db import SYSTEM, connection, tenant_transaction, tenant_write
from server.tenants.service import owner_connection
from server.webhooks import dispatch as dispatching
from server.webhooks import gateway
from server.webhooks.gateway import WebhookSettings
from server.webhooks.jobs import tell_disabled
from tests.integration import webhook_world
from tests.integration.rest_world import World
from tests.integration.webhook_world import (
    KEY,
    Receiver,
    deliver,
    deliveries,
    dispatch,
    drain,
    let_time_pass,
    queued,
    subscribe,
)

to_loopback = webhook_world.to_loopback
world = webhook_world.world
receiver = webhook_world.receiver


def read_mail(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]


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
    """Whoever looks for what went wrong looks for the last ones."""
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
