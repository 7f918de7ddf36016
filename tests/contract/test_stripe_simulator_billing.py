"""The simulated Stripe reckons as Stripe documents it: prorations, renewals, failed cards, schedules, refunds."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
import stripe as sdk

from tests.stripe import Settings, StripeSimulator

MAY = datetime(2027, 5, 1, tzinfo=UTC)


@pytest.fixture
def may():
    """A Stripe whose time begins on 1 May, as in the examples of Stripe's documentation."""
    with StripeSimulator.running(clock=MAY) as simulator:
        yield simulator


def price_of(sim: StripeSimulator, amount: int, *, currency: str = "usd", interval: str = "month") -> str:
    """A price of a product of its own."""
    client = sim.client()
    product = client.v1.products.create({"name": f"Plan at {amount}"})
    recurring = {"interval": interval}
    return client.v1.prices.create(
        {"product": product.id, "currency": currency, "unit_amount": amount, "recurring": recurring}
    ).id


def customer_of(sim: StripeSimulator, card: str | None = "pm_card_visa") -> str:
    """A customer, with a default card or without any."""
    customer = sim.client().v1.customers.create({"email": "ann@example.com"}).id
    if card is not None:
        sim.save_card(customer, card)
    return customer


def subscribe(
    sim: StripeSimulator, price: str, quantity: int = 1, customer: str | None = None, **more
) -> sdk.Subscription:
    """A subscription to one price."""
    items = [{"price": price, "quantity": quantity}]
    return sim.client().v1.subscriptions.create({"customer": customer or customer_of(sim), "items": items, **more})


def change(sim: StripeSimulator, subscription: sdk.Subscription, behaviour: str, **item) -> sdk.Subscription:
    """Change the first item."""
    items = [{"id": subscription["items"].data[0].id, **item}]
    return sim.client().v1.subscriptions.update(subscription.id, {"items": items, "proration_behavior": behaviour})


def invoices_of(sim: StripeSimulator, subscription: sdk.Subscription) -> list[sdk.Invoice]:
    """The subscription's invoices, oldest first."""
    return sim.client().v1.invoices.list({"subscription": subscription.id, "limit": 100}).data[::-1]


def status_of(sim: StripeSimulator, subscription: sdk.Subscription) -> str:
    return sim.client().v1.subscriptions.retrieve(subscription.id).status


def periods(sim: StripeSimulator, subscription: sdk.Subscription) -> tuple[datetime, datetime]:
    item = sim.client().v1.subscriptions.retrieve(subscription.id)["items"].data[0]
    return datetime.fromtimestamp(item.current_period_start, UTC), datetime.fromtimestamp(item.current_period_end, UTC)


# --- prorations ------------------------------------------------------------------------------------------------------


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


# --- periods ---------------------------------------------------------------------------------------------------------


def test_the_thirty_first_comes_back_after_february():
    """Each period is reckoned from the anchor, so a short month does not move the day."""
    with StripeSimulator.running(clock=datetime(2028, 1, 31, 22, 30, tzinfo=UTC)) as sim:
        subscription = subscribe(sim, price_of(sim, 1000))

        ends = []
        for _ in range(4):
            ends.append(periods(sim, subscription)[1])
            sim.advance(ends[-1])

    assert [f"{each:%d.%m. %H:%M}" for each in ends] == ["29.02. 22:30", "31.03. 22:30", "30.04. 22:30", "31.05. 22:30"]


def test_a_year_from_a_leap_day_ends_on_the_last_of_february():
    """And in the next leap year on the 29th again."""
    with StripeSimulator.running(clock=datetime(2028, 2, 29, tzinfo=UTC)) as sim:
        subscription = subscribe(sim, price_of(sim, 1000, interval="year"))

        ends = []
        for _ in range(4):
            ends.append(periods(sim, subscription)[1].date().isoformat())
            sim.advance(periods(sim, subscription)[1])

    assert ends == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_a_test_clock_moves_its_own_customers_only(may: StripeSimulator):
    """The same scenarios run against a real test account, which has no other way to let time pass."""
    client = may.client()
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": may.now})
    price = price_of(may, 1000)
    mine = client.v1.customers.create({"email": "a@example.com", "test_clock": clock.id})
    may.save_card(mine.id)
    moved, still = subscribe(may, price, customer=mine.id), subscribe(may, price)

    done = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": may.now + 62 * 86_400})

    assert done.status == "ready"
    assert [len(invoices_of(may, each)) for each in (moved, still)] == [3, 1]


# --- trials ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "behaviour", "expected"),
    [
        ("pm_card_visa", "cancel", "active"),
        (None, "cancel", "canceled"),
        (None, "pause", "paused"),
        (None, "create_invoice", "past_due"),
    ],
)
def test_a_trial_ends_as_it_was_agreed(may: StripeSimulator, card: str | None, behaviour: str, expected: str):
    """With a card it is paid; without one it ends, pauses or is owed."""
    trial = {"trial_period_days": 14, "trial_settings": {"end_behavior": {"missing_payment_method": behaviour}}}
    subscription = subscribe(may, price_of(may, 1000), customer=customer_of(may, card), **trial)
    assert subscription.status == "trialing"

    may.advance(timedelta(days=14, hours=2))

    types = [each.type for each in may.client().v1.events.list({"limit": 100}).data]
    assert status_of(may, subscription) == expected
    assert "customer.subscription.trial_will_end" in types
    assert [each.total for each in invoices_of(may, subscription)][:2] == (
        [0, 1000] if expected in ("active", "past_due") else [0]
    )


# --- cards that fail -------------------------------------------------------------------------------------------------


def test_the_life_of_a_card_that_fails(may: StripeSimulator):
    """Past due while it is tried again, unpaid when all tries failed, active when another card pays."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    may.card_fails(subscription.customer, decline_code="insufficient_funds")

    may.advance(datetime(2027, 6, 1, 2, tzinfo=UTC))
    story = [(status_of(may, subscription), invoices_of(may, subscription)[-1].attempt_count)]
    for days in (3, 2, 2):
        may.advance(timedelta(days=days))
        story.append((status_of(may, subscription), invoices_of(may, subscription)[-1].attempt_count))

    assert story == [("past_due", 1), ("past_due", 2), ("past_due", 3), ("unpaid", 4)]
    assert client.v1.customers.retrieve(subscription.customer).delinquent
    owed = invoices_of(may, subscription)[-1]
    with pytest.raises(sdk.CardError) as declined:
        client.v1.invoices.pay(owed.id)
    may.save_card(subscription.customer)
    paid = client.v1.invoices.pay(owed.id)
    assert declined.value.code == "card_declined"
    assert (paid.status, status_of(may, subscription)) == ("paid", "active")
    assert not client.v1.customers.retrieve(subscription.customer).delinquent


def test_after_the_last_try_the_owner_may_have_it_cancelled():
    """What follows is a setting of the account, and the product must bear all of them."""
    with StripeSimulator.running(clock=MAY, settings=Settings(retry_days=(1,), after_retries="canceled")) as sim:
        subscription = subscribe(sim, price_of(sim, 1000))
        sim.card_fails(subscription.customer)

        sim.advance(timedelta(days=33))

        ended = sim.client().v1.subscriptions.retrieve(subscription.id)
        assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
def test_a_first_payment_that_fails_leaves_it_incomplete_for_23_hours(may: StripeSimulator, card: str):
    """Nobody is let in by a subscription that was never paid."""
    subscription = subscribe(may, price_of(may, 1000), customer=customer_of(may, card))
    assert subscription.status == "incomplete"

    may.advance(timedelta(hours=23))

    assert status_of(may, subscription) == "incomplete_expired"
    assert invoices_of(may, subscription)[0].status == "void"


def test_a_payment_that_the_bank_wants_confirmed_is_paid_when_it_is(may: StripeSimulator):
    """Strong customer authentication."""
    subscription = subscribe(may, price_of(may, 1000), customer=customer_of(may, "pm_card_authenticationRequired"))

    may.authenticate(subscription.latest_invoice)

    assert status_of(may, subscription) == "active"


@pytest.mark.parametrize(
    ("behaviour", "status", "quantity"),
    [("error_if_incomplete", "active", 1), ("pending_if_incomplete", "active", 1), ("allow_incomplete", "past_due", 5)],
)
def test_an_upgrade_that_is_not_paid(may: StripeSimulator, behaviour: str, status: str, quantity: int):
    """Refused, left pending until paid, or given on credit, as was asked."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    may.card_fails(subscription.customer)
    items = [{"id": subscription["items"].data[0].id, "quantity": 5}]
    update = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": behaviour}

    if behaviour == "error_if_incomplete":
        with pytest.raises(sdk.CardError):
            client.v1.subscriptions.update(subscription.id, update)
    else:
        client.v1.subscriptions.update(subscription.id, update)

    now = client.v1.subscriptions.retrieve(subscription.id)
    assert (now.status, now["items"].data[0].quantity) == (status, quantity)
    if behaviour == "pending_if_incomplete":
        assert now.pending_update.subscription_items[0].quantity == 5
        may.save_card(subscription.customer)
        client.v1.invoices.pay(now.latest_invoice)
        now = client.v1.subscriptions.retrieve(subscription.id)
        assert (now.pending_update, now["items"].data[0].quantity) == (None, 5)


# --- invoices that are sent ------------------------------------------------------------------------------------------


def test_an_invoice_that_is_sent_is_due_after_its_days_and_paid_outside_of_stripe(may: StripeSimulator):
    """Customers who pay by transfer."""
    client = may.client()
    subscription = subscribe(
        may, price_of(may, 1000), customer=customer_of(may, None), collection_method="send_invoice", days_until_due=14
    )  # fmt: skip
    may.advance(timedelta(hours=1))
    (sent,) = invoices_of(may, subscription)
    assert (sent.status, sent.due_date) == ("open", may.now + 14 * 86_400)

    may.advance(timedelta(days=14))
    late = status_of(may, subscription)
    paid = client.v1.invoices.pay(sent.id, {"paid_out_of_band": True})

    assert (late, status_of(may, subscription)) == ("past_due", "active")
    assert (paid.status, paid.amount_remaining) == ("paid", 0)


# --- schedules -------------------------------------------------------------------------------------------------------


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


# --- ends, and money that goes back ----------------------------------------------------------------------------------


def test_cancelled_at_the_period_s_end_it_works_until_then_and_can_be_taken_back(may: StripeSimulator):
    """Leaving must be possible, and coming back too."""
    client = may.client()
    subscription, other = subscribe(may, price_of(may, 1000)), subscribe(may, price_of(may, 1000))
    for each in (subscription, other):
        client.v1.subscriptions.update(each.id, {"cancel_at_period_end": True})
    resumed = client.v1.subscriptions.update(other.id, {"cancel_at_period_end": False})

    may.advance(timedelta(days=30))
    still = status_of(may, subscription)
    may.advance(timedelta(days=2))

    assert (still, status_of(may, subscription), status_of(may, other)) == ("active", "canceled", "active")
    assert resumed.cancel_at is None
    assert len(invoices_of(may, subscription)) == 1


def test_a_refund_gives_back_no_more_than_was_paid(may: StripeSimulator):
    """Refunds are seen by the product; they do not change what was subscribed to."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    charge = may.charge_of(subscription.latest_invoice)

    client.v1.refunds.create({"charge": charge, "amount": 400})
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"charge": charge, "amount": 601})

    seen = client.v1.charges.retrieve(charge, {"expand": ["refunds"]})
    assert (seen.amount_refunded, seen.refunded, len(seen.refunds.data)) == (400, False, 1)


def test_a_dispute_is_opened_and_lost(may: StripeSimulator):
    """Lost disputes restrict the tenant; the product learns of them by event only."""
    subscription = subscribe(may, price_of(may, 1000))

    dispute = may.dispute(may.charge_of(subscription.latest_invoice))
    may.close_dispute(dispute, won=False)

    assert may.client().v1.disputes.retrieve(dispute).status == "lost"
    types = [
        each.type
        for each in may.client().v1.events.list({"types": ["charge.dispute.created", "charge.dispute.closed"]})
    ]
    assert types == ["charge.dispute.closed", "charge.dispute.created"]


def test_a_credit_note_lessens_an_open_invoice_and_credits_a_paid_one(may: StripeSimulator):
    """Corrections that the accountant can follow."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))

    note = client.v1.credit_notes.create({"invoice": subscription.latest_invoice, "amount": 300, "credit_amount": 300})

    assert (note.type, note.total) == ("post_payment", 300)
    assert client.v1.customers.retrieve(subscription.customer).balance == -300


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


def test_usage_is_summed_by_meter_and_billed_after_the_period(may: StripeSimulator):
    """Metered prices are paid afterwards, by what was reported, each report counted once."""
    client = may.client()
    meter = client.v1.billing.meters.create(
        {"display_name": "Orders", "event_name": "order", "default_aggregation": {"formula": "sum"}}
    )  # fmt: skip
    product = client.v1.products.create({"name": "Orders"})
    price = client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 200,
        "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id}})  # fmt: skip
    customer = customer_of(may)
    subscription = client.v1.subscriptions.create({"customer": customer, "items": [{"price": price.id}]})
    event = {"event_name": "order", "payload": {"stripe_customer_id": customer, "value": "7"}, "identifier": "day-1"}

    client.v1.billing.meter_events.create(event)
    with pytest.raises(sdk.InvalidRequestError, match="already exists"):
        client.v1.billing.meter_events.create(event)
    client.v1.billing.meter_events.create({**event, "identifier": "mistake"})
    client.v1.billing.meter_event_adjustments.create(
        {"event_name": "order", "type": "cancel", "cancel": {"identifier": "mistake"}}
    )  # fmt: skip
    (summary,) = client.v1.billing.meters.event_summaries.list(
        meter.id, {"customer": customer, "start_time": may.now, "end_time": may.now + 86_400}
    )
    may.advance(datetime(2027, 6, 1, 2, tzinfo=UTC))

    assert summary.aggregated_value == 7
    assert [each.total for each in invoices_of(may, subscription)] == [1400]
