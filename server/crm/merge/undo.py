"""Undoing a merge: what it changed becomes what it was, as far as nobody has changed it since."""

from dataclasses import dataclass
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, MERGE

from server.crm import service
from server.crm.merge.service import MergeBuiltUpon
from server.crm.models import Row
from server.crm.resource import REFERRED_BY
from server.crm.resources import MERGES
from server.crm.rights import Viewer, require_merger
from server.db import Revision, connection

CREATED_SINCE_MAX = 100
"""Rows made for the winner since the merge that are named, for each reference."""


@dataclass(frozen=True, slots=True)
class Stayed:
    """A value that the undoing left as it is; `field` says which, `reason` why."""

    entity: str
    row_id: UUID
    field: str
    reason: str


async def undo_merge(merge_id: UUID, *, viewer: Viewer, revision: Revision) -> tuple[Row, list[Stayed]]:
    """Undo a merge, and say what stays; one that was undone before is answered as it is.

    Raises:
        Forbidden: the viewer's role merges nothing.
        NotFound: there is no such merge in the viewer's sight.
        MergeBuiltUpon: the winner was merged into another since, or deleted.
    """
    merge = await service.get_row(MERGES, merge_id, viewer)
    entity = merge["entity"]
    require_merger(viewer, ENTITIES[entity])
    if merge["undone_at"] is not None:
        return merge, []
    await _require_last(merge)
    stayed = await _list_created_since(merge)
    steps = await connection().fetch(
        # Rows come back before others refer to them.
        "SELECT entity, field FROM merge_step WHERE merge_id = $1 AND entity <> 'external_id'"
        " GROUP BY entity, field ORDER BY field <> 'deleted_at', entity, field",
        merge_id,
    )
    for step in steps:
        stayed += await _restore(merge_id, step["entity"], step["field"])
    await _restore_external_ids(merge)
    await connection().execute("DELETE FROM merge_step WHERE merge_id = $1", merge_id)
    await connection().execute('UPDATE "merge" SET undone_at = $2 WHERE id = $1', merge_id, revision.at)
    await connection().execute(
        "UPDATE duplicate_case SET status = 'dismissed', decided_by = $3, decided_at = $4"
        " WHERE row_id = least($1::uuid, $2::uuid) AND other_id = greatest($1::uuid, $2::uuid)",
        merge["winner_id"],
        merge["loser_id"],
        viewer.member_id,
        revision.at,
    )
    return await service.get_row(MERGES, merge_id, viewer), stayed


async def _require_last(merge: Row) -> None:
    later = await connection().fetchval(
        f"SELECT merge_id FROM merge_step WHERE row_id = $1 AND entity = '{MERGE.name}'",  # noqa: S608 - our own name
        merge["id"],
    )
    if later is not None:
        raise MergeBuiltUpon(
            "What it was merged into was merged again since. Undo that merge first.", merge_id=str(later)
        )
    alive = await connection().fetchval(
        f'SELECT deleted_at IS NULL FROM "{merge["entity"]}" WHERE id = $1',  # noqa: S608 - one of our own names
        merge["winner_id"],
    )
    if not alive:
        raise MergeBuiltUpon("What it was merged into was deleted since.")


async def _restore(merge_id: UUID, name: str, field: str) -> list[Stayed]:
    """Put one field of one entity's rows back where it is still as the merge left it."""
    records = await connection().fetch(
        f"""WITH restored AS (
            UPDATE "{name}" t
            SET "{field}" = (jsonb_populate_record(NULL::"{name}", jsonb_build_object('{field}', s.before)))."{field}"
            FROM merge_step s
            WHERE s.merge_id = $1 AND s.entity = '{name}' AND s.field = '{field}' AND t.id = s.row_id
            AND to_jsonb(t) -> '{field}' IS NOT DISTINCT FROM s.after
            RETURNING t.id
        ) SELECT s.row_id FROM merge_step s
        WHERE s.merge_id = $1 AND s.entity = '{name}' AND s.field = '{field}'
        AND NOT EXISTS (SELECT FROM restored r WHERE r.id = s.row_id)""",  # noqa: S608 - names of our own steps
        merge_id,
    )
    return [Stayed(name, record["row_id"], field, "It was changed since the merge.") for record in records]


async def _restore_external_ids(merge: Row) -> None:
    await connection().execute(
        """UPDATE external_id x SET "row" = s.row_id
        FROM merge_step s CROSS JOIN LATERAL jsonb_array_elements(s.before) i
        WHERE s.merge_id = $1 AND s.entity = 'external_id' AND x.entity = $2
        AND x.system = i ->> 0 AND x.value = i ->> 1 AND x."row" = $3""",
        merge["id"],
        merge["entity"],
        merge["winner_id"],
    )


async def _list_created_since(merge: Row) -> list[Stayed]:
    stayed = []
    for name, column in REFERRED_BY[merge["entity"]]:
        records = await connection().fetch(
            f"""SELECT id FROM "{name}" WHERE "{column}" = $1 AND created_at > $2 AND deleted_at IS NULL
            ORDER BY id LIMIT {CREATED_SINCE_MAX}""",  # noqa: S608 - names of our own
            merge["winner_id"],
            merge["created_at"],
        )
        stayed += [Stayed(name, record["id"], column, "It was made since the merge.") for record in records]
    return stayed
