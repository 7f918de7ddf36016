"""Which notices are due, from how a tenant stands. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from server.billing.access import GRACE_AFTER, KEPT_AFTER_END, RESTRICTED_AFTER, State
from server.billing.judge import Mirrored
from server.billing.plans import Interval
from server.tenants.entitlements import Entitlement

TRIAL_WARNED: Final = timedelta(days=3)
TOLD_FOR: Final = timedelta(days=7)
"""What has happened is told for so long; later it is no news."""
RENEWAL_WARNED: Final = (timedelta(days=30), timedelta(days=7))
DELETION_WARNED: Final = timedelta(days=14)
AWAKE_FROM, AWAKE_UNTIL = 8, 19
"""Hours of the tenant's clock in which letters are sent."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How a tenant stands, as far as letters speak of it."""

    held: Entitlement
    trial_ends_at: datetime
    present: Mirrored | None
    provider: str | None = None
    open_minor: int = 0
    """What is due and not paid."""
    delete_at: datetime | None = None
    """When the tenant is to be deleted, if that was asked for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One letter to be sent. Its kind and occasion name it for ever."""

    kind: str
    occasion: str
    letter: str
    """Kind of the letter that tells it."""
    date: datetime
    """What it speaks of."""
    next_date: datetime | None = None
    """When it gets worse."""


def is_awake(now: datetime, timezone: str) -> bool:
    """Whether it is an hour for letters, where the tenant is."""
    return AWAKE_FROM <= now.astimezone(ZoneInfo(timezone)).hour < AWAKE_UNTIL


def due_notices(facts: Facts, now: datetime) -> Iterator[Notice]:
    """What is to be told at a moment; whether it was told is another matter."""
    present = facts.present
    if present is None:
        yield from _of_trial(facts.trial_ends_at, now)
    elif facts.held.state == State.CANCELLED and present.ended_at is not None:
        deleted_at = present.ended_at + KEPT_AFTER_END
        yield Notice("cancelled", _day(present.ended_at), "cancelled", present.ended_at, deleted_at)
        if facts.delete_at is None:
            yield from _of_deletion(deleted_at, now)
    else:
        yield from _of_debt(facts, present)
        yield from _of_renewal(present, now)
    if facts.delete_at is not None:
        yield from _of_deletion(facts.delete_at, now)


def _of_trial(ends_at: datetime, now: datetime) -> Iterator[Notice]:
    if ends_at - TRIAL_WARNED <= now < ends_at:
        yield Notice("trial_ends_soon", _day(ends_at), "trial_ends_soon", ends_at)
    elif ends_at <= now < ends_at + TOLD_FOR:
        yield Notice("trial_ended", _day(ends_at), "trial_ended", ends_at)


def _of_debt(facts: Facts, present: Mirrored) -> Iterator[Notice]:
    since, state = present.unpaid_since, facts.held.state
    if state == State.RESTRICTED and present.dispute_lost:
        yield Notice("restricted", f"dispute {present.id}", "restricted_dispute", since or present.started_at)
    if since is None:
        return
    if state == State.PAST_DUE:
        letter = "overdue" if facts.provider == "transfer" else "payment_failed"
        yield Notice("payment_failed", _day(since), letter, since, since + GRACE_AFTER)
    elif state == State.GRACE:
        yield Notice("grace", _day(since), "grace", since, since + RESTRICTED_AFTER)
    elif state == State.RESTRICTED and not present.dispute_lost:
        yield Notice("restricted", _day(since), "restricted", since)


def _of_renewal(present: Mirrored, now: datetime) -> Iterator[Notice]:
    ends_at = present.period_end
    if present.interval is not Interval.YEAR or present.cancel_at is not None or ends_at is None or not present.is_live:
        return
    left = ends_at - now
    warned = [each for each in RENEWAL_WARNED if timedelta(0) < left <= each]
    if warned:  # who learns of it late is told once, not twice on one day
        yield Notice("renewal", f"{_day(ends_at)} {min(warned).days}", "renewal", ends_at)


def _of_deletion(deleted_at: datetime, now: datetime) -> Iterator[Notice]:
    if deleted_at - DELETION_WARNED <= now < deleted_at:
        yield Notice("deletion_soon", _day(deleted_at), "deletion_soon", deleted_at, deleted_at)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
