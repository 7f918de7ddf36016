"""What an account says on invoices, and what may be changed of it; no database is asked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.auth.service import parse_email
from server.billing.account.tax_ids import TAX_IDS_MAX, clean_tax_id
from server.billing.sign_up.rules import place_problems
from server.errors import FieldError, InvalidInput

ADDRESS_LINES: Final = ("line1", "line2", "city", "state", "postal_code")
TEXT_LENGTH_MAX: Final = 200
REFERENCE_LENGTH_MAX: Final = 80
_REFERENCE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,80}")


@dataclass(frozen=True, slots=True)
class Details:
    """The party, its contacts, and where it is."""

    email: str
    language: str
    timezone: str
    currency: str
    country: str | None = None
    accountant_email: str | None = None
    legal_name: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    tax_ids: tuple[tuple[str, str], ...] = ()
    """(kind, value)."""
    contract_number: str | None = None
    purchase_order: str | None = None


def changed(before: Details, changes: Mapping[str, Any], *, bought: bool) -> Details:
    """The details with some of them changed, once all are found good.

    Args:
        changes: of the fields that were sent; None empties one.
        bought: something was bought already, and fixed the currency.

    Raises:
        InvalidInput: fields are wrong; each is named.
    """
    values = {name: getattr(before, name) for name in Details.__dataclass_fields__} | dict(changes)
    errors = list(_empty(values)) or [*_wrong_texts(values), *_wrong_places(values)]
    if values["currency"] != before.currency and bought:
        errors.append(FieldError("currency", "It was fixed by the first purchase. Ask your operator to change it."))
    tax_ids = list(_clean_tax_ids(values["tax_ids"] or (), errors))
    address = {name: text.strip() for name, text in (values["address"] or {}).items() if text and text.strip()}
    if errors:
        raise InvalidInput(errors)
    emails = {name: parse_email(values[name]) for name in ("email", "accountant_email") if values[name]}
    return Details(**values | emails | {"address": address, "tax_ids": tuple(tax_ids)})


def _empty(values: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("email", "language", "timezone", "currency"):
        if not values[name]:
            yield FieldError(name, "It cannot be empty.")


def _wrong_texts(values: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("email", "accountant_email"):
        if values[name] and parse_email(values[name]) is None:
            yield FieldError(name, "Give an e-mail address such as billing@example.com.")
    for name in ("contract_number", "purchase_order"):
        if values[name] is not None and not _REFERENCE.fullmatch(values[name].strip()):
            yield FieldError(name, f"Give 1 to {REFERENCE_LENGTH_MAX} characters in one line.")
    if (legal_name := values["legal_name"]) is not None and not _is_text(legal_name):
        yield FieldError("legal_name", f"Give a name of 1 to {TEXT_LENGTH_MAX} characters.")
    for name, text in (values["address"] or {}).items():
        if name not in ADDRESS_LINES:
            yield FieldError(f"address.{name[:40]}", f"Choose of {', '.join(ADDRESS_LINES)}.")
        elif text and not _is_text(text):
            yield FieldError(f"address.{name}", f"Give at most {TEXT_LENGTH_MAX} characters in one line.")


def _wrong_places(values: Mapping[str, Any]) -> Iterator[FieldError]:
    return place_problems(values["language"], values["country"], values["currency"], values["timezone"])


def _is_text(text: str) -> bool:
    return 0 < len(text.strip()) <= TEXT_LENGTH_MAX and text.isprintable()


def _clean_tax_ids(given: Any, errors: list[FieldError]) -> Iterator[tuple[str, str]]:
    if len(given) > TAX_IDS_MAX:
        errors.append(FieldError("tax_ids", f"Give {TAX_IDS_MAX} at most."))
    for n, (kind, value) in enumerate(given[:TAX_IDS_MAX]):
        try:
            yield kind, clean_tax_id(kind, value)
        except ValueError as error:
            errors.append(FieldError(f"tax_ids.{n}", str(error)))
