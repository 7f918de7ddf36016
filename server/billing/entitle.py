"""From what is known of a tenant's subscription to what it may do: the steps that others read. Pure."""

from collections.abc import Iterator
from datetime import datetime

from server.billing.access import Access, Subscription, decide_access
from server.tenants.entitlements import Entitlement


def plan_steps(trial_ends_at: datetime, subscription: Subscription | None, now: datetime) -> tuple[Entitlement, ...]:
    """What a tenant may do now, and what time alone will make of it, in order."""
    return tuple(_steps(trial_ends_at, subscription, now))


def _steps(trial_ends_at: datetime, subscription: Subscription | None, now: datetime) -> Iterator[Entitlement]:
    starts_at: datetime | None = None
    moment: datetime | None = now
    while moment is not None:
        access = decide_access(trial_ends_at, subscription, moment)
        yield _step(access, starts_at)
        starts_at = moment = access.changes_at


def _step(access: Access, starts_at: datetime | None) -> Entitlement:
    limits = access.plan.limits
    return Entitlement(
        access.state, access.plan.key, access.plan.version, access.seats_max, limits.devices_per_seat_max,
        limits.records_max, limits.storage_max_bytes, limits.sync_interval_s, tuple(sorted(limits.features)),
        access.may_write, access.may_grow, starts_at, access.changes_at,
    )  # fmt: skip
