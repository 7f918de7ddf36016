"""Pure rules that device and server share: what a line costs, which way an order may go, what is decided together.

No clock, no database, no float: the same input gives the same output on a phone and on the server.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

# ISO 4217: currencies whose minor unit is not a hundredth. All others have two digits.
_MINOR_DIGITS: Final = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

ORDER_TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "draft": frozenset({"submitted", "cancelled"}),
    "submitted": frozenset({"accepted", "partly_accepted", "needs_attention", "refused", "awaiting", "cancelled"}),
    "awaiting": frozenset({"accepted", "partly_accepted", "needs_attention", "refused", "cancelled"}),
    "needs_attention": frozenset({"submitted", "accepted", "partly_accepted", "refused", "cancelled"}),
    "accepted": frozenset({"shipped", "cancelled"}),
    "partly_accepted": frozenset({"shipped", "cancelled"}),
    "shipped": frozenset({"delivered"}),
    "delivered": frozenset({"closed"}),
    "refused": frozenset(),
    "closed": frozenset(),
    "cancelled": frozenset(),
}
"""From each status, those that may follow (domain.md: cancelled from any state before shipped)."""

EDITABLE_STATUSES: Final = frozenset({"draft", "needs_attention"})
"""An order's own content may change only in these; later it is revised by a new draft."""


GROUPS: Final[dict[str, dict[str, str]]] = {
    "order": {"delivery_date": "delivery", "delivery_window": "delivery"},
    "order_line": dict.fromkeys(("unit", "quantity", "list_price", "discount"), "line"),
}
"""Fields that mean something only together, by entity: field → group."""


def together(entity: str, field: str) -> frozenset[str]:
    """The fields that are decided with this one; itself among them."""
    groups = GROUPS.get(entity, {})
    return frozenset({field, *(name for name, group in groups.items() if group == groups.get(field))})


RETURN_TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "draft": frozenset({"submitted", "cancelled"}),
    "submitted": frozenset({"accepted", "refused", "cancelled"}),
    "accepted": frozenset({"closed"}),
    "refused": frozenset(),
    "closed": frozenset(),
    "cancelled": frozenset(),
}
"""The same of a return."""


def return_may_become(status: str, following: str) -> bool:
    """Whether a return in `status` may go to `following`."""
    return following in RETURN_TRANSITIONS[status]


def may_become(status: str, following: str) -> bool:
    """Whether an order in `status` may go to `following`."""
    return following in ORDER_TRANSITIONS[status]


def minor_digits(currency: str) -> int:
    """Digits after the point of a currency's amounts (ISO 4217)."""
    return _MINOR_DIGITS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in the currency's minor units, halves rounded away from zero."""
    return int(amount.scaleb(minor_digits(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def line_amount_minor(list_price: Decimal, quantity: Decimal, discount: Decimal, currency: str) -> int:
    """What one line costs, rounded once, at the line.

    Args:
        list_price: price of one unit as entered, in major units.
        quantity: units as entered.
        discount: fraction off the list price, 0 to 1.
    """
    return to_minor(list_price * quantity * (1 - discount), currency)


def order_total_minor(line_amounts_minor: Iterable[int]) -> int:
    """The order's total: the sum of its rounded lines."""
    return sum(line_amounts_minor)


def consent_state(records: Iterable[Mapping[str, object]]) -> str | None:
    """What holds of one person, purpose and channel: "granted", "withdrawn", or None where nothing was said.

    A record counts until another follows it (`follows_id`). Of records that don't know each other, a withdrawal wins:
    it loses only to a grant whose maker knew of it.
    """
    rows = list(records)
    followed = {row["follows_id"] for row in rows}
    last = {row["state"] for row in rows if row["id"] not in followed}
    if not last:
        return None
    return "withdrawn" if "withdrawn" in last else "granted"
