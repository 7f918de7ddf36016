"""Creates, edits and deletes of a mutation, decided on the attempt's rows. Pure."""

from typing import Any

from outrider_sdk.protocol.entities import Entity, Field
from outrider_sdk.protocol.entities import entity as find_entity
from outrider_sdk.rules import GROUPS

from server.crm.erasure.redact import ids_of, is_about
from server.sync.attempt import Attempt
from server.sync.complete import NORMALISED, complete, normalised, recomplete
from server.sync.custom import flag_required, merge_custom, set_custom
from server.sync.intents import apply_intent
from server.sync.masters import ask_master, find_master
from server.sync.merge import Kept, Rule, is_conflict, later, merge_set, rule_of
from server.sync.merged import follow_merges
from server.sync.orders import recompute_total, require_editable
from server.sync.refusals import Refusal, quoted
from server.sync.state import Row, Stamp, same
from server.sync.values import check_value, is_id, is_value, writable_field

CHANGES_PER_MUTATION_MAX = 1_000

ERASED = (
    "It is about a person whose data were erased, as the law lets them ask."
    " Nothing can be recorded about them any more."
)


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
        raise Refusal(
            "change_malformed", "A change is an object with an op, and the id of a row in 36 lower-case characters."
        )
    if is_about(change, attempt.state.erased):
        raise Refusal("erased", ERASED, erased=sorted(attempt.state.erased.intersection(ids_of(change))))
    change = follow_merges(attempt, change)
    op = change.get("op")
    if op == "intent":
        apply_intent(attempt, change)
        return
    name = change.get("entity")
    definition = find_entity(name) if isinstance(name, str) else None
    if definition is None:
        raise Refusal("entity_unknown", f"This server knows no {quoted(name)}.")
    match op:
        case "create":
            attempt.create_base = _base(change) if "base" in change else None
            _create(attempt, definition, change["id"], _fields(change))
        case "edit":
            _edit(attempt, definition, change["id"], _fields(change))
        case "delete":
            _delete(attempt, definition, change["id"], _base(change))
        case _:
            raise Refusal("change_malformed", f"{quoted(op)} is no kind of change: use create, edit, delete or intent.")


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


def _create(attempt: Attempt, definition: Entity, row_id: str, fields: dict[str, Any]) -> None:
    if not definition.creatable:
        raise Refusal("field_not_writable", f"A device cannot make a new {definition.name.replace('_', ' ')}.")
    if not attempt.right(definition.name).of("create"):
        raise Refusal("not_permitted", f"You may not make a new {definition.name.replace('_', ' ')}.")
    if attempt.exists(definition.name, row_id):
        raise Refusal("already_exists", f"There is a {definition.name} with this id already.")
    values: dict[str, Any] = dict.fromkeys(definition.columns) | definition.defaults | {"id": row_id}
    for name, value in fields.items():
        field = writable_field(definition, attempt.right(definition.name), name, creating=True)
        check_value(field, value)
        values[name] = value
        _require_parent(attempt, definition, field, value)
    for field in definition.fields:
        if field.required and values[field.name] is None and field.settable(creating=True):
            raise Refusal("value_invalid", f"“{field.name}” is missing.", field=field.name)
    row = Row(definition, values)
    if "custom" in fields:
        set_custom(attempt, row, fields["custom"])
    flag_required(attempt, row)
    complete(attempt, row)
    attempt.create(row)
    recompute_total(attempt, row)


def _require_parent(attempt: Attempt, definition: Entity, field: Field, value: Any) -> None:
    if field.refers is None or value is None:
        return
    try:
        parent = attempt.get(field.refers, value)
    except Refusal as refusal:
        if refusal.code == "not_found":
            refusal = Refusal("parent_missing", f"“{field.name}”: {refusal.explanation}", field=field.name)
        raise refusal from None
    if parent.level > attempt.right(definition.name).of("create"):
        noun = definition.name.replace("_", " ")
        raise Refusal("not_permitted", f"You may read this {parent.entity.name}, and make no {noun} for it.")
    if parent.deleted:
        raise Refusal(
            "parent_missing",
            f"“{field.name}”: the {field.refers.replace('_', ' ')} was deleted meanwhile.",
            field=field.name,
        )


def _edit(attempt: Attempt, definition: Entity, row_id: str, edits: dict[str, Any]) -> None:
    found = attempt.get(definition.name, row_id)
    attempt.require("edit", found)
    right = attempt.right(definition.name)
    for name, edit in edits.items():
        field = writable_field(definition, right, name, creating=False)
        if not isinstance(edit, dict) or "value" not in edit:
            raise Refusal("change_malformed", "An edited field has value, seen and base.")
        _base(edit)
        check_value(field, edit["value"])
    if definition.name in NORMALISED:
        edits = {
            name: edit | {"value": normalised(attempt, found, name, edit["value"])} for name, edit in edits.items()
        }
    require_editable(attempt, found)
    edits = _ask_masters(attempt, found, edits)
    if not edits:
        return
    row = attempt.change(found)
    if row.deleted:
        _revive(attempt, row)
    groups = GROUPS.get(definition.name, {})
    decided = _contested_groups(attempt, row, groups, edits) if groups else {}
    for name, edit in edits.items():
        if name == "custom":
            merge_custom(attempt, row, edit)
        elif definition.by_name[name].once:
            _fill_in(attempt, row, definition.by_name[name], edit)
        else:
            _merge_field(attempt, row, definition.by_name[name], edit, of_group=decided.get(groups.get(name, "")))
    recomplete(attempt, row)
    recompute_total(attempt, row)


def _ask_masters(attempt: Attempt, row: Row, edits: dict[str, Any]) -> dict[str, Any]:
    """Put what other systems master to them as requests; the edits that are the device's own to make."""
    if row.entity.name not in attempt.state.facts.masters:
        return edits
    own = {}
    for name, edit in edits.items():
        system = find_master(attempt, row, name)
        if system is None:
            own[name] = edit
            continue
        seen = edit.get("seen") if is_value(row.entity.by_name[name], edit.get("seen")) else None
        ask_master(attempt, row, name, system=system, wanted=edit["value"], standing=row.values[name], seen=seen)
    return own


def _fill_in(attempt: Attempt, row: Row, field: Field, edit: dict[str, Any]) -> None:
    """A field that is set once: the first value stays, and the second of two who did not know is on record."""
    current, wanted, stamp = row.values[field.name], edit["value"], row.stamp(field.name)
    if wanted is None or same(field.kind, current, wanted):
        return
    if current is None:
        row.values[field.name], row.stamps[field.name] = wanted, attempt.stamp
        return
    if not is_conflict(stamp, base=edit["base"], device=attempt.state.device):
        what = _named(row, field)
        raise Refusal("field_not_writable", f"{what} was recorded already, and a record stays.", field=field.name)
    attempt.conflict(
        row,
        field.name,
        "once",
        Kept.THEIRS,
        ours=wanted,
        theirs=current,
        by=stamp,
        told=f"Someone else had recorded {_named(row, field)} before you. Theirs stays; yours is on record.",
        on_record=f"Two people recorded {_named(row, field)}. The first stays; the other is on record.",
    )


def _revive(attempt: Attempt, row: Row) -> None:
    """Deleted there, edited here: the row lives meanwhile, and a person decides."""
    deleted_by = row.stamps.get("deleted_at")
    row.deleted = False
    row.stamps["deleted_at"] = attempt.stamp
    by = Stamp.of(deleted_by) if deleted_by else Stamp(0, 0)
    _open_case(attempt, row, by=by, told="Someone deleted this {} while you changed it.")


def _open_case(attempt: Attempt, row: Row, *, by: Stamp, told: str) -> None:
    """One has deleted the row, and another has changed it: it stays until a person decides."""
    name = row.entity.name.replace("_", " ")
    attempt.conflict(
        row,
        "*",
        "case",
        Kept.UNDECIDED,
        ours=None,
        theirs=None,
        by=by,
        told=f"{told.format(name)} It stays until one of you decides.",
        on_record=f"One deleted this {name} while another changed it. It stays until one of them decides.",
    )


def _contested_groups(attempt: Attempt, row: Row, groups: dict[str, str], edits: dict[str, Any]) -> dict[str, Kept]:
    """For each group of which some field is contested: whose whole group is kept."""
    decided: dict[str, Kept] = {}
    for group in set(groups.values()):
        members = [name for name, of in groups.items() if of == group]
        base = min((edits[name]["base"] for name in members if name in edits), default=None)
        if base is None:
            continue
        newer = [s for s in map(row.stamp, members) if is_conflict(s, base=base, device=attempt.state.device)]
        if newer:
            # A part of a group cannot win: it would be mixed with the other side's rest.
            whole = all(name in edits for name in members)
            newest = max(newer, key=lambda s: (s.captured_at, s.device_id or "", s.number or 0))
            decided[group] = later(attempt.capture, newest) if whole else Kept.UNDECIDED
    return decided


def _merge_field(attempt: Attempt, row: Row, field: Field, edit: dict[str, Any], *, of_group: Kept | None) -> None:
    current, wanted = row.values[field.name], edit["value"]
    rule, stamp = rule_of(row.entity.name, field.name), row.stamp(field.name)
    contested = is_conflict(stamp, base=edit["base"], device=attempt.state.device)
    if rule is Rule.SET and contested:
        wanted = merge_set(edit.get("seen"), wanted, current)
        contested = False
    kept = of_group if rule is Rule.GROUP else later(attempt.capture, stamp) if contested else None
    if kept in (None, Kept.OURS):  # Stamped even where it is equal: what a third one wrote is compared with the later.
        row.stamps[field.name] = attempt.stamp
    if same(field.kind, current, wanted):
        return
    if kept is not None:
        attempt.conflict(
            row,
            field.name,
            rule.value,
            kept,
            ours=wanted,
            theirs=current,
            by=stamp,
            told=_explain(row, field, kept),
            on_record=_record(row, field, kept),
        )
    if kept in (None, Kept.OURS):
        row.values[field.name] = wanted


def _explain(row: Row, field: Field, kept: Kept) -> str:
    what = _named(row, field)
    match kept:
        case Kept.OURS:
            return f"You and someone else changed {what}; yours is the later and was kept. Theirs is on record."
        case Kept.THEIRS:
            return f"You and someone else changed {what}; theirs is the later and was kept. Yours is on record."
        case _:
            return f"You and someone else changed {what}. Theirs stands until a person decides; yours is on record."


def _record(row: Row, field: Field, kept: Kept) -> str:
    what = f"Two people changed {_named(row, field)}"
    if kept is Kept.UNDECIDED:
        return f"{what}. The one that came first stands until a person decides; the other is on record."
    return f"{what}; the later entry was kept. The other is on record."


def _named(row: Row, field: Field) -> str:
    return f"“{field.name.replace('_', ' ')}” of this {row.entity.name.replace('_', ' ')}"


def _delete(attempt: Attempt, definition: Entity, row_id: str, base: int) -> None:
    if not definition.deletable:
        raise Refusal("field_not_writable", f"A device cannot delete this {definition.name.replace('_', ' ')}.")
    found = attempt.get(definition.name, row_id)
    attempt.require("delete", found)
    if found.deleted:
        return
    require_editable(attempt, found)
    row = attempt.change(found)
    newer = [s for s in map(row.stamp, row.stamps) if is_conflict(s, base=base, device=attempt.state.device)]
    if newer:
        by = max(newer, key=lambda s: s.revision)
        _open_case(attempt, row, by=by, told="You deleted this {} while someone changed it.")
        return
    row.deleted = True
    row.stamps["deleted_at"] = attempt.stamp
    recompute_total(attempt, row)
