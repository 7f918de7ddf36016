"""An export as one SQLite file: a table for each entity. sqlite-utils makes the tables, SQLite itself fills them."""

import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from outrider_sdk.protocol.entities import Kind
from sqlite_utils import Database

from server.exports.csv_zip import EXTERNAL_IDS, as_text
from server.exports.rows import ROWS_AT_ONCE, Readable, read_external_ids, read_rows

_TYPES: Final = {Kind.INTEGER: int, Kind.BOOLEAN: int}
"""All else is text: ids, exact decimals, moments, documents."""


async def write_sqlite(
    path: Path, wanted: Sequence[Readable], *, only: Collection[str] | None = None
) -> dict[str, int]:
    """Write the export; how many rows of each entity. Within a transaction of the tenant: all is of one moment.

    Args:
        only: the tables that are filled; the others are there, and empty.
    """
    counts = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
        create_tables(file, wanted)
        for each in wanted:
            if only is None or each.entity.name in only:
                counts[each.entity.name] = await _fill(file, each.entity.name, len(each.fields), read_rows(each))
        if only is None or "external_id" in only:
            counts["external_id"] = await _fill(file, "external_id", len(EXTERNAL_IDS), read_external_ids(wanted))
        file.execute("COMMIT")
    return counts


def create_tables(file: sqlite3.Connection, wanted: Sequence[Readable]) -> set[str]:
    """Create the tables of an export; their names."""
    database, names = Database(file), {each.entity.name for each in wanted}
    for each in wanted:
        _create_table(database, each, names)
    database.create_table("external_id", dict.fromkeys(EXTERNAL_IDS, str), pk=EXTERNAL_IDS[:3])
    return names | {"external_id"}


def _create_table(database: Database, each: Readable, names: set[str]) -> None:
    columns = {field.name: _TYPES.get(field.kind, str) for field in each.fields}
    required = {field.name for field in each.fields if field.required}
    table = database.create_table(each.entity.name, columns, pk="id", not_null=required)
    for column, target in each.entity.references.items():
        if column in columns and target in names:
            table.create_index([column])


async def _fill(file: sqlite3.Connection, name: str, width: int, rows: AsyncIterator[Sequence[Any]]) -> int:
    places = ", ".join("?" * width)
    sql = f'INSERT INTO "{name}" VALUES ({places})'  # noqa: S608 - our own name
    count = 0
    batch: list[list[Any]] = []
    async for row in rows:
        batch.append([value if value is None or isinstance(value, int) else as_text(value) for value in row])
        count += 1
        if len(batch) == ROWS_AT_ONCE:
            file.executemany(sql, batch)
            batch.clear()
    file.executemany(sql, batch)
    return count
