"""Routes of exports, for admins and owners: ask for one, look whether it is there, fetch it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from litestar import Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import FromPath, JSONBody
from litestar.response import File
from msgspec import Struct

from server import storage
from server.auth.guards import require_role
from server.auth.limits import OPEN
from server.auth.session import Session
from server.db import tenant_transaction
from server.exports import service
from server.exports.files import Format
from server.exports.jobs import enqueue_export
from server.exports.service import ExportFile, ExportNotReady


class ExportRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """What to write: a zip of CSV files, or one SQLite file."""

    format: Format = "csv"


class ExportView(Struct, frozen=True):
    """An export that was asked for."""

    id: UUID
    format: Format
    state: str
    """waiting, done or failed."""
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    size_bytes: int | None

    @classmethod
    def of(cls, export: ExportFile) -> "ExportView":
        """The view of an export."""
        return cls(
            export.id, export.format, export.state, export.created_at, export.created_at + service.LASTS,
            export.finished_at, export.size_bytes,
        )  # fmt: skip


@dataclass
class _Download(Operation):
    """Says that the reply is a file."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        media = OpenAPIMediaType(schema=schema, example="the bytes of a zip, or of an SQLite file")
        self.responses = {"200": OpenAPIResponse(description="It.", content={"application/octet-stream": media})}


@post("/", status_code=202, operation_id="createExport", opt=OPEN)
async def ask_for_export(data: JSONBody[ExportRequest], session: NamedDependency[Session]) -> ExportView:
    """Ask for all that you may read of the tenant, as of one moment; a job writes it.

    Cells of CSV files that begin with = + - @, a tab or a carriage return have an apostrophe in front, so that no
    spreadsheet runs them.
    """
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        export = await service.add_export(data.format, session.member_id)
        await enqueue_export(export.id)
    return ExportView.of(export)


@get("/{export_id:uuid}", operation_id="getExport")
async def get_export(export_id: FromPath[UUID], session: NamedDependency[Session]) -> ExportView:
    """Say whether an export that you asked for is there."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        export = await service.get_export(export_id, session.member_id)
    return ExportView.of(export)


@get(
    "/{export_id:uuid}/file",
    operation_id="getExportFile",
    operation_class=_Download,
    media_type="application/octet-stream",
)
async def fetch_export(export_id: FromPath[UUID], session: NamedDependency[Session], state: State) -> File:
    """Download an export that you asked for; nobody else can. 409 `export_not_ready` until it is written."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        export = await service.get_export(export_id, session.member_id)
    folder = storage.tenant_folder("exports", session.tenant.id, state.config.state_dir)
    path = service.export_path(folder, export)
    if export.state != "done" or not await asyncio.to_thread(path.is_file):
        raise ExportNotReady(f"The export is {export.state}. Ask again in a moment, or ask for another.")
    return File(path=path, filename=export.name, media_type="application/octet-stream")


exports_router = Router("/exports", route_handlers=[ask_for_export, get_export, fetch_export], tags=["exports"])
