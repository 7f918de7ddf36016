"""Pull: what changed for one member after a cursor, page by page.

For a member, all entries of all scopes make one stream, ordered by *effective revision*: that of the entry, or that of the
grant where the scope was gained later (its content comes whole). What changes meanwhile moves to the stream's end, so no
head is pinned: a page continues at a position, and the page that reaches the end is complete and names the cursor. Each page
is one REPEATABLE READ transaction: a row of the page is put if the member sees it in that moment, and dropped if not.
"""

import json
from dataclasses import dataclass
from typing import Any

import asyncpg
from outrider_sdk.protocol.entities import ENTITIES

from server.clock import now, to_micros
from server.db import Actor, connection
from server.errors import FieldError, InvalidInput
from server.sync.push import DeviceRevoked
from server.sync.rows import wire_columns

PAGE_ROWS = 20_000
_BY_CODE = {e.code: e for e in ENTITIES.values()}
_START = (0, "00000000-0000-0000-0000-000000000000", 0, "00000000-0000-0000-0000-000000000000")

# The stream after a position ($3 effective revision, $4 scope, $5 entry revision, $6 row), for cursor $2, at most $7 entries.
# 1. Scopes gained since the cursor, whole. 2. Entries changed since, of scopes held. 3. Scopes lost since: what was in them.
_STREAM = """
WITH grants AS MATERIALIZED (SELECT scope, revision, gone FROM scope_grant WHERE member_id = $1),
gained AS (
    SELECT g.revision AS effective, e.scope, e.revision, e."row", e.entity
    FROM (SELECT * FROM grants WHERE NOT gone AND revision > $2 AND revision >= $3 ORDER BY revision, scope) g
    JOIN scope_entry e ON e.scope = g.scope
    WHERE e.revision <= g.revision AND (NOT e.gone OR e.revision > $2)
    AND (g.revision, e.scope, e.revision, e."row") > ($3, $4, $5, $6)
    ORDER BY g.revision, e.scope, e.revision, e."row" LIMIT $7
), changed AS (
    SELECT e.revision AS effective, e.scope, e.revision, e."row", e.entity
    FROM grants g JOIN scope_entry e ON e.scope = g.scope
    WHERE NOT g.gone AND e.revision >= greatest($2 + 1, $3, CASE WHEN g.revision > $2 THEN g.revision + 1 ELSE 0 END)
    AND (e.revision, e.scope, e.revision, e."row") > ($3, $4, $5, $6)
    ORDER BY e.revision, e.scope, e."row" LIMIT $7
), lost AS (
    SELECT g.revision AS effective, e.scope, e.revision, e."row", e.entity
    FROM grants g JOIN scope_entry e ON e.scope = g.scope
    WHERE g.gone AND g.revision > $2 AND g.revision >= $3 AND (NOT e.gone OR e.revision > $2)
    AND (g.revision, e.scope, e.revision, e."row") > ($3, $4, $5, $6)
    ORDER BY g.revision, e.scope, e.revision, e."row" LIMIT $7
)
SELECT effective, scope::text, revision, "row", entity FROM (
    SELECT * FROM gained UNION ALL SELECT * FROM changed UNION ALL SELECT * FROM lost
) stream ORDER BY effective, scope, revision, "row" LIMIT $7
"""

_VISIBLE = """
SELECT DISTINCT e."row" FROM scope_entry e JOIN scope_grant g ON g.scope = e.scope AND g.member_id = $1
WHERE e."row" = ANY ($2::uuid[]) AND NOT e.gone AND NOT g.gone
"""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended in the stream."""

    effective: int
    scope: str
    revision: int
    row: str

    @classmethod
    def parse(cls, text: str | None) -> "Position":
        """The position that a client sent back, or the start.

        Raises:
            InvalidInput: it is none of ours.
        """
        if text is None:
            return cls(*_START)
        try:
            effective, scope, revision, row = json.loads(text)
            assert isinstance(effective, int) and isinstance(revision, int) and len(scope) == len(row) == 36
        except (ValueError, TypeError, AssertionError):
            raise InvalidInput([FieldError("position", "Send back the position of the last page, or null.")]) from None
        return cls(effective, scope, revision, row)

    def text(self) -> str:
        """The position as it travels; opaque to clients."""
        return json.dumps([self.effective, self.scope, self.revision, self.row])


async def pull(cursor: int, position: Position, *, actor: Actor, page_rows: int = PAGE_ROWS) -> dict[str, Any]:
    """One page of what changed for the member after `cursor`; within a snapshot transaction of the tenant.

    Raises:
        DeviceRevoked: the device, or its member, may no longer sync.
    """
    conn = connection()
    device = await conn.fetchrow(_DEVICE, actor.device_id)
    if device is None or device["revoked_at"] is not None or not device["active"]:
        raise DeviceRevoked
    entries = await conn.fetch(
        _STREAM,
        device["member_id"],
        cursor,
        position.effective,
        position.scope,
        position.revision,
        position.row,
        page_rows,
    )
    complete = len(entries) < page_rows
    puts, drops = await _contents(device["member_id"], entries)
    last = Position(*(_plain(v) for v in tuple(entries[-1])[:4])) if entries else position
    return {
        "puts": puts,
        "drops": drops,
        "cursor": device["head"],
        "complete": complete,
        "position": None if complete else last.text(),
        "applied_through": device["last_number"],
        "incarnation": device["incarnation"],
        "server_time": to_micros(now()),
    }


_DEVICE = """
SELECT d.member_id, d.revoked_at, d.last_number, d.incarnation, m.active, c.revision AS head
FROM device d JOIN member m ON m.id = d.member_id CROSS JOIN revision_counter c WHERE d.id = $1
"""


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)


async def _contents(
    member_id: Any, entries: list[asyncpg.Record]
) -> tuple[dict[str, dict[str, list[Any]]], dict[str, list[str]]]:
    """The rows of the entries, as they are in this snapshot: puts for those in sight, drops for the others."""
    by_entity: dict[int, set[Any]] = {}
    for entry in entries:
        by_entity.setdefault(entry["entity"], set()).add(entry["row"])
    puts: dict[str, dict[str, list[Any]]] = {}
    drops: dict[str, list[str]] = {}
    for code in sorted(by_entity):
        entity, ids = _BY_CODE[code], list(by_entity[code])
        visible = {r[0] for r in await connection().fetch(_VISIBLE, member_id, ids)}
        if visible:
            records = await connection().fetch(
                f'SELECT {wire_columns(entity)} FROM "{entity.name}" t WHERE t.id = ANY ($1::uuid[])',
                list(visible),
            )
            puts[entity.name] = dict(zip(entity.columns, (list(c) for c in zip(*records, strict=True)), strict=True))
        if len(visible) < len(ids):
            drops[entity.name] = [str(i) for i in ids if i not in visible]
    return puts, drops
