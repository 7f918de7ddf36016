"""Rules of people and their channels."""

from typing import Any

from server.crm.checks import refuse
from server.crm.contact.rules import PHONE_KINDS, normalise_phone
from server.crm.erasure.service import Erased, is_erased
from server.crm.outlet.tables import Outlet
from server.crm.resource import Write
from server.db import connection

# Where all of the tenant's companies are in one country, a number without a prefix is one of that country.
_HOME_COUNTRY = """
SELECT min(country) FROM legal_entity WHERE deleted_at IS NULL AND country IS NOT NULL
HAVING count(DISTINCT country) = 1
"""


async def check_contact(write: Write) -> None:
    """A person's outlet belongs to the person's account; and of whom was erased, nothing changes any more.

    Raises:
        InvalidInput: it belongs to another.
        Erased: the person was erased.
    """
    if write.before is not None and not write.deletes and await is_erased(write.row_id):
        raise Erased
    outlet_id = write.value("outlet_id")
    if write.deletes or outlet_id is None or not write.values.keys() & {"outlet_id", "account_id"}:
        return
    outlet = await Outlet.select(Outlet.account_id).where(Outlet.id == outlet_id).first()
    if outlet and outlet["account_id"] != write.value("account_id"):
        raise refuse("outlet_id", "This outlet belongs to another account.")


async def normalise_channel(write: Write) -> None:
    """Store phone numbers as E.164 where they can be read as such, and as typed otherwise.

    Raises:
        Erased: it is of a person who was erased.
    """
    if not write.deletes and await is_erased(write.value("contact_id")):
        raise Erased
    if "value" in write.values and write.value("channel_kind") in PHONE_KINDS:
        write.values["value"] = normalise_phone(write.values["value"], await find_home_country())


async def find_home_country() -> str | None:
    """The country of numbers without a prefix, where all of the tenant's companies are in one."""
    country: str | None = await connection().fetchval(_HOME_COUNTRY)
    return country


async def complete_consent(write: Write) -> None:
    """Whoever writes here sees all that was said before: the new record follows the latest.

    Raises:
        InvalidInput: it follows a record of another person or purpose.
    """
    values = write.values
    same = (values["contact_id"], values["purpose"], values.get("channel_kind"))
    if "follows_id" in values:
        followed: Any = await connection().fetchrow(
            "SELECT contact_id, purpose, channel_kind FROM consent WHERE id = $1", values["follows_id"]
        )
        if tuple(followed) != same:
            raise refuse("follows_id", "This is a consent of another person, purpose or channel.")
        return
    latest = await connection().fetchval(
        """SELECT id FROM consent WHERE contact_id = $1 AND purpose = $2 AND channel_kind IS NOT DISTINCT FROM $3
        AND deleted_at IS NULL ORDER BY revision DESC, id DESC LIMIT 1""",
        *same,
    )
    if latest is not None:
        values["follows_id"] = latest
