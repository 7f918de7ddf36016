"""Parts and contents as files: taken in, put together, checked, removed. No transaction is open here."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID, uuid4

from server.crm.attachment.service import Wanted
from server.storage import files, in_one_piece

UPLOADS: Final = "uploads"
FOLDERS: Final = ("attachments", UPLOADS, "thumbnails")
"""Where an installation keeps contents, parts of them and small pictures; below, a folder a tenant."""


def content_key(tenant_id: UUID, attachment_id: UUID) -> str:
    """Where the content of an attachment is kept."""
    return f"attachments/{tenant_id}/{attachment_id}"


def thumbnail_key(tenant_id: UUID, attachment_id: UUID) -> str:
    """Where its small picture is kept."""
    return f"thumbnails/{tenant_id}/{attachment_id}"


async def keep_part(tenant_id: UUID, attachment_id: UUID, part: bytes) -> str:
    """Keep a part, under a key of its own: whoever comes second with the same one overwrites nothing."""
    key = f"{UPLOADS}/{tenant_id}/{attachment_id}/{uuid4()}"
    await files().put(key, in_one_piece(part))
    return key


class _Mismatch(Exception):
    """The parts do not make what the attachment says."""


async def put_together(tenant_id: UUID, wanted: Wanted, parts: Sequence[str]) -> bool:
    """Make the content of its parts; whether it is what the attachment says. What is not it is not kept.

    Raises:
        NotKept: a part is gone: another request has finished the upload, or begun it anew.
    """

    async def checked() -> AsyncIterator[bytes]:
        digest, size = hashlib.sha256(), 0
        for key in parts:
            async for piece in files().open(key):
                digest.update(piece)
                size += len(piece)
                yield piece
        if digest.hexdigest() != wanted.sha256 or size != wanted.size_bytes:
            raise _Mismatch  # before the last byte counts: a file is kept whole or not at all

    try:
        await files().put(content_key(tenant_id, wanted.id), checked())
    except _Mismatch:
        return False
    return True


async def remove_parts(parts: Sequence[str]) -> None:
    """Remove parts that are no longer needed."""
    for key in parts:
        await files().delete(key)


async def remove(tenant_id: UUID, attachment_id: UUID) -> None:
    """Remove all that is kept of an attachment."""
    await files().delete(content_key(tenant_id, attachment_id))
    await files().delete(thumbnail_key(tenant_id, attachment_id))
    async for each in files().list(f"{UPLOADS}/{tenant_id}/{attachment_id}"):
        await files().delete(each.key)
