"""Settling a conflict over REST: the same rule as that of devices, and a write like any other."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import CONFLICT

from server.auth.access import FIXED
from server.crm import service
from server.crm.checks import refuse
from server.crm.conflict.rules import (
    CUSTOM,
    DUPLICATE,
    REQUEST,
    WHOLE_ROW,
    ConflictRecord,
    Settlement,
    SettlementRefused,
    decide_settlement,
    may_settle_request,
)
from server.crm.conflict.tables import Conflict as ConflictTable
from server.crm.master.service import find_masters
from server.crm.models import Row, wire_row
from server.crm.payment.service import allocate_held
from server.crm.resource import Resource
from server.crm.resources import RESOURCES
from server.crm.rights import Viewer, require_writer, writable_fields
from server.db import Revision, connection
from server.errors import Conflict, Forbidden, NotFound

CONFLICTS: Final = next(r for r in RESOURCES if r.entity is CONFLICT)
_BY_ENTITY: Final[dict[str, Resource]] = {r.entity.name: r for r in RESOURCES}


class ConflictStale(Conflict):
    """What stands is no longer what the person saw; the message says what it is."""

    code = "conflict_stale"


class ConflictSettled(Conflict):
    """It was settled before, by another choice."""

    code = "conflict_settled"


async def settle_conflict(
    conflict_id: UUID, *, choice: str, seen: Mapping[str, Any], viewer: Viewer, revision: Revision
) -> Row:
    """Settle a conflict; of fields that are decided together, all.

    Args:
        seen: the values that the person saw standing, by field; where one is missing, that of the record counts.

    Raises:
        NotFound: there is no such conflict in the viewer's sight, or no such row any more.
        Forbidden: the viewer may not write what it is about.
        InvalidInput: such a conflict has no such choice.
        ConflictStale: the row has moved on since; nothing was written.
        ConflictSettled: it was settled otherwise.
    """
    conflict = await service.get_row(CONFLICTS, conflict_id, viewer)
    record = _record(conflict)
    resource = _BY_ENTITY.get(record.entity)
    if resource is None:
        raise NotFound
    _require_rights(resource, record, viewer)
    if record.rule == REQUEST:
        await _require_decider(record, choice, asked=conflict["lost_by"] == viewer.member_id, viewer=viewer)
    settlement = await _decide(resource, record, choice, seen, viewer)
    if settlement.writes:
        data = msgspec.convert(_fields(settlement.writes), resource.models.patch)
        row_id, decides = conflict["row_id"], record.rule == REQUEST
        await service.change_row(resource, row_id, data, viewer=viewer, revision=revision, decides=decides)
    if record.field == "receipt_number" and settlement.conflict_ids:
        await allocate_held(conflict["row_id"], revision)
    if settlement.deletes:
        await service.delete_row(resource, conflict["row_id"], viewer=viewer, revision=revision)
    if settlement.conflict_ids:
        await _mark_settled(settlement.conflict_ids, choice, viewer, revision)
    return await service.get_row(CONFLICTS, conflict_id, viewer)


async def _mark_settled(conflict_ids: Iterable[str], choice: str, viewer: Viewer, revision: Revision) -> None:
    await ConflictTable.update(
        {
            ConflictTable.status: "settled",
            ConflictTable.settlement: choice,
            ConflictTable.settled_by: viewer.member_id,
            ConflictTable.settled_at: revision.at,
        }
    ).where(ConflictTable.id.is_in([UUID(each) for each in conflict_ids]))


def _record(conflict: Row) -> ConflictRecord:
    wired: dict[str, Any] = wire_row(CONFLICT, conflict)
    return ConflictRecord(**{name: wired[name] for name in ConflictRecord.__slots__})


def _fields(writes: Mapping[str, Any]) -> dict[str, Any]:
    """The values to take as the fields of a change; custom ones by their keys, as REST merges them."""
    fields = {name: value for name, value in writes.items() if not name.startswith(CUSTOM)}
    custom = {n.removeprefix(CUSTOM): value for n, value in writes.items() if n.startswith(CUSTOM)}
    return fields | ({"custom": custom} if custom else {})


def _require_rights(resource: Resource, record: ConflictRecord, viewer: Viewer) -> None:
    require_writer(viewer, resource.entity, "create" if record.rule == DUPLICATE else "edit")
    field = "custom" if record.field.startswith(CUSTOM) else record.field
    exempt = record.rule == DUPLICATE or field == WHOLE_ROW
    if not exempt and field not in writable_fields(viewer, resource.entity, creating=False):
        raise Forbidden(f"A {viewer.role} may not change this. Ask an admin to do it.")


async def _require_decider(record: ConflictRecord, choice: str, *, asked: bool, viewer: Viewer) -> None:
    system = (await find_masters(record.entity)).get(record.field)
    decides = viewer.role in FIXED or system in (None, viewer.access.system)
    if not may_settle_request(choice, decides=decides, asked=asked):
        raise Forbidden(f"“{record.field}” is kept in {system}: that system, or an admin, decides on it.")


async def _decide(
    resource: Resource, record: ConflictRecord, choice: str, seen: Mapping[str, Any], viewer: Viewer
) -> Settlement:
    others = await ConflictTable.select().where(ConflictTable.row_id == UUID(record.row_id)).output(load_json=True)
    try:
        return decide_settlement(
            record, map(_record, others), await _present(resource, record, viewer), choice=choice, seen=seen
        )
    except SettlementRefused as refused:
        match refused.code:
            case "conflict_stale":
                raise ConflictStale(str(refused)) from None
            case "conflict_settled":
                raise ConflictSettled(str(refused)) from None
            case _:
                raise refuse(refused.field or "choice", str(refused)) from None


async def _present(resource: Resource, record: ConflictRecord, viewer: Viewer) -> dict[str, Any] | None:
    """The row as it stands; None where it was deleted.

    Raises:
        NotFound: it is not in the viewer's sight.
    """
    row_id = UUID(record.row_id)
    try:
        return wire_row(resource.entity, await service.get_row(resource, row_id, viewer))
    except NotFound:
        if not await connection().fetchval(
            _WAS_DELETED.format(resource.entity.name), row_id, viewer.reads_all(resource.entity), viewer.member_id
        ):
            raise
        return None


# Of a deleted row only who saw it may learn that it was.
_WAS_DELETED: Final = """
SELECT EXISTS (SELECT FROM "{}" t WHERE t.id = $1 AND t.deleted_at IS NOT NULL AND ($2 OR EXISTS (
    SELECT FROM scope_entry e JOIN scope_grant g ON g.scope = e.scope AND NOT g.gone AND g.member_id = $3
    WHERE e."row" = t.id)))"""
