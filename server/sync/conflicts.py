"""Conflicts as devices settle them, and what its two sides may read of one. Pure."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from outrider_sdk.protocol import canonical_json
from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.auth.access import Access
from server.crm.conflict.rules import (
    CUSTOM,
    DUPLICATE,
    REQUEST,
    WHOLE_ROW,
    ConflictRecord,
    SettlementRefused,
    decide_settlement,
)
from server.sync.attempt import Attempt
from server.sync.complete import recomplete
from server.sync.custom import take_custom
from server.sync.masters import ask_master, find_master, require_decider
from server.sync.orders import recompute_total, require_editable
from server.sync.payments import allocate_held
from server.sync.refusals import Refusal
from server.sync.state import Row
from server.sync.values import check_value, writable_field


def settle_conflict(attempt: Attempt, conflict_id: str, seen: dict[str, Any]) -> None:
    """Settle a conflict as its person chose.

    Raises:
        Refusal: the conflict, or its row, is not the member's to see or to write; or the row has moved on since they
            looked; or somebody settled it otherwise.
    """
    conflict = attempt.get("conflict", conflict_id)
    record = record_of(conflict)
    definition = ENTITIES.get(record.entity)
    if definition is None:
        raise Refusal("entity_unknown", "This server no longer knows what the conflict is about.")
    row = attempt.get(record.entity, record.row_id)
    _require_rights(attempt, row, record, seen)
    if record.rule == REQUEST:
        require_decider(attempt, row, conflict, str(seen.get("choice")))
    if "lost" in seen and canonical_json(_parsed(seen["lost"])) != canonical_json(record.lost):
        raise Refusal("conflict_stale", "The other value is not the one that you saw. Look at it again, then decide.")
    others = {other.id: other for other in attempt.children("conflict", record.row_id)}
    try:
        settlement = decide_settlement(
            record,
            map(record_of, others.values()),
            None if row.deleted else _documents(row),
            choice=str(seen.get("choice")),
            seen=_seen_standing(record, seen),
            may_see=attempt.tells(row, record.field),
        )
    except SettlementRefused as refused:
        raise Refusal(refused.code, str(refused), **({"field": refused.field} if refused.field else {})) from None
    if settlement.writes:
        _take(attempt, row, settlement.writes, decides=record.rule == REQUEST)
    if record.field == "receipt_number" and settlement.conflict_ids and not row.deleted:
        allocate_held(attempt, row)
    if settlement.deletes:
        _delete(attempt, row)
    for settled_id in settlement.conflict_ids:
        attempt.change(others[settled_id]).values |= {
            "status": "settled",
            "settlement": seen["choice"],
            "settled_by": attempt.state.device.member_id,
            "settled_at": attempt.captured_at,
        }


def record_of(conflict: Row) -> ConflictRecord:
    """A conflict's row as the rule reads it."""
    values = conflict.values
    return ConflictRecord(
        id=conflict.id,
        entity=values["entity"],
        row_id=values["row_id"],
        field=values["field"],
        kept=_parsed(values["kept"]),
        lost=_parsed(values["lost"]),
        device_id=values["device_id"],
        mutation_number=values["mutation_number"],
        status=values["status"],
        settlement=values["settlement"],
        rule=values["rule"],
    )


def _parsed(text: Any) -> Any:
    """A document that a device or a column holds as text; what is none is no value."""
    try:
        return None if text is None else json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise Refusal("change_malformed", "Values that were seen are JSON documents as text.") from None


def _documents(row: Row) -> dict[str, Any]:
    return {
        field.name: _parsed(row.values[field.name]) if field.kind is Kind.JSON else row.values[field.name]
        for field in row.entity.all_fields
    }


def _require_rights(attempt: Attempt, row: Row, record: ConflictRecord, seen: dict[str, Any]) -> None:
    definition = row.entity
    attempt.require("create" if record.rule == DUPLICATE else "edit", row)
    if record.field.startswith(CUSTOM):
        writable_field(definition, attempt.right(definition.name), "custom", creating=False)
    elif record.rule != DUPLICATE and record.field != WHOLE_ROW:
        writable_field(definition, attempt.right(definition.name), record.field, creating=False)
    elif seen.get("choice") == "delete":
        attempt.require("delete", row)
        if not definition.deletable:
            raise Refusal("field_not_writable", f"A device cannot delete this {definition.name.replace('_', ' ')}.")


def _seen_standing(record: ConflictRecord, seen: dict[str, Any]) -> dict[str, Any]:
    """What the person saw standing, by field."""
    group = seen.get("group", {})
    if not isinstance(group, dict):
        raise Refusal("change_malformed", "The values of a group that were seen are an object.")
    standing = {name: _parsed(text) for name, text in group.items()}
    return standing | ({record.field: _parsed(seen["kept"])} if "kept" in seen else {})


def _take(attempt: Attempt, found: Row, writes: Any, *, decides: bool) -> None:
    """Write the values as an edit of this device's, made now: it merges with others like any edit.

    Args:
        decides: on a request; else what another system masters becomes one.
    """
    require_editable(attempt, found)
    row = attempt.change(found)
    for name, document in writes.items():
        if name.startswith(CUSTOM):
            take_custom(attempt, row, name.removeprefix(CUSTOM), document, decides=decides)
            continue
        field = row.entity.by_name[name]
        value = canonical_json(document) if field.kind is Kind.JSON and document is not None else document
        check_value(field, value)
        system = None if decides else find_master(attempt, row, name)
        if system is not None:
            standing = row.values[name]
            ask_master(attempt, row, name, system=system, wanted=value, standing=standing, seen=standing)
            continue
        row.values[name] = value
        row.stamps[name] = attempt.stamp
    recomplete(attempt, row)
    recompute_total(attempt, row)


def _delete(attempt: Attempt, found: Row) -> None:
    require_editable(attempt, found)
    row = attempt.change(found)
    row.deleted = True
    row.stamps["deleted_at"] = attempt.stamp
    recompute_total(attempt, row)


def as_read_by(access: Access, outcome: dict[str, Any]) -> dict[str, Any]:
    """An outcome of before, as far as the member may read it today: their role's fields may be others by now (S6)."""
    told = dict(outcome)
    if "conflicts" in told:
        told["conflicts"] = [_without_theirs(c) if _is_hidden(access, c) else c for c in told["conflicts"]]
    hidden = {name for _, name in access.hidden_fields()}
    field = str(told.get("field"))
    if told["status"] == "refused" and ("custom" if field.startswith(CUSTOM) else field) in hidden:
        told["explanation"] = "It was refused for a reason that you may no longer read."
    return told


def _is_hidden(access: Access, conflict: dict[str, Any]) -> bool:
    right = access.right(conflict["entity"])
    name = "custom" if conflict["field"].startswith(CUSTOM) else conflict["field"]
    return not right.read or name in right.hidden


def _without_theirs(conflict: dict[str, Any]) -> dict[str, Any]:
    return conflict | {"lost" if conflict["yours"] == "kept" else "kept": None}


def withhold(conflicts: Iterable[Row], sights: Collection[tuple[str, str]]) -> None:
    """Leave out of new conflicts what a side may not read, who no longer sees the row: the other's value.

    Args:
        sights: (row, member) for each side that sees the row of one of the conflicts.
    """
    for conflict in conflicts:
        values = conflict.values
        if values["lost_by"] and (values["row_id"], values["lost_by"]) not in sights:
            values["kept"] = None
        if values["kept_by"] and (values["row_id"], values["kept_by"]) not in sights:
            values["kept_by"] = None
