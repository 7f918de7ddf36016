"""Who writes the invoices: ourselves, as the operator has set it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from server.config import ConfigError

_WANTED: Final = (
    "OUTRIDER_INVOICE_SELLER is not what invoices need ({problem}): set a JSON object such as "
    '{{"name": "Outrider Ltd", "address": ["1 Main St", "Dublin"], "tax_ids": ["VAT IE6388047V"], '
    '"bank": ["IBAN IE64IRCE92050112345678", "BIC IRCEIE2D"], "vat_percent": "0", "prefix": "OR", '
    '"timezone": "Europe/Dublin", "due_days": 14}}.'
)


@dataclass(frozen=True, slots=True)
class Seller:
    """The party that sells, as it stands on invoices."""

    name: str
    address: tuple[str, ...]
    tax_ids: tuple[str, ...]
    bank: tuple[str, ...]
    """Where to pay to."""
    vat_percent: Fraction
    """On top of prices, for everybody; 0: the operator is not liable, or settles it otherwise."""
    prefix: str
    """What numbers of invoices begin with."""
    timezone: str
    """Whose years number the invoices."""
    due_days: int

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Seller":
        """The seller of a setting.

        Raises:
            ConfigError: it is none; the message says what is wrong.
        """
        try:
            seller = cls(
                _text(given["name"]), _texts(given.get("address", [])), _texts(given.get("tax_ids", [])),
                _texts(given["bank"]), Fraction(str(given.get("vat_percent", "0"))), _text(given.get("prefix", "OR")),
                _text(given.get("timezone", "UTC")), int(given.get("due_days", 14)),
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
            raise ConfigError(_WANTED.format(problem=f"{type(error).__name__}: {error}")) from error
        if not 0 <= seller.vat_percent < 100 or not 0 <= seller.due_days <= 90:
            raise ConfigError(_WANTED.format(problem="vat_percent or due_days is out of range"))
        if seller.timezone not in available_timezones():
            raise ConfigError(_WANTED.format(problem="there is no such timezone"))
        return seller

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text is missing or empty")
    return value.strip()


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("a list of texts is wanted")
    return tuple(_text(value) for value in values)
