"""Rules of outlets."""

from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from outrider_sdk.protocol.entities import ASSIGNMENT, OUTLET
from outrider_sdk.protocol.ids import uuid7

from server.crm import service
from server.crm.checks import refuse
from server.crm.resource import Write
from server.db import connection


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


async def check_outlet(write: Write) -> None:
    """Check the time zone.

    Raises:
        InvalidInput: there is no such zone.
    """
    time_zone = write.values.get("time_zone")
    if time_zone and time_zone not in _time_zones():
        raise refuse("time_zone", "Use a name of the IANA time zone database, such as Europe/Riga.")


async def assign_maker(write: Write) -> None:
    """Assign a new outlet to whoever made it, as otherwise they would not see it."""
    if write.before is None and not write.viewer.reads_all(OUTLET):
        member_id = write.viewer.member_id
        assortment = await find_own_assortment(member_id)
        values = {"member_id": member_id, "outlet_id": write.row_id, "assortment_id": assortment}
        await service.insert_row(ASSIGNMENT, uuid7(), values)


async def find_own_assortment(member_id: UUID | str) -> UUID | None:
    """An assortment of a member all of whose assignments name one: one without would show them all products."""
    sql = """SELECT (array_agg(w.assortment_id ORDER BY w.assortment_id))[1] FROM worked_outlet w
        WHERE w.member_id = $1 HAVING bool_and(w.assortment_id IS NOT NULL)"""
    found: UUID | None = await connection().fetchval(sql, member_id)
    return found
