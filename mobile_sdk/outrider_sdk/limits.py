"""Limits of what a device holds: named, and refused with what to do instead of failing somewhere later."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from outrider_sdk.errors import OutboxFull, ReplicaTooLarge

if TYPE_CHECKING:
    from outrider_sdk.store import Store

NEARLY = 0.8
"""From this part of a limit on, `status` warns."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a replica may hold. One transaction has limits of its own: those of a message (protocol 4.9)."""

    outbox_mutations_max: int = 100_000
    """Unanswered mutations. Beyond it nothing more is captured until a sync has handed some in."""
    replica_bytes_max: int = 8 * 1024**3
    """Size of the file. Beyond it no further page is pulled; local work goes on."""


def check_outbox(store: "Store") -> None:
    """See that there is room for one more mutation.

    Raises:
        OutboxFull: there is not.
    """
    waiting = store.meta_int("last_number") - store.meta_int("answered_through")
    if waiting >= store.limits.outbox_mutations_max:
        raise OutboxFull(waiting)


def check_replica(store: "Store") -> None:
    """See that there is room for one more page.

    Raises:
        ReplicaTooLarge: there is not.
    """
    size = store.size_bytes()
    if size >= store.limits.replica_bytes_max:
        raise ReplicaTooLarge(size, store.limits.replica_bytes_max)
