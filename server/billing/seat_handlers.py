"""Routes of seats: who has one, for owners, admins and the billing role."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.auth.guards import require_role
from server.auth.session import Session
from server.billing import seats
from server.billing.account.service import BILLERS
from server.billing.seats import SeatPlan


class SeatView(msgspec.Struct, frozen=True):
    """A member who needs a seat. Without one they read, and their devices' work is taken."""

    member_id: UUID
    name: str
    seated: bool
    withdrawn: bool
    assigned_at: datetime | None


class SeatPlanView(msgspec.Struct, frozen=True):
    """The seats that there are (`maximum`; null: as many as you like), how many are free, and who needs one."""

    maximum: int | None
    free: int | None
    people: list[SeatView]

    @classmethod
    def of(cls, plan: SeatPlan) -> "SeatPlanView":
        """The view of a tenant's seats."""
        people = [SeatView(p.member_id, p.name, p.seated, p.withdrawn, p.assigned_at) for p in plan.people]
        used = sum(person.seated for person in people)
        return cls(plan.seats_max, None if plan.seats_max is None else max(0, plan.seats_max - used), people)


@get("/", operation_id="listSeats")
async def list_seats(session: NamedDependency[Session]) -> SeatPlanView:
    """List who has a seat, by name, those first who came first."""
    require_role(session, *BILLERS)
    return SeatPlanView.of(await seats.list_seats(session.tenant.id))


@put("/{member_id:uuid}", operation_id="assignSeat")
async def assign_seat(member_id: FromPath[UUID], session: NamedDependency[Session]) -> SeatPlanView:
    """Give a member a seat that is free. Doing it again is the same. 402 `limit_reached`: none is."""
    require_role(session, *BILLERS)
    return SeatPlanView.of(
        await seats.assign_seat(session.tenant.id, member_id, by=session.member_id, role=session.role)
    )


@delete("/{member_id:uuid}", status_code=200, operation_id="withdrawSeat")
async def withdraw_seat(member_id: FromPath[UUID], session: NamedDependency[Session]) -> SeatPlanView:
    """Take a member's seat, so that another can have it. Doing it again is the same."""
    require_role(session, *BILLERS)
    return SeatPlanView.of(await seats.withdraw_seat(session.tenant.id, member_id))


seats_router = Router("/billing/seats", route_handlers=[list_seats, assign_seat, withdraw_seat], tags=["billing"])
"""The app injects `session`."""
