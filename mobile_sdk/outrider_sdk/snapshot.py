"""Beginning with a snapshot: downloaded piece by piece, checked, and taken over in place of a pull's first pages.

Where a crash falls, the next sync goes on: the offer is stored before the download begins, and what has arrived of it
is in a file beside the replica. That file is staged in one step, together with the position after it; from then on the
pull is like any other. Whatever is wrong with a snapshot, the pull does without: nothing hangs on it.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from outrider_sdk import snapshot_placing
from outrider_sdk.contact import Contact
from outrider_sdk.errors import Offline, Rejected, ServerUnavailable, StorageFailed
from outrider_sdk.protocol import PullPage, SnapshotOffer
from outrider_sdk.protocol.encoding import zstd
from outrider_sdk.protocol.tables import SNAPSHOT_FORMAT
from outrider_sdk.report import Progress
from outrider_sdk.snapshot_transport import SnapshotTransport
from outrider_sdk.store import Store
from outrider_sdk.transport import Transport

ATTEMPTS_MAX = 5
"""A download that breaks off this often without getting on is left to the next sync."""
PIECE_BYTES = 1024 * 1024


class Unusable(Exception):
    """The file is not what was offered, or cannot be taken over by this replica."""


def encodings(store: Store, transport: Transport) -> list[str]:
    """What this device can decompress, the best first; nothing, where the transport fetches no files."""
    if store.is_encrypted or not isinstance(transport, SnapshotTransport):
        return []  # a snapshot lies beside the replica in the open
    return ["gzip"] if zstd() is None else ["zstd", "gzip"]


class Snapshots:
    """The snapshot of one pull."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._store = contact.store
        path = self._store.path
        self._packed = path.with_name(f"{path.name}.snapshot.part")
        self._file = path.with_name(f"{path.name}.snapshot")

    def resume(self, asked_from: int) -> str | None:
        """Go on with a download that broke off; the position after the snapshot, once it is staged."""
        stored = self._store.meta("snapshot")
        if stored is None:
            self._remove_files()  # where a crash left them
            return None
        page = cast(PullPage, json.loads(stored))
        if self._store.meta_int("snapshot_from", -1) != asked_from:
            self._forget()
            return None
        return self._take(page, asked_from)

    def begin(self, page: PullPage, asked_from: int) -> str | None:
        """Take over the snapshot that a page offers; the position after it, or None: pull without it."""
        kept: dict[str, Any] = {name: page.get(name) for name in ("snapshot", "position")}
        self._remove_files()
        with self._store.write():
            self._store.set_meta(snapshot=json.dumps(kept), snapshot_from=asked_from)
        return self._take(page, asked_from)

    def _take(self, page: PullPage, asked_from: int) -> str | None:
        """Download, check, stage. A lost connection is raised, and what arrived is kept."""
        offer = page["snapshot"]
        try:
            self._check_offer(offer)
            self._download(offer)
            self._unpack(offer)
            snapshot_placing.place(self._store, self._file, str(page["position"]), asked_from)
        except (Unusable, snapshot_placing.ForeignSnapshot, Rejected):  # damaged, not ours, or gone
            self._forget()
            return None
        except OSError as error:
            self._remove_files()  # they take up what is lacking
            raise StorageFailed(f"A snapshot could not be stored ({error}). Free some space and repeat.") from error
        self._remove_files()
        self._contact.report.rows_put += offer["rows"]
        return page["position"]

    def _check_offer(self, offer: SnapshotOffer) -> None:
        numbers = [offer.get(name) for name in ("size_bytes", "file_bytes", "rows")]
        if offer.get("format") != SNAPSHOT_FORMAT or offer.get("encoding") not in encodings(
            self._store, self._contact.transport
        ):
            raise Unusable("its format is another")
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise Unusable("its size is none")

    def _download(self, offer: SnapshotOffer) -> None:
        """Fetch what is missing of the file, and see that it is the one that was offered."""
        digest, have = self._arrived(offer["size_bytes"])
        transport, failures = self._contact.transport, 0
        if not isinstance(transport, SnapshotTransport):
            raise Unusable("this transport fetches none")
        with _opened(self._packed, "ab") as file:

            def take(part: bytes) -> None:
                nonlocal have
                file.write(part)
                digest.update(part)
                have += len(part)

            while have < offer["size_bytes"]:
                before = have
                try:
                    size = transport.snapshot_part(offer["id"], have, take)
                except (Offline, ServerUnavailable):
                    failures = 0 if have > before else failures + 1
                    if failures >= ATTEMPTS_MAX:
                        raise
                    continue
                if size != offer["size_bytes"] or have == before:
                    break
                self._contact.on_progress(Progress("downloaded", have, size))
        if have != offer["size_bytes"] or digest.hexdigest() != offer["sha256"]:
            raise Unusable("what arrived is not what was offered")

    def _arrived(self, size_bytes: int) -> tuple["hashlib._Hash", int]:
        """The hash and the size of what an earlier sync has fetched."""
        digest, have = hashlib.sha256(), 0
        if self._packed.exists():
            if self._packed.stat().st_size > size_bytes:
                self._packed.unlink()
                return digest, have
            with self._packed.open("rb") as file:
                while part := file.read(PIECE_BYTES):
                    digest.update(part)
                    have += len(part)
        return digest, have

    def _unpack(self, offer: SnapshotOffer) -> None:
        """Write the SQLite file; never more of it than was offered."""
        written = 0
        try:
            with self._packed.open("rb") as source, _opened(self._file, "wb") as target:
                for part in _unpacked(source.read, offer["encoding"], offer["file_bytes"]):
                    written += len(part)
                    if written > offer["file_bytes"]:
                        raise Unusable("it is larger than was offered")
                    target.write(part)
        except _damage() as error:
            raise Unusable(str(error)) from error
        if written != offer["file_bytes"]:
            raise Unusable("it is shorter than was offered")

    def _forget(self) -> None:
        self._remove_files()
        with self._store.write():
            self._store.set_meta(snapshot=None, snapshot_from=None)

    def _remove_files(self) -> None:
        for file in (self._packed, self._file, self._file.with_name(f"{self._file.name}-journal")):
            file.unlink(missing_ok=True)


def _opened(path: Path, mode: str) -> Any:
    """A file that nobody else may read."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _unpacked(read: Callable[[int], bytes], encoding: str, at_most: int) -> Iterator[bytes]:
    """The decompressed content of a file, in pieces. Content behind its end is not looked at."""
    decompressor: Any = zlib.decompressobj(wbits=31) if encoding == "gzip" else zstd().ZstdDecompressor()
    while not decompressor.eof:
        piece = read(PIECE_BYTES)
        if not piece:
            raise EOFError("it is cut off")
        yield from _inflated(decompressor, piece, encoding)


def _inflated(decompressor: Any, piece: bytes, encoding: str) -> Iterator[bytes]:
    """What a piece contains, in pieces of a bounded size."""
    while True:
        part = decompressor.decompress(piece, PIECE_BYTES)
        yield part
        piece = decompressor.unconsumed_tail if encoding == "gzip" else b""
        if decompressor.eof or (not piece and len(part) < PIECE_BYTES):
            return


def _damage() -> tuple[type[Exception], ...]:
    """What the decompressors raise at bytes that are none of theirs."""
    module = zstd()
    return (zlib.error, EOFError) if module is None else (zlib.error, EOFError, module.ZstdError)
