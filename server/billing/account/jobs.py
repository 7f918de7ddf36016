"""Jobs of billing accounts: the payment provider hears of what changed."""

from uuid import UUID

import dramatiq

from server.billing.account import service
from server.billing.provider import PaymentServiceDown, get_provider
from server.broker import enqueue
from server.db import platform_transaction
from server.errors import AppError


async def enqueue_update(intent_id: UUID) -> None:
    """Tell the provider once the open platform transaction has committed."""
    await enqueue(update_customer.message(str(intent_id)))


@dramatiq.actor(queue_name="billing")
async def update_customer(intent_id: str) -> None:
    """Tell the provider what is to stand on invoices; the same intent is the same act. Down, it is tried again."""
    async with platform_transaction():
        found = await service.begin_telling(UUID(intent_id))
    if found is None:
        return
    party, details = found
    problem = None
    if party.provider is not None and party.customer_id is not None:
        try:
            await get_provider(party.provider).update_customer(party.customer_id, details, intent_id)
        except PaymentServiceDown:
            raise
        except AppError as refused:
            problem = refused
    async with platform_transaction():
        await service.end_telling(UUID(intent_id), problem)
