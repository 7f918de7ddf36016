"""Requests a minute of one API key, counted in this process, and the headers that tell it."""

import math
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

WINDOW_S: Final = 60
KEYS_COUNTED_MAX: Final = 50_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a window after a request. `remaining` below 0: the request was one too many."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """The RateLimit headers, as on the routes of log-in (IETF draft-ietf-httpapi-ratelimit-headers-06)."""
        return {
            "RateLimit-Policy": f"{self.limit}; w={WINDOW_S}",
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.remaining)),
            "RateLimit-Reset": str(self.reset_s),
        }


class RateCounter:
    """Counts requests in windows that begin with a key's first one."""

    def __init__(self) -> None:
        self._windows: dict[UUID, tuple[float, int]] = {}

    def take(self, key_id: UUID, limit: int, *, at: float | None = None) -> Allowance:
        """Count one more request."""
        at = time.monotonic() if at is None else at
        begun, count = self._windows.get(key_id, (at, 0))
        if at - begun >= WINDOW_S:
            begun, count = at, 0
        self._windows.pop(key_id, None)
        if len(self._windows) >= KEYS_COUNTED_MAX:
            del self._windows[next(iter(self._windows))]
        self._windows[key_id] = (begun, count + 1)
        return Allowance(limit, limit - count - 1, math.ceil(begun + WINDOW_S - at))
