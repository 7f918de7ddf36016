"""The folder of attachments' content beside a replica: `crm.db.files` for `crm.db`. A file's name is its SHA-256.

A file is there whole and safe from power loss, or not at all; what arrives is in `<sha256>.part` until it is whole.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from outrider_sdk.errors import StorageFailed
from outrider_sdk.store import sync_folder

CHUNK_BYTES = 256 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ContentFolder:
    """Made with the first file that comes into it; only its owner may look inside."""

    def __init__(self, replica: Path) -> None:
        self.path = replica.with_name(f"{replica.name}.files")

    def file(self, sha256: str) -> Path:
        """Where a content is, or would be."""
        return self.path / sha256

    def keep(self, source: Path | bytes) -> tuple[str, int]:
        """Copy content into the folder, durably before this returns; its SHA-256 and size.

        Raises:
            StorageFailed: there is no room, or the source cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        draft = self.path / f".{os.getpid()}-{os.urandom(8).hex()}.new"
        with self._named_errors():
            self.path.mkdir(mode=0o700, exist_ok=True)
            try:
                with self._create(draft) as file:
                    for piece in _pieces(source):
                        digest.update(piece)
                        size += len(piece)
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self.file(digest.hexdigest()))
                sync_folder(self.path)
            finally:
                draft.unlink(missing_ok=True)
        return digest.hexdigest(), size

    def _create(self, path: Path) -> BinaryIO:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb")

    def part_size(self, sha256: str) -> int:
        """How much of a content has arrived."""
        part = self._part(sha256)
        return part.stat().st_size if part.exists() else 0

    def append(self, sha256: str, pieces: Iterator[bytes], *, from_start: bool) -> None:
        """Add what arrives to the part; what came before an interruption stays.

        Raises:
            StorageFailed: there is no room.
        """
        with self._named_errors():
            self.path.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | (os.O_TRUNC if from_start else os.O_APPEND)
            file = os.fdopen(os.open(self._part(sha256), flags, 0o600), "wb")
        with file:
            for piece in pieces:
                with self._named_errors():
                    file.write(piece)

    def finish(self, sha256: str) -> bool:
        """Make the part the content, if it is that; what is not it is thrown away."""
        part = self._part(sha256)
        with self._named_errors():
            if digest_of(part) != sha256:
                part.unlink()
                return False
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(self.file(sha256))
            sync_folder(self.path)
        return True

    def remove(self, sha256: str) -> None:
        """Remove a content, and what has arrived of it."""
        for path in (self.file(sha256), self._part(sha256)):
            with suppress(FileNotFoundError):
                path.unlink()

    def names(self) -> list[str]:
        """What lies in the folder: contents, parts, drafts of a process that died."""
        return sorted(path.name for path in self.path.iterdir()) if self.path.is_dir() else []

    def _part(self, sha256: str) -> Path:
        return self.path / f"{sha256}.part"

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = "has no room left" if error.errno in _FULL else f"could not be read or written ({error.strerror})"
            raise StorageFailed(f"{self.path} {what}. Nothing was lost: free some space and repeat.") from error


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece
