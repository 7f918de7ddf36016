"""Amounts as Stripe takes and makes them: minor units, least charges, shares of a period.

https://docs.stripe.com/currencies, https://docs.stripe.com/billing/subscriptions/prorations
"""

from tests.stripe.errors import StripeProblem

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_ONLY = frozenset(("isk", "ugx"))  # written with two decimals, which must be 00

# The least that can be charged; less is carried over on the customer's balance.
LEAST_CHARGE = {
    "usd": 50, "eur": 50, "gbp": 30, "chf": 50, "cad": 50, "aud": 50, "nzd": 50, "sgd": 50, "jpy": 50, "inr": 50,
    "brl": 50, "aed": 200, "dkk": 250, "nok": 300, "sek": 300, "hkd": 400, "mxn": 1000, "pln": 200, "czk": 1500,
    "huf": 17_500, "ron": 200, "bgn": 100, "myr": 200, "thb": 1000,
}  # fmt: skip


def step(currency: str) -> int:
    """What amounts of the currency are multiples of."""
    currency = currency.lower()
    return 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_ONLY else 1


def check_amount(amount: int, currency: str, param: str) -> None:
    """Refuse an amount that Stripe could not charge."""
    if amount % step(currency):
        raise StripeProblem(
            f"Invalid amount for {currency}: it must be a multiple of {step(currency)}.", code="invalid_amount",
            param=param,
        )  # fmt: skip


def share(amount: int, part: int, whole: int, currency: str) -> int:
    """An amount times part/whole, exactly, rounded half up (away from zero) to the currency's step."""
    unit = step(currency)
    doubled = 2 * abs(amount) * part + whole * unit
    rounded = doubled // (2 * whole * unit) * unit
    return rounded if amount >= 0 else -rounded
