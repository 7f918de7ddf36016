"""Edits of fields that another system masters: they become requests. Pure; rules: `server.crm.master.rules`.

A row's maker may set such fields in the mutation that makes it. From then on only the system, or an admin who accepts
a request, changes them.
"""

from typing import Any

from server.auth.access import FIXED
from server.crm.conflict.rules import CUSTOM, REQUEST, may_settle_request
from server.crm.master.rules import on_record, told
from server.sync.attempt import Attempt
from server.sync.merge import Kept
from server.sync.refusals import Refusal
from server.sync.state import Row, Stamp, same


def find_master(attempt: Attempt, row: Row, field: str) -> str | None:
    """The system that masters a field of the row; None where it is the device's to change."""
    if row.id in attempt.created:
        return None
    return attempt.state.facts.masters.get(row.entity.name, {}).get(field)


def ask_master(attempt: Attempt, row: Row, field: str, *, system: str, wanted: Any, standing: Any, seen: Any) -> None:
    """Put a value on record as a request, in the place of an older one of the same member.

    Where what is wanted stands, an older one is taken back, and nothing is asked for any more.

    Values are the field's wire values; of a custom field, any value of JSON.
    """
    _take_back(attempt, row, field)
    if _is_same(row, field, wanted, standing):
        return
    attempt.conflict(
        row,
        field,
        REQUEST,
        Kept.UNDECIDED,
        ours=wanted,
        theirs=standing,
        by=Stamp(0, 0),
        told=told(row.entity.name, field, system),
        on_record=on_record(row.entity.name, field, system),
        seen=seen,
    )


def _is_same(row: Row, field: str, wanted: Any, standing: Any) -> bool:
    definition = row.entity.by_name.get(field)
    if definition is None:
        return type(wanted) is type(standing) and bool(wanted == standing)  # in Python, True equals 1
    return same(definition.kind, wanted, standing)


def _take_back(attempt: Attempt, row: Row, field: str) -> None:
    me = attempt.state.device.member_id
    for other in attempt.children("conflict", row.id):
        values = other.values
        if (values["field"], values["rule"], values["status"], values["lost_by"]) == (field, REQUEST, "open", me):
            attempt.change(other).values |= {
                "status": "settled",
                "settlement": "keep",
                "settled_by": me,
                "settled_at": attempt.captured_at,
            }
    attempt.taken_back |= {(row.id, field)}


def require_decider(attempt: Attempt, row: Row, conflict: Row, choice: str) -> None:
    """See that the member may settle a request so.

    Raises:
        Refusal: another system masters the field, and they are no admin.
    """
    field, device = str(conflict.values["field"]), attempt.state.device
    system = attempt.state.facts.masters.get(row.entity.name, {}).get(field)
    decides = device.access.role in FIXED or system is None
    if not may_settle_request(choice, decides=decides, asked=conflict.values["lost_by"] == device.member_id):
        what = field.removeprefix(CUSTOM).replace("_", " ")
        raise Refusal("not_permitted", f"“{what}” is kept in {system}: that system, or an admin, decides on it.")
