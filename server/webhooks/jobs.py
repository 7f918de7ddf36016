"""Jobs of webhooks: dispatching events, delivering them, and telling admins of a webhook that was disabled.

`dispatch_events` is sent by the triggers that note the events; `deliver_webhook` with each delivery.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Final
from uuid import UUID

import dramatiq

from server import clock, mail
from server.broker import enqueue, job_tenant_id
from server.db import TenantRef, connection, platform_transaction, tenant_transaction
from server.tenants.service import get_tenant
from server.webhooks import dispatch, gateway
from server.webhooks.dispatch import Due, Lease
from server.webhooks.rules import DISABLED_AFTER, Answer, Ending, message_id, secrets_in_force, sign, write_payload

RUN_S: Final = 20.0
"""So long one job goes on with the next delivery; then another job does, behind those of others."""
RUNNING_MAX: Final = 2
"""Webhooks that a worker process sends to at once: slow receivers must leave it threads for other jobs."""
RUNNING_DELAY: Final = timedelta(seconds=2)

_running: Final[set[UUID]] = set()

_REASONS: Final[dict[Ending, str]] = {
    "gone": "The receiver answered 410 Gone, which asks us to stop.",
    "failing": f"Nothing has got through for {DISABLED_AFTER.days} days.",
}


@dramatiq.actor(queue_name="webhooks", actor_name="dispatch_events")
async def dispatch_events() -> None:
    """Make deliveries of the tenant's new events, and send a job for each webhook that has some."""
    tenant = await _get_tenant()
    more = True
    while more:
        async with tenant_transaction(tenant):
            webhooks, more = await dispatch.dispatch_events()
            for webhook_id in webhooks:
                await enqueue_delivery(webhook_id)


async def enqueue_delivery(webhook_id: UUID, *, delay: timedelta = timedelta(0)) -> None:
    """Have what is due for a webhook delivered, once the open transaction has committed."""
    await enqueue(deliver_webhook.message(str(webhook_id)), delay_ms=round(delay.total_seconds() * 1000))


@dramatiq.actor(queue_name="webhooks")
async def deliver_webhook(webhook_id: str) -> None:
    """Deliver what is due for a webhook, one after the other, unless another job is at it.

    No transaction is open while sending. A crash in between sends the same message again, under the same webhook-id.
    """
    tenant = await _get_tenant()
    async with tenant_transaction(tenant):
        if len(_running) >= RUNNING_MAX:
            await enqueue_delivery(UUID(webhook_id), delay=RUNNING_DELAY)
            return
        lease = await dispatch.lease(UUID(webhook_id))
    if lease is not None:
        await _deliver_all(tenant, lease)


async def _deliver_all(tenant: TenantRef, lease: Lease) -> None:
    """Deliver what is due until nothing is, or it is the turn of others; then give the lease back."""
    deadline = time.monotonic() + RUN_S
    _running.add(lease.webhook_id)
    try:
        while time.monotonic() < deadline and await _deliver_next(tenant, lease):
            pass
    finally:
        _running.discard(lease.webhook_id)
        async with tenant_transaction(tenant):
            delay = await dispatch.release(lease.webhook_id)
            if delay is not None:
                await enqueue_delivery(lease.webhook_id, delay=delay)


async def _deliver_next(tenant: TenantRef, lease: Lease) -> bool:
    """Make one attempt; False where there is nothing more to do for now."""
    async with tenant_transaction(tenant):
        due = await dispatch.find_due(lease.webhook_id)
    if due is None:
        return False
    body, now = write_payload(due.event), clock.now()
    secrets = secrets_in_force(
        lease.webhook_id, lease.secret_generation, lease.secret_rotated_at, gateway.given().secret_key, now=now
    )
    answer = await gateway.send(lease.url, sign(secrets, message_id(due.event.id), now, body), body)
    async with tenant_transaction(tenant):
        if answer.accepted:
            await dispatch.record_success(lease.webhook_id, due, answer)
            return True
        return await _fail(lease, due, answer)


async def _fail(lease: Lease, due: Due, answer: Answer) -> bool:
    ending = await dispatch.record_failure(lease.webhook_id, due, answer)
    if ending is not None:
        await enqueue(tell_disabled.message(str(lease.webhook_id), _REASONS[ending]))
        return False
    resume_at = await connection().fetchval("SELECT resume_at FROM webhook WHERE id = $1", lease.webhook_id)
    return resume_at is None


@dramatiq.actor(queue_name="mail")
async def tell_disabled(webhook_id: str, reason: str) -> None:
    """Tell the tenant's admins and owners by mail that a webhook was disabled, and why."""
    tenant = await _get_tenant()
    async with tenant_transaction(tenant, snapshot=True):
        webhook = await connection().fetchrow(
            "SELECT url, disabled_at FROM webhook WHERE id = $1 AND disabled_at IS NOT NULL", UUID(webhook_id)
        )
        addresses = await connection().fetch(
            """SELECT email FROM member WHERE role IN ('admin', 'owner') AND active AND deleted_at IS NULL
            AND email IS NOT NULL ORDER BY id"""
        )
    if webhook is None:
        return
    for row in addresses:
        key = f"{tenant.id}:webhook-disabled:{webhook_id}:{webhook['disabled_at'].isoformat()}:{row['email']}"
        await mail.send(_write_notice(row["email"], webhook["url"], webhook_id, reason), key)


def _write_notice(address: str, url: str, webhook_id: str, reason: str) -> EmailMessage:
    lines: Sequence[str] = (
        f"The webhook to {url} was disabled. {reason}",
        "",
        "Its events are kept for 30 days. When the receiver is well again, enable the webhook and have them replayed:",
        "",
        f'    PATCH /webhooks/{webhook_id} {{"enabled": true}}',
        f'    POST /webhooks/{webhook_id}/replays {{"since": "…", "until": "…"}}',
        "",
    )
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender(), address, "A webhook was disabled"
    message.set_content("\n".join(lines))
    return message


async def _get_tenant() -> TenantRef:
    async with platform_transaction():
        return await get_tenant(job_tenant_id())
