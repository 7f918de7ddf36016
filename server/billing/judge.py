"""From what a provider says of a customer to what we keep of it, and on what access is decided. Pure.

What we do not understand changes nothing: a price that is not ours leaves the plan as it was last known, and tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from server.billing.access import Subscription
from server.billing.plans import Interval, Plan, find_price, get_plan
from server.billing.provider import (
    ENDED,
    NEVER_BEGAN,
    CustomerState,
    Item,
    ProviderInvoice,
    ProviderSubscription,
)

UNPAID: Final = frozenset({"open", "uncollectible"})
OVERDUE: Final = frozenset({"past_due", "unpaid", "paused"})
"""Statuses that say that nobody pays; `paused`: a trial ended without anything to charge."""
LOST: Final = "lost"


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """What a subscription will be from a moment on, in our words."""

    plan: str
    version: int
    interval: str
    seats: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A subscription as we keep it."""

    id: str
    status: str
    plan: Plan
    interval: Interval
    currency: str
    seats: int
    started_at: datetime
    created_at: datetime
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    unpaid_since: datetime | None = None
    dispute_lost: bool = False
    scheduled: ScheduledChange | None = None
    items: tuple[Item, ...] = ()

    @property
    def is_live(self) -> bool:
        """It began and has not ended."""
        return self.ended_at is None and self.status not in NEVER_BEGAN | ENDED

    @property
    def period_end(self) -> datetime | None:
        """Until when it is paid for, or to be."""
        return max((item.period_end for item in self.items), default=None)


@dataclass(frozen=True, slots=True)
class Judged:
    """What follows from a customer's state."""

    subscriptions: tuple[Mirrored, ...]
    access: Subscription | None
    """What access is decided on."""
    understood: bool
    """False: the entitlements stay as they are."""
    alerts: tuple[str, ...]
    lost_at: Mapping[str, datetime]
    """Invoice → since when we know that its payment was taken back for good."""


def judge(
    state: CustomerState, before: Sequence[Mirrored], lost_before: Mapping[str, datetime], now: datetime
) -> Judged:
    """What to keep of a customer's state.

    Args:
        state: as it was fetched.
        before: what was kept so far; also of a customer that the tenant was before.
        lost_before: since when the payments of which invoices are known to be lost.
        now: when it was fetched.
    """
    known = {each.id: each for each in before}
    lost_at = {i.id: lost_before.get(i.id, now) for i in state.invoices if i.dispute == LOST}
    alerts: list[str] = ["the customer was deleted at the payment provider"] if state.deleted else []
    found, understood = [], True
    for subscription in state.subscriptions:
        mirrored = _mirror(subscription, known.get(subscription.id), state.invoices, lost_at)
        if strange := _strange_prices(subscription):
            alerts.append(f"{subscription.id} has prices that are not ours: {', '.join(strange)}")
        if mirrored is not None:
            found.append(mirrored)
        elif subscription.status not in NEVER_BEGAN:
            understood = False
    gone = _gone(before, {s.id for s in state.subscriptions}, now)
    if not state.deleted:
        alerts += [f"{s.id} is no longer known to the payment provider" for s in gone if not known[s.id].ended_at]
    everything = (*found, *gone)
    live = [each.id for each in everything if each.is_live]
    if len(live) > 1:
        alerts.append(f"more than one subscription is running: {', '.join(sorted(live))}")
    return Judged(everything, _access_of(find_present(everything)), understood, tuple(alerts), lost_at)


def find_present(subscriptions: Iterable[Mirrored]) -> Mirrored | None:
    """The one that counts: the newest that runs, else the one that ended last."""
    begun = [each for each in subscriptions if each.status not in NEVER_BEGAN]
    live = [each for each in begun if each.is_live]
    if live:
        return max(live, key=lambda each: (each.created_at, each.id))
    return max(begun, key=lambda each: (each.ended_at or each.created_at, each.id), default=None)


def _access_of(present: Mirrored | None) -> Subscription | None:
    if present is None:
        return None
    ends = present.ended_at or present.cancel_at
    return Subscription(present.plan, present.seats, present.unpaid_since, ends, present.dispute_lost)


def _mirror(
    found: ProviderSubscription, before: Mirrored | None, invoices: Sequence[ProviderInvoice],
    lost_at: Mapping[str, datetime],
) -> Mirrored | None:  # fmt: skip
    """None: it is of a plan that we do not know, and never did."""
    ours = [(item, price) for item in found.items if item.lookup_key and (price := find_price(item.lookup_key))]
    if ours:
        item, (plan, interval, _) = ours[0]
        seats = item.quantity
    elif before is not None:
        plan, interval = before.plan, before.interval
        seats = max((item.quantity for item in found.items), default=before.seats)
    else:
        return None
    of_it = [invoice for invoice in invoices if invoice.subscription_id == found.id]
    unpaid_since = _unpaid_since(of_it)
    if unpaid_since is None and found.status in OVERDUE:  # its invoice is out of sight
        unpaid_since = before.unpaid_since if before else None
        unpaid_since = unpaid_since or max((i.period_start for i in found.items), default=found.started_at)
    ended_at = found.ended_at or (found.cancel_at if found.status in ENDED else None)
    return Mirrored(
        found.id, found.status, plan, interval, found.currency, seats, found.started_at, found.created_at,
        found.cancel_at, ended_at, unpaid_since, _is_lost(of_it, lost_at), _scheduled(found), found.items,
    )  # fmt: skip


def _unpaid_since(invoices: Sequence[ProviderInvoice]) -> datetime | None:
    """When the oldest invoice that is still open was due. One that nobody tried to collect is not due yet."""
    due = [
        invoice.due_at or invoice.issued_at or invoice.created_at
        for invoice in invoices
        if invoice.status in UNPAID
        and invoice.paid_minor < invoice.total_minor
        and (invoice.due_at or invoice.attempted)
    ]
    return min(due, default=None)


def _is_lost(invoices: Sequence[ProviderInvoice], lost_at: Mapping[str, datetime]) -> bool:
    """A payment was taken back for good, and nothing was paid since."""
    lost = [lost_at[invoice.id] for invoice in invoices if invoice.id in lost_at]
    paid = [i.paid_at for i in invoices if i.paid_at is not None and i.total_minor > 0 and i.id not in lost_at]
    return any(all(each <= moment for each in paid) for moment in lost)


def _scheduled(found: ProviderSubscription) -> ScheduledChange | None:
    scheduled = found.scheduled
    price = find_price(scheduled.lookup_key) if scheduled is not None and scheduled.lookup_key else None
    if scheduled is None or price is None:
        return None
    plan, interval, _ = price
    return ScheduledChange(plan.key, plan.version, interval.value, scheduled.quantity, scheduled.at)


def _strange_prices(found: ProviderSubscription) -> list[str]:
    if found.status in ENDED | NEVER_BEGAN:
        return []
    return [item.lookup_key or item.price_id for item in found.items if find_price(item.lookup_key or "") is None]


def _gone(before: Sequence[Mirrored], there: set[str], now: datetime) -> list[Mirrored]:
    """What the provider no longer names has ended, at the latest now."""
    return [
        each if each.ended_at is not None else replace(each, status="canceled", ended_at=now)
        for each in before
        if each.id not in there
    ]


def plan_of(key: str, version: int) -> Plan:
    """The plan of a kept row."""
    return get_plan(key, version)
