"""Downloading a snapshot, range by range: each is authorised anew."""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import FromPath
from litestar.response import Stream

from server.auth.session import Session
from server.db import tenant_transaction
from server.errors import AppError
from server.sync.device_guard import get_standing, require_device
from server.sync.snapshots import get_downloadable, open_range

RANGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""No reply is longer: rights that ended meanwhile end the download soon."""
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})")


class RangeUnsatisfiable(AppError):
    """The range begins behind the file's end, or is none."""

    status = 416
    code = "range_unsatisfiable"


@dataclass
class _Download(Operation):
    """Says that the reply is a part of a file."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        media = OpenAPIMediaType(schema=schema, example="bytes of a compressed SQLite file")
        content = {"application/octet-stream": media}
        self.responses = {"206": OpenAPIResponse(description="The range, or its first part.", content=content)}


@get(
    "/snapshots/{snapshot_id:uuid}",
    operation_class=_Download,
    media_type="application/octet-stream",
    status_code=206,
)
async def fetch_snapshot(
    request: Request[Session, Any, State], snapshot_id: FromPath[UUID], session: NamedDependency[Session]
) -> Stream:
    """Download a range of a snapshot that a pull has offered; at most 8 MiB of it. Without a range, from its begin."""
    device_id = require_device(session)
    async with tenant_transaction(session.tenant):
        standing = await get_standing(session, device_id)
        snapshot = await get_downloadable(snapshot_id, session.member_id, standing.access)
    start, end = _range(request.headers.get("range"), snapshot.size_bytes)
    headers = {
        "Content-Range": f"bytes {start}-{end - 1}/{snapshot.size_bytes}",
        "Content-Length": str(end - start),
        "Accept-Ranges": "bytes",
        "ETag": f'"{snapshot.sha256}"',
        "Cache-Control": "private, no-store",
    }
    return Stream(await open_range(session.tenant, snapshot, start, end), headers=headers)


def _range(asked: str | None, size_bytes: int) -> tuple[int, int]:
    """First byte, and the one after the last, of what to send.

    Raises:
        RangeUnsatisfiable: there is nothing there.
    """
    match = _RANGE.fullmatch(asked or "bytes=0-")
    start = int(match[1]) if match else size_bytes
    end = min(int(match[2]) + 1 if match and match[2] else size_bytes, start + RANGE_BYTES_MAX, size_bytes)
    if start >= end:
        raise RangeUnsatisfiable(f"The snapshot has {size_bytes} bytes; ask for bytes=0- and on.")
    return start, end
