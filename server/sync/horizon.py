"""The horizon: how far back a tenant's sync remembers (S9), and what devices need no longer keep (S11).

Behind it, cursors are void: a device pulls everything anew, and keeps its unsent work. Rows, history and audit are not
touched, nor outcomes that a device has not acknowledged.
"""

import json
from datetime import datetime, timedelta
from typing import Final

from server import clock
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write

HORIZON_DAYS: Final = 180
"""Unless the tenant's setting `horizon_days` says otherwise."""
HORIZON_DAYS_MIN: Final = 35
"""Longer than a holiday and a month's end, and than devices keep what they handed in."""
DURABLE_AFTER_DAYS: Final = 30
"""Older work is taken to be in a backup, also where the operator never says that one was verified."""
PRUNED_MAX: Final = 50_000
"""Entries pruned in one transaction; others wait meanwhile to write."""


async def move_horizon(tenant: TenantRef) -> None:
    """Forget what is older than the horizon, part by part; devices behind it pull anew. Idempotent."""
    async with tenant_transaction(tenant):
        through = await _revision_before(clock.now() - timedelta(days=await _horizon_days()))
    went = PRUNED_MAX
    while went == PRUNED_MAX and through:
        async with tenant_write(tenant, by=SYSTEM):
            went = await connection().fetchval("SELECT prune($1, $2)", through, PRUNED_MAX)
            await connection().execute(_FORGET_OUTCOMES, through)


# What a device has acknowledged; and nothing of one that is silent since before it could.
_FORGET_OUTCOMES: Final = """
DELETE FROM mutation_outcome o USING device d
WHERE d.id = o.device_id AND o.number <= d.acked_through AND o.revision < $1
"""


async def note_durable(before: datetime) -> int:
    """Let devices forget what was written before a moment of which there is a verified backup; how many gain by it."""
    through = await _revision_before(before)
    status: str = await connection().execute(_DURABLE, through)
    return int(status.rpartition(" ")[2])


_DURABLE: Final = """
UPDATE device d SET durable_through = o.number
FROM (SELECT device_id, max(number) AS number FROM mutation_outcome WHERE revision <= $1 GROUP BY device_id) o
WHERE o.device_id = d.id AND o.number > d.durable_through
"""


async def _revision_before(moment: datetime) -> int:
    """The last revision that was given out before a moment, of those that are remembered; 0 for none."""
    return int(
        await connection().fetchval("SELECT coalesce(max(revision), 0) FROM revision_token WHERE at < $1", moment)
    )


async def _horizon_days() -> int:
    days = await connection().fetchval("SELECT value::text FROM setting WHERE key = 'horizon_days'")
    return max(int(json.loads(days)) if days else HORIZON_DAYS, HORIZON_DAYS_MIN)


async def note_durable_by_age(tenant: TenantRef) -> None:
    """Let devices forget what is older than `DURABLE_AFTER_DAYS`."""
    async with tenant_transaction(tenant):
        await note_durable(clock.now() - timedelta(days=DURABLE_AFTER_DAYS))
