"""Live queries: an application is called when the result of a query has changed.

A thread of the replica's own asks again after each commit, compares, and calls; it exists once something is subscribed.
Several commits in quick succession are one call. It waits for a transaction that is under way, so no callback sees half
of one, and none runs inside one.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from outrider_sdk.errors import OutriderError, ReplicaClosed
from outrider_sdk.queries import Query
from outrider_sdk.store import Store

POLL_S = 1.0
"""So often a replica that is open for reading looks whether its writer has written."""

Ask = Callable[[], Sequence[Any]]
Deliver = Callable[[Callable[[Any], object], Any], object]
_log = logging.getLogger(__name__)


class Subscription:
    """One live query. `stop` ends it; so does the end of a `with` block."""

    def __init__(self, ask: Ask, callback: Callable[[Any], object], deliver: Deliver | None) -> None:
        self._ask = ask
        self._callback = callback
        self._deliver = deliver
        self._rows: Sequence[Any] | None = None
        self.stopped = False

    def stop(self) -> None:
        """No further call begins. One that is running, perhaps in another thread, goes on."""
        self.stopped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Ask, and call where the result is another than the last time."""
        rows = self._ask()
        if rows == self._rows or self.stopped:
            return
        self._rows = rows
        if self._deliver is None:
            self._call(rows)
        else:
            self._deliver(self._call, rows)

    def _call(self, rows: Any) -> None:
        if not self.stopped:
            self._callback(rows)


class LiveQueries:
    """The live queries of one replica."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subscriptions: list[Subscription] = []
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._seen_version = -1

    def subscribe(
        self, query: Query[Any] | Ask, callback: Callable[[Any], object], deliver: Deliver | None
    ) -> Subscription:
        """See `Replica.live`."""
        made = Subscription(query.all if isinstance(query, Query) else query, callback, deliver)
        self._subscriptions = [*(each for each in self._subscriptions if not each.stopped), made]
        if self._thread is None:
            self._store.on_commit.append(self._woken.set)
            self._thread = threading.Thread(target=self._run, name="outrider-live", daemon=True)
            self._thread.start()
        self._woken.set()
        return made

    def close(self) -> None:
        """End all of them."""
        self._closed = True
        for each in self._subscriptions:
            each.stop()
        self._woken.set()

    def _run(self) -> None:
        while not self._closed:
            was_woken = self._woken.wait(POLL_S if self._store.read_only else None)
            self._woken.clear()
            if was_woken or self._was_written_elsewhere():
                for each in self._subscriptions:
                    self._check(each)

    def _was_written_elsewhere(self) -> bool:
        try:
            with self._store.read() as conn:
                version = conn.execute("PRAGMA data_version").fetchone()[0]
        except OutriderError:
            return False
        seen, self._seen_version = self._seen_version, version
        return bool(seen != version)

    def _check(self, subscription: Subscription) -> None:
        if subscription.stopped:
            return
        try:
            subscription.check()
        except ReplicaClosed:
            subscription.stop()
        except Exception:  # of the application's callback, or of its query: it must not end the other subscriptions
            _log.exception("A live query failed; it goes on with the next change.")
