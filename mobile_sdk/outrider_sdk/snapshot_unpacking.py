"""Unpacking a snapshot while it arrives: a thread decompresses and writes, and the download does not wait for it.

Another one has what was written go to the disk meanwhile: else all of it waits for the sync at the end. Nobody waits
for that thread either, until the file is to take the replica's place.
"""

import errno
import os
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

from outrider_sdk.protocol import SnapshotOffer
from outrider_sdk.protocol.encoding import ZSTD_WINDOW_LOG_MAX, zstd
from outrider_sdk.under_way import UnderWay

PIECE_BYTES = 256 * 1024
WAITING_PARTS_MAX = 8
"""So many parts of a download wait in memory; then it does."""
SETTLED_FROM_BYTES = 4 * 1024 * 1024
"""So much is written before it is sent to the disk, which the system would do in half a minute by itself."""
_NOT_TAKEN = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EFBIG})
"""The file system sets no room aside, or not so much: no disk has what was offered, and its content will show it."""


class Unusable(Exception):
    """The file is not what was offered, or cannot be taken over by this replica."""


class Unpacking:
    """A file that is written while its compressed content is taken; never more of it than was offered.

    End it with `finish` or `drop`.
    """

    def __init__(self, offer: SnapshotOffer, file: Path) -> None:
        self._offer, self._file = offer, file
        self._parts: Queue[bytes | None] = Queue(WAITING_PARTS_MAX)
        self._settling: Settling | None = None
        self._work = UnderWay(self._run)

    def take(self, part: bytes) -> None:
        """Content that follows on what was taken before."""
        self._parts.put(part)

    def finish(self) -> "Settling":
        """There is no more; wait until the file is written. It is still on its way to the disk.

        Raises:
            Unusable: it is not what was offered.
            OSError: it can't be written.
        """
        self._parts.put(None)
        return self._work.result()

    def drop(self) -> None:
        """Wait until the file is left alone."""
        self._parts.put(None)
        self._work.drop()
        if self._settling is not None:
            self._settling.drop()

    def _run(self) -> "Settling":
        parts = iter(self._parts.get, None)
        try:
            return self._write(_unpacked(parts, self._offer))
        except _damage() as error:
            raise Unusable(str(error)) from error
        finally:
            for _ in parts:  # whoever brings more finds room
                pass

    def _write(self, pieces: Iterable[bytes]) -> "Settling":
        try:
            with opened(self._file, "wb") as target:
                _take_room(target, self._offer["file_bytes"])
                settling = self._settling = Settling(target)
                for piece in pieces:
                    target.write(piece)
                    settling.written(len(piece))
            return settling
        finally:
            if self._settling is not None:
                self._settling.over()


class Settling:
    """Has a file go to the disk in a thread, a few megabytes at a time while it is written, and then what is left.

    End it with `result` or `drop`.
    """

    def __init__(self, file: Any) -> None:
        self._descriptor = os.dup(file.fileno())
        self._is_due = threading.Event()
        self._waiting_bytes = 0
        self._is_over = False
        self._work = UnderWay(self._run)

    def written(self, size_bytes: int) -> None:
        """So much more was written."""
        self._waiting_bytes += size_bytes
        if self._waiting_bytes >= SETTLED_FROM_BYTES:
            self._waiting_bytes = 0
            self._is_due.set()

    def over(self) -> None:
        """No more is written."""
        self._is_over = True
        self._is_due.set()

    def result(self) -> None:
        """Wait until the disk has what was written.

        Raises:
            OSError: what the disk said. It says so once: a sync that comes after proves nothing.
        """
        self._work.result()

    def drop(self) -> None:
        """Wait until the file is left alone."""
        self._work.drop()

    def _run(self) -> None:
        try:
            is_over = False
            while not is_over:
                self._is_due.wait()
                self._is_due.clear()
                is_over = self._is_over
                _sync_content(self._descriptor)
        finally:
            os.close(self._descriptor)


def _sync_content(descriptor: int) -> None:
    (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(descriptor)


def opened(path: Path, mode: str) -> Any:
    """A file that nobody else may read."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _take_room(file: Any, size_bytes: int) -> None:
    """Have the disk set aside what the file will need: it is written sooner, and no room is no surprise later.

    Raises:
        OSError: there is not so much room.
    """
    if not size_bytes or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    except OverflowError:
        return  # the same
    except OSError as error:
        if error.errno not in _NOT_TAKEN:
            raise


def _unpacked(parts: Iterable[bytes], offer: SnapshotOffer) -> Iterator[bytes]:
    """The decompressed content, in pieces, as far as it is what was offered; what is behind its end is left."""
    encoding, left = offer["encoding"], offer["file_bytes"]
    decompressor = _decompressor(encoding)
    for part in parts:
        for piece in _inflated(decompressor, part, encoding):
            left -= len(piece)
            if left < 0:
                raise Unusable("it is larger than was offered")
            yield piece
        if decompressor.eof:
            break
    if left or not decompressor.eof:
        raise Unusable("it is shorter than was offered, or cut off")


def _decompressor(encoding: str) -> Any:
    if encoding == "gzip":
        return zlib.decompressobj(wbits=31)
    module = zstd()
    return module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX})


def _inflated(decompressor: Any, part: bytes, encoding: str) -> Iterator[bytes]:
    """What a part contains, in pieces of a bounded size."""
    while True:
        piece = decompressor.decompress(part, PIECE_BYTES)
        yield piece
        part = decompressor.unconsumed_tail if encoding == "gzip" else b""
        if decompressor.eof or (not part and len(piece) < PIECE_BYTES):
            return


def _damage() -> tuple[type[Exception], ...]:
    """What the decompressors raise at bytes that are none of theirs."""
    module = zstd()
    return (zlib.error,) if module is None else (zlib.error, module.ZstdError)
