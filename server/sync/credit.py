"""The credit of an account while a batch is decided: that of the database, and what the batch made of it. Pure.

Payments count first: also those that stand later in the batch, as who takes an order and then the money hands in both.
"""

from collections.abc import Iterator
from typing import Any

from server.crm.order.rules import Credit, CreditKey
from server.sync.attempt import Attempt
from server.sync.state import Row, State


def use_credit(attempt: Attempt, row: Row, amount_minor: int) -> None:
    """Note that an order or payment uses up credit, or gives some back."""
    key = key_of(row.values)
    attempt.credit_used[key] = attempt.credit_used.get(key, 0) + amount_minor


def find_credit(attempt: Attempt, order: Row) -> Credit | None:
    """The credit of the order's agreement as of now; None where it has no limit."""
    known: Credit | None = attempt.state.credits.get(order.values["agreement_id"])
    if known is None:
        return None
    used = attempt.state.credit_used.get(known.key, 0) + attempt.credit_used.get(known.key, 0)
    coming = sum(
        amount
        for payment_id, key, amount in attempt.state.payments
        if key == known.key
        and attempt.state.find("payment", payment_id) is None
        and ("payment", payment_id) not in attempt.rows
    )
    return Credit(known.key, known.limit_minor, known.used_minor + used - coming)


def key_of(values: dict[str, Any]) -> CreditKey:
    """Whose credit, with which company, in which currency."""
    return str(values["account_id"]), str(values["legal_entity_id"]), str(values["currency"])


def note_payments(state: State, mutations: list[dict[str, Any]]) -> None:
    """Look through a batch for the payments that it records, as far as they have the form of one."""
    state.payments = list(_payments(mutations))


def _payments(mutations: list[dict[str, Any]]) -> Iterator[tuple[str, CreditKey, int]]:
    for mutation in mutations:
        for change in mutation["changes"] if isinstance(mutation["changes"], list) else ():
            if not isinstance(change, dict) or (change.get("op"), change.get("entity")) != ("create", "payment"):
                continue
            fields = change.get("fields")
            if not isinstance(fields, dict) or fields.get("reversal_of_id") is not None:
                continue
            amount = fields.get("amount_minor")
            names = ("account_id", "legal_entity_id", "currency")
            if type(amount) is int and amount > 0 and all(isinstance(fields.get(name), str) for name in names):
                yield str(change.get("id")), key_of(fields), amount
