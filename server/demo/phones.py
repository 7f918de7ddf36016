"""Phone numbers as people write them → E.164 (phonenumbers), where the country says how to read them."""

import phonenumbers

from server.imports.countries import find_country


def normalize_phone(text: str, country: str | None) -> str:
    """The number as E.164 if it is a valid one of its country, else as it was typed."""
    try:
        number = phonenumbers.parse(text, find_country(country))
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(number):
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
