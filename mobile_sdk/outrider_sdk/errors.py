"""Everything the SDK raises on purpose, in one tree.

A message says what is wrong and what to do about it, for the person who holds the device. Programs decide
by class. An error of the file or of a value never comes from the network, and one of the network never means
that local work was lost: what `transaction()` returned from stays in the outbox whatever `sync()` raises.
"""

from collections.abc import Sequence
from pathlib import Path


class OutriderError(Exception):
    """Base of all errors of the SDK."""


class ReplicaError(OutriderError):
    """Something about the replica file, or how it is used."""


class ForeignFile(ReplicaError):
    """The file is no replica of this SDK. It was not touched."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(f"{path} is {found}, not an Outrider replica. It was left as it is; name another file.")
        self.path = path


class ReplicaBroken(ReplicaError):
    """The file is a replica whose content is damaged. It was not changed by opening it."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"The replica {path} is damaged ({found}). Keep a copy of it, since it may hold work that was not sent; "
            "then enrol this device again with a new file."
        )
        self.path = path


class ReplicaTooNew(ReplicaError):
    """A newer version of the SDK made the file."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        super().__init__(
            f"The replica {path} has format {version}, and this SDK knows formats up to {known}. Update the SDK."
        )
        self.path = path


class ReplicaMissing(ReplicaError):
    """There is no file to read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no replica at {path}. Open it for writing once, or enrol this device.")
        self.path = path


class ReplicaBusy(ReplicaError):
    """Another writer has the replica open; one file has one writer."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"The replica {path} is in use by {holder}. Close it there, or open it with read_only=True.")
        self.path = path
        self.pid = pid


class ReplicaClosed(ReplicaError):
    """The replica was closed, or was opened for reading only."""


class StorageFailed(ReplicaError):
    """The device's storage refused a write (full, or faulty). The transaction was undone."""


class EncryptionUnavailable(ReplicaError):
    """A key was given, and SQLCipher is not installed."""

    def __init__(self) -> None:
        super().__init__("A replica with a key needs SQLCipher: install outrider-sdk[encryption]. Nothing was written.")


class WrongKey(ReplicaError):
    """The file can't be read with this key, or is not encrypted. It was not touched."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}. It was not touched.")
        self.path = path


class OutboxFull(ReplicaError):
    """So many changes wait to be sent that no more are taken. Nothing was changed."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting:,} changes wait to be sent, and the device takes no more. Sync, then repeat this one; "
            "where a sync fails, `status().problems` says why."
        )
        self.waiting = waiting


class ContentDamaged(ReplicaError):
    """The device's own copy of an attachment's content has changed, or is gone, before the server had it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"The file {path} is damaged, and can't be sent. Attach it again from where it came from.")
        self.path = path


class ForeignCredentials(ReplicaError):
    """The credentials are of another device than the replica."""


class NotFound(OutriderError):
    """The replica shows no such row."""

    def __init__(self, entity: str, row_id: str) -> None:
        super().__init__(f"There is no {entity} {row_id} on this device.")
        self.entity = entity
        self.row_id = row_id


class InvalidValue(OutriderError, ValueError):
    """A value, a field or an entity that can't be as asked. Nothing was changed."""

    def __init__(self, entity: str, field: str | None, reason: str) -> None:
        super().__init__(f"{entity}.{field}: {reason}" if field else f"{entity}: {reason}")
        self.entity = entity
        self.field = field
        self.reason = reason


class IllegalStatus(OutriderError):
    """What was asked is not possible in the order's present status."""

    def __init__(self, wanted: str, status: str) -> None:
        super().__init__(f"An order that is {status.replace('_', ' ')} cannot be {wanted}.")
        self.status = status


class NotDiscardable(OutriderError):
    """The mutation can't be taken back on the device."""


class BuiltOn(NotDiscardable):
    """Later mutations build on rows that the mutation created."""

    def __init__(self, number: int, dependents: Sequence[int]) -> None:
        listed = ", ".join(map(str, dependents))
        super().__init__(
            f"Mutations {listed} build on what {number} created. Discard them first, or all with cascade=True."
        )
        self.number = number
        self.dependents = tuple(dependents)


class SyncError(OutriderError):
    """A sync did not come to its end. Local work is kept, and the next sync goes on from there."""


class NotEnrolled(SyncError):
    """The device has no credentials for a server yet."""


class ReplicaTooLarge(SyncError):
    """The device holds as much as it may: no more is pulled. Local work is kept, and handed in."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"This device holds {size_bytes // 1024**2:,} MB of at most {limit_bytes // 1024**2:,}. Ask the office to "
            "assign fewer customers, or open the replica with larger limits."
        )
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class ContentMissing(SyncError):
    """The server does not have the attachment's content yet."""

    def __init__(self) -> None:
        super().__init__("This file is still on the device of whoever attached it. Try again after their next sync.")


class Offline(SyncError):
    """The server can't be reached, or did not answer in time."""


class ServerUnavailable(SyncError):
    """The server answered that it can't serve now, also after repeated tries."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeviceRevoked(SyncError):
    """The server has withdrawn this device's access. Data and unsent work stay on the device."""

    def __init__(self, message: str = "", *, handed_in_through: int | None = None) -> None:
        kept = "What it holds is kept, unsent work too"
        if handed_in_through is not None:
            kept = "Your unsent work was handed in, and your manager looks at it; it is kept here as well"
        super().__init__(message or f"This device was revoked. {kept}; ask your administrator for a new code.")
        self.handed_in_through = handed_in_through
        """The number up to which the server keeps unsent work for a manager; None where it has none."""
        self.wipe: str | None = None
        """Whether the device is to be wiped as well: "now", or "after_hand_in"."""
        self.kept_nowhere = 0
        """How many mutations that a restored server waits for only this device has."""


class DeviceUnknown(DeviceRevoked):
    """The server was restored from a backup, does not know this device, and does not take its lease for a code."""

    def __init__(self) -> None:
        super().__init__(
            "The server was restored from a backup of before this device was enrolled. What it holds is kept; "
            "ask your administrator for a new code."
        )


class WipeOrdered(SyncError):
    """The server wants this device to erase all that it holds."""

    def __init__(self, *, now: bool) -> None:
        super().__init__("This device is to be wiped.")
        self.now = now


class ReplicaWiped(SyncError):
    """All data of this device were erased, as its administrator asked."""

    def __init__(self, *, reported: bool) -> None:
        said = "the server knows" if reported else "the server is told as soon as this device is enrolled again"
        super().__init__(f"Everything on this device was erased, as your administrator asked; {said}.")
        self.reported = reported


class ReplicaForked(SyncError):
    """The server knows other work under the same numbers: the replica was copied, or restored from a backup.

    A sync heals that by itself (`incarnation`); this is raised where the server does not let it.
    """

    def __init__(self, number: int, lost: tuple[int, int | None] | None = None) -> None:
        super().__init__(
            f"The server has another mutation {number} from this device: the replica was copied or restored. "
            "Unsent work is kept here; enrol this device again."
        )
        self.number = number
        self.lost = lost
        """First and last number of what the replica no longer has; None for the last where it is not known."""


class ClientTooOld(SyncError):
    """The server no longer speaks with this version of the SDK."""


class ProtocolViolation(SyncError):
    """The server's answer breaks the protocol. Nothing of it was used."""


class Rejected(SyncError):
    """The server refused a request as a whole; `code` says why (docs/sync-protocol.md)."""

    def __init__(self, status: int, code: str, detail: str, problem: dict[str, object] | None = None) -> None:
        super().__init__(f"The server refused the request ({status} {code}): {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.problem = problem or {}
