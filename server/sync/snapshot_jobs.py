"""The daily job of snapshots: what nobody uses, and what an erasure took off the list, leaves the storage."""

import dramatiq

from server.broker import enqueue, job_tenant_id
from server.db import platform_transaction
from server.sync.snapshot_build import sweep
from server.tenants.service import get_tenant


async def enqueue_snapshot_sweep() -> None:
    """Sweep the tenant's snapshots once the open transaction has committed."""
    await enqueue(sweep_snapshots.message())


@dramatiq.actor(queue_name="snapshots")
async def sweep_snapshots() -> None:
    """Remove snapshots that nobody fetches any more; again is the same."""
    async with platform_transaction():
        tenant = await get_tenant(job_tenant_id())
    await sweep(tenant)
