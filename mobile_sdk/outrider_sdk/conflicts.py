"""Conflicts: two versions of a value, or a row deleted against changed; and how a person settles them."""

import json
from collections.abc import Sequence
from typing import Any

from outrider_sdk import overlay, rows, rules
from outrider_sdk.errors import InvalidValue
from outrider_sdk.kinds import id_bytes
from outrider_sdk.overlay import WireRow
from outrider_sdk.protocol import Change, Choice, canonical_json
from outrider_sdk.protocol.entities import CONFLICT, ENTITIES, MEMBER, Kind
from outrider_sdk.store import Store
from outrider_sdk.tables import Table
from outrider_sdk.transaction import Transaction

WHOLE_ROW = "*"
"""The field of a conflict between deleting a row and changing it."""
DUPLICATE = "duplicate"
"""The rule of a conflict between two rows that look the same."""
REQUEST = "request"
"""The rule of a conflict that is a request: another system masters the field, and decides, as admins do."""
DECIDERS = ("admin", "owner")
CUSTOM = "custom."
"""Before the key of a custom field, in a conflict's field."""
LABEL_VALUE_LENGTH_MAX = 60


class ConflictTable(Table[rows.Conflict]):
    """Conflicts that this person is a side of; beside the ways of `Table`, `settle`."""

    def settle(self, row_id: str, choice: str) -> rows.Conflict:
        """Decide: `keep` what stands, `take` the value that was not kept; of a whole row, `keep` or `delete` it.

        Fields that mean something only together are decided together. What the person sees now goes along: where
        the row has moved on by the time the server decides, it refuses.

        Raises:
            NotFound: the device shows no such conflict, or no longer the row that it is about.
            InvalidValue: it has no such choice, or was settled otherwise.
        """
        key = str(self._id(row_id))
        with self._begin() as transaction:
            conflict = transaction.get(CONFLICT, key)
            if conflict["status"] == "settled":
                if conflict["settlement"] != choice:
                    raise InvalidValue(CONFLICT.name, "status", "was settled before, by another choice")
                return self.get(key)
            offered = [each["code"] for each in choices(self._store, conflict)]
            if choice not in offered:
                raise InvalidValue(CONFLICT.name, "choice", f"offers {', '.join(offered) or 'none'}; not {choice!r}")
            self._settle(transaction, conflict, choice)
            return self.get(key)

    def _settle(self, transaction: Transaction, conflict: WireRow, choice: str) -> None:
        entity, row_id = ENTITIES[str(conflict["entity"])], str(conflict["row_id"])
        row = transaction.get(entity, row_id)
        settled = [conflict, *siblings(self._store, conflict)]
        seen: dict[str, object] = {"choice": choice, "row_id": row_id, "lost": conflict["lost"]}
        if conflict["field"] != WHOLE_ROW and conflict["rule"] != DUPLICATE:
            standing = {str(each["field"]): _document(entity.name, row, str(each["field"])) for each in settled}
            seen |= {"kept": standing.pop(str(conflict["field"])), "group": standing}
        marks: WireRow = {
            "status": "settled",
            "settlement": choice,
            "settled_by": self._store.meta("member_id"),
            "settled_at": transaction.captured_at,
        }
        effects = [_shown_edit(CONFLICT.name, str(each["id"]), marks) for each in settled]
        if choice == "take":
            effects.append(_shown_edit(entity.name, row_id, _taken(entity.name, row, settled)))
        elif choice == "delete":
            effects.append({"op": "delete", "entity": entity.name, "id": row_id, "base": 0})
        transaction.intend("conflict.settle", str(conflict["id"]), seen, effects)


def siblings(store: Store, conflict: WireRow) -> list[WireRow]:
    """Unsettled conflicts of the same mutation on fields that mean something only with this one's."""
    fields = rules.together(str(conflict["entity"]), str(conflict["field"])) - {conflict["field"]}
    if not fields or conflict["device_id"] is None:
        return []
    with store.read() as conn:
        found = conn.execute(
            "SELECT * FROM conflict WHERE row_id = ? AND device_id = ? AND mutation_number = ? AND status <> 'settled'"
            " ORDER BY id",
            (id_bytes(str(conflict["row_id"])), id_bytes(str(conflict["device_id"])), conflict["mutation_number"]),
        ).fetchall()
    return [row for row in (overlay.wire_row(CONFLICT, stored) for stored in found) if row["field"] in fields]


def choices(store: Store, conflict: WireRow) -> list[Choice]:
    """What the person can do, in their words; nothing where the device shows no such row any more."""
    entity = ENTITIES.get(str(conflict["entity"]))
    with store.read() as conn:
        row = overlay.find_row(conn, entity, str(conflict["row_id"])) if entity else None
    if entity is None or row is None:
        return []
    noun = entity.name.replace("_", " ")
    if conflict["rule"] == DUPLICATE:
        return [{"code": "keep", "label": f"Keep this {noun} as it is"}]
    if conflict["field"] == WHOLE_ROW:
        keep: Choice = {"code": "keep", "label": f"Keep the {noun}"}
        return [keep, {"code": "delete", "label": f"Delete the {noun}"}] if entity.deletable else [keep]
    settled = [conflict, *siblings(store, conflict)]
    names = [str(each["field"]) for each in settled]
    lost = {name: wire_value(entity.name, name, each["lost"]) for name, each in zip(names, settled, strict=True)}
    standing = {name: _standing(row, name) for name in names}
    if conflict["rule"] == REQUEST:
        return _answers(store, conflict, _in_words(entity.name, names, standing), _in_words(entity.name, names, lost))
    return [
        {"code": "keep", "label": f"Keep {_in_words(entity.name, names, standing)}"},
        {"code": "take", "label": f"Take {_in_words(entity.name, names, lost)}"},
    ]


def _answers(store: Store, conflict: WireRow, standing: str, wanted: str) -> list[Choice]:
    """What the person can make of a request: whose it is takes it back, an admin decides."""
    me = store.meta("member_id")
    with store.read() as conn:
        member = overlay.find_row(conn, MEMBER, str(me))
    decides, asked = member is not None and member["role"] in DECIDERS, conflict["lost_by"] == me
    keep: Choice = {"code": "keep", "label": f"{'Take my request back' if asked else 'Decline'}: keep {standing}"}
    take: Choice = {"code": "take", "label": f"Accept {wanted}"}
    return [*([keep] if decides or asked else []), *([take] if decides else [])]


def _taken(entity: str, row: WireRow, settled: Sequence[WireRow]) -> WireRow:
    """What this device shows of the values that were taken."""
    taken: WireRow = {}
    for each in settled:
        name, value = str(each["field"]), wire_value(entity, str(each["field"]), each["lost"])
        if name.startswith(CUSTOM):
            custom = json.loads(str(row["custom"])) | {name.removeprefix(CUSTOM): json.loads(value) if value else None}
            name, value = "custom", canonical_json({k: v for k, v in custom.items() if v is not None})
        taken[name] = value
    return taken


def _standing(row: WireRow, field: str) -> Any:
    """The value of a field in a row; of a custom field (`custom.key`), its JSON document."""
    if not field.startswith(CUSTOM):
        return row[field]
    value = json.loads(str(row["custom"])).get(field.removeprefix(CUSTOM))
    return None if value is None else canonical_json(value)


def _is_document(entity: str, field: str) -> bool:
    return field.startswith(CUSTOM) or ENTITIES[entity].by_name[field].kind is Kind.JSON


def wire_value(entity: str, field: str, document: Any) -> Any:
    """The wire value of a document that a conflict holds."""
    if document is None or _is_document(entity, field):
        return document
    return json.loads(str(document))


def _document(entity: str, row: WireRow, field: str) -> str | None:
    value = _standing(row, field)
    if value is None or _is_document(entity, field):
        return None if value is None else str(value)
    return canonical_json(value)


def _shown_edit(entity: str, row_id: str, values: WireRow) -> Change:
    """What this device shows at once; never sent."""
    return {
        "op": "edit",
        "entity": entity,
        "id": row_id,
        "fields": {name: {"value": value, "seen": None, "base": 0} for name, value in values.items()},
    }


def _in_words(entity: str, names: Sequence[str], row: WireRow) -> str:
    if len(names) == 1:
        return _value_in_words(entity, names[0], row[names[0]])
    return ", ".join(f"{name.replace('_', ' ')} {_value_in_words(entity, name, row[name])}" for name in names)


def _value_in_words(entity: str, name: str, value: Any) -> str:
    if value is None:
        return "the empty one"
    if _is_document(entity, name):
        value = _flat(json.loads(value))
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    text = str(value)
    return f"“{text}”" if len(text) <= LABEL_VALUE_LENGTH_MAX else f"“{text[: LABEL_VALUE_LENGTH_MAX - 1]}…”"


def _flat(document: Any) -> str:
    """A small document as a person would write it: an address as its parts."""
    if isinstance(document, dict):
        return ", ".join(_flat(value) for value in document.values() if value is not None)
    if isinstance(document, list):
        return ", ".join(map(_flat, document))
    return str(document)
