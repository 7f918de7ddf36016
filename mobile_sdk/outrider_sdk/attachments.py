"""Attachments with their content: added without a network, uploaded when there is one, fetched when they are wanted."""

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from outrider_sdk import contents, rows
from outrider_sdk.content_folder import ContentFolder
from outrider_sdk.content_transport import ContentTransport
from outrider_sdk.errors import (
    ContentDamaged,
    InvalidValue,
    NotEnrolled,
    Offline,
    OutriderError,
    Rejected,
    ServerUnavailable,
)
from outrider_sdk.ids import Clock
from outrider_sdk.protocol.attachments import CONTENT_BYTES_MAX, MEDIA_TYPES
from outrider_sdk.protocol.entities import ATTACHMENT
from outrider_sdk.report import OnProgress
from outrider_sdk.row import Row
from outrider_sdk.tables import Table

CACHE_BYTES_MAX = 200 * 1024 * 1024
"""Fetched and uploaded contents that a device keeps, if the application does not say otherwise."""


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A content that waits for its way to the server."""

    id: str
    name: str
    media_type: str
    size_bytes: int


UploadPolicy = Callable[[PendingUpload], bool]


class AttachmentTable(Table[rows.Attachment]):
    """Attachments; beside the ways of `Table`, `add`, `open`, `upload` and `pending`."""

    policy: UploadPolicy = staticmethod(lambda pending: True)
    """Asked by each sync for each content that waits; False leaves it for later (a metered network, a low battery)."""
    cache_bytes_max: int = CACHE_BYTES_MAX
    """Contents beyond it go, the longest unused first; never one that the server does not have yet."""

    _connect: Callable[[], object] | None = None
    _clock: Clock

    def bind(self, connect: Callable[[], object], clock: Clock) -> None:
        """Say by what to reach the server (the replica does)."""
        self._connect, self._clock = connect, clock
        self._folder = ContentFolder(self._store)
        self._fetching = Lock()

    def add(
        self,
        record: Row | tuple[str, str],
        content: str | Path | bytes,
        *,
        name: str | None = None,
        media_type: str | None = None,
    ) -> rows.Attachment:
        """Attach a file, or bytes, to a record; without a network, and safe when this returns.

        Args:
            record: a row, or (entity, id).
            content: the path of a file, which is copied, or the bytes themselves.
            name: what people call it; that of the file otherwise.
            media_type: such as `image/jpeg`; guessed from the name otherwise.

        Raises:
            InvalidValue: it is too large, of a type that no server takes, or without a name.
            StorageFailed: the device has no room for the copy.
        """
        entity, row_id = record if isinstance(record, tuple) else (record.entity_name, str(record["id"]))
        source = content if isinstance(content, bytes) else Path(content)
        name = name or (source.name if isinstance(source, Path) else None)
        if not name:
            raise InvalidValue(ATTACHMENT.name, "name", "bytes have no name of their own: give one")
        media_type = media_type or mimetypes.guess_type(name)[0] or ""
        if media_type not in MEDIA_TYPES:
            raise InvalidValue(
                ATTACHMENT.name, "media_type", f"files like {name} are not taken; say what it is, or convert it"
            )
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > CONTENT_BYTES_MAX:
            raise InvalidValue(ATTACHMENT.name, "size_bytes", f"a file has at most {CONTENT_BYTES_MAX // 1024**2} MiB")
        with self._begin():  # others wait meanwhile: so nobody takes the file for a leftover
            sha256, size = self._folder.keep(source)
            made = self.create(
                entity=entity, row_id=row_id, name=name, media_type=media_type, size_bytes=size, sha256=sha256
            )
            contents.wait_for_upload(self._store, str(made["id"]), sha256, size)
        return made

    def open(self, attachment_id: str) -> BinaryIO:
        """The content, to be read and closed; fetched from the server where the device does not have it.

        Raises:
            NotFound: the device shows no such attachment.
            ContentMissing: the server does not have it yet: it is still on the device that made it.
            Offline: it has to be fetched, and there is no network. What arrived is kept, and gone on from.
            StorageFailed: the device has no room for it.
            ContentDamaged: the device's own copy, which the server does not have yet, is damaged.
        """
        row = self.get(attachment_id)
        sha256 = str(row["sha256"])
        if not (self._store.read_only and self._folder.has(sha256)):
            contents.note_use(self._store, str(row["id"]), sha256, int(row["size_bytes"]), self._clock())
        file = self._opened(str(row["id"]), sha256)
        if not self._store.read_only:
            contents.evict(self._store, self._folder, self.cache_bytes_max)
        return file

    def _opened(self, attachment_id: str, sha256: str) -> BinaryIO:
        """The content, of which only one thread at a time fetches what is missing."""
        found = self._find(sha256)
        if found is not None:
            return found
        with self._fetching:
            found = self._find(sha256)
            if found is None:
                contents.fetch(self._folder, self._transport(), attachment_id, sha256)
            return found or self._folder.open(sha256)

    def _find(self, sha256: str) -> BinaryIO | None:
        """The content, if it is here; a copy that turns out to be damaged (an encrypted one shows it) is no loss."""
        try:
            return self._folder.open(sha256)
        except FileNotFoundError:
            return None
        except ContentDamaged:
            if self._store.read_only or contents.is_waiting(self._store, sha256):
                raise
            self._folder.remove(sha256)
            return None

    def pending(self) -> list[PendingUpload]:
        """Contents that the server does not have yet."""
        found = []
        for row_id, size in contents.list_waiting(self._store):
            row = self.find(row_id)
            name, media_type = (str(row["name"]), str(row["media_type"])) if row else ("", "")
            found.append(PendingUpload(row_id, name, media_type, size))
        return found

    def count_unsent(self) -> int:
        """How many attachments that the device shows have no content at the server."""
        with self._store.read() as conn:
            sql = "SELECT count(*) FROM sync_content c JOIN attachment a ON a.id = c.id WHERE c.state = 'waiting'"
            return int(conn.execute(sql).fetchone()[0])

    def upload(self, on_progress: OnProgress | None = None, *, everything: bool = False) -> int:
        """Bring waiting contents to the server, apart from a sync; how many arrived. Those whose rows it has already.

        Args:
            everything: without asking `policy`.

        Raises:
            Offline, ServerUnavailable: try again later; it goes on where it broke off.
            DeviceRevoked, NotEnrolled: a person must act.
        """
        chosen = [each.id for each in self.pending() if everything or self.policy(each)]
        return contents.upload(self._store, self._folder, self._transport(), chosen, on_progress)

    def tidy(self) -> None:
        """Remove contents of rows that are gone, leftovers, and what is beyond the cache's size (each sync does)."""
        contents.tidy(self._store, self._folder)
        contents.evict(self._store, self._folder, self.cache_bytes_max)

    def carry(self, transport: object, on_progress: OnProgress | None) -> tuple[int, OutriderError | None]:
        """What a sync does at its end: upload as `policy` allows, and tidy. How many arrived, and what failed."""
        if not self._folder.path.is_dir():
            return 0, None
        failure: OutriderError | None = None
        arrived = 0
        if isinstance(transport, ContentTransport) and contents.list_waiting(self._store):
            contents.adopt_reopened(self._store)
            chosen = [each.id for each in self.pending() if self.policy(each)]
            try:
                arrived = contents.upload(self._store, self._folder, transport, chosen, on_progress)
            except (Offline, ServerUnavailable, Rejected, ContentDamaged) as error:
                failure = error
        self.tidy()
        return arrived, failure

    def _transport(self) -> ContentTransport:
        transport = self._connect() if self._connect is not None else None
        if not isinstance(transport, ContentTransport):
            raise NotEnrolled("This replica has no way to the server's files.")
        return transport
