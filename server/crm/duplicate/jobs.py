"""The job that compares all rows of a tenant."""

import dramatiq

from server.broker import enqueue, job_tenant_id
from server.crm.duplicate.search import sweep_duplicates
from server.db import platform_transaction, tenant_transaction
from server.tenants.service import get_tenant


async def enqueue_sweep() -> None:
    """Compare all rows once the open transaction, of its tenant, has committed."""
    await enqueue(compare_rows.message())


@dramatiq.actor(queue_name="duplicates")
async def compare_rows() -> None:
    """Open cases of all rows that may be the same. It writes nothing that replicates, so nobody waits for it."""
    async with platform_transaction():
        tenant = await get_tenant(job_tenant_id())
    async with tenant_transaction(tenant):
        await sweep_duplicates()
