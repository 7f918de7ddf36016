"""What a movement does to the stock: pure, so that REST and sync count alike."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from server.errors import refuse

OUTWARD: Final = frozenset({"sale", "write_off"})
INWARD: Final = frozenset({"receipt", "return"})


def moved_quantity(movement: Mapping[str, Any], on_hand: Decimal) -> Decimal:
    """Base units by which a movement changes the stock; a count brings it to what was counted.

    Args:
        movement: `movement_kind`, `quantity` and `counted`, decimals as such or as text.
        on_hand: base units that the stock says are there.

    Raises:
        InvalidInput: kind, sign and figures do not fit together.
    """
    kind, counted = movement["movement_kind"], movement.get("counted")
    quantity = Decimal(movement.get("quantity") or 0)
    if kind == "count":
        if counted is None:
            raise refuse("counted", "Say how much was counted.")
        return Decimal(counted) - on_hand
    if counted is not None:
        raise refuse("counted", "Only a count has a counted quantity.")
    if quantity == 0:
        raise refuse("quantity", "Say how much was moved.")
    if (kind in OUTWARD and quantity > 0) or (kind in INWARD and quantity < 0):
        raise refuse(
            "quantity", f"A {kind.replace('_', ' ')} takes a {'negative' if quantity > 0 else 'positive'} one."
        )
    return quantity
