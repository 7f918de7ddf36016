"""A small in-process memory of answers that may be some seconds old."""

import time
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class TtlCache(Generic[K, V]):
    """At most `size_max` values, each for `ttl_s` seconds; when full, the oldest leaves."""

    def __init__(self, *, ttl_s: float, size_max: int) -> None:
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """The value, unless it was never there or is too old."""
        entry = self._entries.get(key)
        if entry is None or entry[0] <= time.monotonic():
            return None
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Remember the value from now on."""
        self._entries.pop(key, None)  # all live equally long, so the order of insertion is that of age
        while len(self._entries) >= self._size_max:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (time.monotonic() + self._ttl_s, value)

    def forget(self, key: K) -> None:
        """Forget one of them, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
