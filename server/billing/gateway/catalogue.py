"""The tiers in Stripe: published by lookup key, never changed there, and compared with the code."""

from dataclasses import dataclass
from typing import Any, Final

import stripe

from server.billing.gateway.acts import StripeGateway
from server.billing.gateway.client import asked
from server.billing.plans import PLANS, Interval, Plan

LOOKED_UP_MAX: Final = 10
"""Stripe takes so many lookup keys at once."""
PRODUCT_PREFIX: Final = "outrider_"


@dataclass(frozen=True, slots=True)
class Published:
    """A price of ours as Stripe has it."""

    plan: Plan
    interval: Interval
    currency: str
    unit_amount_minor: int
    product_id: str
    price_id: str

    @property
    def lookup_key(self) -> str:
        """Its name."""
        return self.plan.lookup_key(self.interval, self.currency)


async def publish(gateway: StripeGateway) -> tuple[list[Published], list[str]]:
    """Make what Stripe lacks of the catalogue; what is there stays as it is.

    Returns:
        All prices, and the lookup keys of those that were made now.
    """
    there = await _find_prices(gateway)
    found, made = [], []
    for plan, interval, currency, amount in _wanted():
        key = plan.lookup_key(interval, currency)
        if key not in there:
            await _ensure_product(gateway, plan)
            there[key] = await _create_price(gateway, plan, interval, currency, amount)
            made.append(key)
        price = there[key]
        found.append(
            Published(plan, interval, currency, price.unit_amount or 0, _product_of(price), price.id)
        )  # fmt: skip
    return found, made


async def find_drift(gateway: StripeGateway) -> list[str]:
    """Where Stripe differs from the code, in words; nothing: it does not."""
    there = await _find_prices(gateway)
    drift = []
    for plan, interval, currency, amount in _wanted():
        key = plan.lookup_key(interval, currency)
        price = there.pop(key, None)
        if price is None:
            drift.append(f"{key}: Stripe has no such price. Run `outrider billing publish`.")
            continue
        recurring = price.recurring
        differences = {
            "amount": (price.unit_amount, amount),
            "currency": (price.currency.upper(), currency),
            "interval": (recurring.interval if recurring else None, interval.value),
            "every so many": (recurring.interval_count if recurring else None, 1),
            "product": (_product_of(price), _product_id(plan)),
        }
        drift += [
            f"{key}: {what} is {is_!r} there, {want!r} here."
            for what, (is_, want) in differences.items()
            if is_ != want
        ]
        if not price.active:
            drift.append(f"{key}: archived there; nobody can buy it.")
    return drift


def _wanted() -> list[tuple[Plan, Interval, str, int]]:
    return [
        (plan, interval, currency, amount)
        for plan in PLANS
        for (interval, currency), amount in plan.seat_prices_minor.items()
    ]


async def _find_prices(gateway: StripeGateway) -> dict[str, stripe.Price]:
    """By lookup key, archived ones too."""
    keys = [plan.lookup_key(interval, currency) for plan, interval, currency, _ in _wanted()]
    found: dict[str, stripe.Price] = {}
    for start in range(0, len(keys), LOOKED_UP_MAX):
        some = keys[start : start + LOOKED_UP_MAX]
        page = await asked(gateway.client.v1.prices.list_async({"lookup_keys": some, "limit": 100}))
        found |= {str(price.lookup_key): price for price in page.data}
    return found


def _product_id(plan: Plan) -> str:
    return f"{PRODUCT_PREFIX}{plan.key}"


def _product_of(price: stripe.Price) -> str:
    return price.product if isinstance(price.product, str) else price.product.id


async def _ensure_product(gateway: StripeGateway, plan: Plan) -> None:
    """One product a tier: its versions are prices of it. Its id is ours, so that it is made once."""
    products, wanted = gateway.client.v1.products, _product_id(plan)
    found = await asked(products.list_async({"ids": [wanted]}))
    if not found.data:
        params: Any = {"id": wanted, "name": f"Outrider {plan.name}", "unit_label": "seat"}
        await asked(products.create_async(params, {"idempotency_key": f"product:{wanted}"}), acting=True)


async def _create_price(
    gateway: StripeGateway, plan: Plan, interval: Interval, currency: str, amount_minor: int
) -> stripe.Price:
    key = plan.lookup_key(interval, currency)
    params: Any = {
        "product": _product_id(plan),
        "currency": currency.lower(),
        "unit_amount": amount_minor,
        "recurring": {"interval": interval.value},
        "lookup_key": key,
        "nickname": f"{plan.name} v{plan.version}, {interval.value}",
        "metadata": {"plan": plan.key, "version": str(plan.version)},
    }
    return await asked(gateway.client.v1.prices.create_async(params, {"idempotency_key": f"price:{key}"}), acting=True)
