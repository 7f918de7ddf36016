"""The one door to shared files: what a place that keeps them must be able to do."""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from server.errors import AppError, Busy

CHUNK_BYTES: Final = 1024 * 1024
"""Files are read and written in pieces of this size."""

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class NotKept(Exception):
    """There is no file under that key."""


class FilesFull(AppError):
    """The place is full; nothing of the file was kept."""

    status = 507
    code = "storage_full"

    def __init__(self) -> None:
        super().__init__("The server has no room for files left. Nothing is lost: tell your operator, then try again.")


class FilesUnavailable(Busy):
    """The place does not answer."""

    code = "storage_unavailable"

    def __init__(self) -> None:
        super().__init__("The server cannot reach its files just now. Try again in a moment.", retry_after_s=10)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept."""

    key: str
    size_bytes: int
    modified_at: datetime


class Files(Protocol):
    """Files under keys like `attachments/<tenant>/<sha256>`: each whole or not at all, replaced by the next of its key.

    All calls are network calls: never inside a transaction. They raise `FilesUnavailable`; `put` also `FilesFull`.
    """

    async def put(self, key: str, parts: AsyncIterable[bytes]) -> int:
        """Keep a file, durably before this returns; its size. An exception of `parts` leaves what was there before."""

    def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to (not including) `end`, in pieces. Raises `NotKept` with the first of them."""

    async def find(self, key: str) -> Kept | None:
        """The file's size and time; None where there is none."""

    async def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no mistake."""

    def list(self, prefix: str) -> AsyncIterator[Kept]:
        """The files of a folder (`prefix` without its closing slash) and below, in no order."""


def clean_key(key: str) -> str:
    """The key, if it is one: lower-case names between slashes, none of which begins with a point.

    Raises:
        ValueError: it is none; keys are made by us, so that is a bug.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a file.")
    return key


async def in_one_piece(content: bytes) -> AsyncIterator[bytes]:
    """Content that is in memory, for `put`."""
    yield content
