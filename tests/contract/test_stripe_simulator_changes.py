"""The simulated Stripe reckons changes of a subscription as Stripe documents it: prorations, previews, schedules."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
import stripe as sdk

from tests.contract.subscribers import change, invoices_of, periods, price_of, status_of, subscribe
from tests.stripe import StripeSimulator


def test_ten_dollars_in_may_then_twenty_from_the_middle_of_it_make_twenty_five_in_june(may: StripeSimulator):
    """Stripe's own example: the renewal of 20, and 5 for half of the difference."""
    subscription = subscribe(may, price_of(may, 1000))
    may.advance(timedelta(days=15, hours=12))

    change(may, subscription, "create_prorations", price=price_of(may, 2000))
    may.advance(datetime(2027, 6, 1, 2, tzinfo=UTC))

    first, june = invoices_of(may, subscription)
    assert (first.total, june.total, june.status) == (1000, 2500, "paid")
    assert sorted(line.amount for line in june.lines.data) == [-500, 1000, 2000]


def test_more_seats_are_charged_at_once_for_the_rest_of_the_period_to_the_second(may: StripeSimulator):
    """3 seats of 9.99 become 5 after 10 days, 4 hours, 5 minutes and 6 seconds; each line is rounded by itself."""
    subscription = subscribe(may, price_of(may, 999), 3)
    may.advance(timedelta(days=10, hours=4, minutes=5, seconds=6))
    left = Fraction(31 * 86_400 - (10 * 86_400 + 4 * 3600 + 5 * 60 + 6), 31 * 86_400)

    change(may, subscription, "always_invoice", quantity=5)

    _, invoice = invoices_of(may, subscription)
    expected = [-int(2997 * left + Fraction(1, 2)), int(4995 * left + Fraction(1, 2))]
    assert [line.amount for line in invoice.lines.data] == expected == [-2014, 3356]
    assert (invoice.total, invoice.status, invoice.billing_reason) == (sum(expected), "paid", "subscription_update")
    assert all(line.parent.subscription_item_details.proration for line in invoice.lines.data)


def test_a_preview_costs_what_the_change_then_costs(may: StripeSimulator):
    """The number that the customer agrees to is the number that is charged."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 999), 3)
    may.advance(timedelta(days=7, seconds=1))
    items = [{"id": subscription["items"].data[0].id, "quantity": 8}]
    details = {"items": items, "proration_behavior": "always_invoice", "proration_date": may.now}

    preview = client.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    change(may, subscription, "always_invoice", quantity=8)

    _, invoice = invoices_of(may, subscription)
    assert preview.amount_due == invoice.amount_paid == invoice.total > 0
    assert [line.amount for line in preview.lines.data] == [line.amount for line in invoice.lines.data]
    assert len(client.v1.invoices.list().data) == 2


def test_a_seat_that_was_never_charged_is_not_credited(may: StripeSimulator):
    """Flexible billing credits from what was charged: two free seats given back bring no money."""
    subscription = subscribe(may, price_of(may, 1000), 3)
    change(may, subscription, "none", quantity=5)
    may.advance(timedelta(days=15, hours=12))

    change(may, subscription, "create_prorations", quantity=3)

    items = may.client().v1.invoice_items.list({"customer": subscription.customer}).data
    assert sorted(each.amount for each in items) == [-1500, 1500]


def test_fewer_seats_leave_a_credit_that_later_invoices_use_up(may: StripeSimulator):
    """A customer who shrinks gets no money back, but pays less until the credit is gone."""
    subscription = subscribe(may, price_of(may, 1000), 10)
    may.advance(timedelta(days=15, hours=12))

    change(may, subscription, "always_invoice", quantity=1)
    may.advance(timedelta(days=120))

    totals = [(each.total, each.amount_due, each.ending_balance) for each in invoices_of(may, subscription)]
    assert totals[1] == (-4500, 0, -4500)
    assert totals[2:] == [(1000, 0, -3500), (1000, 0, -2500), (1000, 0, -1500), (1000, 0, -500)]


def test_another_interval_begins_a_period_and_credits_the_rest_of_the_old_one(may: StripeSimulator):
    """From monthly to yearly: paid at once, renewed a year later."""
    subscription = subscribe(may, price_of(may, 1000))
    may.advance(timedelta(days=15, hours=12))

    change(may, subscription, "create_prorations", price=price_of(may, 10_000, interval="year"))

    _, invoice = invoices_of(may, subscription)
    assert (invoice.total, invoice.status) == (9500, "paid")
    assert periods(may, subscription) == (datetime(2027, 5, 16, 12, tzinfo=UTC), datetime(2028, 5, 16, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("currency", "amount", "expected"), [("jpy", 999, 500), ("kwd", 9990, 5000), ("usd", 999, 500)]
)
def test_half_a_period_is_rounded_to_what_the_currency_can_be_charged_in(
    may: StripeSimulator, currency: str, amount: int, expected: int
):
    """Yen have no cents; dinars have three places, of which the last must be 0."""
    subscription = subscribe(may, price_of(may, amount, currency=currency))
    may.advance(timedelta(days=15, hours=12))

    change(may, subscription, "create_prorations", quantity=2)

    credit, charge = sorted(each.amount for each in may.client().v1.invoice_items.list().data)
    assert credit == -expected
    assert charge == amount


def test_a_price_in_dinars_that_cannot_be_charged_is_refused(may: StripeSimulator):
    """Stripe's rule for currencies with three places."""
    with pytest.raises(sdk.InvalidRequestError, match="multiple of 10"):
        price_of(may, 9995, currency="kwd")


def test_what_is_too_small_to_charge_waits_on_the_balance(may: StripeSimulator):
    """Below half a dollar a card charge is refused: it is added to the next invoice."""
    subscription = subscribe(may, price_of(may, 30))
    customer = may.client().v1.customers.retrieve(subscription.customer)

    (invoice,) = invoices_of(may, subscription)

    assert (invoice.status, invoice.amount_due, invoice.ending_balance, customer.balance) == ("paid", 0, 30, 30)


def test_no_more_than_ten_invoices_a_minute(may: StripeSimulator):
    """Why seat changes are debounced."""
    subscription = subscribe(may, price_of(may, 1000))
    for quantity in range(2, 12):
        change(may, subscription, "always_invoice", quantity=quantity)

    with pytest.raises(sdk.RateLimitError):
        change(may, subscription, "always_invoice", quantity=12)


def test_an_item_is_added_and_taken_away_with_its_share_of_the_period(may: StripeSimulator):
    """Add-ons beside the seats."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    may.advance(timedelta(days=15, hours=12))

    item = client.v1.subscription_items.create(
        {"subscription": subscription.id, "price": price_of(may, 500), "quantity": 2}
    )
    client.v1.subscription_items.delete(item.id)

    assert [each.id for each in client.v1.subscription_items.list({"subscription": subscription.id}).data] == [
        subscription["items"].data[0].id
    ]
    assert sorted(each.amount for each in client.v1.invoice_items.list().data) == [-500, 500]


def test_a_downgrade_that_is_scheduled_takes_effect_with_the_next_period(may: StripeSimulator):
    """The way down: nothing changes until what was paid for has been used."""
    client = may.client()
    business, team = price_of(may, 2000), price_of(may, 1000)
    subscription = subscribe(may, business, 4)
    schedule = client.v1.subscription_schedules.create({"from_subscription": subscription.id})
    present = schedule.phases[0]
    phases = [
        {"items": [{"price": business, "quantity": 4}], "start_date": present.start_date, "end_date": present.end_date},
        {"items": [{"price": team, "quantity": 2}], "duration": {"interval": "month"}, "proration_behavior": "none"},
    ]

    client.v1.subscription_schedules.update(schedule.id, {"phases": phases, "end_behavior": "release"})
    may.advance(timedelta(days=20))
    before = client.v1.subscriptions.retrieve(subscription.id)["items"].data[0]
    with pytest.raises(sdk.InvalidRequestError, match="managed by the subscription schedule"):
        change(may, subscription, "none", quantity=9)
    may.advance(datetime(2027, 6, 1, 2, tzinfo=UTC))
    after = client.v1.subscriptions.retrieve(subscription.id)

    assert (before.price.id, before.quantity) == (business, 4)
    assert [(each.price.id, each.quantity) for each in after["items"].data] == [(team, 2)]
    assert [each.total for each in invoices_of(may, subscription)] == [8000, 2000]
    may.advance(datetime(2027, 7, 1, 2, tzinfo=UTC))
    assert client.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert client.v1.subscriptions.retrieve(subscription.id).schedule is None
    assert [each.total for each in invoices_of(may, subscription)] == [8000, 2000, 2000]


def test_a_schedule_can_turn_yearly_into_monthly_at_the_end_of_the_year(may: StripeSimulator):
    """Another interval begins a period of its own."""
    client = may.client()
    year, month = price_of(may, 10_000, interval="year"), price_of(may, 1000)
    subscription = subscribe(may, year)
    schedule = client.v1.subscription_schedules.create({"from_subscription": subscription.id})
    present = schedule.phases[0]
    phases = [
        {"items": [{"price": year, "quantity": 1}], "start_date": present.start_date, "end_date": present.end_date},
        {"items": [{"price": month, "quantity": 1}], "duration": {"interval": "month", "interval_count": 2}},
    ]

    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    may.advance(datetime(2028, 6, 2, tzinfo=UTC))

    assert periods(may, subscription) == (datetime(2028, 6, 1, tzinfo=UTC), datetime(2028, 7, 1, tzinfo=UTC))
    assert [each.total for each in invoices_of(may, subscription)] == [10_000, 1000, 1000]


def test_a_released_schedule_leaves_the_subscription_as_it_is(may: StripeSimulator):
    """A downgrade that the customer takes back."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    schedule = client.v1.subscription_schedules.create({"from_subscription": subscription.id})

    released = client.v1.subscription_schedules.release(schedule.id)
    may.advance(timedelta(days=32))

    assert (released.status, released.released_subscription) == ("released", subscription.id)
    assert status_of(may, subscription) == "active"
