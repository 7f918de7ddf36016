"""What a revoked device does with its unsent work: hands it in once, for a manager to look at (protocol §14).

It stays in the outbox too, unanswered: a device that is enrolled again hands it in once more, and the server knows it.
"""

from typing import Protocol, runtime_checkable

from outrider_sdk import outbox
from outrider_sdk.again import go_back
from outrider_sdk.errors import Rejected
from outrider_sdk.ids import Clock
from outrider_sdk.protocol import Mutation
from outrider_sdk.store import Store


@runtime_checkable
class QuarantineTransport(Protocol):
    """What handing in needs of a network."""

    def hand_in(self, incarnation: int, mutations: list[Mutation], *, complete: bool) -> int:
        """`POST …/devices/quarantine`, by proof of the device's secret; the number up to which it is kept."""

    def wanted_wipe(self) -> str | None:
        """Whether the revoked device is to be wiped: "now", "after_hand_in", or None."""


def hand_in(store: Store, transport: object, clock: Clock) -> int | None:
    """Hand in everything that has no answer, once; the number up to which the server keeps it, None for nothing.

    Raises:
        Offline, ServerUnavailable: the next sync goes on with it.
    """
    if not isinstance(transport, QuarantineTransport):
        return store.meta_int("quarantined_through") or None
    _make_sure(store, transport, clock)
    through = store.meta_int("quarantined_through")
    if store.meta("quarantine_closed") is not None:
        return through or None
    start, again, is_open = store.meta_int("again_from", 1), store.meta("again_from") is not None, True
    while is_open:
        with store.write() as conn:
            chunk = outbox.next_chunk(conn, start, again=again)
            if not chunk:
                return through or None
            start = chunk[-1]["number"] + 1
            is_open = not outbox.is_drained(conn, start, again=again)
            store.set_meta(sent_through=max(store.meta_int("sent_through"), chunk[-1]["number"]))
        try:
            through = transport.hand_in(store.meta_int("incarnation"), chunk, complete=not is_open)
        except Rejected as refusal:
            if refusal.code not in ("quarantine_closed", "too_large", "number_gap", "forked"):
                return through or None  # a server that knows no quarantine, or not this device: it stays here
            is_open = False
        with store.write():
            store.set_meta(quarantined_through=through, quarantine_closed=None if is_open else 1)
    return through or None


def _make_sure(store: Store, transport: QuarantineTransport, clock: Clock) -> None:
    """See that the server still has what it has answered, or keeps in quarantine: it may have been restored since."""
    try:
        through = transport.hand_in(store.meta_int("incarnation"), [], complete=False)
    except Rejected:
        return
    if through < store.meta_int("answered_through"):
        go_back(store, through, at=clock())
    if through < store.meta_int("quarantined_through"):
        with store.write():
            store.set_meta(quarantined_through=through or None, quarantine_closed=None)
