"""Whether work was captured past a device's lease. Pure.

The server's clock says whether a lease had ended before the device came back; the device says of which captures. So a
clock that was wrong by years holds nobody's work while the lease was good, and none is ever refused (domain rule 7).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lapse:
    """The time for which a device had no lease, the last time that it had none: microseconds, by the server's clock."""

    start: int
    end: int


def is_past_lease(flagged: bool, captured_at: int, lapse: Lapse | None) -> bool:
    """Whether a mutation counts as captured past the lease.

    Args:
        flagged: what the device says of it.
        captured_at: by the server's clock, as far as that is known.
        lapse: None for a device that never was without a lease.
    """
    return lapse is not None and (flagged or lapse.start <= captured_at < lapse.end)
