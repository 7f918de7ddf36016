"""The lease: until when a device may work without contact (protocol §12). Past it everything goes on, and says so.

The server signs it; it is checked here without a network. What time it is nobody knows for sure without one, so the
moment is bounded from below by the last that the server named, and by the last capture: a clock that was set back does
not make a lease longer. One that runs ahead flags too much; the server knows better, and holds nothing for it.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from outrider_sdk import ed25519
from outrider_sdk.credentials import Credentials, CredentialStore
from outrider_sdk.ids import Clock
from outrider_sdk.store import Store

_TYPE = "lease+jwt"
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease whose signature is right: when it ends, in microseconds, by the server's clock."""

    until: int


def read_lease(credentials: Credentials) -> Lease | None:
    """The device's lease; None where what is kept is none, or of another device."""
    try:
        head, body, signature = credentials.lease.split(".")
        claims = json.loads(_bytes(body))
        is_ours = json.loads(_bytes(head))["typ"] == _TYPE and claims["did"] == credentials.device_id
        until = int(claims["exp"]) * _SECOND_US
        signed = f"{head}.{body}".encode()
        is_signed = is_ours and ed25519.verify(_bytes(credentials.lease_key), signed, _bytes(signature))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    return Lease(until) if is_signed else None


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class LeaseWatch:
    """Says whether a device is past its lease; reads and checks it once, and again after each sync."""

    def __init__(self, store: Store, credentials: CredentialStore, clock: Clock) -> None:
        self._store, self._credentials, self._clock = store, credentials, clock
        self._read: tuple[bool, Lease | None] | None = None

    def forget(self) -> None:
        """A sync may have brought another."""
        self._read = None

    def until(self) -> int | None:
        """When the lease ends; None where there is none that counts."""
        lease = self._lease()[1]
        return None if lease is None else lease.until

    def is_past(self) -> bool:
        """Whether the lease has ended, or is not genuine. A device that never got one has none to keep to."""
        has_lease, lease = self._lease()
        return has_lease and (lease is None or self.now() >= lease.until)

    def now(self) -> int:
        """The server's time, as far as it is known here: never earlier than it was known to be."""
        skew, synced = self._store.meta_int("skew"), self._store.meta_int("last_sync_at")
        return max(self._clock() + skew, synced + skew, self._store.meta_int("time_floor"))

    def _lease(self) -> tuple[bool, Lease | None]:
        if self._read is None:
            held = self._credentials.load()
            self._read = (False, None) if held is None or not held.lease else (True, read_lease(held))
        return self._read
