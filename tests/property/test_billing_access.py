"""The rule by which a tenant's access is decided: laws over all trials, subscriptions and moments."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk.rules import minor_digits

from server.billing.access import (
    GRACE_AFTER,
    RESTRICTED_AFTER,
    TRIAL,
    State,
    Subscription,
    decide_access,
)
from server.billing.entitle import plan_steps
from server.billing.plans import PLANS, Interval, PlanUnknown, find_price, get_plan
from server.tenants.entitlements import current

SIGNED_UP = datetime(2024, 2, 28, 22, 30, tzinfo=UTC)
TRIAL_ENDS = SIGNED_UP + TRIAL
ORDER = list(State)

moments = st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda after: SIGNED_UP + after)
subscriptions = st.builds(
    Subscription,
    plan=st.sampled_from(PLANS),
    seats=st.integers(1, 1_000),
    unpaid_since=st.none() | moments,
    ended_at=st.none() | moments,
    dispute_lost=st.booleans(),
)


@given(subscription=subscriptions, first=moments, later=moments)
def test_time_alone_never_makes_access_better(subscription: Subscription, first: datetime, later: datetime):
    """Only a payment opens what was closed: a clock that goes on must not."""
    first, later = sorted((first, later))

    before, after = (decide_access(TRIAL_ENDS, subscription, at) for at in (first, later))

    assert ORDER.index(before.state) <= ORDER.index(after.state)
    assert before.may_write >= after.may_write
    assert before.may_grow >= after.may_grow


@given(subscription=st.none() | subscriptions, at=moments)
def test_nothing_changes_before_the_moment_that_is_told(subscription: Subscription | None, at: datetime):
    """A device's lease ends at that moment, and must not end too late nor too early."""
    access = decide_access(TRIAL_ENDS, subscription, at)

    if access.changes_at is None:
        assert decide_access(TRIAL_ENDS, subscription, at + timedelta(days=4_000)).state is access.state
    else:
        assert at < access.changes_at
        last = access.changes_at - timedelta(microseconds=1)
        assert decide_access(TRIAL_ENDS, subscription, last) == access
        then = decide_access(TRIAL_ENDS, subscription, access.changes_at)
        assert (then.state, then.plan) != (access.state, access.plan)


@given(subscription=subscriptions, at=moments)
def test_a_payment_opens_everything_again(subscription: Subscription, at: datetime):
    """Who pays what is owed works at once, however long it was owed."""
    paid = Subscription(subscription.plan, subscription.seats)

    assert decide_access(TRIAL_ENDS, paid, at).state is State.ACTIVE


@given(subscription=subscriptions, at=moments)
def test_nobody_works_on_more_seats_than_bought_or_allowed(subscription: Subscription, at: datetime):
    """Seats are what is paid for."""
    seats_max = decide_access(TRIAL_ENDS, subscription, at).seats_max

    assert seats_max is not None
    assert seats_max <= subscription.seats
    assert seats_max <= (subscription.plan.limits.seats_max or seats_max)


@pytest.mark.parametrize(
    ("after", "state", "writes", "grows"),
    [
        (timedelta(microseconds=-1), State.ACTIVE, True, True),
        (timedelta(0), State.PAST_DUE, True, True),
        (GRACE_AFTER - timedelta(microseconds=1), State.PAST_DUE, True, True),
        (GRACE_AFTER, State.GRACE, True, False),
        (RESTRICTED_AFTER - timedelta(microseconds=1), State.GRACE, True, False),
        (RESTRICTED_AFTER, State.RESTRICTED, False, False),
        (timedelta(days=300), State.RESTRICTED, False, False),
    ],
)
def test_an_unpaid_invoice_closes_step_by_step(after: timedelta, state: State, writes: bool, grows: bool):
    """A forgotten card costs a banner first, then growth, and only after two weeks the pen."""
    due = datetime(2024, 2, 29, tzinfo=UTC)
    subscription = Subscription(get_plan("team"), seats=3, unpaid_since=due)

    access = decide_access(TRIAL_ENDS, subscription, due + after)

    assert (access.state, access.may_write, access.may_grow) == (state, writes, grows)


def test_a_trial_ends_on_the_free_tier_and_closes_nothing():
    """Whoever tries and does not pay keeps working, with less."""
    during = decide_access(TRIAL_ENDS, None, TRIAL_ENDS - timedelta(microseconds=1))
    after = decide_access(TRIAL_ENDS, None, TRIAL_ENDS)

    assert (during.state, during.plan.key, during.changes_at) == (State.TRIALING, "business", TRIAL_ENDS)
    assert (after.state, after.plan.key, after.may_write) == (State.ACTIVE, "free", True)


def test_a_subscription_that_was_cancelled_gives_all_of_it_until_its_end():
    """What was paid for is had to the last second."""
    ends = datetime(2025, 1, 31, tzinfo=UTC)
    subscription = Subscription(get_plan("team"), seats=3, ended_at=ends)

    assert decide_access(TRIAL_ENDS, subscription, ends - timedelta(seconds=1)).state is State.ACTIVE
    assert decide_access(TRIAL_ENDS, subscription, ends).state is State.CANCELLED


def test_a_lost_dispute_restricts_although_all_invoices_are_paid():
    """The bank took the money back."""
    subscription = Subscription(get_plan("team"), seats=3, dispute_lost=True)

    assert decide_access(TRIAL_ENDS, subscription, datetime(2025, 3, 1, tzinfo=UTC)).state is State.RESTRICTED


def test_every_price_is_found_under_its_lookup_key_and_no_other():
    """The provider names a price; what it means is ours to know."""
    prices = [(plan, *price) for plan in PLANS for price in plan.seat_prices_minor]

    assert [find_price(plan.lookup_key(interval, currency)) for plan, interval, currency in prices] == prices
    assert find_price("outrider_team_v9_month_eur") is None
    with pytest.raises(PlanUnknown, match="business, enterprise, free, team"):
        get_plan("gold")


def test_a_larger_tier_costs_more_and_gives_no_less():
    """Nobody loses anything by an upgrade, and a year is never dearer than twelve months."""
    for smaller, larger in pairwise(PLANS):
        for limit in ("seats_max", "records_max", "storage_max_bytes", "devices_per_seat_max"):
            least, most = getattr(smaller.limits, limit), getattr(larger.limits, limit)
            assert most is None or least < most
        assert smaller.limits.features <= larger.limits.features
        assert smaller.limits.sync_interval_s > larger.limits.sync_interval_s
        for price, minor in smaller.seat_prices_minor.items():
            assert minor < larger.seat_prices_minor[price]
    for plan in PLANS[1:]:
        for (interval, currency), minor in plan.seat_prices_minor.items():
            assert minor % 10 ** max(0, minor_digits(currency) - 2) == 0
            if interval is Interval.YEAR:
                assert minor <= 12 * plan.seat_prices_minor[Interval.MONTH, currency]


@given(subscription=st.none() | subscriptions, signed=moments, at=moments)
def test_the_steps_say_at_each_moment_what_the_rule_says(
    subscription: Subscription | None, signed: datetime, at: datetime
):
    """Others read the steps, never the rule: a trial that ends while no job runs must end all the same."""
    written, read = sorted((signed, at))

    step = current(plan_steps(TRIAL_ENDS, subscription, written), read)

    access = decide_access(TRIAL_ENDS, subscription, read)
    assert (step.state, step.plan, step.seats_max) == (access.state, access.plan.key, access.seats_max)
    assert (step.may_write, step.may_grow, step.ends_at) == (access.may_write, access.may_grow, access.changes_at)
