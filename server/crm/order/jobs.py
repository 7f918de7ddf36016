"""Jobs of orders: the confirmation that a customer gets by mail."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Final
from uuid import UUID

import dramatiq
from dramatiq.errors import Retry

from server import mail
from server.broker import TIME_LIMIT_MS, enqueue, job_tenant_id
from server.crm.order.confirmation import CONFIRMED_STATUSES, Confirmation, load_confirmation, write_message
from server.db import TenantRef, connection, platform_transaction, tenant_transaction
from server.storage import ledger
from server.tenants.service import get_tenant

CLAIM_LASTS: Final = timedelta(milliseconds=2 * TIME_LIMIT_MS)
"""Longer than any attempt can take: the holder of an older claim that is not marked as sent is gone."""


async def enqueue_order_confirmation(order_id: UUID | str) -> None:
    """Send the order's confirmation once the open transaction, of its tenant, has committed."""
    await enqueue(confirm_order.message(str(order_id)))


@dramatiq.actor(queue_name="mail")
async def confirm_order(order_id: str) -> None:
    """Mail an order's confirmation, as the order is now, to the account; each status is confirmed once.

    Claim, send, mark, and no transaction is open while sending. Two jobs at a time: the second sees the claim,
    and looks again when it has lapsed. A crash between sending and marking sends the same message again, under
    the same Message-ID.
    """
    async with platform_transaction():
        tenant = await get_tenant(job_tenant_id())
    async with tenant_transaction(tenant, snapshot=True):
        confirmation = await load_confirmation(UUID(order_id))
    if confirmation is None or confirmation.status not in CONFIRMED_STATUSES:
        return
    message = write_message(confirmation, mail.sender())
    if message is not None:
        await _send_once(tenant, message, _key(confirmation))


def _key(confirmation: Confirmation) -> str:
    return f"order-confirmation:{confirmation.order_id}:{confirmation.status}"


async def _send_once(tenant: TenantRef, message: EmailMessage, key: str) -> None:
    async with tenant_transaction(tenant):
        state = await _claim(key)
    if state == "sent":
        return
    if ledger.has("sent", tenant.id, key):  # the database was restored since, and does not know of it
        async with tenant_transaction(tenant):
            await connection().execute("UPDATE sent_message SET sent_at = now() WHERE key = $1", key)
        return
    if state == "held":
        raise Retry(f"{key} is being sent by another job.", delay=int(CLAIM_LASTS.total_seconds() * 1000))
    try:
        await mail.send(message, f"{tenant.id}:{key}")
    except Exception:
        async with tenant_transaction(tenant):
            await connection().execute("DELETE FROM sent_message WHERE key = $1 AND sent_at IS NULL", key)
        raise
    ledger.note("sent", tenant.id, key)
    async with tenant_transaction(tenant):
        await connection().execute("UPDATE sent_message SET sent_at = now() WHERE key = $1", key)


async def _claim(key: str) -> str:
    """`claimed`: it is ours to send; `held`: another job is at it, or was until just now; `sent`: done."""
    claimed = await connection().fetchval(
        """INSERT INTO sent_message AS s (key) VALUES ($1)
        ON CONFLICT (key) DO UPDATE SET claimed_at = now()
        WHERE s.sent_at IS NULL AND s.claimed_at < now() - $2::interval
        RETURNING true""",
        key,
        CLAIM_LASTS,
    )
    if claimed:
        return "claimed"
    sent = await connection().fetchval("SELECT sent_at IS NOT NULL FROM sent_message WHERE key = $1", key)
    return "sent" if sent else "held"
