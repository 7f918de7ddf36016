"""How far an upload is, what content is there, and who may do what with it. Within a transaction of the tenant.

Content belongs to one row: it was uploaded for that row by who made it. Another row of the same hash has none before
its own maker has uploaded it too, so that a hash that somebody learnt opens nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from outrider_sdk.protocol.entities import ATTACHMENT

from server import clock
from server.crm.rights import Viewer, require_writer
from server.db import Actor, connection
from server.errors import Conflict, NotFound

UPLOAD_LASTS: Final = timedelta(days=30)
"""So long the parts of an upload are kept without another."""

Rows = Literal["attachment_content", "attachment_upload"]


class ContentMissing(Conflict):
    """The attachment's content has not arrived yet."""

    code = "content_missing"

    def __init__(self) -> None:
        super().__init__("The content of this attachment is still on the device that made it. Try again later.")


class OffsetMismatch(Conflict):
    """A part does not begin where the upload is; `offset_bytes` is where it goes on."""

    code = "offset_mismatch"

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(
            f"This upload has {offset_bytes} bytes so far. Send the part that begins there.", offset_bytes=offset_bytes
        )


class ContentMismatch(Conflict):
    """What was uploaded is not what the attachment says; the upload begins anew."""

    code = "content_mismatch"

    def __init__(self) -> None:
        super().__init__("What arrived has another SHA-256 than the attachment says. Upload it again from the start.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The row of an attachment, as far as its content is concerned."""

    id: UUID
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Content:
    """Content that is there whole: its receipt."""

    attachment_id: UUID
    sha256: str
    size_bytes: int
    received_at: datetime
    has_thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """How far an upload is; with the content, it is complete."""

    wanted: Wanted
    offset_bytes: int
    parts: Sequence[str]
    content: Content | None


async def get_upload(attachment_id: UUID, viewer: Viewer) -> Upload:
    """The upload of an attachment that the viewer has made, whether or not they still see its record.

    Raises:
        NotFound: there is no such attachment, or it is somebody else's.
        Forbidden: the API key may not write attachments.
    """
    if viewer.access.scopes is not None:
        require_writer(viewer, ATTACHMENT, "create")
    row = await connection().fetchrow(_UPLOAD, attachment_id)
    if row is None or row["created_by"] != viewer.member_id:
        raise NotFound
    wanted = Wanted(row["id"], row["sha256"], row["size_bytes"], row["media_type"])
    return Upload(wanted, row["offset_bytes"] or 0, row["parts"] or (), _content(row))


_UPLOAD: Final = """
SELECT a.id, a.sha256, a.size_bytes, a.media_type, a.created_by, u.offset_bytes, u.parts, c.received_at, c.thumbnail
FROM attachment a LEFT JOIN attachment_upload u ON u.attachment_id = a.id
LEFT JOIN attachment_content c ON c.attachment_id = a.id
WHERE a.id = $1 AND a.deleted_at IS NULL AND a.sha256 <> ''
"""


def _content(row: Any) -> Content | None:
    if row["received_at"] is None:
        return None
    return Content(row["id"], row["sha256"], row["size_bytes"], row["received_at"], row["thumbnail"] == "done")


async def add_part(attachment_id: UUID, offset_bytes: int, key: str, size_bytes: int) -> None:
    """Note a part that is kept under a key.

    Raises:
        OffsetMismatch: another one was faster, or it never belonged there.
    """
    done = await connection().fetchval(_ADD_PART, attachment_id, offset_bytes, key, size_bytes)
    if done is None and offset_bytes == 0:
        done = await connection().fetchval(_FIRST_PART, attachment_id, key, size_bytes)
    if done is None:
        found = await connection().fetchval(
            "SELECT offset_bytes FROM attachment_upload WHERE attachment_id = $1", attachment_id
        )
        raise OffsetMismatch(found or 0)


_ADD_PART: Final = """
UPDATE attachment_upload SET offset_bytes = offset_bytes + $4, parts = parts || $3::text, changed_at = now()
WHERE attachment_id = $1 AND offset_bytes = $2 RETURNING offset_bytes
"""
_FIRST_PART: Final = """
INSERT INTO attachment_upload (attachment_id, offset_bytes, parts) VALUES ($1, $3, ARRAY[$2::text])
ON CONFLICT (attachment_id) DO NOTHING RETURNING offset_bytes
"""


async def begin_anew(attachment_id: UUID, parts: Sequence[str]) -> None:
    """Forget these parts: what they make is not the content."""
    await connection().execute(
        "DELETE FROM attachment_upload WHERE attachment_id = $1 AND parts = $2::text[]", attachment_id, list(parts)
    )


async def finish(wanted: Wanted, by: Actor, *, makes_thumbnail: bool) -> Content | None:
    """The content is kept whole: note it, once; its receipt. None where the attachment was erased meanwhile."""
    await connection().execute("DELETE FROM attachment_upload WHERE attachment_id = $1", wanted.id)
    await connection().execute(
        """
        INSERT INTO attachment_content (attachment_id, sha256, size_bytes, member_id, device_id, received_at, thumbnail)
        SELECT id, sha256, size_bytes, $2, $3, $4, $5 FROM attachment
        WHERE id = $1 AND deleted_at IS NULL AND sha256 = $6
        ON CONFLICT (attachment_id) DO NOTHING
        """,
        wanted.id, by.member_id, by.device_id, clock.now(), "waiting" if makes_thumbnail else "none", wanted.sha256,
    )  # fmt: skip
    return await find_content(wanted.id)


async def find_content(attachment_id: UUID) -> Content | None:
    """The content of an attachment, whoever asks; None where it has not arrived."""
    row = await connection().fetchrow(
        """SELECT attachment_id AS id, sha256, size_bytes, received_at, thumbnail
        FROM attachment_content WHERE attachment_id = $1""",
        attachment_id,
    )
    return None if row is None else _content(row)


async def note_thumbnail(attachment_id: UUID, *, made: bool) -> None:
    """The thumbnail is kept; or there can be none."""
    await connection().execute(
        "UPDATE attachment_content SET thumbnail = $2 WHERE attachment_id = $1",
        attachment_id,
        "done" if made else "none",
    )


async def list_without(table: Rows, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that have no row there: what is kept for one may go."""
    sql = f"""SELECT i.id FROM unnest($1::uuid[]) AS i (id)
        WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.attachment_id = i.id)"""  # noqa: S608 - one of two names
    return {row["id"] for row in await connection().fetch(sql, list(ids))}


async def forget_contents(ids: Sequence[UUID]) -> None:
    """The attachments were erased: there is no content of them any more, nor will be. Removing the files is a job's."""
    await connection().execute("DELETE FROM attachment_upload WHERE attachment_id = ANY ($1)", list(ids))
    await connection().execute("DELETE FROM attachment_content WHERE attachment_id = ANY ($1)", list(ids))


async def forget_stale_uploads() -> None:
    """Give up uploads of which nothing more has come for `UPLOAD_LASTS`."""
    await connection().execute("DELETE FROM attachment_upload WHERE changed_at < $1", clock.now() - UPLOAD_LASTS)
