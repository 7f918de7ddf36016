"""The SQLite tables of entities: those of a replica, and of a snapshot that becomes a part of one.

The server builds snapshots of these tables, so that a device takes them over instead of writing rows.
"""

from collections.abc import Callable

from outrider_sdk.protocol.entities import Entity, Kind

SNAPSHOT_APPLICATION_ID = 0x4F757453
"""Bytes 68 to 71 of a snapshot: "OutS"."""
SNAPSHOT_FORMAT = 1
"""`user_version` of a snapshot; another one for every change of the tables below, and of what stands in them."""

SQL_TYPES = {Kind.ID: "BLOB", Kind.INTEGER: "INTEGER", Kind.BOOLEAN: "INTEGER", Kind.INSTANT: "INTEGER"}
"""Column types; every other kind is TEXT."""


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def entity_table(name: str, entity: Entity) -> str:
    """The statement that makes a table of the entity's columns.

    Visible and staged ones, and those of a snapshot, are equal, so that one can become the other.
    """
    columns = ", ".join(
        f"{quoted(f.name)} {SQL_TYPES.get(f.kind, 'TEXT')}" + (" NOT NULL" if f.name == "id" else "")
        for f in entity.all_fields
    )
    return f"CREATE TABLE {quoted(name)} ({columns}, PRIMARY KEY (id)) WITHOUT ROWID"


def create_entity_table(conn_execute: Callable[[str], object], name: str, entity: Entity) -> None:
    """A table of the entity's columns, under a name."""
    conn_execute(entity_table(name, entity))


def entity_indexes(entity: Entity) -> dict[str, str]:
    """The indexes of an entity's visible rows, each with its column: what applications and the SDK look rows up by."""
    return {
        f"{entity.name}_by_{field.name}": field.name
        for field in entity.fields
        if (field.kind is Kind.ID and field.name in _INDEXED) or (entity.name, field.name) == ("product", "sku")
    }


def create_entity_indexes(conn_execute: Callable[[str], object], entity: Entity, table: str | None = None) -> None:
    """The indexes of an entity, on its visible table or on the one that is to become it; those that are there stay."""
    for index, column in entity_indexes(entity).items():
        conn_execute(f"CREATE INDEX IF NOT EXISTS {quoted(index)} ON {quoted(table or entity.name)} ({quoted(column)})")


_INDEXED = frozenset(
    f"{name}_id"
    for name in (
        *(
            "account",
            "category",
            "contact",
            "loser",
            "order",
            "outlet",
            "payment",
            "price_list",
            "product",
            "return_order",
        ),
        *("route", "row", "warehouse"),
    )
)
