"""What a price list says of a product and unit: prices from least quantities on. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

Steps = Mapping[Decimal, Decimal]
"""Least quantity → the price of one unit from it on."""
PRICE_FRACTION_DIGITS: Final = 9
"""As many as travel: a price that was reckoned is rounded so on devices, too."""


def price_for(steps: Steps, quantity: Decimal) -> Decimal:
    """The price at a quantity; of fewer than any step asks for, that of the smallest."""
    reached = [least for least in steps if least <= quantity]
    return steps[max(reached) if reached else min(steps)]


def list_price(own: Steps | None, base: Steps | None, quantity: Decimal, factor: Decimal) -> Decimal | None:
    """The price of a unit for a quantity: its own, else the base unit's times the factor, as devices offer it.

    Args:
        own: prices of the unit, where there are any.
        base: those of the base unit.
        factor: base units in one unit.
    """
    if own and min(own) <= quantity:
        return price_for(own, quantity)
    if base:
        return round(price_for(base, quantity * factor) * factor, PRICE_FRACTION_DIGITS)
    return price_for(own, quantity) if own else None
