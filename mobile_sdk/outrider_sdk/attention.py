"""What waits for a person: refused mutations, open conflicts that concern them, orders that need a decision."""

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from outrider_sdk import conflicts, incidents, outbox, overlay
from outrider_sdk.errors import InvalidValue
from outrider_sdk.kinds import moment
from outrider_sdk.protocol import Change, Choice, Conflict, Outcome
from outrider_sdk.protocol.entities import CONFLICT, ENTITIES, ORDER
from outrider_sdk.store import Store

ORDER_CHOICES: list[Choice] = [
    {"code": "submit", "label": "Hand the order in as it is now"},
    {"code": "cancel", "label": "Cancel the order"},
]
_VERBS = {"create": "New", "edit": "Change of", "delete": "Removal of"}


CONFLICT_CODE = "conflict"
ORDER_CODE = "needs_attention"
_INTENTS = {
    "order.submit": "Submission of",
    "order.cancel": "Cancellation of",
    "return_order.submit": "Submission of",
    "return_order.cancel": "Cancellation of",
    "conflict.settle": "Settling of",
}


@dataclass(frozen=True, slots=True)
class AttentionItem:
    """One thing to decide; `Replica.resolve` takes it. `number` is that of this device's mutation that it came from."""

    number: int | None
    title: str
    explanation: str
    choices: list[Choice]
    conflicts: list[Conflict] = field(default_factory=list)
    verdicts: list[dict[str, object]] = field(default_factory=list)
    captured_at: datetime | None = None
    code: str = ""
    entity: str = ""
    row_id: str = ""
    changes: list[Change] = field(default_factory=list)


def list_attention(store: Store) -> list[AttentionItem]:
    """What happened to the replica, refused mutations, open conflicts, orders; each in the order in which they came."""
    with store.read() as conn:
        return [*_incidents(store), *_refused(conn), *_conflicts(store, conn), *_orders(conn)]


def _incidents(store: Store) -> list[AttentionItem]:
    return [
        AttentionItem(
            number=None,
            title=incidents.TITLES[incident["code"]],
            explanation=incidents.explain(incident),
            choices=incidents.SEEN,
            captured_at=moment(incident["at"]),
            code=incident["code"],
            row_id=incident["id"],
        )
        for incident in incidents.list_incidents(store)
    ]


def refusal(conn: sqlite3.Connection, number: int) -> Outcome | None:
    """The outcome of a refused mutation that no one has resolved yet."""
    row = conn.execute(
        "SELECT outcome FROM sync_outbox WHERE number = ? AND status = 'refused' AND resolved = 0", (number,)
    ).fetchone()
    return cast(Outcome, json.loads(row[0])) if row else None


def find(items: Iterable[AttentionItem], named: int | str, choice: str) -> AttentionItem:
    """The item of this number, or about the conflict or row of this id.

    One mutation may have left several; then the choice says which is meant.

    Raises:
        InvalidValue: there is none, or several have this choice.
    """
    found = [item for item in items if (item.number == named if isinstance(named, int) else named in _ids_of(item))]
    if not found:
        raise InvalidValue("attention", None, f"nothing under number {named} waits for a decision")
    offering = [item for item in found if choice in {each["code"] for each in item.choices}]
    if len(offering) > 1:
        ids = ", ".join(map(id_of, offering))
        raise InvalidValue("attention", None, f"several wait under {named}; name one by its id: {ids}")
    return (offering or found)[0]


def id_of(item: AttentionItem) -> str:
    """Under which id `find` knows the item."""
    return item.conflicts[0]["id"] if item.code == CONFLICT_CODE else item.row_id


def _ids_of(item: AttentionItem) -> set[str]:
    return {each["id"] for each in item.conflicts} if item.code == CONFLICT_CODE else {item.row_id}


def _refused(conn: sqlite3.Connection) -> list[AttentionItem]:
    items = []
    for entry in list(outbox.entries(conn, "status = 'refused' AND resolved = 0")):
        outcome = refusal(conn, entry.number)
        assert outcome is not None
        about = entry.changes[-1] if entry.changes else None
        entity, row_id = overlay.target(about) if about else ("", "")
        items.append(
            AttentionItem(
                number=entry.number,
                title=f"{_described(conn, about)} was refused",
                explanation=outcome.get("explanation", ""),
                choices=_with_discard(outcome.get("choices", [])),
                conflicts=outcome.get("conflicts", []),
                verdicts=outcome.get("verdicts", []),
                captured_at=moment(entry.captured_at),
                code=outcome.get("code", ""),
                entity=entity,
                row_id=row_id,
                changes=entry.changes,
            )
        )
    return items


def _with_discard(choices: list[Choice]) -> list[Choice]:
    offers = any(choice["code"] == "discard" for choice in choices)
    return choices if offers else [*choices, {"code": "discard", "label": "Discard my change"}]


def _conflicts(store: Store, conn: sqlite3.Connection) -> list[AttentionItem]:
    me, device = (_bytes(store.meta(key)) for key in ("member_id", "device_id"))
    found = conn.execute(
        "SELECT * FROM conflict WHERE status = 'open'"
        " AND (kept_by = ? OR lost_by = ? OR device_id = ? OR rule = ?) ORDER BY id",
        (me, me, device, conflicts.REQUEST),
    ).fetchall()
    items: list[AttentionItem] = []
    listed: set[str] = set()
    for row in (overlay.wire_row(CONFLICT, stored) for stored in found):
        if row["id"] not in listed and (offered := conflicts.choices(store, row)):
            together = [row, *conflicts.siblings(store, row)]
            listed |= {str(each["id"]) for each in together}
            items.append(_conflict_item(store, conn, together, offered))
    return items


def _conflict_item(
    store: Store, conn: sqlite3.Connection, together: list[dict[str, Any]], offered: list[Choice]
) -> AttentionItem:
    row, member_id = together[0], store.meta("member_id")
    names = ("id", "entity", "row_id", "field", "kept", "lost", "explanation")
    told = [
        {name: each[name] for name in names} | {"yours": "kept" if each["kept_by"] == member_id else "lost"}
        for each in together
    ]
    name = _name(conn, row["entity"], row["row_id"])
    fields = " and ".join(each["field"].replace("_", " ") for each in together)
    if row["rule"] == conflicts.REQUEST:
        title = f"Another {fields} of {name} is asked for"
    elif row["field"] == conflicts.WHOLE_ROW:
        title = f"{name[:1].upper()}{name[1:]} was deleted and changed"
    else:
        title = f"Two versions of {fields} of {name}"
    return AttentionItem(
        # Another device's numbers mean nothing here.
        number=row["mutation_number"] if row["device_id"] == store.meta("device_id") else None,
        title=title,
        explanation=row["explanation"],
        choices=offered,
        conflicts=cast(list[Conflict], told),
        captured_at=None if row["captured_at"] is None else moment(row["captured_at"]),
        code=CONFLICT_CODE,
        entity=row["entity"],
        row_id=row["row_id"],
    )


def _orders(conn: sqlite3.Connection) -> list[AttentionItem]:
    waiting = conn.execute("""SELECT * FROM "order" WHERE status = 'needs_attention' ORDER BY id""").fetchall()
    submissions = _submissions(conn) if waiting else {}
    items = []
    for stored in waiting:
        order = overlay.wire_row(ORDER, stored)
        number, captured_at, outcome = submissions.get(str(order["id"]), (None, None, cast(Outcome, {})))
        items.append(
            AttentionItem(
                number=number,
                title=f"Order {order['number']} needs a decision",
                explanation=str(order["status_reason"] or outcome.get("explanation") or ""),
                choices=ORDER_CHOICES,
                conflicts=outcome.get("conflicts", []),
                verdicts=outcome.get("verdicts", []),
                captured_at=captured_at,
                code=ORDER_CODE,
                entity=ORDER.name,
                row_id=str(order["id"]),
            )
        )
    return items


def _submissions(conn: sqlite3.Connection) -> dict[str, tuple[int, datetime, Outcome]]:
    """Per order, the last answered mutation of this device that handed it in."""
    found = {}
    answered = "status IN ('applied', 'merged') AND changes LIKE '%\"order.submit\"%'"
    for entry in list(outbox.entries(conn, answered)):
        (outcome,) = conn.execute("SELECT outcome FROM sync_outbox WHERE number = ?", (entry.number,)).fetchone()
        for change in entry.changes:
            if change["op"] == "intent" and change["name"] == "order.submit":
                found[change["id"]] = entry.number, moment(entry.captured_at), cast(Outcome, json.loads(outcome))
    return found


def _described(conn: sqlite3.Connection, change: Change | None) -> str:
    if change is None:
        return "A mutation"
    entity, row_id = overlay.target(change)
    verb = _INTENTS.get(change["name"], change["name"]) if change["op"] == "intent" else _VERBS[change["op"]]
    own = cast(dict[str, Any], change).get("fields", {}) if change["op"] == "create" else {}
    return f"{verb} {_name(conn, entity, row_id, own)}"


def _name(conn: sqlite3.Connection, entity_name: str, row_id: str, own: dict[str, Any] | None = None) -> str:
    entity = ENTITIES.get(entity_name)
    row = (overlay.find_row(conn, entity, row_id) if entity else None) or own or {}
    name = row.get("name") or row.get("number") or row.get("value") or row_id
    return f"{entity_name.replace('_', ' ')} {name}"


def _bytes(text: str | None) -> bytes | None:
    try:
        return uuid.UUID(text).bytes if text else None
    except ValueError:
        return None
