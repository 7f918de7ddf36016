"""Base plus overlay: what the visible tables show is the server's rows with what is pending laid over them.

When a local change first touches a row, the row's base (or its absence) is kept in `sync_shadow`. From then on, and
until no mutation in the overlay touches the row, visible = base + changes in the order of the outbox. `lay` is
that sum, and the only one: a local transaction folds one more change, a reveal folds all of them anew.

The device merges nothing: it only shows what it asked for. Two things are derived locally while lines are pending:
a line's amount, and its order's total.
"""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

from outrider_sdk import outbox, rules
from outrider_sdk.kinds import Scalar, from_stored, id_bytes, id_text, to_stored
from outrider_sdk.outbox import Derived
from outrider_sdk.protocol import Change
from outrider_sdk.protocol.entities import ENTITIES, ORDER, ORDER_LINE, Entity, Field, Kind
from outrider_sdk.protocol.tables import quoted
from outrider_sdk.schema import has_staged, staged

WireRow = dict[str, Scalar]
Key = tuple[str, str]
"""Entity and id."""

PRICED_FIELDS = frozenset({"quantity", "list_price", "discount"})
EFFECTS = "effects"
"""Key, in what the device derives of an intent, of the changes of rows that it shows at once."""
INTENT_STATUSES = {
    "order.submit": "submitted",
    "order.cancel": "cancelled",
    "return_order.submit": "submitted",
    "return_order.cancel": "cancelled",
}


def target(change: Change) -> Key:
    """The row that a change is about."""
    if change["op"] == "intent":
        return change["name"].partition(".")[0], change["id"]
    return change["entity"], change["id"]


def parts(change: Change, derived: Derived) -> list[tuple[Change, Derived]]:
    """What a change lays over rows, one row each: itself, and an intent's effects on other rows."""
    if change["op"] == "intent" and derived is not None:
        return [(change, None), *((effect, None) for effect in derived.get(EFFECTS, ()))]
    return [(change, derived)]


def lay(row: WireRow | None, change: Change, derived: Derived, captured_at: int) -> WireRow | None:
    """The row after one change; None stands for no row.

    A create over a row that is there shows that row, and an edit of none shows none: the server decides those.
    """
    if change["op"] == "create":
        return (
            row if row is not None else _created(change["entity"], change["id"], change["fields"], derived, captured_at)
        )
    if row is None or change["op"] == "delete":
        return None
    if change["op"] == "edit":
        values = {name: edit["value"] for name, edit in change["fields"].items()}
        return row | values | (derived or {}) | {"updated_at": captured_at}
    status = INTENT_STATUSES.get(change["name"])
    may_become = rules.return_may_become if change["name"].startswith("return_order.") else rules.may_become
    if status is None or not may_become(str(row["status"]), status):
        return row
    asked: WireRow = {"status": status, "updated_at": captured_at}
    return row | asked | ({"submitted_at": captured_at} if status == "submitted" else {})


def _created(entity: str, row_id: str, fields: dict[str, Scalar], derived: Derived, captured_at: int) -> WireRow:
    row: WireRow = dict.fromkeys(ENTITIES[entity].columns)
    row |= {"revision": 0, "created_at": captured_at, "updated_at": captured_at, "custom": "{}"}
    return row | (derived or {}) | fields | {"id": row_id}


def find_row(conn: sqlite3.Connection, entity: Entity, row_id: str) -> WireRow | None:
    """The visible row in wire form, or None."""
    stored = conn.execute(f"SELECT * FROM {quoted(entity.name)} WHERE id = ?", (id_bytes(row_id),)).fetchone()
    return None if stored is None else wire_row(entity, stored)


def wire_row(entity: Entity, stored: Iterable[Any]) -> WireRow:
    """A stored row in wire form."""
    row: WireRow = dict(zip(entity.columns, stored, strict=True))
    for field in _converted(entity.name):
        row[field.name] = from_stored(field, row[field.name])
    return row


@cache
def _converted(entity: str) -> tuple[Field, ...]:
    """The fields whose stored shape is not that of the wire."""
    return tuple(f for f in ENTITIES[entity].all_fields if f.kind in (Kind.ID, Kind.BOOLEAN))


def write_rows(conn: sqlite3.Connection, entity: Entity, rows: dict[str, WireRow | None]) -> None:
    """Make the visible table show these rows; None removes."""
    puts = [[to_stored(f, row[f.name]) for f in entity.all_fields] for row in rows.values() if row is not None]
    drops = [(id_bytes(row_id),) for row_id, row in rows.items() if row is None]
    if puts:
        marks = ", ".join("?" * len(entity.columns))
        conn.executemany(f"INSERT OR REPLACE INTO {quoted(entity.name)} VALUES ({marks})", puts)
    if drops:
        conn.executemany(f"DELETE FROM {quoted(entity.name)} WHERE id = ?", drops)


def apply_change(
    conn: sqlite3.Connection, number: int, captured_at: int, change: Change, derived: Derived = None
) -> None:
    """Lay one more change of mutation `number` over its rows, within the caller's transaction."""
    for part, filled in parts(change, derived):
        _apply_part(conn, number, captured_at, part, filled)


def _apply_part(conn: sqlite3.Connection, number: int, captured_at: int, change: Change, derived: Derived) -> None:
    name, row_id = target(change)
    entity = ENTITIES[name]
    before = find_row(conn, entity, row_id)
    _touch(conn, entity, row_id, before, number)
    after = lay(before, change, derived, captured_at)
    if after is not None and _is_priced(change):
        after = _with_amount(conn, after)
    write_rows(conn, entity, {row_id: after})
    line = after or before
    if entity is ORDER_LINE and line is not None and _changes_total(change):
        order_id = str(line["order_id"])
        order = find_row(conn, ORDER, order_id)
        if order is not None:
            _touch(conn, ORDER, order_id, order, number, lines=True)
            _write_totals(conn, [order_id])


def _touch(
    conn: sqlite3.Connection, entity: Entity, row_id: str, base: WireRow | None, number: int, *, lines: bool = False
) -> None:
    stored_id = id_bytes(row_id)
    conn.execute(
        "INSERT INTO sync_shadow (entity, id, base) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (entity.name, stored_id, None if base is None else json.dumps(base)),
    )
    conn.execute(
        "INSERT INTO sync_touched (entity, id, number, lines) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (entity, id, number) DO UPDATE SET lines = max(lines, excluded.lines)",
        (entity.name, stored_id, number, int(lines)),
    )


def cover(conn: sqlite3.Connection, number: int, change: Change, derived: Derived) -> None:
    """Let a change that is in the shown rows already lie over them again, within the caller's transaction."""
    for part, _ in parts(change, derived):
        name, row_id = target(part)
        shown = find_row(conn, ENTITIES[name], row_id)
        _touch(conn, ENTITIES[name], row_id, shown, number)
        if name == ORDER_LINE.name and shown is not None and _changes_total(part):
            order_id = str(shown["order_id"])
            order = find_row(conn, ORDER, order_id)
            if order is not None:
                _touch(conn, ORDER, order_id, order, number, lines=True)


def _is_priced(change: Change) -> bool:
    if change["op"] == "create":
        return change["entity"] == ORDER_LINE.name
    return (
        change["op"] == "edit" and change["entity"] == ORDER_LINE.name and bool(PRICED_FIELDS & change["fields"].keys())
    )


def _changes_total(change: Change) -> bool:
    return change["op"] == "delete" or _is_priced(change)


def _with_amount(conn: sqlite3.Connection, line: WireRow) -> WireRow:
    order_id = id_bytes(str(line["order_id"]))
    order = conn.execute('SELECT currency FROM "order" WHERE id = ?', (order_id,)).fetchone()
    if order is None:
        return line
    price, quantity, discount = (Decimal(str(line[name])) for name in ("list_price", "quantity", "discount"))
    return line | {"amount_minor": rules.line_amount_minor(price, quantity, discount, str(order[0]))}


def _write_totals(conn: sqlite3.Connection, order_ids: Iterable[str]) -> None:
    for order_id in order_ids:
        stored_id = id_bytes(order_id)
        amounts = conn.execute("SELECT amount_minor FROM order_line WHERE order_id = ?", (stored_id,)).fetchall()
        total = rules.order_total_minor(amount or 0 for (amount,) in amounts)
        conn.execute('UPDATE "order" SET total_minor = ? WHERE id = ?', (total, stored_id))


def pending_edit_base(conn: sqlite3.Connection, entity: Entity, row_id: str, fields: Iterable[str]) -> dict[str, int]:
    """The base of the latest edit in the overlay of each of these fields, where there is one."""
    touched = "overlaid = 1 AND number IN (SELECT number FROM sync_touched WHERE entity = ? AND id = ?)"
    bases: dict[str, int] = {}
    wanted = set(fields)
    for entry in outbox.entries(conn, touched, (entity.name, id_bytes(row_id)), newest_first=True):
        bases = edit_bases(entry.changes, entity, row_id) | bases
        if wanted <= bases.keys():
            break
    return {name: bases[name] for name in wanted & bases.keys()}


def edit_bases(changes: Iterable[Change], entity: Entity, row_id: str) -> dict[str, int]:
    """Per field, the base of its last edit among these changes."""
    bases: dict[str, int] = {}
    for change in changes:
        if change["op"] == "edit" and (change["entity"], change["id"]) == (entity.name, row_id):
            bases |= {name: edit["base"] for name, edit in change["fields"].items()}
    return bases


def restore(conn: sqlite3.Connection, *, pulled: bool = False) -> None:
    """Show the base again of every row that no mutation in the overlay touches any more, and forget its shadow.

    Args:
        pulled: what is staged is shown next, in this transaction; what that overwrites needs no base before.
    """
    conn.execute("DELETE FROM sync_touched WHERE number NOT IN (SELECT number FROM sync_outbox WHERE overlaid = 1)")
    leaving = "NOT EXISTS (SELECT 1 FROM sync_touched t WHERE t.entity = s.entity AND t.id = s.id)"
    if pulled:
        _forget_overwritten(conn, leaving)
    bases = _shadowed(conn, f"WHERE {leaving}")
    for name, rows in bases.items():
        write_rows(conn, ENTITIES[name], rows)
    if bases:
        conn.execute(f"DELETE FROM sync_shadow AS s WHERE {leaving}")


def _forget_overwritten(conn: sqlite3.Connection, leaving: str) -> None:
    for (name,) in conn.execute("SELECT DISTINCT entity FROM sync_shadow").fetchall():
        if not has_staged(conn, ENTITIES[name]):
            continue
        shown, coming = quoted(name), quoted(staged(ENTITIES[name]))
        conn.execute(  # what is shown has its base's revision, or none
            f"DELETE FROM sync_shadow AS s WHERE entity = ? AND {leaving} AND EXISTS (SELECT 1 FROM {coming} g"
            f" JOIN {shown} v ON v.id = g.id WHERE g.id = s.id AND g.revision >= v.revision)",
            (name,),
        )


def recompute(conn: sqlite3.Connection) -> None:
    """Lay all of the overlay anew over the base of every shadowed row, within the caller's transaction."""
    bases = _shadowed(conn)
    if not bases:
        return
    asked: dict[Key, list[tuple[Change, Derived, int]]] = defaultdict(list)
    for entry in outbox.entries(conn, "overlaid = 1"):
        for change, derived in zip(entry.changes, entry.derived, strict=True):
            for part, filled in parts(change, derived):
                asked[target(part)].append((part, filled, entry.captured_at))
    for name in ENTITIES:  # parents first: a line's amount asks for its order's currency
        rows = {row_id: _folded(conn, base, asked[name, row_id]) for row_id, base in bases.get(name, {}).items()}
        write_rows(conn, ENTITIES[name], rows)
    totals = conn.execute("SELECT DISTINCT id FROM sync_touched WHERE entity = 'order' AND lines = 1").fetchall()
    _write_totals(conn, [id_text(stored_id) for (stored_id,) in totals])


def _folded(
    conn: sqlite3.Connection, row: WireRow | None, asked: Iterable[tuple[Change, Derived, int]]
) -> WireRow | None:
    for change, derived, captured_at in asked:
        row = lay(row, change, derived, captured_at)
        if row is not None and _is_priced(change):
            row = _with_amount(conn, row)
    return row


def _shadowed(conn: sqlite3.Connection, where: str = "") -> dict[str, dict[str, WireRow | None]]:
    bases: dict[str, dict[str, WireRow | None]] = defaultdict(dict)
    for name, stored_id, base in conn.execute(f"SELECT entity, id, base FROM sync_shadow AS s {where}").fetchall():
        bases[name][id_text(stored_id)] = None if base is None else json.loads(base)
    return bases


def visible_of_shadowed(conn: sqlite3.Connection) -> dict[Key, Any]:
    """What is shown of every row that the overlay touches, as stored; None where no row is."""
    shown: dict[Key, Any] = {}
    for name, stored_id in conn.execute("SELECT entity, id FROM sync_shadow").fetchall():
        found = conn.execute(f"SELECT * FROM {quoted(name)} WHERE id = ?", (stored_id,)).fetchone()
        shown[name, id_text(stored_id)] = found
    return shown
