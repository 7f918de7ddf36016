"""Who has the seats of a tenant: looked at, given and taken by those who do the billing. Names, and no more of anybody.

Buying is `server.billing.acts`. Members and seats live in different transactions; each step here may be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server import clock
from server.auth import limits
from server.auth.seats import follow_members, list_names
from server.billing.account.service import BillingUnknown
from server.db import connection, platform_transaction, tenant_transaction
from server.errors import NotFound
from server.tenants.entitlements import EntitledTenant, get_entitled_tenant, tell_rewritten


@dataclass(frozen=True, slots=True)
class SeatOf:
    """A member who needs a seat, and whether they work on one."""

    member_id: UUID
    name: str
    seated: bool
    withdrawn: bool
    """It was taken from them, and is given back by hand."""
    assigned_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """The seats of a tenant; `seats_max` None: as many as it likes."""

    seats_max: int | None
    people: Sequence[SeatOf]


async def list_seats(tenant_id: UUID) -> SeatPlan:
    """All who need a seat, in the order in which they came to theirs.

    Raises:
        BillingUnknown: nobody bills the tenant.
    """
    tenant = await _look(tenant_id)
    maximum = tenant.entitlement.seats_max
    async with tenant_transaction(tenant.ref):
        names = await list_names()
    async with platform_transaction():
        rows = await connection().fetch(
            "SELECT member_id, assigned_at FROM seat WHERE tenant_id = $1 ORDER BY assigned_at, member_id", tenant_id
        )
    assigned = {row["member_id"]: row["assigned_at"] for row in rows}
    seats = tenant.seats
    people = [
        SeatOf(i, names[i], seats.seats(i, maximum), i in seats.withdrawn, assigned.get(i))
        for i in (*(i for i in assigned if i in names), *(i for i in names if i not in assigned))
    ]
    return SeatPlan(maximum, people)


async def assign_seat(tenant_id: UUID, member_id: UUID, *, by: UUID, role: str) -> SeatPlan:
    """Give a member a seat that is free; again is the same.

    Raises:
        BillingUnknown: nobody bills the tenant.
        NotFound: it has no such member who needs a seat.
        LimitReached: none is free.
    """
    tenant = await _look(tenant_id)
    await _require_member(tenant, member_id)
    async with platform_transaction() as conn:
        await conn.execute("SELECT FROM entitlement WHERE tenant_id = $1 FOR UPDATE", tenant_id)
        now = await get_entitled_tenant(tenant_id)
        if not now.seats.seats(member_id, now.entitlement.seats_max):
            used = len(now.seats.holders)
            limits.require_free_seat(now.entitlement, used, role)
            await conn.execute(
                """UPDATE seat SET withdrawn_at = NULL, assigned_at = $3, assigned_by = $4
                WHERE tenant_id = $1 AND member_id = $2""",
                tenant_id, member_id, clock.now(), by,
            )  # fmt: skip
            tell_rewritten(tenant_id)
    return await list_seats(tenant_id)


async def withdraw_seat(tenant_id: UUID, member_id: UUID) -> SeatPlan:
    """Take a member's seat, so that another can have it: they read on. Again is the same.

    Raises:
        BillingUnknown: nobody bills the tenant.
        NotFound: it has no such member who needs a seat.
    """
    tenant = await _look(tenant_id)
    await _require_member(tenant, member_id)
    async with platform_transaction() as conn:
        await conn.execute(
            "UPDATE seat SET withdrawn_at = $3 WHERE tenant_id = $1 AND member_id = $2 AND withdrawn_at IS NULL",
            tenant_id, member_id, clock.now(),
        )  # fmt: skip
        tell_rewritten(tenant_id)
    return await list_seats(tenant_id)


async def _look(tenant_id: UUID) -> EntitledTenant:
    """The tenant, with its seats in line with its members."""
    async with platform_transaction():
        tenant = await get_entitled_tenant(tenant_id)
    if not tenant.steps:
        raise BillingUnknown
    if not await follow_members(tenant):
        return tenant
    async with platform_transaction():
        return await get_entitled_tenant(tenant_id)


async def _require_member(tenant: EntitledTenant, member_id: UUID) -> None:
    async with tenant_transaction(tenant.ref):
        if member_id not in await list_names():
            raise NotFound
