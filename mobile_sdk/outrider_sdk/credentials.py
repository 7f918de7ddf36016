"""What a device knows of its server and itself: kept beside the replica, readable by its owner alone."""

import base64
import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from outrider_sdk.errors import NotEnrolled
from outrider_sdk.store import sync_folder


@dataclass(frozen=True, slots=True)
class Credentials:
    """One device's enrolment, and its tokens of the moment."""

    server: str
    slug: str
    device_id: str
    member_id: str
    incarnation: int
    number_prefix: str
    secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    origin_id: str = ""
    """Of a later incarnation: the device that was enrolled first."""
    lease: str = field(default="", repr=False)
    """Until when the device may work without contact, as the server has signed it; and the key that verifies it."""
    lease_key: str = ""

    @property
    def origin(self) -> str:
        """The device that was enrolled first: this one, or the one that it goes on from."""
        return self.origin_id or self.device_id

    def proof(self, text: str | None = None) -> str:
        """Shows that whoever holds the refresh token, or sends the text, holds the secret too (protocol 2.2, 2.7)."""
        secret = base64.urlsafe_b64decode(self.secret + "=" * (-len(self.secret) % 4))
        message = self.refresh_token if text is None else text
        return hmac.new(hashlib.sha256(secret).digest(), message.encode(), hashlib.sha256).hexdigest()


def credentials_from(kept: dict[str, Any]) -> Credentials:
    """The credentials as they were kept, by name."""
    return Credentials(**{f.name: kept[f.name] for f in fields(Credentials)})


class CredentialStore(Protocol):
    """Where credentials are kept: a file, or the keyring of the platform."""

    def load(self) -> Credentials | None:
        """The credentials, or None where the device is not enrolled."""

    def save(self, credentials: Credentials) -> None:
        """Keep them, durably, before this returns: a token that was used and not kept locks the device out."""

    def delete(self) -> None:
        """Forget them: the device is wiped."""


class FileCredentials:
    """Credentials in a JSON file of mode 0600, replaced whole and never half."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def beside(cls, replica: str | Path) -> "FileCredentials":
        """The file that belongs to a replica: `crm.db.credentials.json` for `crm.db`."""
        replica = Path(replica)
        return cls(replica.with_name(f"{replica.name}.credentials.json"))

    def load(self) -> Credentials | None:
        """The credentials, or None where there is no file.

        Raises:
            NotEnrolled: the file holds no credentials.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return credentials_from(kept)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise NotEnrolled(f"{self.path} holds no credentials. Enrol this device again.") from error

    def save(self, credentials: Credentials) -> None:
        """Write the file anew, safe from power loss."""
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(credentials), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        sync_folder(self.path.parent)

    def delete(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


class MemoryCredentials:
    """Credentials in memory: for tests, and for applications that keep them elsewhere."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self.credentials = credentials

    def load(self) -> Credentials | None:
        """The credentials, or None."""
        return self.credentials

    def save(self, credentials: Credentials) -> None:
        """Keep them until the process ends."""
        self.credentials = credentials

    def delete(self) -> None:
        """Forget them."""
        self.credentials = None
