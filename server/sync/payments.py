"""Payments that devices hand in, and the debts that they pay. Pure; rules: `server.crm.payment.rules`."""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from outrider_sdk.protocol.entities import PAYMENT, PAYMENT_ALLOCATION

from server.crm.payment.rules import Allocation, Debt, allocate, check_payment, reverse
from server.errors import refuse
from server.sync.attempt import Attempt
from server.sync.credit import use_credit
from server.sync.duplicates import flag
from server.sync.state import Row


def complete_payment(attempt: Attempt, payment: Row) -> None:
    """Pay the account's oldest debts, or give back what the reversed payment had paid.

    A receipt whose number is taken waits for a person, and pays nothing meanwhile.
    """
    values = payment.values
    if values["outlet_id"] is not None:
        outlet = attempt.get("outlet", values["outlet_id"])
        if outlet.values["account_id"] != values["account_id"]:
            raise refuse("outlet_id", "This outlet belongs to another account.")
    original = attempt.get("payment", values["reversal_of_id"]) if values["reversal_of_id"] else None
    is_reversed = original is not None and _is_reversed(attempt, original)
    check_payment(values, original.values if original else None, reversed_already=is_reversed)
    if original is not None:
        paid = [
            (str(row.values["receivable_id"]), int(row.values["amount_minor"]))
            for row in attempt.children("payment_allocation", original.id)
        ]
        _pay(attempt, payment, reverse(paid))
        use_credit(attempt, payment, values["amount_minor"])
    elif twin := _twin(attempt, payment):
        told = "There is a payment with this receipt number already. This one pays no debt until a person decides."
        flag(attempt, payment, "receipt_number", values["receipt_number"], told, by=twin.stamp("*"))
    else:
        _pay(attempt, payment, allocate(values["amount_minor"], map(_debt, _open(attempt, values))))
        use_credit(attempt, payment, -values["amount_minor"])


def allocate_held(attempt: Attempt, found: Row) -> None:
    """Pay debts with a payment that waited: somebody looked at its receipt, and it stands."""
    if found.values["allocated_minor"] == 0:
        payment = attempt.change(found)
        _pay(attempt, payment, allocate(payment.values["amount_minor"], map(_debt, _open(attempt, payment.values))))
        use_credit(attempt, payment, -payment.values["amount_minor"])


def _is_reversed(attempt: Attempt, original: Row) -> bool:
    known = (*attempt.state.rows.values(), *attempt.rows.values())
    return any(row.entity is PAYMENT and row.values["reversal_of_id"] == original.id for row in known)


def _twin(attempt: Attempt, payment: Row) -> Row | None:
    for row in attempt.children("payment", payment.values["receipt_number"]):
        same_company = row.values["legal_entity_id"] == payment.values["legal_entity_id"]
        if same_company and row.id != payment.id and row.values["reversal_of_id"] is None:
            return row
    return None


def _open(attempt: Attempt, payment: dict[str, Any]) -> list[Row]:
    found = attempt.children("receivable", payment["account_id"])
    return [row for row in found if all(row.values[n] == payment[n] for n in ("legal_entity_id", "currency"))]


def _debt(receivable: Row) -> Debt:
    values = receivable.values
    return Debt(receivable.id, values["due_on"], values["document_number"], values["balance_minor"])


def _pay(attempt: Attempt, payment: Row, allocations: list[Allocation]) -> None:
    receivables = {row.id: row for row in attempt.children("receivable", payment.values["account_id"])}
    for receivable_id, amount_minor in allocations:
        if receivable_id not in receivables:
            continue
        debt = attempt.change(receivables[receivable_id])
        debt.values |= {"balance_minor": debt.values["balance_minor"] - amount_minor, "as_of": attempt.state.now}
        values: dict[str, Any] = dict.fromkeys(PAYMENT_ALLOCATION.columns) | PAYMENT_ALLOCATION.defaults
        values |= {
            "id": str(uuid5(NAMESPACE_OID, f"{payment.id}/{receivable_id}")),
            "payment_id": payment.id,
            "receivable_id": receivable_id,
            "amount_minor": amount_minor,
        }
        attempt.create(Row(PAYMENT_ALLOCATION, values))
        payment.values["allocated_minor"] += abs(amount_minor)
