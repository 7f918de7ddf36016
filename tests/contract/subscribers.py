"""Customers of the simulated Stripe who subscribe: how tests make them, change what they buy, and look at it."""

from datetime import UTC, datetime
from typing import Any

import stripe as sdk

from tests.stripe import StripeSimulator


def price_of(sim: StripeSimulator, amount: int, *, currency: str = "usd", interval: str = "month", **more: Any) -> str:
    """A price of a product of its own."""
    client = sim.client()
    product = client.v1.products.create({"name": f"Plan at {amount}"})
    recurring = {"interval": interval}
    return client.v1.prices.create(
        {"product": product.id, "currency": currency, "unit_amount": amount, "recurring": recurring, **more}
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
