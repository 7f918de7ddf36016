"""Jobs of deletion; they need the owner's URLs of the databases, which the worker has."""

from uuid import UUID

import dramatiq

from server.billing.deletion import service
from server.billing.deletion.commands import delete_tenant
from server.broker import enqueue
from server.db import platform_transaction
from server.tenants.jobs import owner_urls

TIME_LIMIT_MS = 600_000


async def delete_due() -> int:
    """Plan what is to be planned, and send a job for each tenant whose time has come; how many."""
    async with platform_transaction():
        await service.plan_for_cancelled()
        due = await service.list_due()
        for tenant_id in due:
            await enqueue(delete.message(str(tenant_id)))
    return len(due)


@dramatiq.actor(queue_name="tenants", actor_name="delete_tenant", time_limit=TIME_LIMIT_MS)
async def delete(tenant_id: str) -> None:
    """Delete a tenant whose time has come; tried again until it is done."""
    await delete_tenant(UUID(tenant_id), owner_urls())
