"""The rows of a page of a pull: those of its entries, as they are in its snapshot; or those that were just written."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.entities import ENTITIES, Entity, Kind

from server.auth.access import Access
from server.crm.rights import is_about_records, scope_condition
from server.db import connection
from server.sync.page_cache import News
from server.sync.position import NIL, Position
from server.sync.rows import instants_of, wire_columns
from server.sync.schemas import fields_unknown, is_known

Puts = dict[str, dict[str, list[Any]]]
"""Columns of values, by entity."""
Drops = dict[str, list[Any]]
_BY_CODE = {e.code: e for e in ENTITIES.values()}
_ID_BYTES = 16

# By row first, and only then by grant: with 20,000 rows, the other way round takes seconds.
_VISIBLE = """
WITH entries AS MATERIALIZED (
    SELECT "row", scope FROM scope_entry WHERE "row" = ANY ($2::uuid[]) AND NOT (gone OR away)
)
SELECT DISTINCT e."row" FROM entries e JOIN scope_grant g ON g.scope = e.scope AND g.member_id = $1
WHERE NOT g.gone AND g.level <= $3
"""


# The rows of one entity ($3) that were written after the cursor ($2) in some scopes, until the head ($4), as in
# `page_cache`. LIMIT has each row looked up by itself, and not among all of its scope.
_WRITTEN = """
SELECT {} FROM "{}" t WHERE t.id = ANY (ARRAY(
    SELECT r."row" FROM unnest($1::uuid[]) AS s (scope)
    JOIN scope_change c ON c.scope = s.scope AND c.revision > $2 AND c.revision <= $4 AND c.entity = $3
    CROSS JOIN LATERAL unnest(c.rows) AS r ("row")
    CROSS JOIN LATERAL (
        SELECT FROM scope_entry e WHERE e."row" = r."row" AND e.scope = c.scope AND NOT (e.gone OR e.away) LIMIT 1) e
))
"""


async def load_contents(
    member_id: Any, access: Access, entries: list[asyncpg.Record], packed: bool, schema: int
) -> tuple[Puts, Drops]:
    """The rows of the entries, as they are in this snapshot: puts for those in sight, drops for the others."""
    by_entity: dict[int, dict[Any, bool]] = {}
    for _, _, _, row, code, held in entries:
        rows = by_entity.setdefault(code, {})
        rows[row] = held or rows.get(row, False)
    puts: Puts = {}
    drops: Drops = {}
    for code, ids in sorted(by_entity.items()):
        entity = _BY_CODE[code]
        if not is_known(entity.name, schema):
            continue
        visible = {row for row, held in ids.items() if held}
        elsewhere = [row for row, held in ids.items() if not held]
        if elsewhere:
            reach = int(access.right(entity.name).read)
            visible |= {r[0] for r in await connection().fetch(_VISIBLE, member_id, elsewhere, reach)}
        if visible:
            found = await _columns(entity, access, visible, member_id, packed, schema)
            if found:
                puts[entity.name] = found
            if is_about_records(entity):
                visible = {UUID(bytes=i) if packed else UUID(i) for i in found.get("id", ())}
        if len(visible) < len(ids):
            gone = [i for i in ids if i not in visible]
            drops[entity.name] = [i.bytes for i in gone] if packed else list(map(str, gone))
    return puts, drops


async def _columns(
    entity: Entity, access: Access, ids: Iterable[Any], member_id: Any, packed: bool, schema: int
) -> dict[str, list[Any]]:
    """The values of rows, by column, without what is hidden from the member."""
    hidden = access.right(entity.name).hidden | fields_unknown(entity, schema)
    columns = wire_columns(entity, hidden, packed=packed)
    sql = f'SELECT {columns} FROM "{entity.name}" t WHERE t.id = ANY ($1::uuid[])'  # noqa: S608 - names of our own
    parameters: list[Any] = [list(ids)]
    if is_about_records(entity):
        condition = scope_condition(access, entity, access.right(entity.name).read, member="$2")
        sql += f' AND EXISTS (SELECT FROM "{entity.name}" WHERE "{entity.name}".id = t.id AND {condition})'
        parameters += [member_id] * ("$2" in sql)
    records = await connection().fetch(sql, *parameters)
    return _by_column(entity, hidden, records, packed) if records else {}


def _by_column(
    entity: Entity, hidden: frozenset[str], records: list[asyncpg.Record], packed: bool
) -> dict[str, list[Any]]:
    shown = [field for field in entity.all_fields if field.name not in hidden]
    return {
        field.name: instants_of(values) if packed and field.kind is Kind.INSTANT else list(values)
        for field, values in zip(shown, zip(*records, strict=True), strict=True)
    }


async def find_written(
    access: Access, cursor: int, head: int, position: Position, page_rows: int, news: News, packed: bool, schema: int
) -> Puts | None:
    """The rows of a pull that all were in scopes held, and only were written since: by far the most frequent one.

    None where they do not fit into one page, or anything else may be news: only the stream knows, then.
    """
    is_start = position.row == NIL and position.snapshot is None
    if news.entities is None or news.ids_bytes > page_rows * _ID_BYTES or not is_start:
        return None
    entities = [_BY_CODE[code] for code in news.entities]
    if any(map(is_about_records, entities)):
        return None
    puts: Puts = {}
    for entity in entities:
        reach = int(access.right(entity.name).read)
        scopes = [held.scope for held in news.heads if held.level <= reach]
        if scopes and is_known(entity.name, schema):
            found = await load_written(entity, access, scopes, cursor, head, packed, schema)
            if found:
                puts[entity.name] = found
    return puts


async def load_written(
    entity: Entity, access: Access, scopes: list[UUID], cursor: int, head: int, packed: bool, schema: int
) -> dict[str, list[Any]]:
    """The values of rows that were written after the cursor in scopes that the member holds near enough, by column."""
    hidden = access.right(entity.name).hidden | fields_unknown(entity, schema)
    columns = wire_columns(entity, hidden, packed=packed)
    records = await connection().fetch(_WRITTEN.format(columns, entity.name), scopes, cursor, entity.code, head)
    return _by_column(entity, hidden, records, packed) if records else {}
