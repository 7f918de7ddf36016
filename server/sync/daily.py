"""What a date changes: rights that begin or end with a day are brought in line by a writer, never by the clock alone.

A row that vanished without a revision would be heard of by no device.
"""

import logging
from typing import Final

from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write

_DAY: Final = "day_of_grants"
_log = logging.getLogger(__name__)


async def begin_day(tenant: TenantRef) -> bool:
    """Bring a tenant's grants in line with today (UTC), once a day; whether it was done now. Idempotent."""
    async with tenant_transaction(tenant):
        if await _is_done():
            return False
    async with tenant_write(tenant, by=SYSTEM):
        if await _is_done():  # another process was faster
            return False
        conn = connection()
        await conn.execute("SELECT refresh_grants(NULL, NULL)")
        await conn.execute(
            """INSERT INTO setting (key, value) VALUES ($1, to_jsonb(current_date))
            ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
            _DAY,
        )
    return True


async def _is_done() -> bool:
    sql = "SELECT EXISTS (SELECT FROM setting WHERE key = $1 AND value = to_jsonb(current_date))"
    return bool(await connection().fetchval(sql, _DAY))


async def begin_day_everywhere(tenants: list[TenantRef]) -> int:
    """The same for several tenants; for how many it was done now. One's failure does not keep the others waiting."""
    done = 0
    for tenant in tenants:
        try:
            done += await begin_day(tenant)
        except Exception:
            _log.exception("The day of tenant %s could not be begun; it is tried again.", tenant.slug)
    return done
