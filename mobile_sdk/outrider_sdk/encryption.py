"""Encryption of a replica at rest, by SQLCipher: the extra `outrider-sdk[encryption]`.

What SQLCipher raises is raised as the error of the same name of `sqlite3`, so that nobody else need know of it.
"""

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from outrider_sdk.errors import EncryptionUnavailable, InvalidValue

if TYPE_CHECKING:
    from outrider_sdk.store import Connect

KEY_BYTES = 32


def encrypted_connection(key: bytes) -> "Connect":
    """The class of connections that read and write with this key.

    Raises:
        InvalidValue: the key has not 32 bytes.
        EncryptionUnavailable: SQLCipher is not installed.
    """
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise InvalidValue("replica", "key", f"is {KEY_BYTES} random bytes, kept in the platform's key store")
    try:
        from sqlcipher3 import dbapi2
    except ImportError:
        raise EncryptionUnavailable() from None

    class EncryptedConnection(dbapi2.Connection):  # type: ignore[misc]
        """Every statement goes through `execute` and `executemany`, as everywhere."""

        errors = dbapi2.Error

        @classmethod
        def open_file(cls, uri: str) -> "EncryptedConnection":
            with _translated(dbapi2.Error):
                conn = dbapi2.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=cls)
                dbapi2.Connection.execute(conn, f"PRAGMA key = \"x'{key.hex()}'\"")
                dbapi2.Connection.execute(conn, "PRAGMA cipher_log_level = NONE")
                return cast(EncryptedConnection, conn)

        @staticmethod
        def hidden_name(name: str) -> str:
            return hmac.new(key, b"name/" + name.encode(), hashlib.sha256).hexdigest()

        def execute(self, *arguments: Any) -> Any:
            with _translated(dbapi2.Error):
                return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            with _translated(dbapi2.Error):
                return super().executemany(*arguments)

    return cast("Connect", EncryptedConnection)


def is_encrypted(factory: "Connect") -> bool:
    """Whether connections of this class need a key."""
    return hasattr(factory, "open_file")


def open_encrypted(path: Path, factory: "Connect", mode: str = "") -> sqlite3.Connection:
    """A connection of such a class to a file, which is made where there is none; the caller closes it."""
    return cast(sqlite3.Connection, cast(Any, factory).open_file(path.absolute().as_uri() + mode))


def hidden_name(factory: "Connect", name: str) -> str:
    """What such a class calls a file, so that nobody without the key knows which it is."""
    return str(cast(Any, factory).hidden_name(name))


def translated(factory: "Connect") -> AbstractContextManager[None]:
    """Also what such a class raises while rows are read, after `execute`, is raised as `sqlite3` would."""
    return _translated(cast(Any, factory).errors) if is_encrypted(factory) else nullcontext()


@contextmanager
def _translated(errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        kind: type[Exception] = getattr(sqlite3, type(error).__name__, sqlite3.DatabaseError)
        raise kind(*error.args) from error
