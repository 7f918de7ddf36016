"""A chunk of records → cases: each with the rows that it is about, found or to be made. Loads; decides nothing.

Part by part, as a child is found by its parent: a query for each part of the target, not for each line.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.ids import uuid7

from server.crm.merge.resolution import list_winners
from server.db import connection
from server.imports import load
from server.imports.known import AMBIGUOUS, Case, Facts, Fresh, Row
from server.imports.pieces import Piece, Problem, Record, Reference
from server.imports.rules import FOUND_BY_COMPLETED, complete
from server.imports.targets import EXTERNAL_ID, Column, Part, Target

_Place = tuple[Case, int, Piece]
"""A piece, and where it stands in its record."""
_TREES: Final = {entity.name for entity in ENTITIES.values() if entity.references.get("parent_id") == entity.name}
_NO_ID: Final = UUID(int=0)
_EXTRA_FIELDS: Final = {"member": ("email",)}
"""Columns that are no fields of the entity."""


async def prepare(records: Sequence[Record], target: Target, facts: Facts, fresh: Fresh, system: str) -> list[Case]:
    """The cases of a chunk."""
    cases = [Case(record) for record in records]
    await _put_references(cases, target, facts, fresh, system)
    await _load_facts(records, facts, fresh, system)
    places: dict[str, list[_Place]] = {}
    for case in cases:
        case.ids = [_NO_ID] * len(case.record.pieces)
        case.found = [None] * len(case.record.pieces)
        for index, piece in enumerate(case.record.pieces):
            places.setdefault(piece.part.name, []).append((case, index, piece))
    for part in target.parts:
        await _place(places.get(part.name, ()), part, target, facts, fresh, system)
    return cases


async def _put_references(cases: list[Case], target: Target, facts: Facts, fresh: Fresh, system: str) -> None:
    wanted = set(_references(case.record for case in cases))
    facts.references = await load.resolve(wanted, system, fresh)
    columns = {(column.part, column.field): column for column in target.columns}
    for case in cases:
        for piece in case.record.pieces:
            for name, value in list(piece.values.items()):
                if isinstance(value, Reference):
                    _put_reference(case, target, piece, name, value, facts, columns[piece.part.name, name])


def _references(records: Iterable[Record]) -> Iterable[Reference]:
    for record in records:
        for piece in record.pieces:
            yield from (value for value in piece.values.values() if isinstance(value, Reference))


def _put_reference(
    case: Case, target: Target, piece: Piece, name: str, value: Reference, facts: Facts, column: Column
) -> None:
    row = facts.references.get(value)
    noun = value.entity.replace("_", " ").replace("member", "user")
    if row is None and column.makes:
        row = facts.references[value] = uuid7()
        facts.made[row] = value
    if isinstance(row, UUID):
        piece.values[name] = row
        return
    del piece.values[name]
    if row == AMBIGUOUS:
        reason = f"several {noun}s are called “{value.text}”: name it by its external id"
    else:
        reason = f"there is no {noun} “{value.text}”"
        case.waiting += value.entity == target.primary.entity_name
    case.record.problems.append(Problem(column.name, reason))


async def _load_facts(records: Sequence[Record], facts: Facts, fresh: Fresh, system: str) -> None:
    """What the rules of this chunk's entities ask."""
    values = [(piece.part.entity_name, piece.values) for record in records for piece in record.pieces]
    entities = {name for name, _ in values}
    if entities & {"agreement", "price_item", "stock", "order", "receivable"}:
        await load.load_shared(facts, fresh)
    if "member" in entities:
        await load.load_roles(facts)
    if "order_line" in entities:
        orders = {v["order_id"] for _, v in values if "order_id" in v}
        await load.load_orders(facts, orders, fresh, system)
    if entities & {"order_line", "price_item", "product_unit"}:
        await load.load_products(facts, {v["product_id"] for _, v in values if "product_id" in v}, fresh)
    if entities & {"order", "contact"}:
        outlets = {v["outlet_id"] for _, v in values if "outlet_id" in v}
        await load.load_outlets(facts, outlets, fresh, terms="order" in entities)
    if "order_line" in entities:
        lists = set(facts.price_lists) if "order" in entities else {o["price_list_id"] for o in facts.orders.values()}
        pairs = {(each, product) for each in lists for product in facts.products}
        await load.load_prices(facts, pairs, fresh)
    for tree in entities & _TREES:
        await load.load_parents(facts, tree, {v["parent_id"] for _, v in values if "parent_id" in v})


async def _place(
    places: Sequence["_Place"], part: Part, target: Target, facts: Facts, fresh: Fresh, system: str
) -> None:
    """Find the rows of one part, and give the others an id."""
    primary = part is target.primary
    for case, _, piece in places:
        _link(case, piece)
        if not primary or part.entity_name in FOUND_BY_COMPLETED:
            _complete(case, piece, facts, creating=not primary)
    older = [place for place in places if primary or _may_be_there(place)]
    cases = [case for case, _, _ in older]
    rows = await _find_by_key(part, [piece for _, _, piece in older])
    by_key = {_key_of(part, row): row for row in rows}
    only = _only_of(part, rows)
    external = target.external and part.name in (target.primary.name, "outlet")
    by_id = await _find_by_external_id(part, cases, system) if external else {}
    if primary and any(row["deleted_at"] is not None for row in by_id.values()):
        facts.merged = set(await list_winners(row["id"] for row in by_id.values()))
    if primary and target.external:
        by_key = await _without_linked(by_key, part, cases, system)
    for case, index, piece in older:
        row = by_id.get(case.record.key) if case.record.key is not None else None
        known_by = EXTERNAL_ID if row is not None else ", ".join(part.key)
        if row is None and by_key:
            row = (
                by_key.get(_key_of(part, piece.values))
                or (piece.copied and only.get(piece.values[part.key[0]]))
                or None
            )
        case.found[index] = row
        case.known_by = known_by if primary and row is not None else case.known_by
    for case, index, piece in places:
        row = case.found[index]
        case.ids[index] = uuid7() if row is None else row["id"]
        if primary and row is None and part.entity_name not in FOUND_BY_COMPLETED:
            _complete(case, piece, facts, creating=True)
        if part.entity_name == "order":
            facts.orders[case.ids[index]] = piece.values


def _may_be_there(place: "_Place") -> bool:
    """Whether a child can exist already: not where its parent is only made now."""
    case, _, piece = place
    parents = [i for i, each in enumerate(case.record.pieces) if each.part.name in piece.part.links.values()]
    return all(case.found[i] is not None for i in parents)


def _complete(case: Case, piece: Piece, facts: Facts, *, creating: bool) -> None:
    problems = complete(piece, case.record, facts, creating=creating)
    case.record.problems += [p for p in problems if p not in case.record.problems]


def _link(case: Case, piece: Piece) -> None:
    for name, other in piece.part.links.items():
        for index, each in enumerate(case.record.pieces):
            if each.part.name == other:
                piece.values[name] = case.ids[index]
                break


def _key_of(part: Part, values: Row) -> tuple[Any, ...] | None:
    """The values of the key; None where the first is missing."""
    if not part.key or values.get(part.key[0]) is None:
        return None
    return tuple(values.get(name) for name in part.key)


def _only_of(part: Part, rows: Iterable[Row]) -> dict[Any, Row]:
    """The only row of each parent: the shop of a company that was renamed is still its shop."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[part.key[0]], []).append(row)
    return {parent: same[0] for parent, same in found.items() if len(same) == 1}


async def _find_by_key(part: Part, pieces: Sequence[Piece]) -> list[Row]:
    anchors = {piece.values[part.key[0]] for piece in pieces if part.key and piece.values.get(part.key[0]) is not None}
    if not anchors:
        return []
    return await _fetch(part, part.key[0], list(anchors), "AND deleted_at IS NULL ORDER BY id DESC")


async def _find_by_external_id(part: Part, cases: Sequence[Case], system: str) -> dict[str, Row]:
    keys = {case.record.key for case in cases if case.record.key is not None}
    ids = await load.find_external(part.entity_name, keys, system)
    ids |= load.own_ids(keys - ids.keys())  # of our own export
    rows = {row["id"]: row for row in await _fetch(part, "id", list(ids.values()))} if ids else {}
    return {key: rows[row_id] for key, row_id in ids.items() if row_id in rows}


async def _without_linked(
    by_key: dict[tuple[Any, ...] | None, Row], part: Part, cases: Sequence[Case], system: str
) -> dict[tuple[Any, ...] | None, Row]:
    """A row that bears another external id of the system is another row, whatever its key."""
    if not by_key or all(case.record.key is None for case in cases):
        return by_key
    linked = await connection().fetch(
        'SELECT DISTINCT "row" FROM external_id WHERE system = $1 AND entity = $2 AND "row" = ANY ($3::uuid[])',
        system,
        part.entity_name,
        [row["id"] for row in by_key.values()],
    )
    others = {record["row"] for record in linked}
    return {key: row for key, row in by_key.items() if row["id"] not in others}


async def _fetch(part: Part, column: str, values: list[Any], more: str = "") -> list[Row]:
    entity = ENTITIES[part.entity_name]
    names = [*entity.columns, "deleted_at", *_EXTRA_FIELDS.get(entity.name, ())]
    columns = ", ".join(f'"{name}"' for name in names)
    kind = "text" if isinstance(values[0], str) else "uuid"
    sql = f'SELECT {columns} FROM "{entity.name}" WHERE "{column}" = ANY ($1::{kind}[]) {more}'  # noqa: S608
    return await connection().fetch(sql, values)
