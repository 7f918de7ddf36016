"""Limits of a tenant's plan: the one place that says no for them, and in whose words. Pure.

Callers count what is used; here it is compared. Nothing here is asked for work that a device captured: that is taken
in every state (domain rule 7). What is there stays when a plan becomes smaller: only more is refused.
"""

from typing import Final

from server.errors import AppError
from server.tenants.entitlements import Entitlement, LimitReached

BUYERS: Final = frozenset({"owner", "admin", "billing"})
"""Roles that are told how to get more; all others are told whom to ask."""
OPEN: Final = {"open_when_restricted": True}
"""`opt` of a route that writes and stays open whatever is paid: security, leaving, and work that was captured."""
OPEN_TO_DEVICES: Final = {"open_to_devices": True}
"""The same for devices alone."""

_MB: Final = 1_000_000
_FEATURES: Final = {
    "custom_fields": "fields of your own",
    "api_access": "API keys",
    "automation": "webhooks",
}


class Restricted(AppError):
    """The tenant's plan was not paid, or has ended: it can be read and exported, and not changed."""

    status = 402
    code = "restricted"

    def __init__(self, entitlement: Entitlement, role: str) -> None:
        ended = entitlement.state == "cancelled"
        why = "The plan has ended" if ended else "The plan is not paid"
        act = "choose a plan" if ended else "pay it"
        way_out = f"To go on, {act} under Billing." if role in BUYERS else "Ask your administrator."
        super().__init__(
            f"{why}, so nothing can be changed here. Reading, exports and work on devices go on. {way_out}",
            state=entitlement.state, plan=entitlement.plan, way_out=way_out,
        )  # fmt: skip


class SeatMissing(AppError):
    """The person has none of the tenant's seats: they read, and their devices' work is taken."""

    status = 402
    code = "seat_missing"

    def __init__(self, entitlement: Entitlement, role: str) -> None:
        way_out = "Buy a seat, or take one from somebody else, under Billing."
        way_out = way_out if role in BUYERS else "Ask your administrator for one."
        super().__init__(
            f"You have no seat, so you can read and not change. {way_out}",
            plan=entitlement.plan, maximum=entitlement.seats_max, way_out=way_out,
        )  # fmt: skip


class GrowthPaused(AppError):
    """A payment is overdue: people and devices that are there go on, and no new ones join."""

    status = 402
    code = "growth_paused"

    def __init__(self, entitlement: Entitlement, what: str, role: str) -> None:
        way_out = "Pay it under Billing." if role in BUYERS else "Ask your administrator."
        super().__init__(
            f"A payment is overdue, so no new {what} can join until it is paid. {way_out}",
            state=entitlement.state, plan=entitlement.plan, way_out=way_out,
        )  # fmt: skip


class NotInPlan(AppError):
    """The plan does not have the feature; what was made with it before stays."""

    status = 402
    code = "not_in_plan"

    def __init__(self, entitlement: Entitlement, feature: str, role: str) -> None:
        way_out = "Choose a larger one under Billing." if role in BUYERS else "Ask your administrator."
        super().__init__(
            f"The plan {plan_name(entitlement)} has no {_FEATURES[feature]}. {way_out}",
            feature=feature, plan=entitlement.plan, way_out=way_out,
        )  # fmt: skip


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
        _refuse(
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
        _refuse(
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
        _refuse(
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
        _refuse(
            entitlement, "storage_bytes", f"{used // _MB:,} of {maximum // _MB:,} MB for files are used.", used,
            maximum, "Delete files that are no longer needed, or choose a larger plan under Billing.", role,
        )  # fmt: skip


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _refuse(entitlement: Entitlement, limit: str, what: str, used: int, maximum: int, way_out: str, role: str) -> None:
    way_out = way_out if role in BUYERS else "Ask your administrator."
    detail = f"This is the limit of the plan {plan_name(entitlement)}: {what} {way_out}"
    raise LimitReached(limit, detail, used=used, maximum=maximum, plan=entitlement.plan, way_out=way_out)
