"""Exports that people ask for: noted, written by a job, fetched by who asked. Within a transaction of the tenant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.db import connection
from server.errors import Conflict, NotFound
from server.exports.files import FORMATS, Format

LASTS: Final = timedelta(hours=24)
"""So long a finished export is kept."""
WAITING_MAX: Final = 3
"""Exports of one tenant that may wait at a time."""
KEPT_MAX: Final = 10
"""Exports of one tenant that are kept at a time."""


class ExportNotReady(Conflict):
    """The export is not written yet, or could not be."""

    code = "export_not_ready"


class ExportsWaiting(Conflict):
    """The tenant waits for several exports already."""

    code = "exports_waiting"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """An export that was asked for."""

    id: UUID
    format: Format
    state: Literal["waiting", "done", "failed"]
    created_by: UUID
    created_at: datetime
    finished_at: datetime | None
    size_bytes: int | None

    @property
    def name(self) -> str:
        """What the file is called when it is fetched."""
        return f"export-{self.created_at:%Y-%m-%d}.{FORMATS[self.format][0]}"


def export_path(folder: Path, export: ExportFile) -> Path:
    """Where an export is kept."""
    return folder / f"{export.id}.{FORMATS[export.format][0]}"


async def add_export(form: Format, by: UUID) -> ExportFile:
    """Note that somebody asks for an export.

    Raises:
        ExportsWaiting: the tenant waits for several already.
    """
    rows = await connection().fetch("SELECT state FROM export_file WHERE created_at > $1", clock.now() - LASTS)
    kept, waiting = len(rows), sum(row["state"] == "waiting" for row in rows)
    if waiting >= WAITING_MAX or kept >= KEPT_MAX:
        raise ExportsWaiting(f"{waiting} exports are being written, and {kept} are kept of this day. Use one of them.")
    export_id = uuid7()
    await connection().execute(
        "INSERT INTO export_file (id, format, state, created_by) VALUES ($1, $2, 'waiting', $3)", export_id, form, by
    )
    return await get_export(export_id, by)


async def get_export(export_id: UUID, by: UUID) -> ExportFile:
    """The export that this member has asked for.

    Raises:
        NotFound: there is none, it has expired, or somebody else has asked for it.
    """
    row = await connection().fetchrow(
        "SELECT * FROM export_file WHERE id = $1 AND created_by = $2 AND created_at > $3",
        export_id, by, clock.now() - LASTS,
    )  # fmt: skip
    if row is None:
        raise NotFound
    return ExportFile(**row)


async def find_waiting(export_id: UUID) -> ExportFile | None:
    """The export, if it is still to be written."""
    row = await connection().fetchrow("SELECT * FROM export_file WHERE id = $1 AND state = 'waiting'", export_id)
    return None if row is None else ExportFile(**row)


async def finish_export(export_id: UUID, size_bytes: int | None) -> None:
    """Note that the file is there; without a size, that it could not be written."""
    await connection().execute(
        "UPDATE export_file SET state = $2, size_bytes = $3, finished_at = now() WHERE id = $1",
        export_id, "failed" if size_bytes is None else "done", size_bytes,
    )  # fmt: skip


async def forget_expired() -> list[ExportFile]:
    """Remove what has expired from the list; whose files may go."""
    rows = await connection().fetch("DELETE FROM export_file WHERE created_at <= $1 RETURNING *", clock.now() - LASTS)
    return [ExportFile(**row) for row in rows]
