"""UUIDv7 (RFC 9562, 5.7) that grows strictly within one replica, also where the clock stands or goes back."""

import os
import uuid
from collections.abc import Callable

Clock = Callable[[], int]
"""The device's clock: microseconds since 1970, UTC. It may be wrong, and may jump."""
Entropy = Callable[[int], bytes]
"""So many random bytes."""

_COUNTER_BITS = 12


class IdSource:
    """Makes the ids of one replica's rows.

    The 12 bits after the version count within a millisecond (method 1 of RFC 9562, 6.2); when they run over, or the
    clock goes back, the source goes on from the last millisecond that it used.
    """

    def __init__(self, clock: Clock, entropy: Entropy = os.urandom) -> None:
        self._clock = clock
        self._entropy = entropy
        self._last = 0  # milliseconds and counter as one number

    def __call__(self) -> str:
        """A new id: 36 lower-case characters."""
        now_ms = min(max(self._clock() // 1000, 0), (1 << 48) - 1)
        self._last = max(now_ms << _COUNTER_BITS, self._last + 1)
        random = int.from_bytes(self._entropy(8)) & ((1 << 62) - 1)
        milliseconds, counter = self._last >> _COUNTER_BITS, self._last & 0xFFF
        return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | counter << 64 | 2 << 62 | random))
