"""The replica file: its opening, its settings, and its transactions; `schema` has its tables.

A new file is built under another name and renamed into place, so that no crash leaves half a replica.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from outrider_sdk.encryption import is_encrypted, open_encrypted, translated
from outrider_sdk.errors import (
    ForeignFile,
    ReplicaBroken,
    ReplicaBusy,
    ReplicaClosed,
    ReplicaMissing,
    ReplicaTooNew,
    StorageFailed,
    WrongKey,
)
from outrider_sdk.limits import Limits
from outrider_sdk.lock import WriterLock
from outrider_sdk.schema import APPLICATION_ID, FORMAT_VERSION, migrate
from outrider_sdk.under_way import UnderWay

CHECKED_SIZE_MAX_BYTES = 64 * 1024 * 1024
"""A file up to this size is checked whole when it is opened (about 1 ms a megabyte); a larger one by `verify()`."""

BUSY_TIMEOUT_MS = 5_000

_MAGIC = b"SQLite format 3\x00"
_SETTINGS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-8000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA legacy_alter_table=ON",  # a reveal renames a table, whatever views an owner of the file has made of it
)

Connect = type[sqlite3.Connection]


class Store:
    """An open replica file. One thread at a time is inside `write()` or `read()`; others wait.

    Statements go through `conn.execute` and `conn.executemany` alone, transactions through explicit `BEGIN IMMEDIATE`
    and `COMMIT`, so that a test can break off at each of them.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, connection_factory: Connect = sqlite3.Connection
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._mutex = threading.RLock()
        self._conn: sqlite3.Connection | None = None
        self._order_counter = 0
        self._facts: dict[str, str | None] | None = None
        """What `sync_meta` says, as far as this writer knows: a sync asks for two dozen of them."""
        self._flushes = True
        """Whether a commit on the connection waits for the disk, as it is set now."""
        self._placing: UnderWay[None] | None = None
        """The syncing of the folder in which this file took another's place; nothing is written before that is done."""
        self.limits = Limits()
        self.on_commit: list[Callable[[], object]] = []
        """Called after each commit, while the replica is still held: to note that it happened, no more."""
        self.factory = connection_factory
        self.is_encrypted = is_encrypted(connection_factory)
        self._lock = None if read_only else WriterLock(path)
        try:
            with self._named_errors():
                is_new = not path.exists() or path.stat().st_size == 0
                if is_new and read_only:
                    raise ReplicaMissing(path)
                if is_new:
                    _build(path, connection_factory)
                else:
                    _inspect(path, connection_factory, is_ours=not read_only)
                self._conn = self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        self._facts, self._flushes = None, True
        if self.read_only:
            return _open(self.path, self.factory, "?mode=ro")
        conn = _open(self.path, self.factory)
        try:
            for setting in _SETTINGS:
                conn.execute(setting)
            if conn.execute("PRAGMA user_version").fetchone()[0] < FORMAT_VERSION:
                migrate(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    def close(self) -> None:
        """Close the file and let the next writer in. An open transaction is undone. Never raises.

        Waits for another thread that is inside: SQLite does not survive to lose its file in the middle.
        """
        with self._mutex:
            conn, self._conn = self._conn, None
            if conn is not None:
                with suppress(sqlite3.Error):
                    conn.close()
            if self._placing is not None:
                self._placing.drop()
        if self._lock is not None:
            self._lock.release()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, for reading. Inside `write()`, reads see what was written."""
        with self._mutex:
            if self._conn is None:
                raise ReplicaClosed("This replica was closed. Open it again.")
            with self._named_errors():
                yield self._conn

    @contextmanager
    def write(self, *, flushed: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: committed and safe from power loss at the end, undone on any exception.

        Args:
            flushed: wait until the disk has it. Without, it outlives the process all the same, but a loss of power may
                take it back, whole, unless a flushed one followed (which takes all with it that stands before it in
                the log): for what the server gives again, and has not been told that it is here.
        """
        with self.read() as conn:
            if self.read_only:
                raise ReplicaClosed("This replica was opened for reading only.")
            self._wait_until_placed()
            if flushed != self._flushes:
                self._flushes = False  # also where the next line fails
                conn.execute(f"PRAGMA synchronous={'FULL' if flushed else 'NORMAL'}")
                self._flushes = flushed
            try:
                conn.execute("BEGIN IMMEDIATE")
                yield conn
                conn.execute("COMMIT")
                for hear in self.on_commit:
                    hear()
            except BaseException:
                self._facts = None
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise

    def _wait_until_placed(self) -> None:
        """A loss of power must not leave what is written from now on beside the file of before."""
        try:
            if self._placing is not None:
                self._placing.result()
        except OSError as error:  # told to whoever writes, until the replica is opened anew
            raise StorageFailed(f"{self.path} could not be put in its place ({error}). Open it again.") from error
        self._placing = None

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            with translated(self.factory):
                yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ReplicaBusy(self.path, None) from error
            if any(word in str(error) for word in ("full", "disk I/O", "readonly")):
                raise StorageFailed(
                    f"{self.path} could not be written ({error}). Free some space and repeat."
                ) from error
            raise
        except sqlite3.DatabaseError as error:
            if type(error) is sqlite3.DatabaseError:  # malformed, or not a database: not an error of the statement
                raise ReplicaBroken(self.path, str(error)) from error
            raise

    def meta(self, key: str) -> str | None:
        """A fact of the replica, or None."""
        with self._mutex:
            if self._facts is not None and self._conn is not None and not self.read_only:
                return self._facts.get(key)  # asked thirty times a sync
            with self.read() as conn:  # another process may write what is only read here
                self._facts = dict(conn.execute("SELECT key, value FROM sync_meta"))
            return self._facts.get(key)

    def meta_int(self, key: str, default: int = 0) -> int:
        """A fact that is a number."""
        value = self.meta(key)
        return default if value is None else int(value)

    def set_meta(self, **facts: str | int | None) -> None:
        """Store facts; only inside `write()`."""
        told = {key: None if value is None else str(value) for key, value in facts.items()}
        with self.read() as conn:
            conn.executemany(
                "INSERT INTO sync_meta (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                list(told.items()),
            )
            if self._facts is not None:
                self._facts |= told

    def next_order_counter(self) -> int:
        """The next number for an order, only inside `write()`; never given again, also where that is undone."""
        self._order_counter = max(self.meta_int("order_counter"), self._order_counter) + 1
        self.set_meta(order_counter=self._order_counter)
        return self._order_counter

    def begin_series(self, prefix: str) -> None:
        """Count the numbers of orders from 1 on, under a prefix that no other device has; only inside `write()`."""
        self._order_counter = 0
        self.set_meta(number_prefix=prefix, order_counter=0)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, so that deleted content is gone from both. Best effort."""
        with suppress(sqlite3.OperationalError), self.read() as conn:
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def rewrite(self) -> None:
        """Write the whole file anew: where SQLite moved cells, a page's gap holds old bytes that no delete clears.

        Best effort: it takes as much room again, and waits for nobody.
        """
        with suppress(sqlite3.OperationalError), self.read() as conn:
            self._wait_until_placed()
            conn.execute("VACUUM")

    def open_beside(self, path: Path) -> sqlite3.Connection:
        """A connection to another file, of the same kind as the replica's own; the caller closes it."""
        return _open(path, self.factory)

    @contextmanager
    def without_log(self) -> Iterator[bool]:
        """Go without the write-ahead log for a while; False where somebody else has the file open, and it stays.

        Outside of transactions. Meanwhile `become` may be called.
        """
        with self.read() as conn:
            is_alone = _leave_log(conn)
            try:
                yield is_alone
            finally:
                if is_alone and self._conn is conn:
                    with suppress(sqlite3.OperationalError):  # a statement broke off; the next opening does it
                        conn.execute("PRAGMA journal_mode=WAL").fetchall()

    @contextmanager
    def drafted(self, draft: sqlite3.Connection) -> Iterator[None]:
        """Let what is written go into a draft that is to take the replica's place. Only inside `without_log()`."""
        with self._mutex:
            live, flushes = self._conn, self._flushes
            self._conn, self._facts, self._flushes = draft, None, True
            try:
                yield
            finally:
                self._conn, self._facts, self._flushes = live, None, flushes

    def become(self, draft: Path, *, comes_again: bool = False) -> None:
        """Let a finished file take the replica's place. Only inside `without_log()`.

        There is no log of the old file that could be read into the new one. A crash leaves the one or the other.

        Args:
            comes_again: all that the old file lacks, the next pull would bring. Then nobody waits here for the disk to
                have the new name, but whoever writes next does: until that, a loss of power may leave the old file.
        """
        with self.read() as conn:
            self._conn = None  # closed, for whoever comes if it can't be opened again
            conn.close()
            try:
                draft.replace(self.path)
                if comes_again:
                    self._placing = UnderWay(lambda: sync_folder(self.path.parent))
                else:
                    sync_folder(self.path.parent)
            finally:
                self._conn = self._connect()

    def size_bytes(self) -> int:
        """Size of the file and its write-ahead log."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return sum(file.stat().st_size for file in (self.path, log) if file.exists())


def _leave_log(conn: sqlite3.Connection) -> bool:
    """Take up the write-ahead log and go without one, which only the file's sole connection can.

    Once the log is taken up, all that is written is two bytes of the first page, to which any crash is indifferent.
    """
    conn.execute("PRAGMA busy_timeout=0").fetchall()
    try:
        if conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            return False
        conn.execute("PRAGMA synchronous=OFF").fetchall()
        return bool(conn.execute("PRAGMA journal_mode=DELETE").fetchone()[0] == "delete")
    except sqlite3.OperationalError:
        return False
    finally:
        conn.execute("PRAGMA synchronous=FULL").fetchall()
        conn.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()


def _open(path: Path, factory: Connect, mode: str = "") -> sqlite3.Connection:
    if is_encrypted(factory):
        return open_encrypted(path, factory, mode)
    uri = path.absolute().as_uri() + mode
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=factory)


def _build(path: Path, factory: Connect) -> None:
    draft = path.with_name(f"{path.name}.new")
    for leftover in (draft, draft.with_name(f"{draft.name}-journal")):
        leftover.unlink(missing_ok=True)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():  # of a replica that is no longer here; it must not be read into the new one, nor be lost
        log.replace(path.with_name(f"{log.name}.orphan"))
    conn = _open(draft, factory)
    try:
        conn.execute("PRAGMA synchronous=FULL")
        migrate(conn)
    finally:
        conn.close()
    draft.chmod(0o600)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive power loss (POSIX; elsewhere the rename itself does)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _inspect(path: Path, factory: Connect, *, is_ours: bool) -> None:
    """See that the file is a replica of a known format, without changing a byte of it; and sound, where it `is_ours`.

    Without a write-ahead log it is read as immutable, which leaves no files beside it either. Beside a writer neither
    that nor a check is possible.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if is_encrypted(factory):
        if header[:16] == _MAGIC:
            raise WrongKey(path, "is not encrypted. Open it without a key, or begin with a new file")
        header = _decrypted_header(path, factory)
    else:
        factory = sqlite3.Connection
    if header[:16] != _MAGIC:
        raise ForeignFile(path, "no SQLite database, or one that needs a key")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise ForeignFile(path, "the database of another program")
    try:
        log = path.with_name(f"{path.name}-wal")
        is_immutable = is_ours and not (log.exists() and log.stat().st_size) and not is_encrypted(factory)
        probe = _open(path, factory, "?mode=ro" + ("&immutable=1" if is_immutable else ""))
        try:
            version = probe.execute("PRAGMA user_version").fetchone()[0]
            if version > FORMAT_VERSION:
                raise ReplicaTooNew(path, version, FORMAT_VERSION)
            probe.execute("SELECT 1 FROM sync_meta, sync_outbox LIMIT 1").fetchall()
            if is_ours and path.stat().st_size <= CHECKED_SIZE_MAX_BYTES:
                problems = check(probe)
                if problems:
                    raise ReplicaBroken(path, problems)
        finally:
            probe.close()
    except sqlite3.DatabaseError as error:
        raise ReplicaBroken(path, str(error)) from error


def _decrypted_header(path: Path, factory: Connect) -> bytes:
    """What the header of a file without encryption would say."""
    probe = _open(path, factory, "?mode=ro")
    try:
        (application_id,) = probe.execute("PRAGMA application_id").fetchone()
        probe.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.DatabaseError:
        raise WrongKey(path, "can't be read with this key: it is another replica's, or the file is damaged") from None
    finally:
        probe.close()
    return _MAGIC + bytes(52) + int(application_id).to_bytes(4)


def check(conn: sqlite3.Connection) -> str:
    """What SQLite finds wrong in the file's structure; empty where it is sound."""
    found: list[Any] = conn.execute("PRAGMA quick_check(1)").fetchall()
    return "" if found == [("ok",)] else str(found[0][0]).splitlines()[-1]
