"""Payments: recorded once, allocated by the server, corrected by a reversal."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import PAYMENT_ALLOCATION
from outrider_sdk.protocol.ids import uuid7

from server.crm import service
from server.crm.checks import check_single, refuse
from server.crm.conflict.service import open_case
from server.crm.payment.rules import Allocation, Debt, allocate, check_payment, reverse
from server.crm.resource import Write
from server.db import Revision, connection


async def check_invoice(write: Write) -> None:
    """One invoice of a number in a company, due when it is issued or later.

    Raises:
        AlreadyThere: the company has an invoice of this number.
        InvalidInput: it is due before it is issued.
    """
    await check_single(write, "invoice", "legal_entity_id", "number")
    due_on, issued_on = write.value("due_on"), write.value("issued_on")
    if not write.deletes and due_on and due_on < issued_on:
        raise refuse("due_on", "It is due before it is issued.")


async def check_receivable(write: Write) -> None:
    """One receivable for a document of a company, of which at most the amount is open.

    Raises:
        AlreadyThere: the company has a receivable for this document.
        InvalidInput: more is open than was owed.
    """
    await check_single(write, "receivable", "legal_entity_id", "document_number")
    if not write.deletes and write.value("balance_minor") > write.value("amount_minor"):
        raise refuse("balance_minor", "More is open than was owed. Correct one of the two.")
    if write.before is not None and "balance_minor" in write.values and "as_of" not in write.values:
        write.values["as_of"] = write.revision.at


async def pay_new_debt(write: Write) -> None:
    """Pay a new debt with what payments of the account have left, the oldest first.

    Of a debt that comes partly paid, whoever wrote it has counted the payments already.
    """
    values = write.values
    if write.before is not None or values["balance_minor"] != values["amount_minor"]:
        return
    payments = await connection().fetch(
        """SELECT p.* FROM payment p WHERE p.account_id = $1 AND p.legal_entity_id = $2 AND p.currency = $3
        AND p.allocated_minor < p.amount_minor AND p.reversal_of_id IS NULL AND p.deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM payment v WHERE v.reversal_of_id = p.id AND v.deleted_at IS NULL)
        AND NOT EXISTS (SELECT FROM conflict c WHERE c.row_id = p.id AND c.field = 'receipt_number'
            AND c.status = 'open' AND c.deleted_at IS NULL) ORDER BY p.paid_at, p.id""",
        values["account_id"],
        values["legal_entity_id"],
        values["currency"],
    )
    left = values["balance_minor"]
    for payment in payments:
        part = min(left, payment["amount_minor"] - payment["allocated_minor"])
        if part > 0:
            await _write(payment["id"], write.revision, [(str(write.row_id), part)])
            left -= part


async def check_new_payment(write: Write) -> None:
    """Check a payment, or the reversal of one.

    Raises:
        InvalidInput: the amount is none, the outlet is another account's, or there is nothing to reverse.
    """
    values, reversed_already = write.values, False
    original: Any = None
    if values.get("outlet_id"):
        account_id = await connection().fetchval("SELECT account_id FROM outlet WHERE id = $1", values["outlet_id"])
        if account_id != values["account_id"]:
            raise refuse("outlet_id", "This outlet belongs to another account.")
    if values.get("reversal_of_id"):
        original = await connection().fetchrow("SELECT * FROM payment WHERE id = $1", values["reversal_of_id"])
        reversed_already = await connection().fetchval(
            "SELECT EXISTS (SELECT FROM payment WHERE account_id = $1 AND reversal_of_id = $2)",
            values["account_id"],
            values["reversal_of_id"],
        )
    check_payment(values, original, reversed_already=reversed_already)


async def allocate_payment(write: Write) -> None:
    """Pay the account's oldest debts, or give back what the reversed payment had paid.

    A receipt whose number is taken waits for a person, and pays nothing meanwhile.
    """
    values = write.values
    if values.get("reversal_of_id"):
        records = await connection().fetch(
            "SELECT receivable_id, amount_minor FROM payment_allocation WHERE payment_id = $1 AND deleted_at IS NULL",
            values["reversal_of_id"],
        )
        await _write(write.row_id, write.revision, reverse((str(r[0]), r[1]) for r in records))
    elif await _is_doubled(write):
        await open_case(
            write,
            "payment",
            "receipt_number",
            values["receipt_number"],
            "There is a payment with this receipt number already. This one pays no debt until a person decides.",
        )
    else:
        await _write(write.row_id, write.revision, allocate(values["amount_minor"], await _load_debts(values)))


async def _is_doubled(write: Write) -> bool:
    sql = """SELECT EXISTS (SELECT FROM payment WHERE receipt_number = $1 AND legal_entity_id = $2 AND id <> $3
        AND reversal_of_id IS NULL AND deleted_at IS NULL)"""
    values = write.values
    return bool(await connection().fetchval(sql, values["receipt_number"], values["legal_entity_id"], write.row_id))


async def _load_debts(payment: Any) -> list[Debt]:
    records = await connection().fetch(
        """SELECT id, due_on, document_number, balance_minor FROM receivable
        WHERE account_id = $1 AND legal_entity_id = $2 AND currency = $3 AND balance_minor > 0
        AND deleted_at IS NULL""",
        payment["account_id"],
        payment["legal_entity_id"],
        payment["currency"],
    )
    return [Debt(str(r[0]), r[1].isoformat(), r[2], r[3]) for r in records]


async def allocate_held(payment_id: UUID, revision: Revision) -> None:
    """Pay debts with a payment that waited: somebody looked at its receipt, and it stands."""
    payment: Any = await connection().fetchrow("SELECT * FROM payment WHERE id = $1", payment_id)
    if payment["allocated_minor"] == 0:
        await _write(payment_id, revision, allocate(payment["amount_minor"], await _load_debts(payment)))


async def _write(payment_id: UUID, revision: Revision, allocations: Iterable[Allocation]) -> None:
    allocated_minor = 0
    for receivable_id, amount_minor in allocations:
        values = {"payment_id": payment_id, "receivable_id": UUID(receivable_id), "amount_minor": amount_minor}
        await service.insert_row(PAYMENT_ALLOCATION, uuid7(), values)
        await connection().execute(
            "UPDATE receivable SET balance_minor = balance_minor - $2, as_of = $3 WHERE id = $1",
            UUID(receivable_id),
            amount_minor,
            revision.at,
        )
        allocated_minor += abs(amount_minor)
    if allocated_minor:
        sql = "UPDATE payment SET allocated_minor = allocated_minor + $2 WHERE id = $1"
        await connection().execute(sql, payment_id, allocated_minor)
