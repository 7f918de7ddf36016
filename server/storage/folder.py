"""Files in a folder that all processes of the installation see."""

import asyncio
import errno
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from server.storage.files import CHUNK_BYTES, FilesFull, FilesUnavailable, Kept, NotKept, clean_key

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DRAFT: Final = ".draft-"


class FolderFiles:
    """Each key is a path below the folder. A file is written beside its place, synced, and renamed into it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    async def put(self, key: str, parts: AsyncIterable[bytes]) -> int:
        """See `Files`."""
        path = self._path(key)
        draft = path.with_name(f"{_DRAFT}{uuid4().hex}")
        size = 0
        try:
            file = await asyncio.to_thread(_create, draft)
            try:
                async for part in parts:
                    size += len(part)
                    await asyncio.to_thread(file.write, part)
            finally:
                await asyncio.to_thread(file.close)
            await asyncio.to_thread(_settle, draft, path)
        except OSError as error:
            raise _explain(error) from error
        finally:
            with suppress(OSError):
                await asyncio.to_thread(draft.unlink, missing_ok=True)
        return size

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `Files`."""
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except FileNotFoundError:
            raise NotKept(key) from None
        except OSError as error:
            raise _explain(error) from error
        try:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                wanted = CHUNK_BYTES if left is None else min(left, CHUNK_BYTES)
                part = await asyncio.to_thread(file.read, wanted)
                if not part:
                    return
                left = None if left is None else left - len(part)
                yield part
        except OSError as error:
            raise _explain(error) from error
        finally:
            file.close()

    async def find(self, key: str) -> Kept | None:
        """See `Files`."""
        try:
            found = await asyncio.to_thread(os.stat, self._path(key))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _explain(error) from error
        return Kept(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    async def delete(self, key: str) -> None:
        """See `Files`."""
        try:
            await asyncio.to_thread(self._path(key).unlink, missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise _explain(error) from error

    async def list(self, prefix: str) -> AsyncIterator[Kept]:
        """See `Files`. Drafts of a process that died are listed too, under keys that begin with a point."""
        for path in await asyncio.to_thread(lambda: [*_walk(self._path(prefix))]):
            with suppress(FileNotFoundError):
                found = path.stat()
                key = path.relative_to(self.root).as_posix()
                yield Kept(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def _path(self, key: str) -> Path:
        folder, _, name = key.rpartition("/")
        if not name.startswith(_DRAFT):  # one that `list` named
            clean_key(key)
        elif folder:
            clean_key(folder)
        return self.root / key


def _create(draft: Path) -> BinaryIO:
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", buffering=0)


def _settle(draft: Path, path: Path) -> None:
    """Make the draft the file of that path, safe from power loss."""
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _walk(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where) / name for name in names)


def _explain(error: OSError) -> FilesFull | FilesUnavailable:
    return FilesFull() if error.errno in _FULL else FilesUnavailable()
