"""What a sign-up must say. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import available_timezones

from server.billing.letters import LANGUAGES
from server.billing.plans import PLANS
from server.errors import FieldError
from server.tenants.slugs import why_not

CURRENCIES: Final = tuple(sorted({currency for plan in PLANS for _, currency in plan.seat_prices_minor}))
"""In which the tiers have prices."""

_COUNTRY: Final = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants a workspace, and how it is to be."""

    email: str
    name: str
    company: str
    slug: str
    language: str = "en"
    country: str | None = None
    currency: str = "EUR"
    timezone: str = "UTC"

    def with_email(self, email: str) -> "Wish":
        """The same of another address."""
        return replace(self, email=email)


def problems_of(wish: Wish, *, name_length_max: int, email_is_good: bool) -> Iterator[FieldError]:
    """What is wrong with a wish, field by field."""
    if not email_is_good:
        yield FieldError("email", "Give an e-mail address such as ann@example.com.")
    for field, text in (("name", wish.name), ("company", wish.company)):
        if not (0 < len(text.strip()) <= name_length_max and text.isprintable()):
            yield FieldError(field, f"Give a name of 1 to {name_length_max} characters.")
    if problem := why_not(wish.slug):
        yield FieldError("slug", problem)
    yield from place_problems(wish.language, wish.country, wish.currency, wish.timezone)


def place_problems(language: str, country: str | None, currency: str, timezone: str) -> Iterator[FieldError]:
    """What is wrong with where somebody is."""
    if language not in LANGUAGES:
        yield FieldError("language", f"Choose one of {', '.join(sorted(LANGUAGES))}.")
    if country is not None and not _COUNTRY.fullmatch(country):
        yield FieldError("country", "Give the country's two letters (ISO 3166), such as KZ.")
    if currency not in CURRENCIES:
        yield FieldError("currency", f"Choose one of {', '.join(CURRENCIES)}.")
    if timezone not in available_timezones():
        yield FieldError("timezone", "Give a time zone of the IANA list, such as Asia/Almaty.")
