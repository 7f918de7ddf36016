"""Routes of content: how far an upload is, a part of it, a download, a small picture."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, patch
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException
from litestar.params import FromPath
from litestar.response import Stream
from outrider_sdk.protocol.attachments import CONTENT_BYTES_MAX, PART_BYTES_MAX
from outrider_sdk.protocol.entities import ATTACHMENT

from server.auth.limits import OPEN_TO_DEVICES
from server.auth.session import HANDS_IN, Session
from server.crm import service as rows
from server.crm.attachment import keep, thumbnails
from server.crm.attachment.messages import UploadView
from server.crm.attachment.openapi import PART_MEDIA_TYPE, describe_download, describe_upload
from server.crm.attachment.rules import disposition, read_range
from server.crm.attachment.service import Content, ContentMissing, find_content, get_upload
from server.crm.attachment.uploads import take_part
from server.crm.quota import take_room_for_storage
from server.crm.resources import ATTACHMENTS
from server.crm.rights import Viewer
from server.db import tenant_transaction
from server.errors import AppError, NotFound, TooLarge, refuse
from server.storage import files

_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-cache",
}
"""A file is somebody's upload: nothing in it runs under our name, and each use of it is asked for anew."""

AnyRequest = Request[Session, Any, State]


class MediaTypeUnsupported(AppError):
    """The body is of another media type than the route takes."""

    status = 415
    code = "media_type_unsupported"


class ThumbnailMissing(NotFound):
    """There is no small picture of the attachment, or not yet."""

    code = "thumbnail_missing"


@get("/{row_id:uuid}/upload", opt=HANDS_IN, **describe_upload("getAttachmentUpload", takes_part=False))
async def get_attachment_upload(row_id: FromPath[UUID], session: NamedDependency[Session]) -> UploadView:
    """Say how far the upload of an attachment that you made is. With the receipt, the server keeps it whole."""
    async with tenant_transaction(session.tenant):
        return UploadView.of(await get_upload(row_id, _viewer(session)))


@patch(
    "/{row_id:uuid}/upload",
    request_max_body_size=PART_BYTES_MAX + 1,
    opt=HANDS_IN | OPEN_TO_DEVICES,
    **describe_upload("appendAttachmentUpload", takes_part=True),
)
async def append_to_upload(
    row_id: FromPath[UUID], request: AnyRequest, session: NamedDependency[Session]
) -> UploadView:
    """Append a part of at most 8 MiB, as the body itself; the last one is answered with the receipt.

    Where the connection breaks off, what arrived counts: ask how far it is, and go on from there. 409
    `offset_mismatch`: it goes on elsewhere. 409 `content_mismatch`: what arrived has another SHA-256 than the
    attachment says.
    """
    async with tenant_transaction(session.tenant):
        upload = await get_upload(row_id, _viewer(session))
    _check_media_type(request)
    offset = _read_offset(request)
    if session.device_id is None and offset == 0:  # what a device captured is taken whatever is paid
        async with tenant_transaction(session.tenant):
            await take_room_for_storage(session.entitlement, upload.wanted.size_bytes, session.role)
    part = await _read_part(request)
    return UploadView.of(await take_part(session.tenant, session.actor, upload, offset, part))


def _check_media_type(request: AnyRequest) -> None:
    """A form is no part: its wrapping would count as content. Who says nothing sends bytes (RFC 9110, 8.3)."""
    said = request.headers.get("Content-Type", PART_MEDIA_TYPE)
    if said.partition(";")[0].strip().lower() != PART_MEDIA_TYPE:
        raise MediaTypeUnsupported(
            f"Send the part's bytes as {PART_MEDIA_TYPE}, whatever kind of file it is, and say so in Content-Type; this"
            f" came as “{said[:60]}”."
        )


def _read_offset(request: AnyRequest) -> int:
    text = request.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= CONTENT_BYTES_MAX):
        raise refuse("Upload-Offset", "Say in this header at which byte the part begins.")
    return int(text)


async def _read_part(request: AnyRequest) -> bytes:
    """The body; where the client hangs up, what has arrived of it."""
    part = bytearray()
    try:
        async for piece in request.stream():
            part += piece
            if len(part) > PART_BYTES_MAX:
                raise TooLarge(f"A part is at most {PART_BYTES_MAX} bytes. Send smaller ones.")
    except InternalServerException:  # what Litestar says of a disconnect
        if not part:
            raise
    return bytes(part)


@get("/{row_id:uuid}/content", **describe_download("getAttachmentContent"))
async def get_attachment_content(
    row_id: FromPath[UUID], request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Download the content of an attachment that you see, whole or a range of it.

    409 `content_missing`: it is still on the device that made it.
    """
    row, content = await _find(row_id, session)
    if content is None:
        raise ContentMissing
    name = "file" if "name" in _viewer(session).hidden(ATTACHMENT) else row["name"]
    key = keep.content_key(session.tenant.id, content.attachment_id)
    return await _send(request, key, content.sha256, row["media_type"], name)


@get("/{row_id:uuid}/thumbnail", **describe_download("getAttachmentThumbnail", frozenset({thumbnails.MEDIA_TYPE})))
async def get_attachment_thumbnail(
    row_id: FromPath[UUID], request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Download a small picture of an image, a JPEG of at most 320 pixels a side.

    404 `thumbnail_missing`: there is none, or not yet.
    """
    _, content = await _find(row_id, session)
    if content is None or not content.has_thumbnail:
        raise ThumbnailMissing("There is no small picture of this attachment, or not yet.")
    key = keep.thumbnail_key(session.tenant.id, content.attachment_id)
    return await _send(request, key, f"{content.sha256}-small", thumbnails.MEDIA_TYPE, "thumbnail.jpg")


async def _find(row_id: UUID, session: Session) -> tuple[Any, Content | None]:
    """The attachment, as far as it is in sight now, and its content."""
    viewer = _viewer(session)
    async with tenant_transaction(session.tenant):
        row = await rows.get_row(ATTACHMENTS, row_id, viewer)
        if "sha256" in viewer.hidden(ATTACHMENT):
            raise NotFound
        return row, await find_content(row["id"])


async def _send(request: AnyRequest, key: str, tag: str, media_type: str, name: str) -> Response[Any]:
    headers = {**_SAFE, "ETag": f'"{tag}"', "Accept-Ranges": "bytes", "Content-Disposition": disposition(name)}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(None, status_code=304, headers=headers)
    kept = await files().find(key)
    if kept is None:
        raise ContentMissing
    is_same = request.headers.get("If-Range", headers["ETag"]) == headers["ETag"]
    part = read_range(request.headers.get("Range") if is_same else None, kept.size_bytes)
    headers["Content-Length"] = str(part.end - part.start)
    if not part.whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{kept.size_bytes}"
    return Stream(
        files().open(key, part.start, part.end),
        status_code=200 if part.whole else 206,
        media_type=media_type,
        headers=headers,
    )


def _viewer(session: Session) -> Viewer:
    return Viewer(session.member_id, session.access, session.entitled)


CONTENT_HANDLERS: Final = [
    get_attachment_upload,
    append_to_upload,
    get_attachment_content,
    get_attachment_thumbnail,
]
