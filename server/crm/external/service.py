"""External ids: how a re-import or another system finds a record again."""

from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.crm import service
from server.crm.checks import AlreadyThere, refuse
from server.crm.external.messages import ExternalId
from server.crm.rights import Viewer, require_reader, require_writer
from server.db import connection
from server.errors import Forbidden, NotFound

LISTED_MAX = 200

_FIND = """
SELECT system, entity, value, "row" FROM external_id
WHERE entity = $1 AND ($2::text IS NULL OR system = $2) AND ($3::text IS NULL OR value = $3)
AND ($4::uuid IS NULL OR "row" = $4) ORDER BY system, value LIMIT $5
"""


async def list_external_ids(
    entity: str, *, system: str | None, value: str | None, row_id: UUID | None, viewer: Viewer
) -> list[ExternalId]:
    """Those that fit, at most `LISTED_MAX`, of records that the viewer sees.

    Raises:
        InvalidInput: there are no such records, or neither value nor record is named.
        Forbidden: the role sees nothing of the CRM.
    """
    require_reader(viewer, _get_entity(entity))
    if value is None and row_id is None:
        raise refuse("value", "Give “value” or “row_id”.")
    if any("\x00" in text for text in (system, value) if text):
        return []
    records = await connection().fetch(_FIND, entity, system, value, row_id, LISTED_MAX)
    return [
        ExternalId(r["system"], r["entity"], r["value"], r["row"])
        for r in records
        if await service.is_visible(entity, r["row"], viewer)
    ]


async def set_external_id(wanted: ExternalId, *, viewer: Viewer) -> None:
    """Know a record under a value; doing it again changes nothing.

    Raises:
        InvalidInput: there is no such record.
        AlreadyThere: the system knows another record under this value.
        Forbidden: the role may not.
    """
    _require_integrator(viewer, _get_entity(wanted.entity))
    if not await service.is_visible(wanted.entity, wanted.row_id, viewer):
        raise refuse("row_id", f"There is no such {wanted.entity.replace('_', ' ')}.")
    known = await connection().fetchval(
        'SELECT "row" FROM external_id WHERE system = $1 AND entity = $2 AND value = $3',
        wanted.system,
        wanted.entity,
        wanted.value,
    )
    if known not in (None, wanted.row_id) and await service.is_visible(wanted.entity, known, viewer):
        raise AlreadyThere("This value is another record's. Take it from that one first.")
    await connection().execute(
        """INSERT INTO external_id (system, entity, value, "row") VALUES ($1, $2, $3, $4)
        ON CONFLICT (system, entity, value) DO UPDATE SET "row" = excluded."row" """,
        wanted.system,
        wanted.entity,
        wanted.value,
        wanted.row_id,
    )


async def remove_external_id(system: str, entity: str, value: str, *, viewer: Viewer) -> None:
    """Forget a value.

    Raises:
        NotFound: nothing in sight is known under it.
        Forbidden: the role may not.
    """
    _require_integrator(viewer, _get_entity(entity))
    found = await list_external_ids(entity, system=system, value=value, row_id=None, viewer=viewer)
    if not found:
        raise NotFound
    await connection().execute(
        "DELETE FROM external_id WHERE system = $1 AND entity = $2 AND value = $3", system, entity, value
    )


def _get_entity(name: str) -> Entity:
    entity = ENTITIES.get(name)
    if entity is None:
        raise refuse("entity", "Name the kind of record, such as “account”.")
    return entity


def _require_integrator(viewer: Viewer, entity: Entity) -> None:
    require_writer(viewer, entity)
    if not viewer.access.right(entity.name).manages:
        raise Forbidden(f"A {viewer.role} may not change external ids. Ask an admin to do it.")
