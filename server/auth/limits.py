"""Limits of a tenant's plan: the one place that says no for them, and in whose words. Pure.

Callers count what is used; here it is compared. Nothing here is asked for work that a device captured: that is taken
in every state (domain rule 7). What is there stays when a plan becomes smaller: only more is refused.
"""

from typing import Any, Final

from server.errors import AppError
from server.tenants.entitlements import Entitlement

BUYERS: Final = frozenset({"owner", "admin", "billing"})
"""Roles that are told how to get more; all others are told whom to ask."""
OPEN: Final = {"open_when_restricted": True}
"""`opt` of a route that writes and stays open whatever is paid: security, leaving, and work that was captured."""
OPEN_TO_DEVICES: Final = {"open_to_devices": True}
"""The same for devices alone."""

_OTHERS: Final = "Ask your administrator."
_MB: Final = 1_000_000
_FEATURES: Final = {
    "custom_fields": "fields of your own",
    "api_access": "API keys",
    "automation": "webhooks",
}


class PlanRefusal(AppError):
    """What the tenant's plan does not let them do; names the way out, to those who can take it (402)."""

    status = 402

    def __init__(
        self, entitlement: Entitlement, role: str, why: str, way_out: str, others: str = _OTHERS, **extra: Any
    ) -> None:
        way_out = way_out if role in BUYERS else others
        super().__init__(f"{why} {way_out}", plan=entitlement.plan, way_out=way_out, **extra)


class Restricted(PlanRefusal):
    """The tenant's plan was not paid, or has ended: it can be read and exported, and not changed."""

    code = "restricted"

    def __init__(self, entitlement: Entitlement, role: str) -> None:
        ended = entitlement.state == "cancelled"
        why = "The plan has ended" if ended else "The plan is not paid"
        super().__init__(
            entitlement, role,
            f"{why}, so nothing can be changed here. Reading, exports and work on devices go on.",
            f"To go on, {'choose a plan' if ended else 'pay it'} under Billing.",
            state=entitlement.state,
        )  # fmt: skip


class SeatMissing(PlanRefusal):
    """The person has none of the tenant's seats: they read, and their devices' work is taken."""

    code = "seat_missing"

    def __init__(self, entitlement: Entitlement, role: str) -> None:
        super().__init__(
            entitlement, role, "You have no seat, so you can read and not change.",
            "Buy a seat, or take one from somebody else, under Billing.", "Ask your administrator for one.",
            maximum=entitlement.seats_max,
        )  # fmt: skip


class GrowthPaused(PlanRefusal):
    """A payment is overdue: people and devices that are there go on, and no new ones join."""

    code = "growth_paused"

    def __init__(self, entitlement: Entitlement, what: str, role: str) -> None:
        why = f"A payment is overdue, so no new {what} can join until it is paid."
        super().__init__(entitlement, role, why, "Pay it under Billing.", state=entitlement.state)


class NotInPlan(PlanRefusal):
    """The plan does not have the feature; what was made with it before stays."""

    code = "not_in_plan"

    def __init__(self, entitlement: Entitlement, feature: str, role: str) -> None:
        why = f"The plan {plan_name(entitlement)} has no {_FEATURES[feature]}."
        super().__init__(entitlement, role, why, "Choose a larger one under Billing.", feature=feature)


class LimitReached(PlanRefusal):
    """A limit of the tenant's plan is reached; names the limit and the use."""

    code = "limit_reached"

    def __init__(
        self, entitlement: Entitlement, limit: str, what: str, used: int, maximum: int, way_out: str, role: str
    ) -> None:
        why = f"This is the limit of the plan {plan_name(entitlement)}: {what}"
        super().__init__(entitlement, role, why, way_out, limit=limit, used=used, maximum=maximum)


def plan_name(entitlement: Entitlement) -> str:
    """The plan as people know it."""
    return entitlement.plan.capitalize()


def require_writing(entitlement: Entitlement, role: str) -> None:
    """Let changes through, unless the tenant may only read.

    Raises:
        Restricted: it may not write.
    """
    if not entitlement.may_write:
        raise Restricted(entitlement, role)


def require_feature(entitlement: Entitlement, feature: str, role: str) -> None:
    """Let those through whose plan has the feature.

    Raises:
        NotInPlan: it has not.
    """
    if feature not in entitlement.features:
        raise NotInPlan(entitlement, feature, role)


def require_room_for_seat(entitlement: Entitlement, used: int, role: str) -> None:
    """Let one more person join who needs a seat.

    Args:
        used: seats that are taken, without theirs.

    Raises:
        GrowthPaused: nobody may join now.
        LimitReached: all seats are taken.
    """
    if not entitlement.may_grow:
        raise GrowthPaused(entitlement, "people", role)
    require_free_seat(entitlement, used, role)


def require_free_seat(entitlement: Entitlement, used: int, role: str) -> None:
    """Let a member who is there have another seat than those that are taken.

    Raises:
        LimitReached: all seats are taken.
    """
    maximum = entitlement.seats_max
    if maximum is not None and used >= maximum:
        taken = "The one seat is taken." if maximum == 1 else f"All {maximum:,} seats are taken."
        raise LimitReached(
            entitlement, "seats", taken, used, maximum,
            "Buy another under Billing, or deactivate somebody who has left.", role,
        )  # fmt: skip


def require_room_for_device(entitlement: Entitlement, used: int, role: str) -> None:
    """Let a person enrol one more device.

    Args:
        used: the devices that they have, without it.

    Raises:
        GrowthPaused: no device may join now.
        LimitReached: they have as many as the plan allows each person.
    """
    if not entitlement.may_grow:
        raise GrowthPaused(entitlement, "devices", role)
    maximum = entitlement.devices_per_seat_max
    if maximum is not None and used >= maximum:
        raise LimitReached(
            entitlement, "devices_per_seat", f"This person has {_many(used, 'device')}, as many as each may have.",
            used, maximum, "Revoke one that is no longer used, or choose a larger plan under Billing.", role,
        )  # fmt: skip


def require_room_for_records(entitlement: Entitlement, used: int, adding: int, role: str) -> None:
    """Let so many records be made.

    Raises:
        LimitReached: there is no room for them.
    """
    maximum = entitlement.records_max
    if maximum is not None and used + adding > maximum:
        raise LimitReached(
            entitlement, "records", f"{used:,} of {maximum:,} records are used.", used, maximum,
            "Delete what is no longer needed, or choose a larger plan under Billing.", role,
        )  # fmt: skip


def require_room_for_storage(entitlement: Entitlement, used: int, adding: int, role: str) -> None:
    """Let so many bytes be stored.

    Raises:
        LimitReached: there is no room for them.
    """
    maximum = entitlement.storage_max_bytes
    if maximum is not None and used + adding > maximum:
        raise LimitReached(
            entitlement, "storage_bytes", f"{used // _MB:,} of {maximum // _MB:,} MB for files are used.", used,
            maximum, "Delete files that are no longer needed, or choose a larger plan under Billing.", role,
        )  # fmt: skip


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
