"""An upload, part by part: each kept before it is noted, noted before it is answered."""

from contextlib import suppress

from server.crm.attachment import keep, service
from server.crm.attachment.jobs import enqueue_thumbnail
from server.crm.attachment.service import Content, ContentMismatch, OffsetMismatch, Upload, Wanted
from server.crm.attachment.thumbnails import FORMATS
from server.db import Actor, TenantRef, tenant_transaction
from server.errors import NotFound, refuse
from server.storage import NotKept

IMAGE_BYTES_MAX = 40 * 1024 * 1024
"""Of an image of which a small picture is drawn."""


async def take_part(tenant: TenantRef, by: Actor, upload: Upload, offset_bytes: int, part: bytes) -> Upload:
    """Add a part to an upload as it was just read, and complete it with the last; how far it is then.

    An upload that is complete already stays as it is, whatever comes.

    Raises:
        OffsetMismatch: it goes on elsewhere.
        ContentMismatch: the parts make another content than the attachment says; the upload begins anew.
        InvalidInput: the part goes beyond the size that the attachment says.
    """
    if upload.content is not None:
        return upload
    wanted = upload.wanted
    if offset_bytes != upload.offset_bytes:
        raise OffsetMismatch(upload.offset_bytes)
    if offset_bytes + len(part) > wanted.size_bytes:
        raise refuse("body", f"The attachment says that its content has {wanted.size_bytes} bytes; this goes beyond.")
    parts = list(upload.parts)
    if part:
        parts.append(await _keep(tenant, wanted, offset_bytes, part))
    reached = offset_bytes + len(part)
    content = await _complete(tenant, by, wanted, parts) if reached == wanted.size_bytes else None
    return Upload(wanted, reached, parts, content)


async def _keep(tenant: TenantRef, wanted: Wanted, offset_bytes: int, part: bytes) -> str:
    key = await keep.keep_part(tenant.id, wanted.id, part)
    try:
        async with tenant_transaction(tenant):
            await service.add_part(wanted.id, offset_bytes, key, len(part))
    except OffsetMismatch:
        await keep.remove_parts([key])
        raise
    return key


async def _complete(tenant: TenantRef, by: Actor, wanted: Wanted, parts: list[str]) -> Content:
    is_right = False
    with suppress(NotKept):  # another request has finished it meanwhile, or begun anew
        is_right = await keep.put_together(tenant.id, wanted, parts)
    async with tenant_transaction(tenant):
        content = await service.find_content(wanted.id)
        if content is None and is_right:
            content = await _note(wanted, by)
        elif content is None:
            await service.begin_anew(wanted.id, parts)
    await keep.remove_parts(parts)
    if content is None and is_right:  # erased while its content was on its way
        await keep.remove(tenant.id, wanted.id)
        raise NotFound
    if content is None:
        raise ContentMismatch
    return content


async def _note(wanted: Wanted, by: Actor) -> Content | None:
    draws = wanted.media_type in FORMATS and wanted.size_bytes <= IMAGE_BYTES_MAX
    content = await service.finish(wanted, by, makes_thumbnail=draws)
    if content is not None and draws:
        await enqueue_thumbnail(wanted.id, wanted.media_type)
    return content
