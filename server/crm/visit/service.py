"""Rules of routes and visits."""

import msgspec

from server.crm.checks import check_single, refuse
from server.crm.resource import Write
from server.crm.visit.rules import check_visit


async def check_route(write: Write) -> None:
    """One plan of a day for a member.

    Raises:
        AlreadyThere: the member has one.
    """
    await check_single(write, "route", "member_id", "day")


async def complete_visit(write: Write) -> None:
    """A visit is of whoever records it; what was empty may be filled in once.

    Raises:
        InvalidInput: the position is none, or a field has a value already.
    """
    if write.before is None:
        write.values["member_id"] = write.viewer.member_id
    else:
        for name in write.values:
            if name != "custom" and write.before[name] is not None:
                raise refuse(name, "This was recorded already, and a record stays.")
    names = ("position", "position_absence", "position_out", "checked_in_at", "checked_out_at")
    check_visit({name: _text(write, name) for name in names})


def _text(write: Write, name: str) -> object:
    value = write.value(name)
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value
