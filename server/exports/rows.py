"""What is exported: the entities and fields that somebody may read, and the rows of each, streamed.

One function says what may be read (`readable`); both formats, the command and the REST API ask it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity, Field

from server.auth.access import Reach, access_of
from server.crm.rights import Viewer, in_sight
from server.db import connection

ROWS_AT_ONCE: Final = 2_000

OPERATOR: Final = Viewer(UUID(int=0), access_of("owner"))
"""Whoever runs the installation sees all of a tenant."""


@dataclass(frozen=True)
class Readable:
    """An entity, the fields of it that are exported, and which rows."""

    entity: Entity
    fields: tuple[Field, ...]
    condition: str
    parameters: tuple[Any, ...]


def readable(viewer: Viewer) -> list[Readable]:
    """What the viewer may read, in the order of dependence."""
    found = []
    for entity in ENTITIES.values():
        if viewer.access.right(entity.name).read is Reach.NONE:
            continue
        condition, parameters = in_sight(viewer, entity)
        for number in range(1, len(parameters) + 1):
            condition = condition.replace("{}", f"${number}", 1)
        shown = viewer.shown(entity)
        fields = tuple(f for f in entity.all_fields if f.name in shown)
        found.append(Readable(entity, fields, condition, parameters))
    return found


async def read_rows(wanted: Readable) -> AsyncIterator[Any]:
    """The live rows of an entity, by id. Within a transaction of the tenant."""
    name = wanted.entity.name
    columns = ", ".join(f'"{field.name}"' for field in wanted.fields)
    sql = f'SELECT {columns} FROM "{name}" WHERE {wanted.condition} ORDER BY id'  # noqa: S608 - our own names
    async for row in connection().cursor(sql, *wanted.parameters, prefetch=ROWS_AT_ONCE):
        yield row


async def read_external_ids(wanted: Sequence[Readable]) -> AsyncIterator[Any]:
    """(system, entity, value, row) of the rows, by entity; of those who read all of it, of buried ones too.

    Within a transaction of the tenant.
    """
    for each in sorted(wanted, key=lambda one: one.entity.name):
        name, place = each.entity.name, f"${len(each.parameters) + 1}"
        sight = f'"row" IN (SELECT id FROM "{name}" WHERE {each.condition})' if each.parameters else "true"  # noqa: S608
        sql = f"""SELECT system, entity, value, "row" FROM external_id
            WHERE entity = {place} AND {sight} ORDER BY system, value"""  # noqa: S608 - names of our own
        async for row in connection().cursor(sql, *each.parameters, name, prefetch=ROWS_AT_ONCE):
            yield row
