"""The lease: until when a device may work without contact (protocol §12). Past it everything goes on, and says so.

It also says how the plan of the person's company stands, as of the last contact; the clock moves that on to its end.

The server signs it; it is checked here without a network. What time it is nobody knows for sure without one, so the
moment is bounded from below by the last that the server named, and by the last capture: a clock that was set back does
not make a lease longer. One that runs ahead flags too much; the server knows better, and holds nothing for it.
"""

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import Any

from outrider_sdk import ed25519
from outrider_sdk.credentials import Credentials, CredentialStore
from outrider_sdk.ids import Clock
from outrider_sdk.store import Store

_TYPE = "lease+jwt"
_SECOND_US = 1_000_000


RESTRICTED = "restricted"
PLAN_MESSAGES = {
    "past_due": "A payment of your company is overdue. Everything works; tell your administrator.",
    "grace": "A payment of your company is overdue: no new people and devices can join. Go on working, and tell your"
    " administrator.",
    RESTRICTED: "Your company's plan is not paid. Go on working: nothing is lost, and orders wait until it is. Tell"
    " your administrator.",
    "cancelled": "Your company's plan has ended. Go on working: nothing is lost, and orders wait until there is"
    " another. Tell your administrator.",
}
"""What to show in each state of a plan in which something is the matter."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the plan of the person's company stands."""

    name: str
    version: int
    state: str
    """trialing, active, past_due, grace, restricted or cancelled."""
    sync_interval_s: float = 0.0
    """A device syncs by itself no more often than that."""

    @property
    def message(self) -> str | None:
        """What to show the person; None while all is well."""
        return PLAN_MESSAGES.get(self.state)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease whose signature is right: when it ends, in microseconds, by the server's clock."""

    until: int
    contact_until: int
    """Its end without contact. Before it, `until` is the moment at which the plan runs out."""
    plan: Plan | None = None
    """None: nobody bills the company."""

    def plan_at(self, now: int) -> Plan | None:
        """The plan as it stands by then: one that was to run out has."""
        is_over = self.until <= now and self.until < self.contact_until
        if self.plan is None or not is_over or self.plan.state == "cancelled":
            return self.plan
        return replace(self.plan, state=RESTRICTED)


def read_lease(credentials: Credentials) -> Lease | None:
    """The device's lease; None where what is kept is none, or of another device."""
    try:
        head, body, signature = credentials.lease.split(".")
        claims = json.loads(_bytes(body))
        is_ours = json.loads(_bytes(head))["typ"] == _TYPE and claims["did"] == credentials.device_id
        until = int(claims["exp"]) * _SECOND_US
        lease = Lease(until, int(claims.get("contact_exp", claims["exp"])) * _SECOND_US, _read_plan(claims))
        signed = f"{head}.{body}".encode()
        is_signed = is_ours and ed25519.verify(_bytes(credentials.lease_key), signed, _bytes(signature))
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError, binascii.Error):
        return None
    return lease if is_signed else None


def _read_plan(claims: dict[str, Any]) -> Plan | None:
    if "plan" not in claims:
        return None
    interval_s = max(0.0, float(claims.get("limits", {}).get("sync_interval_s", 0)))
    return Plan(str(claims["plan"]), int(claims.get("plan_version", 1)), str(claims.get("state", "active")), interval_s)


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
        """Whether it was without contact for too long, or the lease is not genuine. Without any, there is no end."""
        has_lease, lease = self._lease()
        return has_lease and (lease is None or self.now() >= lease.contact_until)

    def plan(self) -> Plan | None:
        """How the company's plan stands now, as far as that is known here; None where nobody bills it."""
        lease = self._lease()[1]
        return None if lease is None else lease.plan_at(self.now())

    def now(self) -> int:
        """The server's time, as far as it is known here: never earlier than it was known to be."""
        skew, synced = self._store.meta_int("skew"), self._store.meta_int("last_sync_at")
        return max(self._clock() + skew, synced + skew, self._store.meta_int("time_floor"))

    def _lease(self) -> tuple[bool, Lease | None]:
        if self._read is None:
            held = self._credentials.load()
            self._read = (False, None) if held is None or not held.lease else (True, read_lease(held))
        return self._read
