"""What we write to those who pay, in their language: texts by kind, filled in, and made a message.

A language is a module with the same kinds as the others; a test compares their places to fill.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency
from outrider_sdk.rules import minor_digits

from server.billing.letters import en, kk, ru

LANGUAGES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {"en": en.TEXTS, "kk": kk.TEXTS, "ru": ru.TEXTS}
"""Language → kind → subject and text."""
WORDS: Final[Mapping[str, Mapping[str, str]]] = {"en": en.WORDS, "kk": kk.WORDS, "ru": ru.WORDS}
"""Language → name → a word or a line."""
FALLBACK: Final = "en"
SENDER_NAME: Final = "Outrider"


def language_of(tag: str) -> str:
    """The language we write to somebody in: theirs, where we know it (`kk-KZ` is `kk`), else English."""
    primary = tag.replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else FALLBACK


def write_letter(kind: str, language: str, *, sender: str, to: str, **values: str) -> EmailMessage:
    """A message of that kind. Values are texts, written for the same language; each stands in one line."""
    subject, text = LANGUAGES[language_of(language)][kind]
    filled = {name: " ".join(value.split()) for name, value in values.items()}
    message = EmailMessage()
    message["From"] = Address(SENDER_NAME, addr_spec=sender)
    message["To"] = to
    message["Subject"] = subject.format_map(filled)
    message.set_content(text.strip().format_map(filled) + "\n")
    return message


def words(name: str, language: str) -> str:
    """A word or a line of invoices."""
    return WORDS[language_of(language)][name]


def say_amount(amount_minor: int, currency: str, language: str) -> str:
    """An amount as people of the language write it."""
    amount = Decimal(amount_minor).scaleb(-minor_digits(currency))
    return format_currency(amount, currency, locale=language_of(language))


def say_country(code: str, language: str) -> str:
    """A country by its name."""
    return str(Locale(language_of(language)).territories.get(code, code))


def say_date(moment: datetime, timezone: str, language: str) -> str:
    """The day of a moment, where the reader is."""
    return format_date(moment.astimezone(ZoneInfo(timezone)).date(), format="long", locale=language_of(language))
