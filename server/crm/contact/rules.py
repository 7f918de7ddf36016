"""Phone numbers in one form: pure, so that REST and sync store alike."""

from typing import Final

import phonenumbers

PHONE_KINDS: Final = frozenset({"phone", "fax"})


def normalise_phone(typed: str, country: str | None) -> str:
    """The number in E.164, or as typed where it is none.

    Args:
        country: of a number without an international prefix; None where it is not known.
    """
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        return typed
    if number.extension or not phonenumbers.is_possible_number(number):
        return typed  # E.164 has no room for an extension
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
