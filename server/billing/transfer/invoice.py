"""What is printed on an invoice of ours, frozen as it is issued. Pure.

Whatever changes later (a name, a rate, a language) changes later invoices alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from server.billing.account.details import Details
from server.billing.letters import say_country, say_date, words
from server.billing.transfer.proration import Line, tax_minor
from server.billing.transfer.seller import Seller

_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Sums of an invoice, in minor units."""

    subtotal_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.subtotal_minor + self.tax_minor


def amounts_of(lines: Sequence[Line], seller: Seller) -> Amounts:
    """The sums of an invoice's lines."""
    subtotal = sum(line.amount_minor for line in lines)
    return Amounts(subtotal, tax_minor(subtotal, seller.vat_percent))


def write_document(
    *, number: str, details: Details, seller: Seller, lines: Sequence[Line], issued_at: datetime, due_at: datetime
) -> dict[str, Any]:
    """All that stands on the paper, as JSON keeps it."""
    language, timezone, amounts = details.language, details.timezone, amounts_of(lines, seller)
    return {
        "number": number,
        "language": language,
        "currency": details.currency,
        "issued_on": say_date(issued_at, timezone, language),
        "due_on": say_date(due_at, timezone, language),
        "seller": {"name": seller.name, "lines": [*seller.address, *seller.tax_ids]},
        "bank": list(seller.bank),
        "buyer": {"name": details.legal_name or details.email, "lines": _buyer_lines(details)},
        "contract_number": details.contract_number,
        "purchase_order": details.purchase_order,
        "vat_percent": say_percent(seller.vat_percent),
        "subtotal_minor": amounts.subtotal_minor,
        "tax_minor": amounts.tax_minor,
        "total_minor": amounts.total_minor,
        "lines": [line_document(line, language, timezone) for line in lines],
    }


def _buyer_lines(details: Details) -> list[str]:
    address = details.address
    town = " ".join(text for name in ("postal_code", "city") if (text := address.get(name)))
    places = [
        address.get("line1"),
        address.get("line2"),
        town,
        address.get("state"),
        details.country and say_country(details.country, details.language),
    ]
    return [text for text in places if text] + [
        f"{tax_id_name(kind)} {value}" for kind, value in details.tax_ids
    ]  # fmt: skip


def say_percent(percent: Fraction) -> str:
    """A rate in digits: 12, 7.5."""
    return f"{float(percent):g}"


def tax_id_name(kind: str) -> str:
    """How people call a kind of tax id: the country's letters, and the word."""
    country, _, word = kind.upper().partition("_")
    return {"EU_VAT": "VAT", "KZ_BIN": "БСН/ЖСН (BIN/IIN)", "RU_INN": "ИНН", "RU_KPP": "КПП", "BY_TIN": "УНП"}.get(
        kind.upper(), f"{country} {word}"
    )


def line_document(line: Line, language: str, timezone: str) -> dict[str, Any]:
    """One line: its words in the reader's language, and what it is made of."""
    values: dict[str, str] = {"plan": line.plan, "seats": str(line.seats)}
    if line.start is not None and line.end is not None:
        last = line.end - _MOMENT
        values |= {"start": say_date(line.start, timezone, language), "end": say_date(last, timezone, language)}
    return {
        "text": words(f"line_{line.kind}", language).format_map(values),
        "amount_minor": line.amount_minor,
        "line": line_record(line),
    }


def line_record(line: Line) -> dict[str, Any]:
    """A line as it is kept for later."""
    moments = {"start": line.start and line.start.isoformat(), "end": line.end and line.end.isoformat()}
    return {"kind": line.kind, "amount_minor": line.amount_minor, "plan": line.plan, "seats": line.seats} | moments


def read_line(record: Mapping[str, Any]) -> Line:
    """The line of such a record."""
    moments = {name: record[name] and datetime.fromisoformat(record[name]) for name in ("start", "end")}
    return Line(record["kind"], record["amount_minor"], record["plan"], record["seats"], **moments)
