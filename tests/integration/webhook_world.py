"""A receiver of webhooks on loopback, and the jobs run here instead of in a worker."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from server.broker import _tenant_id
from server.db import TenantRef, connection, tenant_transaction
from server.webhooks import gateway
from server.webhooks.gateway import WebhookSettings
from server.webhooks.jobs import deliver_webhook, dispatch_events
from tests.integration.application import CONFIG
from tests.integration.rest_world import World, staff
from tests.integration.tenant_pool import TenantPool


@dataclass
class Message:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Verify as a receiver does (Standard Webhooks)."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Answers with `status`, or with the next of `statuses`; with None it never answers."""

    messages: list[Message] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    status: int | None = 200
    headers: str = ""
    url: str = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?key=1"
        return server

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            headers[":request"] = head[0]
            self.messages.append(Message(headers, await reader.readexactly(int(headers["content-length"]))))
            status = self.statuses.pop(0) if self.statuses else self.status
            if status is None:
                await reader.read()  # until the sender gives up
            else:
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n{self.headers}\r\nok".encode())
        finally:
            writer.close()

    def take(self) -> list[Message]:
        taken, self.messages = self.messages, []
        return taken


async def dispatch(tenant: TenantRef) -> None:
    """Run the job that the triggers sent."""
    _tenant_id.set(tenant.id)
    await dispatch_events.fn.__wrapped__()


async def deliver(tenant: TenantRef, *, webhook_id: str | None = None) -> None:
    """Run the deliveries of every webhook, once."""
    _tenant_id.set(tenant.id)
    async with tenant_transaction(tenant):
        ids = [str(row["id"]) for row in await connection().fetch("SELECT id FROM webhook")]
    for each in ids if webhook_id is None else [webhook_id]:
        await deliver_webhook.fn.__wrapped__(each)


async def drain(tenant: TenantRef) -> None:
    """Both."""
    await dispatch(tenant)
    await deliver(tenant)


async def let_time_pass(tenant: TenantRef, webhook_id: str) -> None:
    """As if every pause were over."""
    async with tenant_transaction(tenant) as conn:
        await conn.execute("UPDATE webhook SET resume_at = NULL WHERE id = $1", UUID(webhook_id))
        await conn.execute(
            "UPDATE webhook_delivery SET next_attempt_at = now() - interval '1 s'"
            " WHERE webhook_id = $1 AND state = 'pending'",
            UUID(webhook_id),
        )


async def queued(tenant: TenantRef, owner: Any, actor: str) -> int:
    """Jobs of an actor that the tenant's transactions have sent."""
    return await owner.fetchval(
        "SELECT count(*) FROM dramatiq.queue WHERE message ->> 'actor_name' = $1"
        " AND message -> 'options' ->> 'tenant_id' = $2",
        actor,
        str(tenant.id),
    )


LOOPBACK = (ip_network("127.0.0.0/8"),)
KEY: bytes = CONFIG.secret_key


@pytest.fixture
def to_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Webhooks may go to this machine."""
    monkeypatch.setattr(CONFIG, "webhook_networks", LOOPBACK)
    gateway.use(WebhookSettings(KEY, LOOPBACK))
    yield
    gateway.use(None)


@pytest.fixture
async def world(tenant: TenantRef, tenant_pool: TenantPool, to_loopback: None) -> World:
    """The test's tenant with members of every role."""
    return await staff(tenant, tenant_pool)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that is up."""
    receiver = Receiver()
    server = await receiver.start()
    yield receiver
    server.close()


async def subscribe(world: World, receiver: Receiver, *events: str) -> tuple[str, str]:
    """Id and secret of a new webhook."""
    made = await world.admin.post("/webhooks", url=receiver.url, events=events or ("*",))
    return made["webhook"]["id"], made["secret"]


def types(receiver: Receiver) -> list[str]:
    """The events that have come since."""
    return [message.data["type"] for message in receiver.take()]


async def deliveries(world: World, webhook_id: str, **query: Any) -> list[dict[str, Any]]:
    """Deliveries of a webhook as its tenant lists them."""
    listed: list[dict[str, Any]] = (await world.admin.get(f"/webhooks/{webhook_id}/deliveries", **query))["items"]
    return listed
