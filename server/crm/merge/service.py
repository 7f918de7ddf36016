"""Merging two accounts or contacts into one, and undoing it.

The winner keeps its id. The loser becomes a tombstone, its references move to the winner, and the merge, which
replicates, says by what id it goes on. Each value that changes is a step, so that undoing restores exactly these.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import CONFLICT, ENTITIES, MERGE
from outrider_sdk.protocol.ids import uuid7

from server.crm import service
from server.crm.checks import DEPTH_MAX, refuse
from server.crm.merge.resolution import find_winner
from server.crm.merge.rules import choosable_fields, merged_values
from server.crm.models import Row
from server.crm.resource import REFERRED_BY, Resource
from server.crm.resources import MERGES, RESOURCES
from server.crm.rights import Viewer, require_merger
from server.db import Revision, connection
from server.errors import Conflict

Side = Literal["winner", "loser"]

_BY_ENTITY: Final = {r.entity.name: r for r in RESOURCES}
_NAMED_ROWS: Final = tuple(
    name for name, e in ENTITIES.items() if e is not CONFLICT and {"entity", "row_id"} <= e.by_name.keys()
)
"""Entities whose rows are about a row of any entity. A conflict stays with the row whose values it tells."""


class MergeBuiltUpon(Conflict):
    """Something that came later must be undone first."""

    code = "merge_built_upon"


async def merge_rows(
    entity: str,
    winner_id: UUID,
    loser_id: UUID,
    values: Mapping[str, Side],
    *,
    viewer: Viewer,
    revision: Revision,
) -> Row:
    """Merge the loser into the winner; the merge. One that was made already is answered as it is.

    Args:
        values: whose value stays, by field. Where it is not said, the winner's does, or the loser's if it has none.

    Raises:
        Forbidden: the viewer's role merges nothing.
        NotFound: one of the two is not in the viewer's sight.
        InvalidInput: both are the same row, or a field is not a person's to choose.
    """
    resource = _BY_ENTITY[entity]
    require_merger(viewer, resource.entity)
    winner = await service.get_row_to(resource, "edit", winner_id, viewer)
    loser = await service.get_row_to(resource, "edit", loser_id, viewer)
    if winner["id"] == loser["id"]:
        return await _get_merge_of(entity, loser_id, viewer)
    choosable = choosable_fields(resource.entity) - viewer.hidden(resource.entity)
    if unknown := values.keys() - choosable:
        raise refuse(f"values.{min(unknown)}", f"Choose of {', '.join(sorted(choosable))}.")
    merge_id = uuid7()
    ids = {"entity": entity, "winner_id": winner["id"], "loser_id": loser["id"]}
    await service.insert_row(MERGE, merge_id, ids)
    if "parent_id" in resource.entity.by_name:
        await _leave_the_losers_branch(resource, merge_id, winner, loser)
    chosen = frozenset(name for name, side in values.items() if side == "loser")
    await _write_values(resource, merge_id, winner, merged_values(resource.entity, winner, loser, chosen))
    await _move_references(entity, merge_id, winner["id"], loser["id"])
    if entity == "contact":
        await _keep_equal_channels_once(merge_id, winner["id"], revision)
    await _bury(entity, merge_id, [loser["id"]], revision)
    await _close_cases(winner["id"], loser["id"], viewer, revision)
    if entity == "account":
        await _settle_tax_ids(merge_id, winner["id"], loser["id"], viewer, revision)
    return await service.get_row(MERGES, merge_id, viewer)


async def _get_merge_of(entity: str, loser_id: UUID, viewer: Viewer) -> Row:
    if await find_winner(entity, loser_id) is None:
        raise refuse("loser_id", "Name two different rows.")
    merge_id = await connection().fetchval(
        'SELECT id FROM "merge" WHERE loser_id = $1 AND undone_at IS NULL AND deleted_at IS NULL', loser_id
    )
    return await service.get_row(MERGES, merge_id, viewer)


async def _leave_the_losers_branch(resource: Resource, merge_id: UUID, winner: Row, loser: Row) -> None:
    """Where the loser is above the winner, the winner takes its place in the tree: else it would be below itself."""
    is_above = await connection().fetchval(
        f"""WITH RECURSIVE up AS (
            SELECT id, parent_id, 1 AS depth FROM "{resource.entity.name}" WHERE id = $1
            UNION ALL
            SELECT t.id, t.parent_id, up.depth + 1 FROM "{resource.entity.name}" t JOIN up ON t.id = up.parent_id
            WHERE up.depth < {DEPTH_MAX}
        ) SELECT EXISTS (SELECT FROM up WHERE id = $2)""",  # noqa: S608 - names of our own
        winner["id"],
        loser["id"],
    )
    if is_above:
        await _write_values(resource, merge_id, winner, {"parent_id": loser["parent_id"]})


async def _write_values(resource: Resource, merge_id: UUID, winner: Row, values: dict[str, Any]) -> None:
    if not values:
        return
    name = resource.entity.name
    await connection().execute(
        f"""INSERT INTO merge_step (merge_id, entity, row_id, field, before)
        SELECT $1, '{name}', t.id, f.name, to_jsonb(t) -> f.name FROM "{name}" t CROSS JOIN unnest($3::text[]) f (name)
        WHERE t.id = $2""",  # noqa: S608 - names of our own
        merge_id,
        winner["id"],
        list(values),
    )
    stored = {
        field: msgspec.json.encode(value).decode() if isinstance(value, (dict, list)) else value
        for field, value in values.items()
    }
    await service.update_row(resource, winner["id"], stored)
    await connection().execute(
        f"""UPDATE merge_step s SET after = to_jsonb(t) -> s.field FROM "{name}" t
        WHERE s.merge_id = $1 AND s.entity = '{name}' AND s.row_id = t.id AND s.after IS NULL""",  # noqa: S608
        merge_id,
    )


async def _move_references(entity: str, merge_id: UUID, winner_id: UUID, loser_id: UUID) -> None:
    """Whatever named the loser names the winner: rows of any age, deleted ones too."""
    for name, column in REFERRED_BY[entity]:
        await _move(name, column, merge_id, winner_id, loser_id)
    for name in _NAMED_ROWS:
        await _move(name, "row_id", merge_id, winner_id, loser_id, f"AND entity = '{entity}'")
    # Earlier merges into the loser: an old id is one step from the row that it stands for.
    await _move(MERGE.name, "winner_id", merge_id, winner_id, loser_id, "AND undone_at IS NULL")
    await connection().execute(
        """WITH moved AS (
            UPDATE external_id SET "row" = $2 WHERE "row" = $3 AND entity = $4 RETURNING system, value
        ) INSERT INTO merge_step (merge_id, entity, row_id, field, before)
        SELECT $1, 'external_id', $3, 'row', jsonb_agg(jsonb_build_array(system, value)) FROM moved
        HAVING count(*) > 0""",
        merge_id,
        winner_id,
        loser_id,
        entity,
    )


async def _move(name: str, column: str, merge_id: UUID, winner_id: UUID, loser_id: UUID, only: str = "") -> None:
    await connection().execute(
        f"""WITH moved AS (
            UPDATE "{name}" SET "{column}" = $2 WHERE "{column}" = $3 {only} RETURNING id
        ) INSERT INTO merge_step (merge_id, entity, row_id, field, before, after)
        SELECT $1, '{name}', id, '{column}', to_jsonb($3::uuid), to_jsonb($2::uuid) FROM moved""",  # noqa: S608
        merge_id,
        winner_id,
        loser_id,
    )


async def _keep_equal_channels_once(merge_id: UUID, contact_id: UUID, revision: Revision) -> None:
    """Of channels that reach the same, the one stays that the winner had, else the older."""
    doubled = await connection().fetch(
        """SELECT id FROM (
            SELECT h.id, row_number() OVER (
                PARTITION BY h.channel_kind, coalesce(channel_key(h.channel_kind, h.value), h.value)
                ORDER BY s.row_id IS NOT NULL, h.created_at, h.id) AS place
            FROM contact_channel h LEFT JOIN merge_step s
                ON s.merge_id = $1 AND s.entity = 'contact_channel' AND s.row_id = h.id AND s.field = 'contact_id'
            WHERE h.contact_id = $2 AND h.deleted_at IS NULL
        ) placed WHERE place > 1""",
        merge_id,
        contact_id,
    )
    await _bury("contact_channel", merge_id, [record["id"] for record in doubled], revision)


async def _bury(name: str, merge_id: UUID, ids: list[UUID], revision: Revision) -> None:
    await connection().execute(
        f"""WITH buried AS (
            UPDATE "{name}" SET deleted_at = $3 WHERE id = ANY ($2) AND deleted_at IS NULL RETURNING id, deleted_at
        ) INSERT INTO merge_step (merge_id, entity, row_id, field, before, after)
        SELECT $1, '{name}', id, 'deleted_at', 'null', to_jsonb(deleted_at) FROM buried""",  # noqa: S608
        merge_id,
        ids,
        revision.at,
    )


async def _settle_tax_ids(merge_id: UUID, winner_id: UUID, loser_id: UUID, viewer: Viewer, revision: Revision) -> None:
    """Close the open questions whether these are one, unless still another account has the tax id."""
    await connection().execute(
        """WITH one AS (
            SELECT id, tax_id_key(tax_id) AS key FROM account WHERE id IN ($2, $3) OR id IN (
                SELECT loser_id FROM "merge" WHERE winner_id = $2 AND undone_at IS NULL AND deleted_at IS NULL)
        ), asked AS (
            SELECT c.* FROM conflict c JOIN one ON one.id = c.row_id
            WHERE c.field = 'tax_id' AND c.rule = 'duplicate' AND c.status = 'open' AND c.deleted_at IS NULL
            AND (SELECT count(*) FROM one o WHERE o.key = one.key) > 1
            AND NOT EXISTS (SELECT FROM account o WHERE tax_id_key(o.tax_id) = one.key AND o.deleted_at IS NULL
                AND o.id NOT IN (SELECT id FROM one))
        ), settled AS (
            UPDATE conflict c SET status = 'settled', settlement = 'keep', settled_by = $4, settled_at = $5
            FROM asked WHERE c.id = asked.id RETURNING c.id, to_jsonb(asked) AS before, to_jsonb(c) AS after
        ) INSERT INTO merge_step (merge_id, entity, row_id, field, before, after)
        SELECT $1, 'conflict', s.id, f.name, s.before -> f.name, s.after -> f.name
        FROM settled s CROSS JOIN unnest(ARRAY['status', 'settlement', 'settled_by', 'settled_at']) f (name)""",
        merge_id, winner_id, loser_id, viewer.member_id, revision.at,
    )  # fmt: skip


async def _close_cases(winner_id: UUID, loser_id: UUID, viewer: Viewer, revision: Revision) -> None:
    """The case of the two is decided; others of the loser are found anew for the winner by the next sweep."""
    pair = sorted((winner_id, loser_id))
    await connection().execute(
        "UPDATE duplicate_case SET status = 'merged', decided_by = $3, decided_at = $4"
        " WHERE row_id = $1 AND other_id = $2",
        *pair,
        viewer.member_id,
        revision.at,
    )
    await connection().execute(
        "DELETE FROM duplicate_case WHERE status = 'open' AND $1 IN (row_id, other_id)", loser_id
    )
