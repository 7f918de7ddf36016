"""What a date changes: rights that begin or end with a day are brought in line by a writer, never by the clock alone.

A row that vanished without a revision would be heard of by no device. And once a day what was written is folded into
the entries of scopes (ADR 0011), and what lies behind the horizon is forgotten.
"""

import logging
from typing import Final

from server.crm.attachment.jobs import enqueue_file_sweep
from server.crm.duplicate.jobs import enqueue_sweep
from server.crm.erasure.commands import repeat_erasures
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.sync.held import release_orders
from server.sync.horizon import move_horizon, note_durable_by_age
from server.sync.parking import HEALING
from server.sync.snapshot_jobs import enqueue_snapshot_sweep
from server.sync.windows import find_overdue_sql

_DAY: Final = "day_of_grants"
FOLDED_IDS_MAX: Final = 50_000
"""Ids folded in one transaction, if they are not of one revision: others wait meanwhile to write."""
WINDOW_ROWS_MAX: Final = 5_000
"""Orders, or other rows, with what stands below them, that leave their windows in one transaction."""

_FOLD_THROUGH: Final = """
SELECT coalesce(max(c.revision) FILTER (WHERE c.ids <= $1), min(c.revision))
FROM (SELECT revision, sum(cardinality(rows)) OVER (ORDER BY revision) AS ids FROM scope_change) c
"""
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
        await conn.execute("SELECT refresh_grants(NULL, NULL), refresh_dated_products()")
        await conn.execute(
            """INSERT INTO setting (key, value) VALUES ($1, to_jsonb(current_date))
            ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
            _DAY,
        )
        await enqueue_file_sweep()
        await enqueue_sweep()
        await enqueue_snapshot_sweep()
    await _move_windows(tenant)
    await _fold(tenant)
    await note_durable_by_age(tenant)
    await move_horizon(tenant)
    await _erase_again(tenant)
    await release_orders(tenant)
    return True


async def _erase_again(tenant: TenantRef) -> None:
    """After a restore, a device that was away may hand in again what is about a person who was erased meanwhile."""
    async with tenant_transaction(tenant):
        healing = await connection().fetchval(f"SELECT {HEALING} FROM revision_counter c")  # noqa: S608 - ours
    if healing:
        await repeat_erasures(tenant)


async def _move_windows(tenant: TenantRef) -> None:
    """Let what is past its window leave the devices, part by part; it is looked for while others write."""
    async with tenant_transaction(tenant):
        overdue = [record["id"] for record in await connection().fetch(find_overdue_sql())]
    for start in range(0, len(overdue), WINDOW_ROWS_MAX):
        async with tenant_write(tenant, by=SYSTEM):
            part = overdue[start : start + WINDOW_ROWS_MAX]
            await connection().execute("SELECT refresh_windows($1::uuid[])", part)


async def _fold(tenant: TenantRef) -> None:
    """Move all changes of scopes into their entries, part by part; a device that pulls notices nothing."""
    through: int | None = 0
    while through is not None:
        async with tenant_write(tenant, by=SYSTEM):
            through = await connection().fetchval(_FOLD_THROUGH, FOLDED_IDS_MAX)
            if through is not None:
                await connection().execute("SELECT fold_changes($1)", through)


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
