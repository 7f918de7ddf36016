"""The simulated Stripe lets time pass as Stripe documents it: periods, ends of trials, usage, cancellation."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from tests.contract.subscribers import customer_of, invoices_of, periods, price_of, status_of, subscribe
from tests.stripe import StripeSimulator


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
