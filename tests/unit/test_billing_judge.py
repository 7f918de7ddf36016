"""What we make of a provider's words: which subscription counts, since when nobody pays, what we do not understand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.billing.judge import find_present, judge
from server.billing.provider import CustomerState, Item, ProviderInvoice, ProviderSubscription

NOW = datetime(2027, 1, 20, tzinfo=UTC)
BEGUN = datetime(2027, 1, 1, tzinfo=UTC)
ITEM = Item("si_1", "price_1", "outrider_team_v1_month_eur", 4, BEGUN, BEGUN + timedelta(days=31))
SUBSCRIPTION = ProviderSubscription("sub_1", "active", "EUR", (ITEM,), BEGUN, BEGUN)
PAID = ProviderInvoice(
    "in_1",
    "paid",
    "EUR",
    "sub_1",
    7_600,
    7_600,
    BEGUN,
    paid_minor=7_600,
    attempted=True,
    issued_at=BEGUN,
    paid_at=BEGUN,
)
OPEN = replace(PAID, id="in_2", status="open", paid_minor=0, paid_at=None, issued_at=NOW)


def state(*subscriptions: ProviderSubscription, invoices: tuple[ProviderInvoice, ...] = ()) -> CustomerState:
    return CustomerState("cus_1", deleted=False, subscriptions=subscriptions, invoices=invoices)


@pytest.mark.parametrize(
    ("invoice", "since"),
    [
        (PAID, None),
        (OPEN, NOW),
        (replace(OPEN, attempted=False), None),
        (replace(OPEN, status="draft", attempted=False), None),
        (replace(OPEN, status="void"), None),
        (replace(OPEN, status="uncollectible"), NOW),
        (replace(OPEN, attempted=False, due_at=NOW + timedelta(days=10)), NOW + timedelta(days=10)),
        (replace(OPEN, subscription_id="sub_of_another_time"), None),
        (replace(OPEN, total_minor=0), None),
    ],
)
def test_a_debt_begins_when_somebody_tried_to_collect_it_or_when_it_was_due(
    invoice: ProviderInvoice, since: datetime | None
):
    """A renewal's invoice is a draft for an hour, and open for a moment: nobody is behind by that."""
    judged = judge(state(SUBSCRIPTION, invoices=(PAID, invoice)), (), {}, NOW)

    assert judged.access is not None
    assert judged.access.unpaid_since == since


@pytest.mark.parametrize("status", ["past_due", "unpaid", "paused"])
def test_a_debt_whose_invoice_is_out_of_sight_counts_from_the_period(status: str):
    """Stripe says that nobody pays; more we do not need."""
    judged = judge(state(replace(SUBSCRIPTION, status=status)), (), {}, NOW)

    assert judged.access is not None
    assert judged.access.unpaid_since == BEGUN


def test_the_newest_that_runs_counts_and_two_are_told():
    """Somebody completed two checkouts, or an operator made one by hand."""
    second = replace(SUBSCRIPTION, id="sub_2", created_at=NOW, items=(replace(ITEM, quantity=9),))

    judged = judge(state(SUBSCRIPTION, second), (), {}, NOW)

    assert judged.access is not None
    assert judged.access.seats == 9
    assert "more than one" in judged.alerts[0]


def test_one_whose_first_payment_never_came_counts_for_nothing():
    """Nobody is restricted by a checkout that they left."""
    judged = judge(state(replace(SUBSCRIPTION, status="incomplete")), (), {}, NOW)

    assert (judged.access, judged.understood, judged.alerts) == (None, True, ())


def test_what_ended_stays_on_record_and_the_last_one_counts():
    """Also that of a customer whom the tenant was before."""
    ended = judge(state(replace(SUBSCRIPTION, status="canceled", ended_at=BEGUN)), (), {}, NOW).subscriptions

    later = judge(state(replace(SUBSCRIPTION, id="sub_2")), ended, {}, NOW)
    neither = judge(state(), ended, {}, NOW)

    assert [each.id for each in later.subscriptions] == ["sub_2", "sub_1"]
    assert (present := find_present(later.subscriptions)) is not None
    assert present.id == "sub_2"
    assert neither.access is not None
    assert neither.access.ended_at == BEGUN
    assert neither.alerts == ()


def test_one_that_vanished_has_ended_and_is_told_once():
    """It does not happen; if it does, nobody works for nothing for ever."""
    before = judge(state(SUBSCRIPTION), (), {}, NOW).subscriptions

    first = judge(state(), before, {}, NOW)
    second = judge(state(), first.subscriptions, {}, NOW + timedelta(days=1))

    assert "no longer known" in first.alerts[0]
    assert second.alerts == ()
    assert second.subscriptions == first.subscriptions


def test_a_strange_price_leaves_the_plan_as_it_was_and_of_a_new_one_we_say_nothing():
    """What is not understood changes nothing."""
    strange = replace(SUBSCRIPTION, items=(replace(ITEM, lookup_key=None, quantity=7),))
    before = judge(state(SUBSCRIPTION), (), {}, NOW).subscriptions

    known, unknown = judge(state(strange), before, {}, NOW), judge(state(strange), (), {}, NOW)

    assert known.access is not None
    assert (known.access.plan.key, known.access.seats, known.understood) == ("team", 7, True)
    assert (unknown.access, unknown.understood) == (None, False)
    assert "price_1" in unknown.alerts[0]


def test_a_lost_dispute_counts_from_when_we_saw_it_until_the_next_payment():
    """The renewal that was paid while the bank was thinking does not count."""
    lost = replace(PAID, dispute="lost")
    renewal = replace(PAID, id="in_3", paid_at=NOW - timedelta(days=1))

    first = judge(state(SUBSCRIPTION, invoices=(lost, renewal)), (), {}, NOW)
    later = replace(renewal, id="in_4", paid_at=NOW + timedelta(days=1))
    after = judge(state(SUBSCRIPTION, invoices=(lost, renewal, later)), (), first.lost_at, NOW + timedelta(days=2))

    assert first.lost_at == {"in_1": NOW}
    assert first.access is not None
    assert first.access.dispute_lost
    assert after.access is not None
    assert not after.access.dispute_lost
