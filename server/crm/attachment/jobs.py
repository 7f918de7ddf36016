"""Jobs of attachments: small pictures, and removing what nothing refers to any more."""

import asyncio
import warnings
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import dramatiq

from server import clock
from server.broker import enqueue, job_tenant_id
from server.crm.attachment import keep, service
from server.crm.attachment.thumbnails import make_thumbnail
from server.db import TenantRef, platform_transaction, tenant_transaction
from server.storage import NotKept, files, in_one_piece
from server.tenants.service import get_tenant

YOUNG: Final = timedelta(days=1)
"""Younger files without a row may be on their way to one."""
LOOKED_UP: Final = 1_000

_drawing: Final = asyncio.Semaphore(1)
"""One image at a time in a process: each may take 180 MB."""


async def enqueue_thumbnail(attachment_id: UUID, media_type: str) -> None:
    """Draw the small picture once the open transaction has committed."""
    await enqueue(draw_thumbnail.message(str(attachment_id), media_type))


async def enqueue_removal(ids: Sequence[UUID]) -> None:
    """Remove what is kept of these attachments once the open transaction has committed."""
    for start in range(0, len(ids), LOOKED_UP):
        await enqueue(remove_contents.message([str(i) for i in ids[start : start + LOOKED_UP]]))


async def enqueue_file_sweep() -> None:
    """Look for files without a row once the open transaction has committed."""
    await enqueue(sweep_files.message())


async def _tenant() -> TenantRef:
    async with platform_transaction():
        return await get_tenant(job_tenant_id())


@dramatiq.actor(queue_name="attachments")
async def draw_thumbnail(attachment_id: str, media_type: str) -> None:
    """Make the small picture of an image; again is the same."""
    await draw(await _tenant(), UUID(attachment_id), media_type)


async def draw(tenant: TenantRef, row_id: UUID, media_type: str) -> None:
    """The same, for a tenant."""
    async with tenant_transaction(tenant):
        content = await service.find_content(row_id)
    if content is None:
        return
    try:
        async with _drawing:
            pieces = [piece async for piece in files().open(keep.content_key(tenant.id, row_id))]
            drawn = await asyncio.to_thread(_draw, b"".join(pieces), media_type)
    except NotKept:
        return  # erased meanwhile
    if drawn is not None:
        await files().put(keep.thumbnail_key(tenant.id, row_id), in_one_piece(drawn))
    async with tenant_transaction(tenant):
        await service.note_thumbnail(row_id, made=drawn is not None)


def _draw(content: bytes, media_type: str) -> bytes | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd files: what counts is whether a picture came out
        return make_thumbnail(content, media_type)


@dramatiq.actor(queue_name="attachments")
async def remove_contents(ids: list[str]) -> None:
    """Remove the files of attachments that were erased; of one that has content again, nothing."""
    await remove(await _tenant(), [UUID(i) for i in ids])


async def remove(tenant: TenantRef, ids: Sequence[UUID]) -> None:
    """The same, for a tenant."""
    async with tenant_transaction(tenant):
        gone = await service.list_without("attachment_content", ids)
    for row_id in gone:
        await keep.remove(tenant.id, row_id)


@dramatiq.actor(queue_name="attachments", time_limit=3_600_000)
async def sweep_files() -> None:
    """Remove what a crash, an upload given up or an erasure has left without a row."""
    tenant = await _tenant()
    async with tenant_transaction(tenant):
        await service.forget_stale_uploads()
    await sweep(tenant)


async def sweep(tenant: TenantRef) -> int:
    """How many files of the tenant had no row, and were removed."""
    removed, before = 0, clock.now() - YOUNG
    for folder in keep.FOLDERS:
        table: service.Rows = "attachment_upload" if folder == keep.UPLOADS else "attachment_content"
        old: dict[str, UUID | None] = {}
        async for each in files().list(f"{folder}/{tenant.id}"):
            if each.modified_at < before:
                old[each.key] = _row_of(each.key)
            if len(old) == LOOKED_UP:
                removed += await _remove_orphans(tenant, table, old)
                old.clear()
        removed += await _remove_orphans(tenant, table, old)
    return removed


def _row_of(key: str) -> UUID | None:
    """Whose file it is; None for a draft that a crash has left."""
    try:
        return UUID(key.split("/")[2])
    except (ValueError, IndexError):
        return None


async def _remove_orphans(tenant: TenantRef, table: service.Rows, old: dict[str, UUID | None]) -> int:
    async with tenant_transaction(tenant):
        gone = await service.list_without(table, [row_id for row_id in old.values() if row_id is not None])
    orphans = [key for key, row_id in old.items() if row_id is None or row_id in gone]
    for key in orphans:
        await files().delete(key)
    return len(orphans)
