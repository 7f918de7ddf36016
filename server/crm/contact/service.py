"""Rules of people and their channels."""

import phonenumbers

from server.crm.checks import refuse
from server.crm.outlet.tables import Outlet
from server.crm.resource import Write
from server.db import connection

_PHONE_KINDS = frozenset({"phone", "fax"})

# Where all of the tenant's companies are in one country, a number without a prefix is one of that country.
_HOME_COUNTRY = """
SELECT min(country) FROM legal_entity WHERE deleted_at IS NULL AND country IS NOT NULL
HAVING count(DISTINCT country) = 1
"""


async def check_contact(write: Write) -> None:
    """A person's outlet belongs to the person's account.

    Raises:
        InvalidInput: it belongs to another.
    """
    outlet_id = write.value("outlet_id")
    if write.deletes or outlet_id is None or not write.values.keys() & {"outlet_id", "account_id"}:
        return
    outlet = await Outlet.select(Outlet.account_id).where(Outlet.id == outlet_id).first()
    if outlet and outlet["account_id"] != write.value("account_id"):
        raise refuse("outlet_id", "This outlet belongs to another account.")


async def normalise_channel(write: Write) -> None:
    """Store phone numbers as E.164 where they can be read as such, and as typed otherwise."""
    if "value" in write.values and write.value("channel_kind") in _PHONE_KINDS:
        write.values["value"] = normalise_phone(write.values["value"], await find_home_country())


async def find_home_country() -> str | None:
    """The country of the tenant's companies, where all are in one."""
    country: str | None = await connection().fetchval(_HOME_COUNTRY)
    return country


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
