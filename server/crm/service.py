"""Reads and writes rows of any resource, within what the viewer may see and write.

A row out of sight is a row that never was: both raise the same `NotFound`, also where another row refers to it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import ENTITIES, MERGED_ENTITIES, Entity
from outrider_sdk.protocol.ids import uuid7
from piccolo.columns.combination import WhereRaw
from piccolo.query import OrderByRaw
from piccolo.querystring import QueryString

from server.auth.access import Reach
from server.crm import listing as lists
from server.crm.conditions import check_match
from server.crm.custom.service import check_custom
from server.crm.listing import Listing
from server.crm.master.rules import documents_of, split_foreign
from server.crm.master.service import accept_met, find_masters, record_requests
from server.crm.merge.resolution import find_winner
from server.crm.models import Row, read_columns
from server.crm.quota import take_room_for_records
from server.crm.resource import REFERRED_BY, Resource, Write
from server.crm.rights import (
    Viewer,
    in_sight,
    require_reader,
    require_writer,
    writable_fields,
)
from server.crm.usage import COUNTED
from server.db import Revision, SyncedTable, connection, engine
from server.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound

PARAMETERS_MAX: Final = 32_767
"""Of one statement, in PostgreSQL's protocol."""


class InUse(Conflict):
    """Other live rows refer to the row; it can be deleted when they are gone."""

    code = "in_use"


async def list_rows(resource: Resource, listing: Listing, viewer: Viewer) -> tuple[list[Row], str | None]:
    """One page of what the viewer sees, and the cursor of the next; None at the end.

    Raises:
        Forbidden: the role sees nothing of the CRM.
    """
    require_reader(viewer, resource.entity)
    query = _select(resource, viewer).limit(listing.limit + 1)
    for sql, parameters in lists.where(resource.entity, listing):
        query = query.where(WhereRaw(sql, *parameters))
    columns = [OrderByRaw(column) for column in lists.order_by(resource.entity, listing)]
    rows = await query.order_by(*columns, ascending=not listing.descending)
    page = rows[: listing.limit]
    more = len(rows) > listing.limit
    return page, lists.write_cursor(listing, page[-1]) if more else None


async def get_row(resource: Resource, row_id: UUID, viewer: Viewer) -> Row:
    """The live row of that id.

    Raises:
        Forbidden: the role sees nothing of the CRM.
        NotFound: there is none, or not in the viewer's sight.
    """
    row = await find_row(resource, row_id, viewer)
    if row is None:
        raise NotFound
    return row


async def find_row(resource: Resource, row_id: UUID, viewer: Viewer) -> Row | None:
    """The live row of that id, or of the row that it was merged into; None where neither is in the viewer's sight.

    Raises:
        Forbidden: the role sees no such rows.
    """
    require_reader(viewer, resource.entity)
    rows: list[Row] = await _select(resource, viewer).where(resource.table.id == row_id)
    if not rows and (winner_id := await find_winner(resource.entity.name, row_id)) is not None:
        rows = await _select(resource, viewer).where(resource.table.id == winner_id)
    return rows[0] if rows else None


async def get_row_to(resource: Resource, action: str, row_id: UUID, viewer: Viewer) -> Row:
    """The live row of that id, which the viewer is about to edit or delete.

    Raises:
        Forbidden: the role may do this to no such rows, or not to this one, which it may read.
        NotFound: there is none, or not in the viewer's sight.
    """
    require_writer(viewer, resource.entity, action)
    row = await get_row(resource, row_id, viewer)
    right = viewer.access.right(resource.entity.name)
    if right.of(action) < right.read and not await is_visible(resource.entity.name, row["id"], viewer, action):
        raise Forbidden(f"You may read this {resource.noun}, and not change it. Ask whoever it belongs to.")
    return row


def select_visible(table: type[SyncedTable], entity: Entity, viewer: Viewer) -> Any:
    """A query of the entity's rows in the viewer's sight, to be narrowed and awaited."""
    sight, parameters = in_sight(viewer, entity)
    return table.select().where(WhereRaw(sight, *parameters)).output(load_json=True)


def _select(resource: Resource, viewer: Viewer) -> Any:
    return select_visible(resource.table, resource.entity, viewer)


async def create_row(resource: Resource, data: msgspec.Struct, *, viewer: Viewer, revision: Revision) -> Row:
    """Create a row from the resource's create model.

    Raises:
        Forbidden: the role may not write such rows.
        InvalidInput: a field may not be set by the role, or refers to nothing in its sight.
        LimitReached: the plan has no room for more records.
    """
    require_writer(viewer, resource.entity, "create")
    await _take_room(resource, viewer, 1)
    values = _read(resource, data, viewer, creating=True)
    await check_custom(resource.entity, _document(values.get("custom")), None)
    await _check_references(resource, values, viewer, "create")
    write = Write(viewer, revision, None, values, uuid7())
    await resource.rule(write)
    await insert_row(resource.entity, write.row_id, write.values)
    await resource.then(write)
    return await get_row(resource, write.row_id, viewer)


async def create_rows(resource: Resource, data: Sequence[msgspec.Struct], *, viewer: Viewer) -> list[Row]:
    """Create many rows of a plain resource in one statement, in their order; all or none.

    Raises:
        Forbidden, InvalidInput: as in `create_row`, without saying which row it was.
        NotFound: some would be out of the viewer's sight.
    """
    require_writer(viewer, resource.entity, "create")
    await _take_room(resource, viewer, len(data))
    given = [_read(resource, each, viewer, creating=True) for each in data]
    for values in given:
        await check_custom(resource.entity, _document(values.get("custom")), None)
        await _name_winners(resource, values)
    reach = viewer.access.right(resource.entity.name).of("create")
    for name, target in resource.entity.references.items():
        wanted = {values[name] for values in given if name in values}
        if wanted and await find_visible(target, wanted, viewer, within=reach) != wanted:
            raise InvalidInput([_no_such(name, target)])
    ids = [uuid7() for _ in given]
    await insert_rows(resource.entity, dict(zip(ids, given, strict=True)))
    rows = await _select(resource, viewer).where(WhereRaw(f'"{resource.entity.name}"."id" = ANY({{}})', ids))
    if len(rows) != len(ids):
        raise NotFound
    by_id = {row["id"]: row for row in rows}
    return [by_id[row_id] for row_id in ids]


async def _take_room(resource: Resource, viewer: Viewer, adding: int) -> None:
    """Let so many rows be made, as far as the tenant's plan has room for records."""
    if resource.entity.name in COUNTED:
        await take_room_for_records(viewer.entitlement, adding, viewer.access.base)


async def change_row(
    resource: Resource,
    row_id: UUID,
    data: msgspec.Struct,
    *,
    viewer: Viewer,
    revision: Revision,
    seen: frozenset[str] | None = None,
    decides: bool = False,
) -> Row:
    """Change the given fields of a row. `custom` is merged key by key; a null takes a key away.

    What another system masters stays as it is; the change of it becomes a request.

    Args:
        seen: entity tags of which one must be the row's; None: whatever it is by now.
        decides: somebody decides on a request, so that the value is written whoever masters it.

    Raises:
        Forbidden: the role may not write such rows.
        NotFound: there is no such row in the viewer's sight.
        PreconditionFailed: it is not as the writer saw it.
        InvalidInput: a field may not be set by the role, or refers to nothing in its sight.
    """
    before = await get_row_to(resource, "edit", row_id, viewer)
    check_match(seen, before["revision"])
    row_id = before["id"]
    values = _read(resource, data, viewer, creating=False)
    if "custom" in values:
        given = _document(values["custom"])
        await check_custom(resource.entity, given, before["custom"])
        values["custom"] = _merge(before["custom"], given)
    await _check_references(resource, values, viewer, "edit")
    write = Write(viewer, revision, before, values, row_id)
    await resource.rule(write)
    if not decides:
        await _ask_masters(resource, write)
    if write.values:
        await update_row(resource, row_id, write.values)
        await resource.then(write)
    if viewer.access.system is not None:
        await accept_met(resource.entity.name, {row_id: documents_of(resource.entity.name, write.values)}, revision)
    return await get_row(resource, row_id, viewer)


async def _ask_masters(resource: Resource, write: Write) -> None:
    """Take out of the write what other systems master, and put it to them as requests."""
    masters = await find_masters(resource.entity.name, but=write.viewer.access.system)
    if masters and write.before is not None:
        write.values, requests = split_foreign(resource.entity, write.before, write.values, masters)
        await record_requests({uuid7(): each for each in requests}, write.revision)


async def delete_row(
    resource: Resource, row_id: UUID, *, viewer: Viewer, revision: Revision, seen: frozenset[str] | None = None
) -> None:
    """Make a row a tombstone, and what it owns with it.

    Raises:
        Forbidden: the role may not delete such rows.
        NotFound: there is no such row in the viewer's sight.
        PreconditionFailed: it is not as the writer saw it.
        InUse: other live rows refer to it.
    """
    before = await get_row_to(resource, "delete", row_id, viewer)
    if before["id"] != row_id:
        raise NotFound  # merged away: what goes on under another id was not meant
    check_match(seen, before["revision"])
    write = Write(viewer, revision, before, {}, row_id, deletes=True)
    await resource.rule(write)
    for name, column in REFERRED_BY[resource.entity.name]:
        if name == resource.owns:
            await _bury(name, column, row_id)
        elif await _is_referred(name, column, row_id):
            raise InUse(f"A live {name.replace('_', ' ')} refers to this {resource.noun}. Delete or change it first.")
    await _bury(resource.entity.name, "id", row_id)
    await resource.then(write)


async def _is_referred(name: str, column: str, row_id: UUID) -> bool:
    sql = f'SELECT EXISTS (SELECT FROM "{name}" WHERE "{column}" = $1 AND deleted_at IS NULL)'  # noqa: S608
    return bool(await connection().fetchval(sql, row_id))


async def _bury(name: str, column: str, row_id: UUID) -> None:
    await connection().execute(f'DELETE FROM "{name}" WHERE "{column}" = $1', row_id)  # noqa: S608


async def insert_row(entity: Entity, row_id: UUID, values: dict[str, Any]) -> None:
    """Insert the given columns; defaults and triggers see to the others."""
    await insert_rows(entity, {row_id: values})


async def insert_rows(entity: Entity, rows: Mapping[UUID, dict[str, Any]]) -> None:
    """Insert the given columns of each row; a column that a row leaves out gets its default."""
    names = list(dict.fromkeys(name for values in rows.values() for name in values))
    columns = ", ".join(f'"{name}"' for name in ("id", *names))
    size, given = PARAMETERS_MAX // (len(names) + 1), list(rows.items())
    for start in range(0, len(given), size):
        places, parameters = [], []
        for row_id, values in given[start : start + size]:
            places.append(", ".join(["{}", *("{}" if name in values else "DEFAULT" for name in names)]))
            parameters += [row_id, *(values[name] for name in names if name in values)]
        sql = f'INSERT INTO "{entity.name}" ({columns}) VALUES ({"), (".join(places)})'  # noqa: S608 - our own names
        await engine.run_querystring(QueryString(sql, *parameters))


async def update_row(resource: Resource, row_id: UUID, values: dict[str, Any]) -> None:
    """Write the given columns of a row."""
    await resource.table.update(values).where(resource.table.id == row_id)  # type: ignore[arg-type]


def _read(resource: Resource, data: msgspec.Struct, viewer: Viewer, *, creating: bool) -> dict[str, Any]:
    values = read_columns(resource.entity, data)
    if creating:
        values = {name: value for name, value in values.items() if value is not None}
    allowed = writable_fields(viewer, resource.entity, creating=creating)
    refused = [FieldError(name, f"A {viewer.role} may not set this.") for name in values if name not in allowed]
    if refused:
        raise InvalidInput(refused)
    return values


def _document(text: str | None) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def _merge(stored: Any, changes: dict[str, Any]) -> str:
    merged = (stored if isinstance(stored, dict) else {}) | changes
    return msgspec.json.encode({key: value for key, value in merged.items() if value is not None}).decode()


async def _check_references(resource: Resource, values: dict[str, Any], viewer: Viewer, action: str) -> None:
    """See that what the values refer to is in sight; what was merged away is named by its winner from here on."""
    await _name_winners(resource, values)
    reach = viewer.access.right(resource.entity.name).of(action)
    missing = [
        _no_such(name, target)
        for name, target in resource.entity.references.items()
        if values.get(name) is not None and not await is_visible(target, values[name], viewer, within=reach)
    ]
    if missing:
        raise InvalidInput(missing)


async def _name_winners(resource: Resource, values: dict[str, Any]) -> None:
    for name, target in resource.entity.references.items():
        if target in MERGED_ENTITIES and values.get(name) is not None:
            values[name] = await find_winner(target, values[name]) or values[name]


def _no_such(name: str, target: str) -> FieldError:
    return FieldError(name, f"There is no such {target.replace('_', ' ')}.")


async def is_visible(
    name: str, row_id: UUID, viewer: Viewer, action: str = "read", *, within: Reach = Reach.ALL
) -> bool:
    """Whether there is a live row of that entity and id to which the viewer may do this."""
    return bool(await find_visible(name, [row_id], viewer, action, within=within))


async def find_visible(
    name: str, ids: Collection[UUID], viewer: Viewer, action: str = "read", *, within: Reach = Reach.ALL
) -> set[UUID]:
    """Those of the ids that are live rows of that entity to which the viewer may do this."""
    sight, parameters = in_sight(viewer, ENTITIES[name], action, within=within)
    sql = f'SELECT id FROM "{name}" WHERE "{name}"."id" = ANY({{}}) AND {sight}'  # noqa: S608 - identifiers of our own
    return {row["id"] for row in await engine.run_querystring(QueryString(sql, list(ids), *parameters))}
