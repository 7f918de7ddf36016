"""Creates, edits and deletes of a mutation, decided on the attempt's rows. Pure."""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from outrider_sdk.protocol.entities import ASSIGNMENT, Entity, Field, Kind
from outrider_sdk.protocol.entities import entity as find_entity

from server.sync.attempt import Attempt
from server.sync.intents import apply_intent
from server.sync.merge import GROUPS, Kept, Rule, is_conflict, later, merge_set, rule_of
from server.sync.orders import complete_line, complete_order, recompute_total, require_editable
from server.sync.refusals import Refusal
from server.sync.state import Row, same, target_of
from server.sync.values import check_value, is_id

CHANGES_PER_MUTATION_MAX = 1_000

_DEFAULTS: dict[str, Any] = {
    "custom": "{}",
    "roles": '["customer"]',
    "tags": "[]",
    "preferred": False,
    "discount": "0",
    "position": 0,
    "fulfilment": "partial",
}


def apply_changes(attempt: Attempt, changes: Any) -> None:
    """Apply all changes of a mutation to the attempt.

    Raises:
        Refusal: one of them cannot be; the whole mutation is refused.
    """
    if not isinstance(changes, list) or len(changes) > CHANGES_PER_MUTATION_MAX:
        raise Refusal("change_malformed", f"A mutation is a list of at most {CHANGES_PER_MUTATION_MAX} changes.")
    for change in changes:
        _apply_change(attempt, change)


def _apply_change(attempt: Attempt, change: Any) -> None:
    if not isinstance(change, dict) or not is_id(change.get("id")):
        raise Refusal("change_malformed", "A change is an object with an op and the id of a row.")
    op = change.get("op")
    if op == "intent":
        apply_intent(attempt, change)
        return
    definition = find_entity(str(change.get("entity")))
    if definition is None:
        raise Refusal("entity_unknown", f"This server knows no “{change.get('entity')}”.")
    match op:
        case "create":
            _create(attempt, definition, change["id"], _fields(change))
        case "edit":
            _edit(attempt, definition, change["id"], _fields(change))
        case "delete":
            _delete(attempt, definition, change["id"], _base(change))
        case _:
            raise Refusal("change_malformed", f"“{op}” is no kind of change: use create, edit, delete or intent.")


def _fields(change: dict[str, Any]) -> dict[str, Any]:
    fields = change.get("fields")
    if not isinstance(fields, dict):
        raise Refusal("change_malformed", "A create or an edit has an object of fields.")
    return fields


def _base(edit: dict[str, Any]) -> int:
    base = edit.get("base")
    if not isinstance(base, int) or isinstance(base, bool) or base < 0:
        raise Refusal("change_malformed", "An edit or a delete has a base: the revision of the row as it was seen.")
    return base


def _writable(definition: Entity, name: str, *, creating: bool) -> Field:
    field = definition.by_name.get(name)
    if field is None:
        raise Refusal("field_unknown", f"This server knows no “{name}” of {definition.name}.", field=name)
    if not (field.writable or (creating and field.create_only)):
        raise Refusal("field_not_writable", f"“{name}” of {definition.name} is not yours to change.", field=name)
    return field


def _create(attempt: Attempt, definition: Entity, row_id: str, fields: dict[str, Any]) -> None:
    if not definition.creatable:
        raise Refusal("field_not_writable", f"A device cannot make a new {definition.name}.")
    if attempt.exists(definition.name, row_id):
        raise Refusal("already_exists", f"There is a {definition.name} with this id already.")
    values: dict[str, Any] = dict.fromkeys(definition.columns)
    values |= {name: _DEFAULTS[name] for name in definition.columns if name in _DEFAULTS}
    values["id"] = row_id
    for name, value in fields.items():
        field = _writable(definition, name, creating=True)
        check_value(field, value)
        values[name] = value
        _require_parent(attempt, definition, field, value)
    for field in definition.fields:
        if field.required and values[field.name] is None and (field.writable or field.create_only):
            raise Refusal("value_invalid", f"“{field.name}” is missing.", field=field.name)
    row = Row(definition, values)
    _complete(attempt, row)
    attempt.create(row)
    if definition.name == "order_line":
        recompute_total(attempt, values["order_id"])


def _require_parent(attempt: Attempt, definition: Entity, field: Field, value: Any) -> None:
    target = target_of(definition, field.name) if field.kind is Kind.ID else None
    if target is None or value is None:
        return
    try:
        parent = attempt.get(target, value)
    except Refusal as refusal:
        if refusal.code == "not_found":
            refusal = Refusal("parent_missing", f"“{field.name}”: {refusal.explanation}", field=field.name)
        raise refusal from None
    if parent.deleted:
        raise Refusal(
            "parent_missing",
            f"“{field.name}”: the {target.replace('_', ' ')} was deleted meanwhile.",
            field=field.name,
        )


def _complete(attempt: Attempt, row: Row) -> None:
    """Fill in what the server derives for a new row."""
    match row.entity.name:
        case "order":
            complete_order(attempt, row)
        case "order_line":
            complete_line(attempt, row)
        case "outlet":
            _assign_to_maker(attempt, row)


def _assign_to_maker(attempt: Attempt, outlet: Row) -> None:
    """Who opens an outlet works it: without an assignment they would lose it at the next pull."""
    values: dict[str, Any] = dict.fromkeys(ASSIGNMENT.columns)
    values |= {
        "id": str(uuid5(NAMESPACE_OID, f"{outlet.id}/{attempt.state.device.member_id}")),
        "custom": "{}",
        "member_id": attempt.state.device.member_id,
        "outlet_id": outlet.id,
    }
    attempt.create(Row(ASSIGNMENT, values))


def _edit(attempt: Attempt, definition: Entity, row_id: str, edits: dict[str, Any]) -> None:
    found = attempt.get(definition.name, row_id)
    for name, edit in edits.items():
        field = _writable(definition, name, creating=False)
        if not isinstance(edit, dict) or "value" not in edit:
            raise Refusal("change_malformed", "An edited field has value, seen and base.")
        _base(edit)
        check_value(field, edit["value"])
    require_editable(attempt, found)
    row = attempt.change(found)
    if row.deleted:
        _revive(attempt, row)
    lost_groups = _contested_groups(attempt, row, edits)
    for name, edit in edits.items():
        group = GROUPS.get(definition.name, {}).get(name)
        _merge_field(attempt, row, definition.by_name[name], edit, decided=lost_groups.get(group) if group else None)
    if definition.name == "order_line":
        complete_line(attempt, row)
        recompute_total(attempt, row.values["order_id"])


def _revive(attempt: Attempt, row: Row) -> None:
    """Deleted there, edited here: the row lives meanwhile, and a person decides."""
    row.deleted = False
    row.stamps = row.stamps | {"deleted_at": attempt.stamp}
    attempt.conflict(
        row,
        "*",
        "case",
        Kept.UNDECIDED,
        ours=None,
        theirs=None,
        explanation=f"Someone deleted this {row.entity.name.replace('_', ' ')} while you changed it. It stays until one of you decides.",
    )


def _is_contested(attempt: Attempt, row: Row, field: Field, edit: dict[str, Any]) -> bool:
    stamp = row.stamp(field.name)
    return is_conflict(stamp, base=edit["base"], device_id=attempt.state.device.id) and not same(
        field.kind, row.values[field.name], edit["value"]
    )


def _contested_groups(attempt: Attempt, row: Row, edits: dict[str, Any]) -> dict[str, Kept]:
    """For each group of which some field is contested: whose whole group is kept."""
    groups = GROUPS.get(row.entity.name, {})
    decided: dict[str, Kept] = {}
    for group in set(groups.values()):
        members = [name for name, of in groups.items() if of == group]
        stamps = [row.stamp(name) for name in members]
        base = min((edits[name]["base"] for name in members if name in edits), default=None)
        if base is None or not any(is_conflict(s, base=base, device_id=attempt.state.device.id) for s in stamps):
            continue
        if all(same(row.entity.by_name[n].kind, row.values[n], edits[n]["value"]) for n in members if n in edits):
            continue
        whole = all(name in edits for name in members)
        newest = max(stamps, key=lambda s: s.captured_at)
        # A part of a group cannot win: it would be mixed with the other side's rest.
        decided[group] = later(attempt.capture, newest) if whole else Kept.UNDECIDED
    return decided


def _merge_field(attempt: Attempt, row: Row, field: Field, edit: dict[str, Any], *, decided: Kept | None) -> None:
    current, wanted = row.values[field.name], edit["value"]
    rule = rule_of(row.entity.name, field.name)
    if same(field.kind, current, wanted):
        return
    if rule is Rule.SET:
        if is_conflict(row.stamp(field.name), base=edit["base"], device_id=attempt.state.device.id):
            wanted = merge_set(edit.get("seen"), wanted, current)
        _write(attempt, row, field, wanted)
        return
    if decided is None and (rule is Rule.GROUP or not _is_contested(attempt, row, field, edit)):
        _write(attempt, row, field, wanted)
        return
    kept = decided or later(attempt.capture, row.stamp(field.name))
    attempt.conflict(
        row, field.name, rule.value, kept, ours=wanted, theirs=current, explanation=_explain(row, field, kept)
    )
    if kept is Kept.OURS:
        _write(attempt, row, field, wanted)


def _write(attempt: Attempt, row: Row, field: Field, value: Any) -> None:
    row.values[field.name] = value
    row.stamps = row.stamps | {field.name: attempt.stamp}


def _explain(row: Row, field: Field, kept: Kept) -> str:
    what = f"“{field.name.replace('_', ' ')}” of this {row.entity.name.replace('_', ' ')}"
    match kept:
        case Kept.OURS:
            return f"You and someone else changed {what}; yours is the later and was kept. Theirs is on record."
        case Kept.THEIRS:
            return f"You and someone else changed {what}; theirs is the later and was kept. Yours is on record."
        case _:
            return f"You and someone else changed {what}. Theirs stands until a person decides; yours is on record."


def _delete(attempt: Attempt, definition: Entity, row_id: str, base: int) -> None:
    if not definition.deletable:
        raise Refusal("field_not_writable", f"A device cannot delete a {definition.name}.")
    found = attempt.get(definition.name, row_id)
    if found.deleted:
        return
    require_editable(attempt, found)
    row = attempt.change(found)
    newer = [n for n in row.stamps if is_conflict(row.stamp(n), base=base, device_id=attempt.state.device.id)]
    if newer:
        attempt.conflict(
            row,
            "*",
            "case",
            Kept.UNDECIDED,
            ours=None,
            theirs=None,
            explanation=f"You deleted this {definition.name.replace('_', ' ')} while someone changed it. It stays until one of you decides.",
        )
        return
    row.deleted = True
    if definition.name == "order_line":
        recompute_total(attempt, row.values["order_id"])
