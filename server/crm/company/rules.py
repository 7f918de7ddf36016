"""Whether a tax id can be right: pure, so that REST and sync ask the same."""

from functools import cache
from typing import Any, Final

import stdnum
from stdnum.exceptions import ValidationError

_EU: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE", "IT", "LT", "LU"}
    | {"LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"}
)


def tax_id_problem(tax_id: str, country: str | None) -> str | None:
    """What is wrong with a tax id by the rules of its country; without one, by the VAT prefix of the European Union.

    None where nothing is, or nothing is known of the country.
    """
    prefix = tax_id.strip()[:2].upper()
    where = country or (prefix if prefix in _EU else None)
    module = _find_tax_ids(where) if where else None
    if module is None:
        return None
    try:
        module.validate(tax_id)
    except ValidationError as error:
        return f"This is no tax id of {country or prefix}: {error}"
    return None


@cache
def _find_tax_ids(country: str) -> Any:
    """What knows the tax ids of a country; looking for what is not there costs file accesses, each time."""
    return stdnum.get_cc_module(country, "vat")
