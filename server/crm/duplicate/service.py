"""Cases of duplicates: listed to who sees both rows, dismissed by a person, found when a row is made."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, MERGED_ENTITIES
from piccolo.querystring import QueryString

from server.crm.duplicate.search import OF_NEW_ROWS, Duplicate, find_duplicates, open_cases, told_to
from server.crm.rights import Viewer, in_sight, require_merger, require_reader
from server.db import Revision, connection, engine
from server.errors import Conflict, NotFound

LISTED_MAX: Final = 200


class CaseDecided(Conflict):
    """The two were merged."""

    code = "case_decided"


@dataclass(frozen=True, slots=True)
class DuplicateCase:
    """Two rows that may be the same."""

    id: UUID
    entity: str
    row_id: UUID
    row_name: str | None
    other_id: UUID
    other_name: str | None
    kinds: list[str]
    status: str
    found_at: datetime


def _cases(entity: str, viewer: Viewer, *, merged: bool) -> tuple[str, list[UUID]]:
    """SQL for cases of an entity of which the viewer sees both rows; the parameters are the viewer's.

    Args:
        merged: of which they see the one that is left.
    """
    sight, parameters = in_sight(viewer, ENTITIES[entity])
    one, other = (sight.replace(f'"{entity}".', f'"{alias}".') for alias in ("one", "other"))
    sql = f"""SELECT d.id, d.entity, d.row_id, one.name AS row_name, d.other_id, other.name AS other_name, d.kinds,
        d.status, d.found_at
    FROM duplicate_case d JOIN "{entity}" one ON one.id = d.row_id JOIN "{entity}" other ON other.id = d.other_id
    WHERE d.entity = '{entity}' AND (({one}) {"OR" if merged else "AND"} ({other}))"""  # noqa: S608 - names of our own
    return sql, [*parameters, *parameters]


async def list_cases(viewer: Viewer, *, status: str = "open", row_id: UUID | None = None) -> list[DuplicateCase]:
    """Cases of which the viewer sees both rows, the newest first.

    Args:
        row_id: only those of this row.

    Raises:
        Forbidden: the role sees nothing of the CRM.
    """
    require_reader(viewer, ENTITIES[MERGED_ENTITIES[0]])
    found: list[Any] = []
    for entity in MERGED_ENTITIES:
        sql, parameters = _cases(entity, viewer, merged=status == "merged")
        more = " AND {} IN (d.row_id, d.other_id)" if row_id else ""
        query = f"{sql} AND d.status = {{}}{more} ORDER BY d.found_at DESC, d.id LIMIT {LISTED_MAX}"
        found += await engine.run_querystring(QueryString(query, *parameters, status, *([row_id] if row_id else [])))
    cases = [case for record in found if (case := _told(record, viewer)) is not None]
    return sorted(cases, key=lambda case: case.found_at, reverse=True)[:LISTED_MAX]


def _told(record: Any, viewer: Viewer) -> DuplicateCase | None:
    """The case without what is hidden from the viewer; None where nothing is left to say of it."""
    values = dict(record) | {"kinds": list(told_to(viewer.access, record["entity"], record["kinds"]))}
    if "name" in viewer.hidden(ENTITIES[record["entity"]]):
        values |= {"row_name": None, "other_name": None}
    return DuplicateCase(**values) if values["kinds"] else None


async def dismiss_case(case_id: UUID, *, viewer: Viewer, revision: Revision) -> None:
    """Say that the two are different; they are not asked about again. Harmless where that was said before.

    Raises:
        Forbidden: the viewer's role merges nothing.
        NotFound: there is no such case, or one of its rows is not in the viewer's sight.
        CaseDecided: the two were merged.
    """
    require_reader(viewer, ENTITIES[MERGED_ENTITIES[0]])
    case = await connection().fetchrow("SELECT * FROM duplicate_case WHERE id = $1", case_id)
    if case is None or not await _is_in_sight(case, viewer):
        raise NotFound
    require_merger(viewer, ENTITIES[case["entity"]])
    if case["status"] == "merged":
        raise CaseDecided("The two were merged. Undo the merge, if they are different.")
    await connection().execute(
        """UPDATE duplicate_case SET status = 'dismissed', decided_by = $2, decided_at = $3
        WHERE id = $1 AND status = 'open'""",
        case_id,
        viewer.member_id,
        revision.at,
    )


async def _is_in_sight(case: Any, viewer: Viewer) -> bool:
    """Whether the viewer sees the rows: both, or of two that were merged, the one that is left."""
    ids = [case["row_id"], case["other_id"]]
    visible = await _list_visible(case["entity"], ids, viewer)
    return len(visible) == (1 if case["status"] == "merged" else 2)


async def note_duplicates(name: str, row_id: UUID, viewer: Viewer) -> list[Duplicate]:
    """Open cases of what may be the same as a new row; those that the viewer sees, deleted ones if they read all."""
    if name not in OF_NEW_ROWS:
        return []
    found = await find_duplicates(name, [row_id])
    await open_cases(found)
    entity = OF_NEW_ROWS[name]
    visible = {d.other_id for d in found}
    if found and not viewer.reads_all(ENTITIES[entity]):
        visible = await _list_visible(entity, list(visible), viewer)
    told = (replace(d, kinds=told_to(viewer.access, entity, d.kinds)) for d in found if d.other_id in visible)
    return [d for d in told if d.kinds]


async def _list_visible(entity: str, ids: list[UUID], viewer: Viewer) -> set[UUID]:
    """Those of the ids whose live row the viewer sees."""
    sight, parameters = in_sight(viewer, ENTITIES[entity])
    sql = f'SELECT id FROM "{entity}" WHERE id = ANY ({{}}) AND {sight}'  # noqa: S608 - a name of our own
    return {record["id"] for record in await engine.run_querystring(QueryString(sql, ids, *parameters))}
