"""Reads the audit: the history of a row, and a search over all.

Entries are by statement and field, with arrays of rows; here they become changes again, one a row and field. A row's
history follows the chain that the heads of statements make: from the row's revision to the one it had before.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth.access import FIXED
from server.clock import from_micros
from server.crm import service
from server.crm.audit.messages import Author, Change, ChangePage
from server.crm.audit.query import REVISION_MAX, AuditQuery, Place
from server.crm.audit.shown import require_auditor, show_value, shown_fields
from server.crm.audit.stored import stored_text
from server.crm.resource import Resource
from server.crm.rights import Viewer, require_reader
from server.db import connection
from server.errors import NotFound

HISTORY_REVISIONS_MAX: Final = 500
"""Revisions of a row that one page of its history looks at: many of them may have changed nothing that is shown."""
ENTRIES_SCANNED_MAX: Final = 20_000
"""Entries that one page of a search looks at; then it is short, and names the next."""

_BY_CODE: Final = {entity.code: entity for entity in ENTITIES.values()}

_CHANGES: Final = """
SELECT e.revision, e.number, e.entity, e.field, r."row", r.old, r.new, r.captured, a.at, a.source, a.login,
    a.member_id, m.name AS member, a.device_id, d.name AS device
FROM {entries} e JOIN audit_revision a ON a.revision = e.revision
LEFT JOIN member m ON m.id = a.member_id LEFT JOIN device d ON d.id = a.device_id
CROSS JOIN LATERAL unnest(e.rows, e.old, e.new, e.captured) AS r ("row", old, new, captured)
WHERE {conditions}
ORDER BY e.revision DESC, e.number DESC, r."row" DESC LIMIT {limit}
"""

# From a revision of the row ($3) to those before it, newest first. In one revision several statements may have touched
# it: the first of them knows the revision before.
_CHAIN: Final = """
WITH RECURSIVE chain AS (
    SELECT $3::bigint AS revision, 1::bigint AS length
    UNION ALL
    SELECT p.previous, c.length + 1 FROM chain c CROSS JOIN LATERAL (
        SELECT e.previous[array_position(e.rows, $1)] AS previous FROM audit_entry e
        WHERE e.revision = c.revision AND e.entity = $2 AND e.field IS NULL AND $1 = ANY (e.rows)
        ORDER BY e.number LIMIT 1
    ) p WHERE p.previous IS NOT NULL AND c.length < $4
)
SELECT revision FROM chain ORDER BY length
"""


async def get_history(resource: Resource, row_id: UUID, query: AuditQuery, viewer: Viewer) -> ChangePage:
    """What became of one row, newest first; its creation comes last, with the first values.

    Raises:
        Forbidden: the role sees nothing of the CRM.
        NotFound: there is no such row in the viewer's sight. Admins and owners see deleted ones too.
    """
    entity = resource.entity
    newest = await _newest_revision(resource, row_id, viewer)
    start = min(newest, query.after.revision)
    chain = await _chain(entity, row_id, start, HISTORY_REVISIONS_MAX + 1)
    revisions, further = chain[:HISTORY_REVISIONS_MAX], chain[HISTORY_REVISIONS_MAX:]
    shown = shown_fields(viewer, entity)
    records = await connection().fetch(
        _CHANGES.format(
            entries="audit_entry",
            limit="$6",
            conditions="e.revision = ANY ($1::bigint[]) AND e.entity = $2 AND $3 = ANY (e.rows) AND r.\"row\" = $3"
            " AND (e.revision, e.number) < ($4, $5)"
            " AND (e.field = ANY ($7::text[]) OR (e.field IS NULL AND e.previous IS NULL))",
        ),
        revisions, entity.code, row_id, query.after.revision, query.after.number, query.limit + 1,
        [*shown, "deleted_at"],
    )  # fmt: skip
    items = [_change(record) for record in records[: query.limit]]
    if items and items[-1].kind == "create":
        items[-1].first = await _first_values(entity, row_id, newest, shown)
    if len(records) > query.limit:
        return ChangePage(items, _place(records[query.limit - 1]).text())
    return ChangePage(items, Place(further[0]).text() if further else None)


async def _newest_revision(resource: Resource, row_id: UUID, viewer: Viewer) -> int:
    require_reader(viewer, resource.entity)
    if viewer.role not in FIXED:
        return int((await service.get_row(resource, row_id, viewer))["revision"])
    sql = f'SELECT revision FROM "{resource.entity.name}" WHERE id = $1'  # noqa: S608 - a name of our own
    revision = await connection().fetchval(sql, row_id)
    if revision is None:
        raise NotFound
    return int(revision)


async def _chain(entity: Entity, row_id: UUID, start: int, length: int) -> list[int]:
    """Revisions that wrote the row, from `start` (one of them) back."""
    return [r[0] for r in await connection().fetch(_CHAIN, row_id, entity.code, start, length)]


async def _first_values(entity: Entity, row_id: UUID, newest: int, shown: frozenset[str]) -> dict[str, Any]:
    """The value of each field at the row's creation: the old one of its first change, else that of the row."""
    chain = await _chain(entity, row_id, newest, REVISION_MAX)
    changed = await connection().fetch(
        """SELECT DISTINCT ON (e.field) e.field, r.old FROM audit_entry e
        CROSS JOIN LATERAL unnest(e.rows, e.old) AS r ("row", old)
        WHERE e.revision = ANY ($1::bigint[]) AND e.entity = $2 AND $3 = ANY (e.rows) AND r."row" = $3
        AND e.field IS NOT NULL ORDER BY e.field, e.revision, e.number""",
        chain, entity.code, row_id,
    )  # fmt: skip
    first: dict[str, str | None] = {r["field"]: r["old"] for r in changed}
    names = [name for name in (*(f.name for f in entity.fields), "custom") if name in shown]
    missing = [name for name in names if name not in first]
    if missing:
        columns = ", ".join(stored_text(entity.by_name[name].kind, f't."{name}"') for name in missing)
        sql = f'SELECT {columns} FROM "{entity.name}" t WHERE t.id = $1'  # noqa: S608 - names of our own
        row = await connection().fetchrow(sql, row_id)
        first |= dict(zip(missing, row or (), strict=True))
    return {name: show_value(entity, name, first[name]) for name in names}


async def search_audit(query: AuditQuery, viewer: Viewer) -> ChangePage:
    """Changes of all rows, newest first.

    Raises:
        Forbidden: only admins and owners read the audit.
    """
    require_auditor(viewer)
    parameters: list[Any] = []

    def value(given: Any, kind: str) -> str:
        parameters.append(given)
        return f"${len(parameters)}::{kind}"

    at_entry = _entry_conditions(query, viewer, value)
    of_entries = list(parameters)
    scanned = (
        f"(SELECT e.* FROM audit_entry e WHERE {' AND '.join(at_entry)}"  # noqa: S608 - values are parameters
        f" ORDER BY e.revision DESC, e.number DESC LIMIT {ENTRIES_SCANNED_MAX})"
    )
    conditions = [
        f'(e.revision, e.number, r."row") < ({value(query.after.revision, "bigint")},'
        f" {value(query.after.number, 'bigint')}, {value(query.after.row, 'uuid')})"
    ]
    if query.row_id is not None:
        conditions.append(f'r."row" = {value(query.row_id, "uuid")}')
    if query.text is not None:
        wanted = f"lower({value(query.text, 'text')})"
        conditions.append(f"(strpos(lower(r.old), {wanted}) > 0 OR strpos(lower(r.new), {wanted}) > 0)")
    sql = _CHANGES.format(entries=scanned, conditions=" AND ".join(conditions), limit=query.limit + 1)
    records = await connection().fetch(sql, *parameters)
    items = [_change(record) for record in records[: query.limit]]
    if len(records) > query.limit:
        return ChangePage(items, _place(records[query.limit - 1]).text())
    return ChangePage(items, await _after_scanned(scanned, of_entries))


_FIRST_SINCE: Final = "(SELECT min(a.revision) FROM audit_revision a WHERE a.at >= {})"
_LAST_BEFORE: Final = "(SELECT max(a.revision) FROM audit_revision a WHERE a.at < {})"


def _entry_conditions(query: AuditQuery, viewer: Viewer, value: Any) -> list[str]:
    """Conditions on entries, as far as they need no look into the arrays."""
    conditions = [
        "(e.field IS NOT NULL OR e.previous IS NULL)",
        f"(e.revision, e.number) <= ({value(query.after.revision, 'bigint')}, {value(query.after.number, 'bigint')})",
    ]
    hidden = [
        f"{entity.code} {name}"
        for entity in ENTITIES.values()
        for name in entity.by_name.keys() - shown_fields(viewer, entity)
    ]
    if hidden:
        conditions.append(f"coalesce(e.entity || ' ' || e.field, '') <> ALL ({value(hidden, 'text[]')})")
    if query.entity is not None:
        conditions.append(f"e.entity = {value(ENTITIES[query.entity].code, 'smallint')}")
    if query.row_id is not None:
        conditions.append(f"{value(query.row_id, 'uuid')} = ANY (e.rows)")
    if query.field is not None:
        conditions.append(f"e.field = {value(query.field, 'text')}")
    of_revision = []
    if query.member_id is not None:
        of_revision.append(f"a.member_id = {value(query.member_id, 'uuid')}")
    if query.source is not None:
        of_revision.append(f"a.source = {value(query.source, 'text')}")
    if of_revision:
        conditions.append(
            f"EXISTS (SELECT FROM audit_revision a WHERE a.revision = e.revision AND {' AND '.join(of_revision)})"
        )
    if query.since is not None:
        since = value(query.since, "timestamptz")
        conditions.append("e.revision >= " + _FIRST_SINCE.format(since))
    if query.until is not None:
        until = value(query.until, "timestamptz")
        conditions.append("e.revision <= " + _LAST_BEFORE.format(until))
    return conditions


async def _after_scanned(scanned: str, parameters: Sequence[Any]) -> str | None:
    """Where the next page begins, if this one has looked at as much as it may."""
    sql = f"SELECT e.revision, e.number, count(*) OVER () AS scanned FROM {scanned} e ORDER BY 1, 2 LIMIT 1"  # noqa: S608
    last = await connection().fetchrow(sql, *parameters)
    if last is None or last["scanned"] < ENTRIES_SCANNED_MAX:
        return None
    return Place(last["revision"], last["number"], UUID(int=0)).text()


def _place(record: asyncpg.Record) -> Place:
    return Place(record["revision"], record["number"], record["row"])


def _change(record: asyncpg.Record) -> Change:
    entity, field = _BY_CODE[record["entity"]], record["field"]
    whole = field is None or field == "deleted_at"
    kind = "edit" if not whole else "create" if field is None else "delete" if record["new"] else "restore"
    return Change(
        entity=entity.name,
        row_id=record["row"],
        kind=kind,  # type: ignore[arg-type]
        revision=record["revision"],
        at=record["at"],
        captured_at=None if record["captured"] is None else from_micros(record["captured"]),
        source=record["source"],
        by=Author(record["member_id"], record["member"], record["device_id"], record["device"], record["login"]),
        field=None if whole else field,
        old=None if whole else show_value(entity, field, record["old"]),
        new=None if whole else show_value(entity, field, record["new"]),
    )
