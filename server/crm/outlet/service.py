"""Rules of outlets."""

from functools import cache
from zoneinfo import available_timezones

from outrider_sdk.protocol.entities import ASSIGNMENT, OUTLET
from outrider_sdk.protocol.ids import uuid7

from server.crm import service
from server.crm.checks import refuse
from server.crm.resource import Write


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
        values = {"member_id": write.viewer.member_id, "outlet_id": write.row_id}
        await service.insert_row(ASSIGNMENT, uuid7(), values)
