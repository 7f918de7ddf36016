"""What a wish about the subscription means: at once, at the period's end, or not at all, and why not. Pure.

More is had at once, and paid for the rest of the period. Less begins with the next period, for this one is paid. What
is more and less at the same time is two wishes.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from server.billing.access import State
from server.billing.judge import Mirrored, ScheduledChange
from server.billing.plans import PLANS, Feature, Interval, Plan, get_plan
from server.billing.provider import Target
from server.crm.usage import Usage
from server.errors import AppError, Conflict, refuse

SEATS_MAX: Final = 100_000
CHECKOUT_FREE_MIN: Final = timedelta(hours=49)
"""Stripe's checkout takes the end of a trial that is at least two days away; an hour to fill it in."""
INVOICES_A_MINUTE: Final = 3
INVOICES_A_DAY: Final = 10
"""Of changes that are charged at once, below what Stripe allows a subscription: 10 a minute, 20 a day."""

_OVERDUE: Final = frozenset({State.GRACE, State.RESTRICTED})


class Mode(StrEnum):
    """When a wish comes true."""

    NOW = "now"
    SCHEDULED = "scheduled"
    WITHDRAWN = "withdrawn"
    """It is what is there: only what was scheduled goes."""
    NOTHING = "nothing"


class NoSubscription(Conflict):
    """There is no running subscription to change."""

    code = "no_subscription"

    def __init__(self) -> None:
        super().__init__("There is no subscription to change. Choose a plan at the checkout.")


class AlreadySubscribed(Conflict):
    """There is a running subscription, so nothing is to be bought."""

    code = "already_subscribed"

    def __init__(self) -> None:
        super().__init__("There is a subscription already. Change it, rather than buying a second one.")


class PaidByTransfer(Conflict):
    """The tenant pays by transfer, by agreement with the operator."""

    code = "paid_by_transfer"

    def __init__(self) -> None:
        super().__init__("This workspace pays by transfer. To pay by card instead, ask your operator.")


class SubscriptionEnds(Conflict):
    """The subscription is cancelled, and ends with its period."""

    code = "subscription_ends"

    def __init__(self, at: datetime) -> None:
        super().__init__(f"The subscription ends on {at:%Y-%m-%d}. Resume it first.", ends_at=at.isoformat())


class PaymentOverdue(AppError):
    """Nothing more can be bought while a payment is long overdue."""

    status = 402
    code = "payment_overdue"

    def __init__(self) -> None:
        super().__init__("A payment is overdue. Pay it first: the portal has the invoice, and takes another card.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of a subscription; what is None stays as it is."""

    plan: str | None = None
    interval: Interval | None = None
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a wish."""

    mode: Mode
    target: Target
    at: datetime | None
    """When it comes true; None: at once."""


@dataclass(frozen=True, slots=True)
class Excess:
    """Something of which there is more than a plan allows: it stays, and can be read."""

    limit: str
    used: int
    maximum: int


def require_running(present: Mirrored | None) -> Mirrored:
    """The subscription, if one is running.

    Raises:
        NoSubscription: none is.
    """
    if present is None or not present.is_live:
        raise NoSubscription
    return present


def decide_change(present: Mirrored | None, state: State, wish: Wish) -> Decision:
    """What becomes of a wish.

    Args:
        present: the subscription that counts.
        state: how the tenant stands.
        wish: for it.

    Raises:
        NoSubscription, SubscriptionEnds, PaymentOverdue: it makes no sense now.
        InvalidInput: it makes none at all.
    """
    present = require_running(present)
    if present.cancel_at is not None:
        raise SubscriptionEnds(present.cancel_at)
    target = _target_of(present, wish, None)
    more, less = _compare(present, target)
    if less and present.scheduled is not None:  # what was to be less stays so, unless the wish says otherwise
        target = _target_of(present, wish, present.scheduled)
        more, less = _compare(present, target)
    if more and less:
        raise refuse("plan", "One part of this is more, another less. First ask for what is more, then for the rest.")
    if more and state in _OVERDUE:
        raise PaymentOverdue
    if more:
        return Decision(Mode.NOW, target, None)
    if less:
        return Decision(Mode.SCHEDULED, target, present.period_end)
    return Decision(Mode.WITHDRAWN if present.scheduled else Mode.NOTHING, target, None)


def _target_of(present: Mirrored, wish: Wish, scheduled: ScheduledChange | None) -> Target:
    plan, interval, seats = present.plan, present.interval, present.seats
    if scheduled is not None:
        plan, interval = get_plan(scheduled.plan, scheduled.version), Interval(scheduled.interval)
        seats = scheduled.seats
    if wish.plan is not None and wish.plan != plan.key:
        plan = present.plan if wish.plan == present.plan.key else get_plan(wish.plan)
    return check_target(
        Target(plan, wish.interval or interval, present.currency, seats if wish.seats is None else wish.seats)
    )


def check_target(target: Target) -> Target:
    """Let through what can be bought.

    Raises:
        InvalidInput: it cannot; says what can.
    """
    plan = target.plan
    if not plan.seat_prices_minor:
        raise refuse("plan", f"{plan.name} is not bought. Cancel the subscription to pay no longer.")
    if (target.interval, target.currency) not in plan.seat_prices_minor:
        currencies = sorted({currency for _, currency in plan.seat_prices_minor})
        raise refuse("currency", f"Choose one of {', '.join(currencies)}.")
    most = min(plan.limits.seats_max or SEATS_MAX, SEATS_MAX)
    if not 1 <= target.seats <= most:
        larger = _larger_plan(plan)
        way_out = f" {larger.name} has more." if larger and target.seats > most else ""
        raise refuse("seats", f"{plan.name} has 1 to {most:,} seats.{way_out}")
    return target


def _larger_plan(plan: Plan) -> Plan | None:
    following = [each for each in PLANS if _rank(each) > _rank(plan)]
    return following[0] if following else None


def _rank(plan: Plan) -> int:
    """Where a tier stands, the smallest first."""
    return list(dict.fromkeys(each.key for each in PLANS)).index(plan.key)


def _compare(present: Mirrored, target: Target) -> tuple[bool, bool]:
    """Whether a target is more in some way, and whether it is less in some way."""
    longer = (target.interval == Interval.YEAR) - (present.interval == Interval.YEAR)
    signs = (_rank(target.plan) - _rank(present.plan), longer, target.seats - present.seats)
    return any(sign > 0 for sign in signs), any(sign < 0 for sign in signs)


def decide_checkout(present: Mirrored | None, wish: Wish, currency: str) -> Target:
    """What is bought at the checkout.

    Raises:
        AlreadySubscribed: a subscription is running.
        InvalidInput: that cannot be bought.
    """
    if present is not None and present.is_live:
        raise AlreadySubscribed
    target = Target(get_plan(wish.plan or ""), wish.interval or Interval.MONTH, currency, wish.seats or 1)
    return check_target(target)


def rest_of_trial(trial_ends_at: datetime, now: datetime) -> tuple[datetime | None, int | None]:
    """What is left of a trial when somebody subscribes before its end: until when, or how many days."""
    rest = trial_ends_at - now
    if rest <= timedelta(0):
        return None, None
    if rest >= CHECKOUT_FREE_MIN:
        return trial_ends_at, None
    return None, math.ceil(rest / timedelta(days=1))


def find_excess(target: Target, used: Usage) -> tuple[Excess, ...]:
    """Of what there would be more than the target allows."""
    limits = target.plan.limits
    measured = (
        ("seats", used.seats, target.seats),
        ("devices_per_seat", used.devices_of_one, limits.devices_per_seat_max),
        ("records", used.records, limits.records_max),
        ("storage_bytes", used.storage_bytes, limits.storage_max_bytes),
        ("custom_fields", used.custom_fields, None if Feature.CUSTOM_FIELDS in limits.features else 0),
        ("api_keys", used.api_keys, None if Feature.API_ACCESS in limits.features else 0),
        ("webhooks", used.webhooks, None if Feature.AUTOMATION in limits.features else 0),
    )
    return tuple(Excess(name, n, maximum) for name, n, maximum in measured if maximum is not None and n > maximum)


def is_invoiced_now(charged_at: list[datetime], now: datetime) -> bool:
    """Whether a change may still be charged at once; else it waits, with the same proration, for the next invoice."""
    minute = sum(now - at < timedelta(minutes=1) for at in charged_at)
    day = sum(now - at < timedelta(days=1) for at in charged_at)
    return minute < INVOICES_A_MINUTE and day < INVOICES_A_DAY
