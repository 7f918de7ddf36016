"""What a wish about the subscription means: at once, at the period's end, or not at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.billing.access import State
from server.billing.change_rules import (
    AlreadySubscribed,
    Mode,
    NoSubscription,
    PaymentOverdue,
    SubscriptionEnds,
    Wish,
    decide_change,
    decide_checkout,
    find_excess,
    is_invoiced_now,
    rest_of_trial,
)
from server.billing.judge import Mirrored, ScheduledChange
from server.billing.plans import Interval, PlanUnknown, get_plan
from server.billing.provider import Item, Target
from server.crm.usage import Usage
from server.errors import InvalidInput

NOW = datetime(2027, 1, 10, tzinfo=UTC)
END = datetime(2027, 2, 1, tzinfo=UTC)
TEAM, BUSINESS = get_plan("team"), get_plan("business")
PRESENT = Mirrored(
    "sub_1", "active", TEAM, Interval.MONTH, "EUR", 5, NOW, NOW, items=(Item("si_1", "price_1", "k", 5, NOW, END),)
)


@pytest.mark.parametrize(
    ("wish", "mode"),
    [
        (Wish(seats=6), Mode.NOW),
        (Wish(plan="business"), Mode.NOW),
        (Wish(interval=Interval.YEAR), Mode.NOW),
        (Wish("business", Interval.YEAR, 9), Mode.NOW),
        (Wish(seats=4), Mode.SCHEDULED),
        (Wish(), Mode.NOTHING),
        (Wish("team", Interval.MONTH, 5), Mode.NOTHING),
    ],
)
def test_more_is_had_at_once_and_less_from_the_next_period_on(wish: Wish, mode: Mode):
    """Nobody waits for what they pay for, nor loses what they have paid for."""
    decision = decide_change(PRESENT, State.ACTIVE, wish)

    assert decision.mode is mode
    assert decision.at == (END if mode is Mode.SCHEDULED else None)


def test_a_smaller_plan_and_a_shorter_interval_wait_for_the_end():
    """A year that is paid for is had."""
    yearly = replace(PRESENT, plan=BUSINESS, interval=Interval.YEAR)

    assert decide_change(yearly, State.ACTIVE, Wish(plan="team")).mode is Mode.SCHEDULED
    assert decide_change(yearly, State.ACTIVE, Wish(interval=Interval.MONTH)).mode is Mode.SCHEDULED


@pytest.mark.parametrize("wish", [Wish("business", seats=2), Wish(interval=Interval.YEAR, seats=4)])
def test_more_and_less_at_once_are_two_wishes(wish: Wish):
    """Half of it would come true now, and the preview would be wrong."""
    with pytest.raises(InvalidInput, match="First ask for what is more"):
        decide_change(PRESENT, State.ACTIVE, wish)


def test_two_reductions_add_up():
    """Fewer seats, and then a smaller plan: at the period's end both come."""
    waiting = replace(
        PRESENT, plan=BUSINESS, scheduled=ScheduledChange("business", 1, "month", 3, END)
    )  # fmt: skip

    decision = decide_change(waiting, State.ACTIVE, Wish(plan="team"))

    assert decision.mode is Mode.SCHEDULED
    assert (decision.target.plan, decision.target.seats) == (TEAM, 3)


def test_wishing_what_is_there_withdraws_what_was_to_come():
    """Somebody has thought better of it."""
    waiting = replace(PRESENT, scheduled=ScheduledChange("team", 1, "month", 3, END))

    assert decide_change(waiting, State.ACTIVE, Wish(seats=5)).mode is Mode.WITHDRAWN


@pytest.mark.parametrize("state", [State.GRACE, State.RESTRICTED])
def test_nothing_more_is_sold_while_a_payment_is_long_overdue(state: State):
    """A seat added while past due would be one more invoice that nobody pays. Less is always possible."""
    with pytest.raises(PaymentOverdue):
        decide_change(PRESENT, state, Wish(seats=6))

    assert decide_change(PRESENT, state, Wish(seats=4)).mode is Mode.SCHEDULED


def test_without_a_running_subscription_there_is_nothing_to_change():
    """The checkout is the way."""
    for present in (None, replace(PRESENT, status="canceled", ended_at=NOW), replace(PRESENT, status="incomplete")):
        with pytest.raises(NoSubscription):
            decide_change(present, State.ACTIVE, Wish(seats=6))


def test_a_subscription_that_ends_is_resumed_first():
    """Else a seat would be bought for a week."""
    with pytest.raises(SubscriptionEnds, match="2027-02-01"):
        decide_change(replace(PRESENT, cancel_at=END), State.ACTIVE, Wish(seats=6))


@pytest.mark.parametrize(
    ("wish", "field"),
    [(Wish(seats=26), "Business has more"), (Wish(plan="free"), "Cancel"), (Wish(seats=0), "1 to 25")],
)
def test_what_cannot_be_bought_says_what_can(wish: Wish, field: str):
    """Stripe would only say no."""
    with pytest.raises(InvalidInput, match=field):
        decide_change(PRESENT, State.ACTIVE, wish)


def test_a_plan_that_nobody_knows_is_named():
    """With those that there are."""
    with pytest.raises(PlanUnknown, match="business, enterprise, free, team"):
        decide_change(PRESENT, State.ACTIVE, Wish(plan="gold"))


def test_a_checkout_is_for_those_who_have_nothing():
    """Two subscriptions would be paid twice."""
    assert decide_checkout(None, Wish("team", None, 3), "EUR") == Target(TEAM, Interval.MONTH, "EUR", 3)
    assert decide_checkout(replace(PRESENT, ended_at=NOW), Wish("team"), "KZT").seats == 1
    with pytest.raises(AlreadySubscribed):
        decide_checkout(PRESENT, Wish("team"), "EUR")
    with pytest.raises(InvalidInput, match="EUR, JPY, KWD, KZT, USD"):
        decide_checkout(None, Wish("team"), "XAU")


@pytest.mark.parametrize(
    ("rest", "until", "days"),
    [
        (timedelta(days=10), True, None),
        (timedelta(hours=49), True, None),
        (timedelta(hours=48), False, 2),
        (timedelta(hours=25), False, 2),
        (timedelta(minutes=1), False, 1),
        (timedelta(0), False, None),
        (timedelta(days=-1), False, None),
    ],
)
def test_the_rest_of_a_trial_is_not_lost(rest: timedelta, until: bool, days: int | None):
    """Whoever pays early pays for nothing twice; what Stripe cannot express becomes whole days, rounded up."""
    free_until, free_days = rest_of_trial(NOW + rest, NOW)

    assert free_until == (NOW + rest if until else None)
    assert free_days == days


def test_a_downgrade_names_what_there_would_be_no_room_for():
    """Before, not after."""
    target = Target(TEAM, Interval.MONTH, "EUR", 2)
    used = Usage(4, 4, 2, records=100_001, storage_bytes=5, custom_fields=3, api_keys=1, webhooks=0)
    little = Usage(2, 2, 1, records=3, storage_bytes=5, custom_fields=3, api_keys=0, webhooks=0)

    assert [(e.limit, e.used, e.maximum) for e in find_excess(target, used)] == [
        ("seats", 4, 2),
        ("records", 100_001, 100_000),
        ("api_keys", 1, 0),
    ]
    assert find_excess(target, little) == ()


def test_many_changes_in_a_row_wait_for_the_next_invoice():
    """Stripe makes ten invoices a minute and twenty a day for a subscription, and then refuses."""
    ago = [NOW - timedelta(seconds=20 * n) for n in range(1, 4)]

    assert is_invoiced_now(ago[:2], NOW)
    assert not is_invoiced_now(ago[:3], NOW + timedelta(seconds=-1))
    assert is_invoiced_now(ago, NOW + timedelta(minutes=1))
    assert not is_invoiced_now([NOW - timedelta(hours=n) for n in range(1, 11)], NOW)
