"""What a tenant may do now, from its trial and what is known of its subscription. Pure; the clock is an argument.

    TRIALING ──paid──► ACTIVE ──payment fails──► PAST_DUE ──day 7──► GRACE ──day 14──► RESTRICTED
        │                ▲                           └──────── paid ─────┴──────────────────┘ (back to ACTIVE)
        └─ends unpaid─► ACTIVE, on the free tier
    ACTIVE … RESTRICTED ──ends──► CANCELLED, kept for 90 days; a new subscription is ACTIVE again

Whatever it says, work that a device captured is taken and judged: no state refuses a push.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from server.billing.plans import FREE_PLAN, TRIAL_PLAN, Plan, get_plan

TRIAL: Final = timedelta(days=14)
GRACE_AFTER: Final = timedelta(days=7)
RESTRICTED_AFTER: Final = timedelta(days=14)
KEPT_AFTER_END: Final = timedelta(days=90)


class State(StrEnum):
    """How a tenant stands, from the best to the worst."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    GRACE = "grace"
    RESTRICTED = "restricted"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What was last known of a tenant's subscription, whoever collects the money."""

    plan: Plan
    """The last one known: an unknown price keeps the one before."""
    seats: int
    unpaid_since: datetime | None = None
    """When the oldest invoice that is still open was due; None when all is paid."""
    ended_at: datetime | None = None
    dispute_lost: bool = False
    """The bank took a payment back, for good."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a tenant may do, and until when that stays so by the clock alone."""

    state: State
    plan: Plan
    seats: int | None
    """How many were bought; None where none are counted (a trial, the free tier): the plan's limit holds alone."""
    changes_at: datetime | None
    """When time alone will make it another state; None: never."""

    @property
    def may_write(self) -> bool:
        """Change data by the API and on the console. Devices go on capturing in any case."""
        return self.state not in (State.RESTRICTED, State.CANCELLED)

    @property
    def may_grow(self) -> bool:
        """Add seats and devices."""
        return self.state in (State.TRIALING, State.ACTIVE, State.PAST_DUE)

    @property
    def seats_max(self) -> int | None:
        """So many people may work: what was bought, within what the plan allows."""
        limits = [limit for limit in (self.seats, self.plan.limits.seats_max) if limit is not None]
        return min(limits, default=None)


def decide_access(trial_ends_at: datetime, subscription: Subscription | None, now: datetime) -> Access:
    """What a tenant may do at a moment.

    Args:
        trial_ends_at: begins at sign-up and never moves.
        subscription: the present one, or the last one if it has ended; None before the first.
        now: aware, like every instant here.
    """
    if subscription is None:
        if now < trial_ends_at:
            return Access(State.TRIALING, get_plan(TRIAL_PLAN), None, trial_ends_at)
        return Access(State.ACTIVE, get_plan(FREE_PLAN), None, None)
    if subscription.ended_at is not None and subscription.ended_at <= now:
        return Access(State.CANCELLED, subscription.plan, subscription.seats, None)
    state, changes_at = _standing(subscription, now)
    if subscription.ended_at is not None:
        changes_at = min(subscription.ended_at, changes_at or subscription.ended_at)
    return Access(state, subscription.plan, subscription.seats, changes_at)


def _standing(subscription: Subscription, now: datetime) -> tuple[State, datetime | None]:
    """How a subscription that goes on stands, by its oldest debt."""
    if subscription.dispute_lost:
        return State.RESTRICTED, None
    since = subscription.unpaid_since
    if since is None or now < since:
        return State.ACTIVE, since
    if now < since + GRACE_AFTER:
        return State.PAST_DUE, since + GRACE_AFTER
    if now < since + RESTRICTED_AFTER:
        return State.GRACE, since + RESTRICTED_AFTER
    return State.RESTRICTED, None
