"""Routes of imports, for admins and owners: upload, look, change, check, run, fetch the report, take back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

from litestar import Request, Response, Router, delete, get, patch, post
from litestar.datastructures import State, UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import FromPath, FromQuery, JSONBody, Parameter
from litestar.response import Stream

from server import storage
from server.auth.guards import require_all_rights
from server.auth.session import Session
from server.db import tenant_transaction, tenant_write
from server.errors import FieldError, InvalidInput
from server.imports import service, store
from server.imports.cells import DayOrder
from server.imports.decide import OnDuplicate, OnExisting, Options
from server.imports.jobs import enqueue_import
from server.imports.messages import SYSTEM_PATTERN, Act, ImportChange, ImportPage, ImportView
from server.imports.plan import DEFAULT_SYSTEM, SUFFIXES, Wishes, open_table
from server.imports.report import BEGINNING, Place, read_report
from server.imports.service import UPLOAD_BYTES_MAX, check_path, remove_upload, upload_path

FORM_PART_BYTES: Final = 1 << 16
_Name = Annotated[
    str | None,
    Parameter(
        min_length=1,
        max_length=200,
        description=f"Its name; it ends in one of {', '.join(SUFFIXES)}. In a form, the file has one itself.",
    ),
]
_System = Annotated[str, Parameter(pattern=SYSTEM_PATTERN, description="Whose external ids the file bears.")]
_Target = Annotated[
    str | None, Parameter(max_length=60, description="What it holds; proposed from its columns otherwise.")
]


@dataclass
class _Upload(Operation):
    """Says that the body is the file."""

    def __post_init__(self) -> None:
        binary, example = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY), "sku,quantity\ntea,80\n"
        form = Schema(type=OpenAPIType.OBJECT, properties={"file": binary}, required=["file"])
        content = {
            "application/octet-stream": OpenAPIMediaType(schema=binary, example=example),
            "multipart/form-data": OpenAPIMediaType(schema=form, example={"file": example}),
        }
        self.request_body = RequestBody(content=content, required=True)


@dataclass
class _Report(Operation):
    """Says that the reply is CSV."""

    def __post_init__(self) -> None:
        example = "file,line,outcome,id,column,reason\nstock.csv,2,updated,01938a5e-0000-7000-8000-000000000001,,\n"
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING), example=example)
        self.responses = {"200": OpenAPIResponse(description="Every line.", content={"text/csv": media})}


@post("/", request_max_body_size=UPLOAD_BYTES_MAX, operation_id="createImport", operation_class=_Upload)
async def upload_file(
    request: Request[Session, Any, State],
    session: NamedDependency[Session],
    state: State,
    name: FromQuery[_Name] = None,
    target: FromQuery[_Target] = None,
    system: FromQuery[_System] = DEFAULT_SYSTEM,
    on_existing: FromQuery[OnExisting] = "update",
    on_duplicate: FromQuery[OnDuplicate] = "create",
    dates: FromQuery[DayOrder | None] = None,
) -> ImportView:
    """Upload a CSV or XLSX file, as the body itself or as the one file of a form; at most 50 MB.

    Nothing is imported yet: the mapping is proposed, and can be changed. 400 `target_unknown`: say with `target` what
    the file holds.
    """
    require_all_rights(session)
    sent = await _file_of_form(request)
    name = name or (sent.filename if sent else "")
    if Path(name).suffix.lower() not in SUFFIXES or "/" in name or "\\" in name or not name.isprintable():
        raise InvalidInput([FieldError("name", f"Give a file name that ends in one of {', '.join(SUFFIXES)}.")])
    folder = storage.tenant_folder("imports", session.tenant.id, state.config.state_dir)
    with storage.PrivateFile(folder / f".{uuid4()}{Path(name).suffix.lower()}") as upload:
        async for part in _parts_of(sent) if sent else request.stream():
            upload.write(part)
        upload.close()
        wishes = Wishes(target)
        table = await asyncio.to_thread(open_table, upload.path, wishes)
        options = Options(on_existing, on_duplicate, dates)
        async with tenant_write(session.tenant, by=session.actor):
            number = await service.add_upload(table, name, wishes, options, system, session.member_id)
            run = await store.get_run(number)
            upload.keep_as(upload_path(folder, number, name))
    return ImportView.of(run, {0: list(table.header)})


async def _file_of_form(request: Request[Session, Any, State]) -> UploadFile | None:
    """The one file of a form, as browsers send it; None where the body itself is the file."""
    if request.content_type[0] != RequestEncodingType.MULTI_PART:
        return None
    files = [value for _, value in (await request.form()).multi_items() if isinstance(value, UploadFile)]
    if len(files) != 1:
        raise InvalidInput([FieldError("file", "Send one file in the form.")])
    return files[0]


async def _parts_of(sent: UploadFile) -> AsyncIterator[bytes]:
    while part := await sent.read(FORM_PART_BYTES):
        yield part
    await sent.close()


@get("/", operation_id="listImports")
async def list_imports(session: NamedDependency[Session]) -> ImportPage:
    """List the latest imports."""
    require_all_rights(session)
    async with tenant_transaction(session.tenant):
        runs = await store.list_runs()
    return ImportPage([ImportView.of(run) for run in runs])


@get("/{number:int}", operation_id="getImport")
async def get_import(number: FromPath[int], session: NamedDependency[Session], state: State) -> ImportView:
    """Show an import: how it is mapped, how far it is, and what became of its lines."""
    require_all_rights(session)
    async with tenant_transaction(session.tenant):
        run = await store.get_run(number)
    return ImportView.of(run, await _headers(session, state, run))


@patch("/{number:int}", operation_id="changeImport")
async def change_import(
    number: FromPath[int], data: JSONBody[ImportChange], session: NamedDependency[Session], state: State
) -> ImportView:
    """Change the mapping or the options of an import that has not begun."""
    require_all_rights(session)
    async with tenant_transaction(session.tenant):
        run = await store.get_run(number)
    headers = await _headers(session, state, run)
    async with tenant_write(session.tenant, by=session.actor):
        await service.change_upload(number, data, headers.get(0, []))
        run = await store.get_run(number)
    return ImportView.of(run, headers)


@delete("/{number:int}", operation_id="deleteImport")
async def delete_import(number: FromPath[int], session: NamedDependency[Session], state: State) -> None:
    """Delete an upload that was not run, and its file."""
    require_all_rights(session)
    async with tenant_write(session.tenant, by=session.actor):
        run = await service.forget_upload(number)
    folder = storage.tenant_folder("imports", session.tenant.id, state.config.state_dir)
    await asyncio.to_thread(remove_upload, folder, run)


async def _headers(session: Session, state: State, run: store.Run) -> dict[int, list[str]]:
    """The columns of the file, while it is kept."""
    folder = storage.tenant_folder("imports", session.tenant.id, state.config.state_dir)
    path = upload_path(folder, run.number, run.files[0].name) if run.files else None
    if path is None or not await asyncio.to_thread(path.is_file):
        return {}
    table = await asyncio.to_thread(open_table, path, Wishes())
    return {0: list(table.header)}


async def _begin(number: int, act: Act, session: Session) -> ImportView:
    require_all_rights(session)
    async with tenant_write(session.tenant, by=session.actor):
        await service.begin(number, act)
        await enqueue_import(number, act)
        run = await store.get_run(number)
    return ImportView.of(run)


@post("/{number:int}/check", status_code=202, operation_id="checkImport")
async def check_import(number: FromPath[int], session: NamedDependency[Session]) -> ImportView:
    """Say what would become of each line, and write nothing; a job, whose outcome is in the counts and the report."""
    return await _begin(number, "check", session)


@post("/{number:int}/execution", status_code=202, operation_id="runImport")
async def run_import(number: FromPath[int], session: NamedDependency[Session]) -> ImportView:
    """Run the import, or go on with one that was broken off; a job."""
    return await _begin(number, "run", session)


@post("/{number:int}/reversal", status_code=202, operation_id="undoImport")
async def undo_import(number: FromPath[int], session: NamedDependency[Session]) -> ImportView:
    """Take the import back, as far as nobody has built upon its rows; a job. The report names the rows that stay."""
    return await _begin(number, "undo", session)


@get("/{number:int}/report", operation_id="getImportReport", operation_class=_Report, media_type="text/csv")
async def get_report(number: FromPath[int], session: NamedDependency[Session], state: State) -> Response[Any]:
    """Download what became of every line, or in a dry run would become, as CSV."""
    require_all_rights(session)
    async with tenant_transaction(session.tenant):
        run = await store.get_run(number)
    folder = storage.tenant_folder("imports", session.tenant.id, state.config.state_dir)
    headers = {"Content-Disposition": f'attachment; filename="import-{number}.csv"'}
    checked = check_path(folder, number)
    if run.state in ("uploaded", "checking", "checked") and await asyncio.to_thread(checked.is_file):
        return Response(await asyncio.to_thread(checked.read_bytes), media_type="text/csv", headers=headers)
    return Stream(_report(session, run), media_type="text/csv", headers=headers)


async def _report(session: Session, run: store.Run) -> AsyncIterator[bytes]:
    """Piece by piece, each read in a transaction of its own: a slow reader holds none."""
    place: Place | None = BEGINNING
    while place is not None:
        async with tenant_transaction(session.tenant):
            text, place = await read_report(run, place)
        yield text.encode()


imports_router = Router(
    "/imports",
    route_handlers=[
        upload_file, list_imports, get_import, change_import, delete_import, check_import, run_import, undo_import,
        get_report,
    ],
    tags=["imports"],
)  # fmt: skip
