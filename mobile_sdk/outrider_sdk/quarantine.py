"""What a revoked device does with its unsent work: hands it in once, for a manager to look at (protocol §14).

It stays in the outbox too, unanswered: a device that is enrolled again hands it in once more, and the server knows it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from outrider_sdk import outbox
from outrider_sdk.again import go_back
from outrider_sdk.errors import Rejected
from outrider_sdk.ids import Clock
from outrider_sdk.protocol import HandInReply, Mutation
from outrider_sdk.store import Store


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What a server has of this replica's work."""

    through: int | None
    """The number up to which it decided on all, or keeps it in quarantine; None where it keeps nothing there."""
    kept_nowhere: int
    """How many mutations below that number only this replica has: a restored server waits for others' rows."""


@runtime_checkable
class QuarantineTransport(Protocol):
    """What handing in needs of a network."""

    def hand_in(self, incarnation: int, mutations: list[Mutation], *, complete: bool) -> HandInReply:
        """`POST …/devices/quarantine`, by proof of the device's secret."""

    def wanted_wipe(self) -> str | None:
        """Whether the revoked device is to be wiped: "now", "after_hand_in", or None."""


def hand_in(store: Store, transport: object, clock: Clock) -> HandedIn:
    """Hand in everything that has no answer, once after each revocation, and what the server waits for.

    Raises:
        Offline, ServerUnavailable: the next sync goes on with it.
    """
    missing: list[int] | None = None
    if isinstance(transport, QuarantineTransport):
        asked = _make_sure(store, transport, clock)
        missing = None if asked is None else asked["missing"]
        if missing:
            missing = _hand_in_missing(store, transport, missing)
        if asked is None or not asked["closed"]:
            _hand_in_fresh(store, transport)
    kept_nowhere = _count_parked(store) if missing is None else _count_held(store, missing)
    return HandedIn(store.meta_int("quarantined_through") or None, kept_nowhere)


def _make_sure(store: Store, transport: QuarantineTransport, clock: Clock) -> HandInReply | None:
    """See that the server still has what it has answered, or keeps in quarantine: it may have been restored since.

    Returns:
        What it has; None where it knows no quarantine, or not this device.
    """
    try:
        reply = transport.hand_in(store.meta_int("incarnation"), [], complete=False)
    except Rejected:
        return None
    through = reply["quarantined_through"]
    if through < store.meta_int("answered_through"):
        go_back(store, through, at=clock())
    if through < store.meta_int("quarantined_through"):
        with store.write():
            store.set_meta(quarantined_through=through or None, quarantine_refused=None)
    elif reply["closed"]:  # the reply to the last part may have been lost
        with store.write():
            store.set_meta(quarantined_through=through)
    return reply


def _hand_in_missing(store: Store, transport: QuarantineTransport, missing: list[int]) -> list[int]:
    """Hand in what the server waits for, whatever became of it here; what it lacks after that."""
    while missing:
        with store.read() as conn:
            chunk = outbox.chunk_of(conn, missing)
        if not chunk:
            break
        try:
            reply = transport.hand_in(store.meta_int("incarnation"), chunk, complete=False)
        except Rejected:
            break
        with store.write():
            store.set_meta(quarantined_through=reply["quarantined_through"])
        missing = reply["missing"]
        if chunk[0]["number"] in missing:
            break  # it is another one's there
    return missing


def _hand_in_fresh(store: Store, transport: QuarantineTransport) -> None:
    """Hand in everything that has no answer; what the server refuses for good is not sent again.

    Whether all was handed in before, the server says: who was trusted again meanwhile does it once more.
    """
    start, again = store.meta_int("again_from", 1), store.meta("again_from") is not None
    is_open = store.meta("quarantine_refused") is None
    while is_open:
        with store.write() as conn:
            chunk = outbox.next_chunk(conn, start, again=again)
            if not chunk:
                return
            start = chunk[-1]["number"] + 1
            is_open = not outbox.is_drained(conn, start, again=again)
            store.set_meta(sent_through=max(store.meta_int("sent_through"), chunk[-1]["number"]))
        try:
            reply = transport.hand_in(store.meta_int("incarnation"), chunk, complete=not is_open)
        except Rejected as refusal:
            if refusal.code in ("too_large", "number_gap", "forked"):
                with store.write():
                    store.set_meta(quarantine_refused=1)
            return  # else: closed by another copy meanwhile; or no quarantine is known, or not this device
        with store.write():
            store.set_meta(quarantined_through=reply["quarantined_through"])


def _count_parked(store: Store) -> int:
    """Mutations that a restored server knew and did not keep, as far as this replica was told."""
    with store.read() as conn:
        sql = "SELECT count(*) FROM sync_outbox WHERE status IS NULL AND outcome IS NOT NULL"
        return int(conn.execute(sql).fetchone()[0])


def _count_held(store: Store, numbers: Collection[int]) -> int:
    """How many of these mutations are in the file."""
    with store.read() as conn:
        held = conn.execute("SELECT number FROM sync_outbox WHERE number <= ?", (max(numbers, default=0),))
        return len({number for (number,) in held} & set(numbers))
