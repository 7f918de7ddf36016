"""Takes a run back: what it made goes to the trash, what it changed gets its old values.

Only as far as nobody has built upon it: a row that was changed since, or that a live row of others refers to, stays,
and is named. The last lines go first, so that children go before their parents.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.crm.resource import REFERRED_BY
from server.db import SYSTEM, Actor, Revision, Source, TenantRef, connection, tenant_transaction, tenant_write
from server.imports import store
from server.imports.write import raise_versions, reserve, sum_orders, update_rows

CHUNK_LINES: Final = 500
_UNDOABLE: Final = frozenset({"done", "running", "failed", "undoing"})

Tell = Callable[["Undone"], None]


@dataclass(slots=True)
class Undone:
    """What was taken back, and what was not."""

    removed: int = 0
    restored: int = 0
    kept: list[str] = field(default_factory=list)
    """In words, up to `KEPT_SHOWN`; the report has them all."""
    kept_count: int = 0


KEPT_SHOWN: Final = 50


async def undo_run(
    tenant: TenantRef, number: int, *, actor: Actor = SYSTEM, tell: Tell = lambda undone: None, take_over: bool = False
) -> Undone:
    """Take a run back, chunk by chunk; to be repeated if it was broken off.

    Raises:
        RunUnknown: there is none of that number.
        RunState: there is nothing to undo, or it was undone.
        RunBusy: another process works on it.
    """
    async with tenant_write(tenant, by=actor, source=Source.IMPORT):
        run = await store.get_run(number)
        if run.state not in _UNDOABLE:
            raise store.RunState(f"Import {number} is {run.state}: there is nothing to take back.")
        claim = await store.claim(number, "undoing", take_over=take_over)
    undone = Undone()
    more = True
    while more:
        async with tenant_write(tenant, by=actor, source=Source.IMPORT) as revision:
            await store.hold(number, claim)
            more = await _undo_chunk(run, revision, undone)
        tell(undone)
    async with tenant_transaction(tenant):
        await store.release(number, "undone")
    return undone


async def _undo_chunk(run: store.Run, revision: Revision, undone: Undone) -> bool:
    lines = await connection().fetch(
        """SELECT * FROM import_line WHERE run = $1 AND outcome IN ('created', 'updated')
        ORDER BY position DESC, line DESC LIMIT $2""",
        run.number,
        CHUNK_LINES,
    )
    if not lines:
        return False
    own = await connection().fetch("SELECT DISTINCT revision FROM import_line WHERE run = $1", run.number)
    mine = [record["revision"] for record in own] + [revision.number]
    kept = await _bury_all(lines, mine, revision, run.system, undone)
    for line in lines:
        kept |= await _restore(line, mine, undone)
    await _unlink(lines, run)
    await _record(run, lines, kept, revision, undone)
    return True


async def _bury_all(
    lines: Collection[Any], mine: list[int], revision: Revision, system: str, undone: Undone
) -> dict[UUID, str]:
    """Make all that lines created tombstones, as far as may be; those that stay, and why.

    Once more while rows went, as entities may refer to each other both ways.
    """
    created: dict[str, set[UUID]] = {}
    for line in lines:
        for name, ids in json.loads(line["created"] or "{}").items():
            created.setdefault(name, set()).update(UUID(each) for each in ids)
    while True:
        before = undone.removed
        kept: dict[UUID, str] = {}
        for name in reversed(ENTITIES):
            if created.get(name):
                kept_here = await _bury(name, list(created[name]), mine, revision, system, undone)
                created[name] &= kept_here.keys()
                kept |= kept_here
        if undone.removed == before:
            return kept


async def _bury(
    name: str, ids: list[UUID], mine: list[int], revision: Revision, system: str, undone: Undone
) -> dict[UUID, str]:
    """Make rows tombstones; those that stay, and why."""
    sql = f'SELECT id, revision FROM "{name}" WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL'  # noqa: S608
    rows = await connection().fetch(sql, ids)
    noun = name.replace("_", " ")
    kept = {row["id"]: f"the {noun} was changed since" for row in rows if row["revision"] not in set(mine)}
    going = {row["id"] for row in rows} - kept.keys()
    while going:
        referred = await _referred(name, going)
        if not referred:
            break
        kept |= {row_id: f"a live {other.replace('_', ' ')} refers to the {noun}" for row_id, other in referred.items()}
        going -= referred.keys()
    if not going:
        return kept
    orders = await _orders_of(name, going)
    bury = f'UPDATE "{name}" SET deleted_at = $2 WHERE id = ANY ($1::uuid[])'  # noqa: S608 - our own name
    await connection().execute(bury, list(going), revision.at)
    await connection().execute(
        'DELETE FROM external_id WHERE system = $1 AND "row" = ANY ($2::uuid[])', system, list(going)
    )
    if name == "price_item":
        await raise_versions(list(going))
    await sum_orders(orders)
    undone.removed += len(going)
    return kept


async def _orders_of(name: str, line_ids: Collection[UUID]) -> set[UUID]:
    """The orders of lines that go; what the lines held of the stock is free again."""
    if name != "order_line":
        return set()
    await reserve(list(line_ids), -1)
    sql = "SELECT DISTINCT order_id FROM order_line WHERE id = ANY ($1::uuid[])"
    return {row["order_id"] for row in await connection().fetch(sql, list(line_ids))}


async def _referred(name: str, ids: set[UUID]) -> dict[UUID, str]:
    """Rows to which live rows refer that stay."""
    found: dict[UUID, str] = {}
    for other, column in REFERRED_BY[name]:
        spared = "AND NOT id = ANY ($1::uuid[])" if other == name else ""
        sql = f"""SELECT DISTINCT "{column}" AS id FROM "{other}"
            WHERE "{column}" = ANY ($1::uuid[]) AND deleted_at IS NULL {spared}"""  # noqa: S608 - our own names
        found |= {row["id"]: other for row in await connection().fetch(sql, list(ids))}
    return found


async def _restore(line: Any, mine: list[int], undone: Undone) -> dict[UUID, str]:
    """Give changed rows their old values; those that were changed since, and are left."""
    kept: dict[UUID, str] = {}
    for name, rows in json.loads(line["before"] or "{}").items():
        entity = ENTITIES[name]
        sql = f'SELECT id FROM "{name}" WHERE id = ANY ($1::uuid[]) AND revision = ANY ($2::bigint[])'  # noqa: S608
        found = await connection().fetch(sql, [UUID(row_id) for row_id in rows], mine)
        unchanged = {record["id"] for record in found}
        old = {}
        for row_id, values in rows.items():
            if UUID(row_id) in unchanged:
                old[UUID(row_id)] = {
                    column: _value(entity.by_name.get(column), value) for column, value in values.items()
                }
            else:
                kept[UUID(row_id)] = f"the {name.replace('_', ' ')} was changed since"
        await update_rows(name, old)
        if name == "price_item":
            await raise_versions(list(old))
        undone.restored += len(old)
    return kept


def _value(field: Any, value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and field is not None and field.kind is Kind.JSON else value


async def _unlink(lines: Collection[Any], run: store.Run) -> None:
    """Forget external ids that rows got which were there before."""
    linked = [(line["linked"], line["row"]) for line in lines if line["linked"] and line["outcome"] == "updated"]
    if linked:
        await connection().execute(
            """DELETE FROM external_id e USING unnest($2::text[], $3::uuid[]) AS l (value, "row")
            WHERE e.system = $1 AND e.value = l.value AND e."row" = l."row" """,
            run.system,
            [value for value, _ in linked],
            [row for _, row in linked],
        )


async def _record(
    run: store.Run, lines: Collection[Any], kept: dict[UUID, str], revision: Revision, undone: Undone
) -> None:
    """Note what became of the lines; their rows count as ours also under this revision."""
    records = []
    for line in lines:
        touched = [UUID(each) for ids in json.loads(line["created"] or "{}").values() for each in ids]
        touched += [UUID(each) for rows in json.loads(line["before"] or "{}").values() for each in rows]
        reason = "; ".join(dict.fromkeys(kept[each] for each in touched if each in kept)) or None
        records.append((line["position"], line["line"], "kept" if reason else "undone", reason))
        if reason:
            undone.kept_count += 1
            if len(undone.kept) < KEPT_SHOWN:
                undone.kept.append(f"{run.files[line['position']].name}, line {line['line']}: {reason}")
    await connection().execute(
        """UPDATE import_line l SET outcome = u.outcome, reason = coalesce(u.reason, l.reason), revision = $6
        FROM unnest($2::smallint[], $3::bigint[], $4::text[], $5::text[]) AS u (position, line, outcome, reason)
        WHERE l.run = $1 AND l.position = u.position AND l.line = u.line""",
        run.number, *(list(column) for column in zip(*records, strict=True)), revision.number,
    )  # fmt: skip
