"""An export as CSV: a zip with a file for each entity, safe in spreadsheets."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from server.exports.cells import neutralise
from server.exports.rows import Readable, read_external_ids, read_rows

EXTERNAL_IDS: Final = ("system", "entity", "value", "row")


def as_text(value: Any) -> str:
    """A value as a cell has it: exact, and the same in every language."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


async def write_zip(path: Path, wanted: Sequence[Readable]) -> dict[str, int]:
    """Write the export; how many rows of each entity. Within a transaction of the tenant: all is of one moment."""
    counts = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each in wanted:
            header = [field.name for field in each.fields]
            counts[each.entity.name] = await _write_file(archive, each.entity.name, header, read_rows(each))
        counts["external_id"] = await _write_file(archive, "external_id", EXTERNAL_IDS, read_external_ids(wanted))
    return counts


async def _write_file(
    archive: zipfile.ZipFile, name: str, header: Sequence[str], rows: AsyncIterator[Sequence[Any]]
) -> int:
    count = 0
    with (
        archive.open(f"{name}.csv", "w", force_zip64=True) as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text)
        writer.writerow(header)
        async for row in rows:
            writer.writerow([neutralise(as_text(value)) for value in row])
            count += 1
    return count
