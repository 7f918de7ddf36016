"""Jobs of invoices: each is mailed once, to those who pay it and keep the books."""

import asyncio
import json
from email.message import EmailMessage
from typing import Any

import dramatiq

from server import mail
from server.billing.invoice import service
from server.billing.letters import say_amount, say_date, write_letter
from server.billing.links import billing_link, given
from server.broker import enqueue
from server.db import platform_transaction
from server.storage import ledger


async def enqueue_invoice_mail(invoice_id: str) -> None:
    """Mail an invoice once the open platform transaction has committed."""
    await enqueue(mail_invoice.message(invoice_id))


@dramatiq.actor(queue_name="mail")
async def mail_invoice(invoice_id: str) -> None:
    """Mail an invoice, unless it was: ours to the billing contact and the accountant, the provider's to the latter."""
    async with platform_transaction():
        row = await service.find_to_mail(invoice_id)
    if row is None:
        return
    key = f"invoice:{invoice_id}"
    if not ledger.has("sent", row["tenant_id"], key):  # else the database was restored since
        message = await asyncio.to_thread(_write_ours, row) if row["provider"] == "transfer" else _write_copy(row)
        await mail.send(message, f"{row['tenant_id']}:{key}")
        ledger.note("sent", row["tenant_id"], key)
    async with platform_transaction():
        await service.mark_mailed(invoice_id)


async def mail_unmailed() -> int:
    """Send jobs for invoices that the provider wrote, and for those whose job was lost; how many."""
    async with platform_transaction():
        found = await service.take_unmailed()
        for invoice_id in found:
            await enqueue_invoice_mail(invoice_id)
    return len(found)


def _write_ours(row: Any) -> EmailMessage:
    from server.billing.transfer.pdf import render_invoice  # loads slowly

    document = json.loads(row["details"])
    message = _write(row, "invoice", row["email"], due_on=document["due_on"])
    if row["accountant_email"] and row["accountant_email"] != row["email"]:
        message["Cc"] = row["accountant_email"]
    message.add_attachment(
        render_invoice(document), maintype="application", subtype="pdf", filename=f"{row['number']}.pdf"
    )  # fmt: skip
    return message


def _write_copy(row: Any) -> EmailMessage:
    document = row["pdf_url"] or row["hosted_url"] or billing_link(row["slug"], given())
    return _write(row, "invoice_copy", row["accountant_email"], document=document)


def _write(row: Any, kind: str, to: str, **values: str) -> EmailMessage:
    language = row["language"]
    return write_letter(
        kind, language, sender=mail.sender(), to=to, number=row["number"],
        issued_on=say_date(row["issued_at"] or row["created_at"], row["timezone"], language),
        amount=say_amount(row["total_minor"], row["currency"], language), company=row["legal_name"] or row["slug"],
        link=billing_link(row["slug"], given()), **values,
    )  # fmt: skip
