"""What the routes of billing take and give."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from server.billing.acts import Preview, Standing
from server.billing.change_rules import SEATS_MAX, Excess, Wish
from server.billing.checkout import Opened
from server.billing.plans import PLANS, Interval, Plan
from server.billing.provider import Link
from server.tenants.entitlements import Entitlement

PlanName = Annotated[str, Meta(min_length=1, max_length=40)]
Seats = Annotated[int, Meta(ge=1, le=SEATS_MAX)]
Currency = Annotated[str, Meta(pattern="^[A-Za-z]{3}$")]


class CheckoutRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be bought. Without a currency, that of the billing account."""

    plan: PlanName
    interval: Interval = Interval.MONTH
    seats: Seats = 1
    currency: Currency | None = None

    def wish(self) -> Wish:
        """In the words of the rules."""
        return Wish(self.plan, self.interval, self.seats)


class ChangeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the subscription is to become; what is left out stays. `at`: of the preview, whose amounts then hold."""

    plan: PlanName | None = None
    interval: Interval | None = None
    seats: Seats | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None

    def wish(self) -> Wish:
        """In the words of the rules."""
        return Wish(self.plan, self.interval, self.seats)


class SeatsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How many seats are to be had."""

    seats: Seats


class PlanLimitsView(msgspec.Struct):
    """How much of each a plan has; null: as much as one likes."""

    seats: int | None
    devices_per_seat: int
    records: int | None
    storage_bytes: int | None
    sync_interval_s: int
    features: list[str]


class SeatPriceView(msgspec.Struct):
    """What a seat costs for each period, without tax."""

    interval: str
    currency: str
    amount_minor: int


class PlanView(msgspec.Struct):
    """A tier that can be had."""

    key: str
    version: int
    name: str
    limits: PlanLimitsView
    prices: list[SeatPriceView]

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        """A plan as people see it."""
        limits = plan.limits
        prices = [SeatPriceView(i.value, c, minor) for (i, c), minor in plan.seat_prices_minor.items()]
        shown = PlanLimitsView(
            limits.seats_max, limits.devices_per_seat_max, limits.records_max, limits.storage_max_bytes,
            limits.sync_interval_s, sorted(limits.features),
        )  # fmt: skip
        return cls(plan.key, plan.version, plan.name, shown, prices)


def newest_plans() -> list[PlanView]:
    """What can be had now, the smallest tier first."""
    newest = {plan.key: plan for plan in sorted(PLANS, key=lambda plan: plan.version)}
    return [PlanView.of(newest[key]) for key in dict.fromkeys(plan.key for plan in PLANS)]


class ScheduledView(msgspec.Struct):
    """A change that waits for the period's end."""

    plan: str
    interval: str
    seats: int
    at: datetime


class SubscriptionView(msgspec.Struct):
    """What is paid for."""

    plan: str
    plan_version: int
    interval: str
    currency: str
    seats: int
    period_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    unpaid_since: datetime | None
    scheduled: ScheduledView | None


class AccessStepView(msgspec.Struct):
    """What the tenant may do from a moment on (`starts_at` null: already)."""

    state: str
    plan: str
    seats_max: int | None
    may_write: bool
    may_grow: bool
    starts_at: datetime | None
    ends_at: datetime | None


class BillingView(msgspec.Struct):
    """How a tenant stands, and what time alone will make of it. `banner`: what its people should be told."""

    state: str
    plan: str
    banner: str | None
    trial_ends_at: datetime
    seats_bought: int | None
    seats_assigned: int
    provider: str | None
    subscription: SubscriptionView | None
    steps: list[AccessStepView]
    change_under_way: bool
    alert: str | None
    synced_at: datetime | None

    @classmethod
    def of(
        cls, standing: Standing, steps: Sequence[Entitlement], *, assigned: int, under_way: bool, banner: str | None
    ) -> "BillingView":
        """A tenant's standing as its people see it."""
        present, account = standing.present, standing.account
        subscription = None
        if present is not None:
            waiting = present.scheduled
            subscription = SubscriptionView(
                present.plan.key, present.plan.version, present.interval.value, present.currency, present.seats,
                present.period_end, present.cancel_at, present.ended_at, present.unpaid_since,
                ScheduledView(waiting.plan, waiting.interval, waiting.seats, waiting.at) if waiting else None,
            )  # fmt: skip
        shown = [
            AccessStepView(s.state, s.plan, s.seats_max, s.may_write, s.may_grow, s.starts_at, s.ends_at) for s in steps
        ]
        return cls(
            standing.held.state, standing.held.plan, banner, account.trial_ends_at,
            present.seats if present is not None and present.is_live else None, assigned, account.provider,
            subscription, shown, under_way, account.alert, account.synced_at,
        )  # fmt: skip


class ExcessView(msgspec.Struct):
    """Something of which there is more than the plan allows: it stays, and can be read and not added to."""

    limit: str
    used: int
    maximum: int

    @classmethod
    def all_of(cls, excess: Sequence[Excess]) -> "list[ExcessView]":
        """Each as people see it."""
        return [cls(each.limit, each.used, each.maximum) for each in excess]


class CheckoutReply(msgspec.Struct):
    """Where to pay. Nothing is charged before `free_until`."""

    url: str
    expires_at: datetime | None
    free_until: datetime | None
    exceeds: list[ExcessView]

    @classmethod
    def of(cls, opened: Opened) -> "CheckoutReply":
        """A page that was opened."""
        return cls(opened.url, opened.expires_at, opened.free_until, ExcessView.all_of(opened.excess))


class PortalReply(msgspec.Struct):
    """Where cards, tax ids and invoices are, and where one cancels."""

    url: str

    @classmethod
    def of(cls, link: Link) -> "PortalReply":
        """A page that was opened."""
        return cls(link.url)


class PreviewLineView(msgspec.Struct):
    """One line of what a change costs; credits are negative."""

    text: str
    amount_minor: int


class CostView(msgspec.Struct):
    """What is charged at once. `due_minor` is after tax and credits; `at` goes into the change."""

    at: datetime
    currency: str
    lines: list[PreviewLineView]
    subtotal_minor: int
    tax_minor: int
    due_minor: int


class PreviewReply(msgspec.Struct):
    """What a change would mean: at once at a cost, at the period's end, or nothing. `exceeds` would have no room."""

    mode: Literal["now", "scheduled", "withdrawn", "nothing"]
    plan: str
    interval: str
    seats: int
    at: datetime | None
    cost: CostView | None
    exceeds: list[ExcessView]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewReply":
        """A preview as people see it."""
        decision, cost = preview.decision, preview.cost
        lines = [PreviewLineView(line.text, line.amount_minor) for line in cost.lines] if cost else []
        shown = None
        if cost is not None:
            shown = CostView(cost.at, cost.currency, lines, cost.subtotal_minor, cost.tax_minor, cost.due_minor)
        target = decision.target
        return cls(
            decision.mode.value, target.plan.key, target.interval.value, target.seats, decision.at, shown,
            ExcessView.all_of(preview.excess),
        )  # fmt: skip
