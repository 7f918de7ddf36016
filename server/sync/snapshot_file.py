"""Building a snapshot: rows of the tenant, as they are in one transaction, in an SQLite file of the replica's tables.

The file is made anew each time, from nothing: what was once deleted or hidden has never been in it, in no free page.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity, Field, Kind
from outrider_sdk.protocol.tables import (
    SNAPSHOT_APPLICATION_ID,
    SNAPSHOT_FORMAT,
    create_entity_indexes,
    create_entity_table,
    quoted,
)

from server.auth.access import Access
from server.db import connection
from server.sync.sight import rows_in_sight

ROWS_AT_ONCE: Final = 5_000
PARAMETERS_MAX: Final = 990
"""Parameters of one statement: several rows a statement take a third less time than one."""


async def write_snapshot(path: Path, member_id: UUID, access: Access, scopes: Sequence[UUID]) -> int:
    """Write what the member sees of these scopes; how many rows. Within a snapshot transaction of the tenant.

    Whoever holds the same scopes within the same reaches sees the same: nothing else of the member counts.
    """
    file = await asyncio.to_thread(_create, path)
    try:
        count = 0
        for entity in ENTITIES.values():
            create_entity_table(file.execute, entity.name, entity)  # of each: the file may become the replica
            if access.right(entity.name).read:
                count += await _write_entity(file, entity, member_id, access, scopes)
            await asyncio.to_thread(create_entity_indexes, file.execute, entity)
        await asyncio.to_thread(_finish, file)
        return count
    finally:
        file.close()


def _create(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -32000"):
        file.execute(f"PRAGMA {setting}").fetchall()
    file.execute(f"PRAGMA application_id = {SNAPSHOT_APPLICATION_ID}")
    file.execute(f"PRAGMA user_version = {SNAPSHOT_FORMAT}")
    file.execute("BEGIN")
    return file


def _finish(file: sqlite3.Connection) -> None:
    file.execute("COMMIT")


async def _write_entity(
    file: sqlite3.Connection, entity: Entity, member_id: UUID, access: Access, scopes: Sequence[UUID]
) -> int:
    """The entity's rows in sight."""
    count = 0
    rows = await connection().cursor(_select(entity, access), member_id, scopes)
    records = await rows.fetch(ROWS_AT_ONCE)
    while records:  # the database works on the next rows while these are written
        count += len(records)
        _, records = await asyncio.gather(asyncio.to_thread(_insert, file, entity, records), rows.fetch(ROWS_AT_ONCE))
    return count


def _insert(file: sqlite3.Connection, entity: Entity, records: list[Any]) -> None:
    width = len(entity.columns)
    together = max(1, PARAMETERS_MAX // width)
    whole = len(records) - len(records) % together
    row = f"({', '.join('?' * width)})"
    insert = f"INSERT INTO {quoted(entity.name)} VALUES "
    values = chain.from_iterable(islice(records, whole))
    file.executemany(insert + ", ".join([row] * together), zip(*[values] * (width * together), strict=True))
    file.executemany(insert + row, map(tuple, islice(records, whole, None)))


@lru_cache(maxsize=2_000)
def _select(entity: Entity, access: Access) -> str:
    """The rows of an entity that the member ($1) sees in some of their scopes ($2), as they are stored on a device."""
    hidden, table = access.right(entity.name).hidden, quoted(entity.name)
    columns = ", ".join("NULL" if f.name in hidden else _stored(f, table) for f in entity.all_fields)
    return f"{rows_in_sight(entity, access, columns, scopes='$2::uuid[]')} ORDER BY {table}.id"


def _stored(field: Field, table: str) -> str:
    """SQL that turns a column into what a replica stores of it."""
    column = f"{table}.{quoted(field.name)}"
    match field.kind:
        case Kind.ID:
            return f"uuid_send({column})"
        case Kind.INSTANT:
            return f"(extract(epoch FROM {column}) * 1000000)::bigint"
        case Kind.DECIMAL | Kind.DATE | Kind.JSON:
            return f"{column}::text"
        case Kind.BOOLEAN:
            return f"{column}::int"
        case Kind.TEXT | Kind.INTEGER:
            return column
