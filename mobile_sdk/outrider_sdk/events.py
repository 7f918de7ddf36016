"""What the SDK does, as an application may log it: names, counts and codes, never what anybody typed."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from outrider_sdk.ids import Clock

KEPT_MAX = 100
"""So many of the last events go into `diagnostics`."""

OnEvent = Callable[[str, Mapping[str, Any]], object]
_log = logging.getLogger("outrider_sdk")


class Events:
    """The events of one replica, since it was opened."""

    def __init__(self, clock: Clock, hook: OnEvent | None) -> None:
        self._clock = clock
        self._hook = hook
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT_MAX)

    def note(self, name: str, **facts: Any) -> None:
        """Something happened. Facts are numbers, codes and truths; an error is named by its class and code.

        A hook that fails is logged, and disturbs nothing.
        """
        self._kept.append({"at": self._clock(), "event": name, **facts})
        if self._hook is None:
            _log.debug("%s %s", name, facts)
            return
        try:
            self._hook(name, facts)
        except Exception:
            _log.exception("The event hook failed.")

    def last(self) -> list[dict[str, Any]]:
        """The last ones, oldest first."""
        return list(self._kept)
