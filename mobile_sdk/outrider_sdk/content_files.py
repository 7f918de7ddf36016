"""How a content lies in its file: as it is, or, beside an encrypted replica, under the replica's key.

Under the key it is an SQLCipher file of its own that has the content in pieces: no package more than the replica's, any
offset is read without what is before it, and each page is authenticated. The file's name is keyed, too: who knows a
content's SHA-256 does not find out whether it is here.
"""

import io
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from outrider_sdk.encryption import hidden_name, open_encrypted
from outrider_sdk.errors import ContentDamaged

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from outrider_sdk.store import Connect

PIECE_BYTES = 256 * 1024
_TABLE = "CREATE TABLE IF NOT EXISTS piece (start INTEGER PRIMARY KEY, bytes BLOB NOT NULL)"
_END = "SELECT ifnull(max(start + length(bytes)), 0) FROM piece WHERE start = (SELECT max(start) FROM piece)"
_AT = "SELECT start, bytes FROM piece WHERE start <= ? ORDER BY start DESC LIMIT 1"


class ContentFiles(Protocol):
    """One way of keeping contents. What the device lacks is an `OSError` or a `sqlite3.OperationalError`."""

    def name(self, sha256: str) -> str:
        """The name of a content's file."""

    def write(self, path: Path, pieces: Iterator[bytes]) -> None:
        """A new file with this content, safe from power loss before this returns."""

    def append(self, path: Path, pieces: Iterator[bytes], *, from_start: bool) -> None:
        """Add to a file what arrives, or begin it; what came before the pieces broke off stays.

        Raises:
            ContentDamaged: what is there cannot be added to.
        """

    def size(self, path: Path) -> int:
        """How much content a file has; 0 where there is none, or none that can be read."""

    def open(self, path: Path) -> BinaryIO:
        """The content, to be read from any place on.

        Raises:
            FileNotFoundError: there is no such file.
            ContentDamaged: now or while it is read: the file is not as it was written.
        """


class PlainFiles:
    """A file is its content."""

    def name(self, sha256: str) -> str:
        """See `ContentFiles`, also for all that follow."""
        return sha256

    def write(self, path: Path, pieces: Iterator[bytes]) -> None:
        with _opened(path, os.O_EXCL) as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())

    def append(self, path: Path, pieces: Iterator[bytes], *, from_start: bool) -> None:
        with _opened(path, os.O_TRUNC if from_start else os.O_APPEND) as file:
            file.writelines(pieces)

    def size(self, path: Path) -> int:
        return path.stat().st_size if path.exists() else 0

    def open(self, path: Path) -> BinaryIO:
        return path.open("rb")


class SealedFiles:
    """A file is an SQLCipher database under the replica's key."""

    def __init__(self, factory: "Connect") -> None:
        self._factory = factory

    def name(self, sha256: str) -> str:
        """See `ContentFiles`, also for all that follow."""
        return hidden_name(self._factory, sha256)

    def write(self, path: Path, pieces: Iterator[bytes]) -> None:
        _opened(path, os.O_EXCL).close()
        with self._connected(path) as conn:
            conn.execute("PRAGMA journal_mode=OFF").fetchall()  # it takes its place whole, or goes
            conn.execute("BEGIN")
            _add(conn, pieces)
            conn.execute("COMMIT")
        sync_file(path)

    def append(self, path: Path, pieces: Iterator[bytes], *, from_start: bool) -> None:
        if from_start:
            remove_file(path)
        _opened(path, 0).close()
        with self._connected(path) as conn:
            _add(conn, pieces)

    def size(self, path: Path) -> int:
        """What a crash left half is undone by this; what is beyond repair counts as none."""
        if not path.exists():
            return 0
        try:
            with self._connected(path) as conn:
                return int(conn.execute(_END).fetchone()[0])
        except ContentDamaged:
            remove_file(path)
            return 0

    def open(self, path: Path) -> BinaryIO:
        if not path.exists():
            raise FileNotFoundError(path)
        with _named_damage(path):
            conn = open_encrypted(path, self._factory, "?mode=ro&immutable=1")
            try:
                raw = _SealedContent(conn, path)
            except BaseException:
                conn.close()
                raise
        return cast(BinaryIO, io.BufferedReader(raw, PIECE_BYTES))

    @contextmanager
    def _connected(self, path: Path) -> Iterator[sqlite3.Connection]:
        """Safe from a crash; after power loss a part may be damaged, and is fetched anew."""
        with _named_damage(path), closing(open_encrypted(path, self._factory)) as conn:
            for setting in ("synchronous=OFF", "cache_size=-2000", "temp_store=MEMORY"):
                conn.execute(f"PRAGMA {setting}").fetchall()
            conn.execute(_TABLE)
            yield conn


class _SealedContent(io.RawIOBase):
    """Reads a sealed file, a piece at a time in memory."""

    def __init__(self, conn: sqlite3.Connection, path: Path) -> None:
        self._conn, self._path = conn, path
        self._size = int(conn.execute(_END).fetchone()[0])
        self._at, self._start, self._piece = 0, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"there is no place {at} in a file")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self._at >= self._size:
            return 0
        if not self._start <= self._at < self._start + len(self._piece):
            self._read_piece()
        target = memoryview(buffer).cast("B")
        found = self._piece[self._at - self._start :][: len(target)]
        target[: len(found)] = found
        self._at += len(found)
        return len(found)

    def _read_piece(self) -> None:
        with _named_damage(self._path):
            self._start, self._piece = self._conn.execute(_AT, (self._at,)).fetchone() or (0, b"")
        if self._at >= self._start + len(self._piece):
            raise ContentDamaged(self._path)

    def close(self) -> None:
        if not self.closed:
            self._conn.close()
        super().close()


def _add(conn: sqlite3.Connection, pieces: Iterator[bytes]) -> None:
    start, held = int(conn.execute(_END).fetchone()[0]), bytearray()
    try:
        for piece in pieces:
            held += piece
            while len(held) >= PIECE_BYTES:
                _put(conn, start, held[:PIECE_BYTES])
                del held[:PIECE_BYTES]
                start += PIECE_BYTES
    finally:
        if held:
            _put(conn, start, held)


def _put(conn: sqlite3.Connection, start: int, piece: bytearray) -> None:
    conn.execute("INSERT INTO piece VALUES (?, ?)", (start, bytes(piece)))


@contextmanager
def _named_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise ContentDamaged(path) from error
        raise  # the device's: full, or faulty
    except sqlite3.DatabaseError as error:  # not of this key, malformed, or pieces twice
        raise ContentDamaged(path) from error


def _opened(path: Path, flags: int) -> BinaryIO:
    """A file to be written, that nobody else may read."""
    flags |= os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def sync_file(path: Path) -> None:
    """Make a file safe from power loss."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def remove_file(path: Path) -> None:
    """Remove a file, and the journal that a crash left beside it."""
    for each in (path, journal_of(path)):
        each.unlink(missing_ok=True)


def journal_of(path: Path) -> Path:
    """What undoes a broken-off change of a sealed file."""
    return path.with_name(f"{path.name}-journal")
