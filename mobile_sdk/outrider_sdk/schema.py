"""The replica's tables, and how they came to be.

Tables of entities bear their entity's name and show base plus overlay. Beside them stand, all with the prefix
`sync_`: `sync_meta` (one row a fact), `sync_outbox` (one row a mutation), `sync_shadow` (the base of each row that
pending mutations touch), `sync_touched` (which mutation touches which row), `sync_content` (which contents of
attachments are here), and a `sync_staged_…` for pages of a pull that is not complete, for each entity of which there
ever were any: tables that are not there are not opened, parsed and copied.

sqlite-utils makes and migrates them, and is imported only then: opening a file that is up to date does without.
"""

import sqlite3
from typing import TYPE_CHECKING

from outrider_sdk.protocol.entities import ENTITIES, Entity
from outrider_sdk.protocol.tables import create_entity_indexes, create_entity_table

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x4F757472
"""Bytes 68 to 71 of the file: "Outr"."""
FORMAT_VERSION = 1
"""`user_version` of the files that this SDK writes."""


_STAGED = "sync_staged_"


def staged(entity: Entity) -> str:
    """Name of the table that holds pulled, not yet revealed rows of an entity, if there is one."""
    return _STAGED + entity.name


def list_staged(conn: sqlite3.Connection) -> list[Entity]:
    """The entities that have such a table, with rows or without."""
    names = conn.execute(
        f"SELECT substr(name, {len(_STAGED) + 1}) FROM sqlite_master"  # noqa: S608 - our own number
        " WHERE type = 'table' AND name LIKE 'sync\\_staged\\_%' ESCAPE '\\'"
    ).fetchall()
    return [ENTITIES[name] for (name,) in names]


def has_staged(conn: sqlite3.Connection, entity: Entity) -> bool:
    """Whether the table is there."""
    found = conn.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (staged(entity),))
    return found.fetchone() is not None


def make_staged(conn: sqlite3.Connection, entity: Entity) -> None:
    """Make the table, if it is not there; within a transaction."""
    if not has_staged(conn, entity):
        create_entity_table(conn.execute, staged(entity), entity)


def _create_format_1(db: "Database") -> None:
    for entity in ENTITIES.values():
        create_entity_table(db.execute, entity.name, entity)
        create_entity_indexes(db.execute, entity)
    text, number, blob = str, int, bytes
    _create(db, "sync_meta", {"key": text, "value": text}, "key")
    _create(db, "sync_shadow", {"entity": text, "id": blob, "base": text}, ("entity", "id"))
    _create(
        db, "sync_touched", {"entity": text, "id": blob, "number": number, "lines": number}, ("entity", "id", "number")
    )
    _create(db, "sync_dropped", {"entity": text, "id": blob}, ("entity", "id"))
    outbox = {
        "number": number,
        "digest": text,
        "captured_at": number,
        "past_lease": number,
        "skew": number,
        "changes": text,
        "derived": text,
        "overlaid": number,
        "status": text,
        "outcome": text,
        "resolved": number,
    }
    db.table("sync_outbox").create(outbox, pk="number", not_null={"digest", "captured_at", "changes", "overlaid"})
    content = {"id": blob, "sha256": text, "size_bytes": number, "state": text, "used_at": number, "receipt": text}
    _create(db, "sync_content", content, "id")
    db.table("sync_touched").create_index(["number"])
    db.table("sync_outbox").create_index(["status", "resolved"])
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")
    db.execute(f"PRAGMA user_version={FORMAT_VERSION}")


def _create(db: "Database", name: str, columns: dict[str, type], pk: str | tuple[str, ...]) -> None:
    db.execute(db.create_table_sql(name, columns, pk=pk).rstrip("; \n") + " WITHOUT ROWID")


def migrate(conn: sqlite3.Connection) -> None:
    """Bring a file to `FORMAT_VERSION`: each step and its record in one transaction."""
    from sqlite_utils import Database, Migrations

    steps = Migrations("outrider_sdk")
    steps(name="format_1")(_create_format_1)
    steps.apply(Database(conn, recursive_triggers=False, execute_plugins=False))
