"""One writer a replica: a lock of the operating system on a file beside it, which names its holder.

The lock goes with the process, however that ends; the file stays, and means nothing without the lock.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from outrider_sdk.errors import ReplicaBusy

_PID_OFFSET = 16  # Windows locks bytes, and a locked byte cannot be read: the pid stands after them

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class WriterLock:
    """Held from construction to `release()`.

    Raises:
        ReplicaBusy: another process, or another `Replica` of this one, holds it.
    """

    def __init__(self, replica: Path) -> None:
        path = replica.with_name(f"{replica.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._file: IO[bytes] | None = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            _try_lock(self._file)
        except OSError:
            pid = self._holder()
            self.release()
            raise ReplicaBusy(replica, pid) from None
        with suppress(OSError):  # a full disk: then the holder has no name
            self._file.seek(_PID_OFFSET)
            self._file.truncate()
            self._file.write(str(os.getpid()).encode())

    def _holder(self) -> int | None:
        assert self._file is not None
        self._file.seek(_PID_OFFSET)
        text = self._file.read(32).strip()
        return int(text) if text.isdigit() else None

    def release(self) -> None:
        """Let the next writer in; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None
