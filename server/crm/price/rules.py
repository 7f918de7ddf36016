"""What a price list says of a product and unit: prices from least quantities on. Pure."""

from collections.abc import Mapping
from decimal import Decimal

Steps = Mapping[Decimal, Decimal]
"""Least quantity → the price of one unit from it on."""


def price_for(steps: Steps, quantity: Decimal) -> Decimal:
    """The price at a quantity; of fewer than any step asks for, that of the smallest."""
    reached = [least for least in steps if least <= quantity]
    return steps[max(reached) if reached else min(steps)]
