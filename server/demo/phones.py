"""Phone numbers as people write them → E.164 (phonenumbers), where the country says how to read them."""

from typing import Final

import phonenumbers

REGIONS: Final = {
    "Argentina": "AR", "Australia": "AU", "Austria": "AT", "Belgium": "BE", "Brazil": "BR", "Canada": "CA",
    "China": "CN", "Denmark": "DK", "Finland": "FI", "France": "FR", "Germany": "DE", "India": "IN", "Ireland": "IE",
    "Italy": "IT", "Japan": "JP", "Mexico": "MX", "Netherlands": "NL", "Norway": "NO", "Poland": "PL",
    "Portugal": "PT", "Singapore": "SG", "Spain": "ES", "Sweden": "SE", "Switzerland": "CH", "Turkey": "TR",
    "UK": "GB", "USA": "US", "Ukraine": "UA", "Venezuela": "VE",
}  # fmt: skip
"""Countries as the source names them → ISO 3166."""


def normalize_phone(text: str, country: str | None) -> str:
    """The number as E.164 if it is a valid one of its country, else as it was typed."""
    region = REGIONS.get(country or "", country if country in phonenumbers.SUPPORTED_REGIONS else None)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(number):
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
