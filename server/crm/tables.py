"""Tables of entities that need no class of their own, made from their definition; types of all columns."""

from decimal import Decimal
from typing import Any, Final, cast

from outrider_sdk.protocol.entities import Entity, Field, Kind
from piccolo.columns import JSONB, UUID, BigInt, Boolean, Column, Date, Numeric, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import create_table_class

from server.db import SyncedTable, engine

COLUMN_TYPES: Final = {
    Kind.ID: "uuid",
    Kind.TEXT: "text",
    Kind.INTEGER: "bigint",
    Kind.DECIMAL: "numeric",
    Kind.BOOLEAN: "boolean",
    Kind.INSTANT: "timestamptz",
    Kind.DATE: "date",
    Kind.JSON: "jsonb",
}
"""What PostgreSQL stores a field in, by its kind."""
_COLUMNS: dict[Kind, type[Column]] = {
    Kind.ID: UUID,
    Kind.TEXT: Text,
    Kind.INTEGER: BigInt,
    Kind.DECIMAL: Numeric,
    Kind.BOOLEAN: Boolean,
    Kind.INSTANT: Timestamptz,
    Kind.DATE: Date,
    Kind.JSON: JSONB,
}


def create_table(entity: Entity) -> type[SyncedTable]:
    """The table of an entity: its columns, with their defaults."""
    name = "".join(part.capitalize() for part in entity.name.split("_"))
    made = create_table_class(
        name,
        bases=(SyncedTable,),
        class_kwargs={"db": engine, "tablename": entity.name},
        class_members={f.name: _column(f) for f in entity.fields} | {"__module__": __name__},
    )
    return cast(type[SyncedTable], made)


def _column(field: Field) -> Column:
    kind = _COLUMNS[field.kind]
    if not field.required:
        return kind(null=True, default=None)
    if field.name == "as_of":
        return kind(default=TimestamptzNow())
    if field.default is None:
        return kind(required=True) if field.kind in (Kind.TEXT, Kind.JSON) else kind(required=True, default=None)
    default: Any = Decimal(str(field.default)) if field.kind is Kind.DECIMAL else field.default
    return kind(default=default)
