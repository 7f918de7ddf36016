"""The same scenarios on the simulated Stripe and, with OUTRIDER_TEST_STRIPE_KEY, on a Stripe test account.

So the simulator is shown to behave as Stripe does, rather than as we think it does. Time passes by Stripe's test
clocks in both; what a scenario leaves in the account is deleted with its clock.
"""

import os
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
import stripe as sdk

from tests.stripe import StripeSimulator

KEY = "OUTRIDER_TEST_STRIPE_KEY"
READY_WITHIN_S = 180


class Account:
    """An account and a test clock in it, by which its customers live."""

    def __init__(self, client: sdk.StripeClient, start: datetime) -> None:
        self.client = client.v1
        self.clock = self.client.test_helpers.test_clocks.create({"frozen_time": int(start.timestamp())})

    def close(self) -> None:
        self.client.test_helpers.test_clocks.delete(self.clock.id)

    def price(self, amount: int, *, interval: Any = "month", **more: Any) -> str:
        """A price of a product of its own."""
        product = self.client.products.create({"name": f"Outrider test {secrets.token_hex(4)}"})
        recurring: Any = {"interval": interval}
        return self.client.prices.create(
            {"product": product.id, "currency": "eur", "unit_amount": amount, "recurring": recurring, **more}
        ).id

    def customer(self, card: str = "pm_card_visa") -> str:
        """A customer on the clock, with a default card."""
        customer = self.client.customers.create({"email": "ann@example.com", "test_clock": self.clock.id}).id
        method = self.client.payment_methods.attach(card, {"customer": customer})
        self.client.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
        return customer

    def subscribe(self, price: str, quantity: int = 1, **more: Any) -> sdk.Subscription:
        """A subscription of a new customer."""
        items: Any = [{"price": price, "quantity": quantity}]
        mode: Any = {"type": "flexible"}
        return self.client.subscriptions.create(
            {"customer": self.customer(), "items": items, "billing_mode": mode, **more}
        )  # fmt: skip

    def advance(self, to: datetime) -> None:
        """Move the clock, and wait until Stripe has done all that falls into the time between."""
        self.client.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": int(to.timestamp())})
        deadline = time.monotonic() + READY_WITHIN_S
        while self.client.test_helpers.test_clocks.retrieve(self.clock.id).status != "ready":
            assert time.monotonic() < deadline, "the test clock does not get ready"
            time.sleep(2)

    def invoices(self, subscription: sdk.Subscription) -> list[sdk.Invoice]:
        """Oldest first."""
        found = self.client.invoices.list({"subscription": subscription.id, "limit": 100}).data
        return sorted(found, key=lambda each: (each.created, each.number or ""))


START = datetime(datetime.now(UTC).year + 1, 1, 31, 10, tzinfo=UTC)


@pytest.fixture(params=["simulated", "test account"])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """The account under test."""
    if request.param == "simulated":
        with StripeSimulator.running(clock=START) as simulator:
            yield Account(simulator.client(), START)
        return
    key = os.environ.get(KEY)
    if not key:
        pytest.skip(f"{KEY} is not set: give the key of a Stripe test account to run the scenarios there, too")
    assert key.startswith(("sk_test_", "rk_test_")), f"{KEY} must be a key of test mode"
    account = Account(sdk.StripeClient(key, max_network_retries=2), START)
    yield account
    account.close()


def end_of(subscription: sdk.Subscription) -> datetime:
    return datetime.fromtimestamp(subscription["items"].data[0].current_period_end, UTC)


def half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def test_the_thirty_first_comes_back_after_february(account: Account):
    """The day of the anchor survives a short month."""
    subscription = account.subscribe(account.price(1000))
    first = end_of(subscription)

    account.advance(first + timedelta(hours=2))
    second = end_of(account.client.subscriptions.retrieve(subscription.id))

    assert (first.month, first.day) in ((2, 28), (2, 29))
    assert (second.month, second.day) == (3, 31)
    assert [each.status for each in account.invoices(subscription)] == ["paid", "paid"]


def test_a_change_costs_what_its_preview_said_to_the_second(account: Account):
    """One credit, one charge, each rounded half up."""
    subscription = account.subscribe(account.price(999), 3)
    account.advance(START + timedelta(days=10, hours=4, minutes=5, seconds=6))
    at = int((START + timedelta(days=10, hours=4, minutes=5, seconds=6)).timestamp())
    item = subscription["items"].data[0]
    left = Fraction(item.current_period_end - at, item.current_period_end - item.current_period_start)
    change: Any = {
        "items": [{"id": item.id, "quantity": 5}],
        "proration_behavior": "always_invoice",
        "proration_date": at,
    }

    preview = account.client.invoices.create_preview({"subscription": subscription.id, "subscription_details": change})
    account.client.subscriptions.update(subscription.id, change)

    invoice = account.invoices(subscription)[-1]
    expected = [-half_up(2997 * left), half_up(4995 * left)]
    assert sorted(line.amount for line in invoice.lines.data) == expected
    assert preview.amount_due == invoice.amount_paid == sum(expected)
    assert all(line.parent.subscription_item_details.proration for line in invoice.lines.data)


def test_what_was_never_charged_is_not_credited(account: Account):
    """Flexible billing credits from the charge, not from the quantity."""
    subscription = account.subscribe(account.price(1000), 3)
    item = subscription["items"].data[0]
    account.client.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "quantity": 5}], "proration_behavior": "none"}
    )

    account.client.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "quantity": 3}], "proration_behavior": "create_prorations"}
    )

    items = account.client.invoice_items.list({"customer": str(subscription.customer)}).data
    assert sorted(each.amount for each in items) == [-3000, 3000]


def test_a_renewal_that_is_declined_leaves_it_past_due(account: Account):
    """An attempt, a next one planned, and the subscription says so."""
    subscription = account.subscribe(account.price(1000))
    failing = account.client.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": str(subscription.customer)}
    )
    account.client.customers.update(
        str(subscription.customer), {"invoice_settings": {"default_payment_method": failing.id}}
    )  # fmt: skip

    account.advance(end_of(subscription) + timedelta(hours=2))

    invoice = account.invoices(subscription)[-1]
    assert account.client.subscriptions.retrieve(subscription.id).status == "past_due"
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt is not None


def test_a_scheduled_downgrade_is_billed_from_the_next_period_on(account: Account):
    """Then the schedule lets go."""
    business, team = account.price(2000), account.price(1000)
    subscription = account.subscribe(business, 4)
    schedule = account.client.subscription_schedules.create({"from_subscription": subscription.id})
    present = schedule.phases[0]
    phases: Any = [
        {"items": [{"price": business, "quantity": 4}], "start_date": present.start_date, "end_date": present.end_date},
        {"items": [{"price": team, "quantity": 2}], "duration": {"interval": "month"}, "proration_behavior": "none"},
    ]
    account.client.subscription_schedules.update(schedule.id, {"phases": phases, "end_behavior": "release"})

    account.advance(end_of(subscription) + timedelta(hours=2))
    during = account.client.subscriptions.retrieve(subscription.id)
    account.advance(end_of(during) + timedelta(hours=2))
    after = account.client.subscriptions.retrieve(subscription.id)

    assert [(each.price.id, each.quantity) for each in during["items"].data] == [(team, 2)]
    assert [each.total for each in account.invoices(subscription)] == [8000, 2000, 2000]
    assert after.schedule is None
    assert account.client.subscription_schedules.retrieve(schedule.id).status == "released"


def test_a_key_is_used_for_one_request_only(account: Account):
    """The same again is the same answer; another is refused."""
    key: Any = {"idempotency_key": f"outrider-{secrets.token_hex(8)}"}
    params: Any = {"email": "ann@example.com", "test_clock": account.clock.id}

    first = account.client.customers.create(params, key)
    again = account.client.customers.create(params, key)

    assert first.id == again.id
    with pytest.raises(sdk.IdempotencyError):
        account.client.customers.create({**params, "email": "bob@example.com"}, key)


def test_a_lookup_key_moves_only_when_asked(account: Account):
    """Publishing relies on it."""
    key = f"outrider-test-{secrets.token_hex(8)}"
    old = account.price(1000, lookup_key=key)

    with pytest.raises(sdk.InvalidRequestError):
        account.price(1200, lookup_key=key)
    new = account.price(1200, lookup_key=key, transfer_lookup_key=True)

    assert [each.id for each in account.client.prices.list({"lookup_keys": [key]}).data] == [new]
    assert account.client.prices.retrieve(old).lookup_key is None
