"""Which debts a payment pays: pure, so that REST and sync allocate alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.errors import refuse

Allocation = tuple[str, int]
"""(receivable, minor units of it that are paid; negative where a payment is reversed)."""


@dataclass(frozen=True, slots=True)
class Debt:
    """An open receivable. `due_on` is an ISO date."""

    id: str
    due_on: str
    document_number: str
    balance_minor: int


def allocate(amount_minor: int, debts: Iterable[Debt]) -> list[Allocation]:
    """Pay debts with an amount: what was due first is paid first, wholly, before anything goes to the next.

    Args:
        debts: of one account, legal entity and currency. Those without a balance are passed over.

    Returns:
        Each debt that gets something, with how much; together at most the amount.
    """
    paid: list[Allocation] = []
    for debt in sorted(debts, key=lambda d: (d.due_on, d.document_number, d.id)):
        part = min(amount_minor, debt.balance_minor)
        if part > 0:
            paid.append((debt.id, part))
            amount_minor -= part
    return paid


def reverse(allocations: Iterable[Allocation]) -> list[Allocation]:
    """What takes allocations back."""
    return [(receivable_id, -amount_minor) for receivable_id, amount_minor in allocations]


def check_payment(payment: Mapping[str, Any], original: Mapping[str, Any] | None, *, reversed_already: bool) -> None:
    """An amount above zero; a reversal takes back a whole payment, once.

    Args:
        payment: the new one.
        original: the one that it reverses, if it does.

    Raises:
        InvalidInput: naming the field.
    """
    if payment["amount_minor"] <= 0:
        raise refuse("amount_minor", "Use an amount above 0; to take a payment back, record its reversal.")
    currency = payment["currency"]
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise refuse("currency", "Use a code of ISO 4217, such as EUR.")
    if original is None:
        return
    if original["reversal_of_id"] is not None:
        raise refuse("reversal_of_id", "This is a reversal itself. Record a new payment instead.")
    if reversed_already:
        raise refuse("reversal_of_id", "This payment was reversed already.")
    for name in ("account_id", "legal_entity_id", "currency", "amount_minor"):
        if str(payment[name]) != str(original[name]):
            raise refuse(name, "A reversal has the account, company, currency and amount of its payment.")
