"""Which members need a seat, and the act that brings the seats in line with them.

All active members do, but those of the billing role, who see nothing of the CRM, and those as whom API keys act.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from server.db import connection, platform_transaction, tenant_transaction
from server.tenants import seats
from server.tenants.entitlements import EntitledTenant, tell_rewritten

_SEATED: Final = """
FROM member m LEFT JOIN role r ON r.key = m.role AND r.deleted_at IS NULL
WHERE m.active AND m.deleted_at IS NULL AND coalesce(r.base, m.role) <> 'billing'
    AND NOT EXISTS (SELECT FROM api_key k WHERE k.member_id = m.id)
"""


async def count_seated() -> int:
    """How many members need a seat (tenant)."""
    return int(await connection().fetchval(f"SELECT count(*) {_SEATED}"))


async def list_seated() -> Sequence[UUID]:
    """The members who need a seat, those first who joined first (tenant)."""
    return [row["id"] for row in await connection().fetch(f"SELECT m.id {_SEATED} ORDER BY m.created_at, m.id")]


async def list_names() -> Mapping[UUID, str]:
    """The members who need a seat, in the same order, with their names (tenant)."""
    records = await connection().fetch(f"SELECT m.id, m.name {_SEATED} ORDER BY m.created_at, m.id")
    return {row["id"]: row["name"] for row in records}


async def follow_members(tenant: EntitledTenant) -> bool:
    """Give each member who needs a seat a row, and free those of who does not, outside of any transaction. Idempotent.

    A tenant that nobody bills has no seats.

    Returns:
        Whether anything changed.
    """
    if not tenant.steps:
        return False
    async with tenant_transaction(tenant.ref):
        members = await list_seated()
    async with platform_transaction():
        come, gone = await seats.follow_members(tenant.ref.id, members)
        if come or gone:
            tell_rewritten(tenant.ref.id)
    return bool(come or gone)
