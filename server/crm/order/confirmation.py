"""What an order's confirmation says, and to whom."""

from dataclasses import dataclass
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final
from uuid import UUID

import asyncpg
from outrider_sdk.rules import minor_digits

from server.db import connection

CONFIRMED_STATUSES: Final = frozenset({"submitted", "accepted", "partly_accepted"})
"""What the customer hears of by mail. The rest is settled between people first."""

_HEADLINES: Final = {
    "submitted": "We have your order, and are looking at it.",
    "accepted": "We have accepted your order.",
    "partly_accepted": "We have accepted your order in part: see the quantities.",
}


@dataclass(frozen=True, slots=True)
class ConfirmedLine:
    """One line; `quantity_accepted` None: not judged yet."""

    name: str
    unit: str
    quantity: Decimal
    quantity_accepted: Decimal | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An order as its confirmation tells it. `addresses` are candidates, the best one first."""

    order_id: UUID
    number: str
    status: str
    company: str
    account: str
    currency: str
    total_minor: int
    addresses: tuple[str, ...]
    lines: tuple[ConfirmedLine, ...]


async def load_confirmation(order_id: UUID) -> Confirmation | None:
    """The order as it is now, or None where there is none any more."""
    order = await connection().fetchrow(
        """SELECT o.*, e.name AS company, a.name AS account FROM "order" o
        JOIN legal_entity e ON e.id = o.legal_entity_id JOIN account a ON a.id = o.account_id
        WHERE o.id = $1 AND o.deleted_at IS NULL""",
        order_id,
    )
    if order is None:
        return None
    lines = await connection().fetch(
        """SELECT p.name, l.unit, l.quantity, l.quantity_accepted, l.amount_minor
        FROM order_line l JOIN product p ON p.id = l.product_id
        WHERE l.order_id = $1 AND l.deleted_at IS NULL ORDER BY l.position, l.id""",
        order_id,
    )
    return Confirmation(
        order["id"],
        order["number"],
        order["status"],
        order["company"],
        order["account"],
        order["currency"],
        order["total_minor"],
        await _addresses(order),
        tuple(ConfirmedLine(*line) for line in lines),
    )


async def _addresses(order: asyncpg.Record) -> tuple[str, ...]:
    """E-mail channels of the account's contacts, those of the order's outlet first; then the maker's own."""
    rows = await connection().fetch(
        """SELECT h.value FROM contact_channel h JOIN contact c ON c.id = h.contact_id
        WHERE c.account_id = $1 AND h.channel_kind = 'email' AND c.deleted_at IS NULL AND h.deleted_at IS NULL
        ORDER BY c.outlet_id IS NOT DISTINCT FROM $2 DESC, h.preferred DESC, c.created_at, c.id, h.id""",
        order["account_id"],
        order["outlet_id"],
    )
    maker = await connection().fetchval("SELECT email FROM member WHERE id = $1", order["maker_id"])
    return (*(row["value"] for row in rows), *([maker] if maker else []))


def write_message(confirmation: Confirmation, sender: str) -> EmailMessage | None:
    """The message, or None where nobody has a usable address."""
    recipient = next(filter(None, map(_parse_address, confirmation.addresses)), None)
    if recipient is None:
        return None
    message = EmailMessage()
    message["From"] = Address(_one_line(confirmation.company), addr_spec=sender)
    message["To"] = recipient
    message["Subject"] = f"Order {_one_line(confirmation.number)}"
    message.set_content(_write_text(confirmation))
    return message


def _parse_address(text: str) -> Address | None:
    # People typed it, on a phone: it may be anything.
    try:
        address = Address(addr_spec=text.strip())
    except (ValueError, IndexError, MessageError):
        return None
    return address if address.domain else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _write_text(confirmation: Confirmation) -> str:
    lines = [
        f"{confirmation.account},",
        "",
        _HEADLINES[confirmation.status],
        "",
        f"Order {confirmation.number}",
        "",
        *(_write_line(line, confirmation.currency) for line in confirmation.lines),
        "",
        f"Total: {_write_money(confirmation.total_minor, confirmation.currency)}",
        "",
        confirmation.company,
    ]
    return "\n".join(lines) + "\n"


def _write_line(line: ConfirmedLine, currency: str) -> str:
    quantity = f"{line.quantity.normalize():f} {line.unit}"
    if line.quantity_accepted is not None and line.quantity_accepted != line.quantity:
        quantity += f" ordered, {line.quantity_accepted.normalize():f} accepted"
    return f"- {line.name}: {quantity}, {_write_money(line.amount_minor, currency)}"


def _write_money(amount_minor: int, currency: str) -> str:
    digits = minor_digits(currency)
    return f"{Decimal(amount_minor).scaleb(-digits):,.{digits}f} {currency}"
