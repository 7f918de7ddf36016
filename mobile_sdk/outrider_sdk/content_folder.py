"""The folder of attachments' content beside a replica: `crm.db.files` for `crm.db`.

A file is there whole and safe from power loss, or not at all; what arrives is in `<name>.part` until it is whole.
"""

import errno
import hashlib
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from outrider_sdk.content_files import (
    PIECE_BYTES,
    ContentFiles,
    PlainFiles,
    SealedFiles,
    journal_of,
    remove_file,
    sync_file,
)
from outrider_sdk.errors import ContentDamaged, StorageFailed
from outrider_sdk.store import Store, sync_folder

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ContentFolder:
    """Made with the first file that comes into it; only its owner may look inside. Encrypted where the replica is."""

    def __init__(self, store: Store) -> None:
        self.path = store.path.with_name(f"{store.path.name}.files")
        self._files: ContentFiles = SealedFiles(store.factory) if store.is_encrypted else PlainFiles()

    def file(self, sha256: str) -> Path:
        """Where a content is, or would be."""
        return self.path / self._files.name(sha256)

    def has(self, sha256: str) -> bool:
        """Whether a content is here, whole."""
        return self.file(sha256).exists()

    def open(self, sha256: str) -> BinaryIO:
        """A content, to be read and closed.

        Raises:
            FileNotFoundError: it is not here.
            ContentDamaged: now or while it is read.
        """
        return self._files.open(self.file(sha256))

    def keep(self, source: Path | bytes) -> tuple[str, int]:
        """Copy content into the folder, durably before this returns; its SHA-256 and size.

        Raises:
            StorageFailed: there is no room, or the source cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        draft = self.path / f".{os.getpid()}-{os.urandom(8).hex()}.new"

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in _pieces(source):
                digest.update(piece)
                size += len(piece)
                yield piece

        with self._named_errors():
            self.path.mkdir(mode=0o700, exist_ok=True)
            try:
                self._files.write(draft, counted())
                draft.replace(self.file(digest.hexdigest()))
                sync_folder(self.path)
            finally:
                remove_file(draft)
        return digest.hexdigest(), size

    def part_size(self, sha256: str) -> int:
        """How much of a content has arrived."""
        with self._named_errors():
            return self._files.size(self._part(sha256))

    def append(self, sha256: str, pieces: Iterator[bytes], *, from_start: bool) -> None:
        """Add what arrives to the part; what came before an interruption stays.

        Raises:
            StorageFailed: there is no room, or what had arrived was damaged, and is thrown away.
        """
        part = self._part(sha256)
        with self._named_errors():
            self.path.mkdir(mode=0o700, exist_ok=True)
            try:
                self._files.append(part, pieces, from_start=from_start)
            except ContentDamaged as error:
                remove_file(part)
                raise StorageFailed(f"{part} was damaged, and thrown away. Open the attachment again.") from error

    def finish(self, sha256: str) -> bool:
        """Make the part the content, if it is that; what is not it is thrown away."""
        part = self._part(sha256)
        with self._named_errors():
            if not self._is(part, sha256):
                remove_file(part)
                return False
            sync_file(part)
            part.replace(self.file(sha256))
            sync_folder(self.path)
        return True

    def is_sound(self, sha256: str) -> bool:
        """Whether a content is here, and is what its SHA-256 says."""
        with self._named_errors():
            return self._is(self.file(sha256), sha256)

    def _is(self, path: Path, sha256: str) -> bool:
        digest = hashlib.sha256()
        try:
            with self._files.open(path) as file:
                while piece := file.read(PIECE_BYTES):
                    digest.update(piece)
        except (ContentDamaged, FileNotFoundError):
            return False
        return digest.hexdigest() == sha256

    def remove(self, sha256: str) -> None:
        """Remove a content, and what has arrived of it."""
        for path in (self.file(sha256), self._part(sha256)):
            remove_file(path)

    def remove_others(self, contents: Collection[str], parts: Collection[str]) -> None:
        """Remove all but these contents, and but what has arrived of these: drafts of a process that died, too."""
        kept = {self.file(sha256) for sha256 in contents} | {self._part(sha256) for sha256 in parts}
        kept |= {journal_of(path) for path in kept}
        for path in sorted(self.path.iterdir()) if self.path.is_dir() else []:
            if path not in kept:
                path.unlink(missing_ok=True)

    def _part(self, sha256: str) -> Path:
        return self.path / f"{self._files.name(sha256)}.part"

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._failed(error.errno in _FULL, str(error.strerror)) from error
        except sqlite3.OperationalError as error:
            raise self._failed("full" in str(error), str(error)) from error

    def _failed(self, is_full: bool, reason: str) -> StorageFailed:
        what = "has no room left" if is_full else f"could not be read or written ({reason})"
        return StorageFailed(f"{self.path} {what}. Nothing was lost: free some space and repeat.")


def _pieces(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
