"""Rules of the tenant's own companies and of agreements: tax ids and currencies."""

from server.crm.checks import refuse
from server.crm.company.rules import tax_id_problem
from server.crm.price.tables import PriceList
from server.crm.resource import Write


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
    problem = tax_id_problem(tax_id, country) if tax_id else None
    if problem:
        raise refuse("tax_id", problem)


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
