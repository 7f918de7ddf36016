"""How much of what its plan limits a tenant uses."""

from server.crm.usage import Usage, measure_usage
from server.db import TenantRef, tenant_transaction


async def current_usage(tenant: TenantRef) -> Usage:
    """What a tenant uses now, counted as of one moment; outside of any transaction."""
    async with tenant_transaction(tenant, snapshot=True):
        return await measure_usage()
