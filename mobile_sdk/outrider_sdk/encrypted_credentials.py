"""Credentials beside an encrypted replica: in an SQLCipher file of their own, under the same key.

Apart from the replica, as credentials always are: a replica's file may be restored or copied, and tokens must not go
back with it.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from outrider_sdk.credentials import Credentials, credentials_from
from outrider_sdk.encryption import encrypted_connection, open_encrypted
from outrider_sdk.errors import NotEnrolled

_TABLE = "CREATE TABLE IF NOT EXISTS credentials (one INTEGER PRIMARY KEY CHECK (one = 1), content TEXT NOT NULL)"


class EncryptedCredentials:
    """Credentials in `crm.db.credentials` for `crm.db`; each call opens the file and closes it."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._factory = encrypted_connection(key)

    @classmethod
    def beside(cls, replica: str | Path, key: bytes) -> "EncryptedCredentials":
        """The file that belongs to a replica."""
        replica = Path(replica)
        return cls(replica.with_name(f"{replica.name}.credentials"), key)

    def load(self) -> Credentials | None:
        """The credentials, or None where there is no file.

        Raises:
            NotEnrolled: the file holds no credentials, or none of this key.
        """
        if not self.path.exists():
            return None
        try:
            with closing(open_encrypted(self.path, self._factory)) as conn:
                row = conn.execute("SELECT content FROM credentials").fetchone()
            return None if row is None else credentials_from(json.loads(row[0]))
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
            raise NotEnrolled(f"{self.path} holds no credentials of this key. Enrol this device again.") from error

    def save(self, credentials: Credentials) -> None:
        """Write them, safe from power loss: in one transaction, synced."""
        with closing(open_encrypted(self.path, self._factory)) as conn:
            conn.execute("PRAGMA synchronous=EXTRA")  # its journal's removal, too
            conn.execute("PRAGMA secure_delete=ON").fetchall()
            conn.execute(_TABLE)
            conn.execute("INSERT OR REPLACE INTO credentials VALUES (1, ?)", (json.dumps(asdict(credentials)),))
        self.path.chmod(0o600)

    def delete(self) -> None:
        """Remove the file."""
        for path in (self.path, self.path.with_name(f"{self.path.name}-journal")):
            path.unlink(missing_ok=True)
