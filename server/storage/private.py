"""Files in the state folder, closed to others: uploads to import, exports to fetch.

Web servers and workers share the state folder: what one puts there, the other finds.
"""

import os
from pathlib import Path
from typing import Literal, Self
from uuid import UUID

Purpose = Literal["imports", "exports"]

_state_dir: Path | None = None


def use(state_dir: Path | None) -> None:
    """Make this the state folder of the process."""
    global _state_dir
    _state_dir = state_dir


def state_dir() -> Path | None:
    """The state folder of the process, if it has one."""
    return _state_dir


def tenant_folder(purpose: Purpose, tenant_id: UUID, state_dir: Path | None = None) -> Path:
    """The folder of one tenant, made if it is not there.

    Raises:
        RuntimeError: nobody has said where the state folder is.
    """
    root = state_dir or _state_dir
    if root is None:
        raise RuntimeError("No state folder: call storage.use() at start-up.")
    folder = root / purpose / str(tenant_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class PrivateFile:
    """A file being written, that nobody else can read; it goes away unless it is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept = False
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        if not self._kept:
            self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)

    def close(self) -> None:
        """All is written; the file can be read under its path."""
        self._file.close()

    def keep_as(self, path: Path) -> None:
        """Give it its final name."""
        self._file.close()
        self.path.replace(path)
        self._kept = True
