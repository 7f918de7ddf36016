"""What the routes of content answer, as it stands on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from server.crm.attachment.service import Content, Upload


class Receipt(Struct, frozen=True):
    """The server keeps the content whole; the client may let go of its own."""

    attachment_id: UUID
    sha256: str
    size_bytes: int
    received_at: Annotated[datetime, Meta(tz=True)]

    @classmethod
    def of(cls, content: Content) -> "Receipt":
        """The receipt of a content."""
        return cls(content.attachment_id, content.sha256, content.size_bytes, content.received_at)


class UploadView(Struct, frozen=True):
    """How far an upload is. It is complete when there is a receipt."""

    offset_bytes: int
    size_bytes: int
    receipt: Receipt | None

    @classmethod
    def of(cls, upload: Upload) -> "UploadView":
        """The view of an upload."""
        size = upload.wanted.size_bytes
        if upload.content is not None:
            return cls(size, size, Receipt.of(upload.content))
        return cls(upload.offset_bytes, size, None)
