"""Rules of the tenant's own companies and of agreements: tax ids and currencies."""

from functools import cache
from typing import Any

import stdnum
from stdnum.exceptions import ValidationError

from server.crm.checks import refuse
from server.crm.price.tables import PriceList
from server.crm.resource import Write

_EU = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE", "IT", "LT", "LU"}
    | {"LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"}
)


async def check_legal_entity(write: Write) -> None:
    """Check the tax id where the country is known.

    Raises:
        InvalidInput: it is none of that country.
    """
    if not write.deletes and ("tax_id" in write.values or "country" in write.values):
        check_tax_id(write.value("tax_id"), write.value("country"))


def check_tax_id(tax_id: str | None, country: str | None) -> None:
    """Check a tax id by the rules of its country; without a country, by the VAT prefix of the European Union.

    Raises:
        InvalidInput: the number cannot be right (length, characters or check digits).
    """
    if not tax_id:
        return
    prefix = tax_id.strip()[:2].upper()
    where = country or (prefix if prefix in _EU else None)
    module = _find_tax_ids(where) if where else None
    if module is None:
        return
    try:
        module.validate(tax_id)
    except ValidationError as error:
        raise refuse("tax_id", f"This is no tax id of {country or prefix}: {error}") from None


@cache
def _find_tax_ids(country: str) -> Any:
    """What knows the tax ids of a country; looking for what is not there costs file accesses, each time."""
    return stdnum.get_cc_module(country, "vat")


async def check_agreement(write: Write) -> None:
    """An agreement sells in the currency of its price list.

    Raises:
        InvalidInput: the currencies differ.
    """
    if write.deletes or not write.values.keys() & {"currency", "price_list_id"}:
        return
    price_list = await PriceList.select(PriceList.currency).where(PriceList.id == write.value("price_list_id")).first()
    if price_list and price_list["currency"] != write.value("currency"):
        raise refuse("currency", f"The price list is in {price_list['currency']}: use that, or another list.")
