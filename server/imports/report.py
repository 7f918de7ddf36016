"""The report of a run: a CSV of every line, and what became of it."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any, Final
from uuid import UUID

from server.db import connection
from server.exports.cells import neutralise
from server.imports.store import Run

HEADER: Final = ("file", "line", "outcome", "id", "column", "reason")
LINES_AT_ONCE: Final = 2_000

Place = tuple[int, int]
"""After which (file, line) a piece begins."""
BEGINNING: Final[Place] = (-1, 0)


def write_rows(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV, safe in a spreadsheet."""
    text = StringIO()
    csv.writer(text).writerows([neutralise("" if value is None else str(value)) for value in row] for row in rows)
    return text.getvalue()


async def read_report(run: Run, place: Place) -> tuple[str, Place | None]:
    """A piece of the report, and where the next begins; None at the end. Within a transaction of the tenant."""
    rows = await connection().fetch(
        """SELECT position, line, outcome, "row", "column", reason FROM import_line
        WHERE run = $1 AND (position, line) > ($2, $3) ORDER BY position, line LIMIT $4""",
        run.number, *place, LINES_AT_ONCE,
    )  # fmt: skip
    names = {file.position: file.name for file in run.files}
    head = write_rows([HEADER]) if place == BEGINNING else ""
    text = head + write_rows(report_row(names[row["position"]], *tuple(row)[1:]) for row in rows)
    more = len(rows) == LINES_AT_ONCE
    return text, (rows[-1]["position"], rows[-1]["line"]) if more else None


def report_row(
    file: str, line: int, outcome: str, row_id: UUID | None, column: str | None, reason: str | None
) -> tuple[Any, ...]:
    """One row of the report."""
    return (file, line, outcome, row_id, column, reason)
