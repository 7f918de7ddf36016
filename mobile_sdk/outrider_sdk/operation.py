"""Running a replica: how it stands, what support asks for, syncing by itself."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from outrider_sdk.background import INTERVAL_S, BackgroundSync, Conditions, Policy, default_policy
from outrider_sdk.diagnostics import describe
from outrider_sdk.errors import OutriderError, SyncError
from outrider_sdk.events import Events
from outrider_sdk.ids import Clock
from outrider_sdk.lease import LeaseWatch
from outrider_sdk.report import SyncReport
from outrider_sdk.status import Status, get_status
from outrider_sdk.store import Store
from outrider_sdk.verify import list_problems

if TYPE_CHECKING:
    from outrider_sdk.replica import Replica


class Operation:
    """What `Replica` has for whoever runs it, beside its data."""

    events: Events
    _store: Store
    _clock: Clock
    _lease: LeaseWatch
    _syncing: threading.Lock
    _last_error: SyncError | None = None

    def status(self) -> Status:
        """How the replica stands, without contact."""
        return get_status(self._store, self._clock, self._lease, self._last_error)

    def diagnostics(self) -> dict[str, Any]:
        """What support needs, as plain JSON: versions, numbers, sizes, counts, codes, the last events.

        No personal data are in it: no value of any row, no id, no address.
        """
        return describe(self._store, self.status(), self.events)

    def background(
        self,
        *,
        policy: Policy = default_policy,
        conditions: Callable[[], Conditions] = Conditions,
        interval_s: float = INTERVAL_S,
        on_report: Callable[[SyncReport], object] | None = None,
        on_error: Callable[[OutriderError], object] | None = None,
    ) -> BackgroundSync:
        """Sync by itself from now on: at intervals, soon after each change, and when woken; until `stop`.

        Args:
            policy: says from conditions and status whether to sync now, later or not until woken.
            conditions: asks the platform for battery, network and foreground.
            on_report: called after each sync, from the loop's thread; `on_error` after one that raised.
        """
        crm = cast("Replica", self)
        hooks: dict[str, Any] = {"on_report": on_report, "on_error": on_error}
        return BackgroundSync(crm, policy=policy, conditions=conditions, interval_s=interval_s, **hooks).start()

    @property
    def is_syncing(self) -> bool:
        """Whether a sync is under way."""
        return self._syncing.locked()

    def store_changed(self, hear: Callable[[], object]) -> None:
        """Have a function called after each commit, while the replica is held: to note it, no more."""
        self._store.on_commit.append(hear)

    def verify(self) -> list[str]:
        """What is wrong with the replica; empty where all is well. Reads everything, changes nothing.

        Checks the file's structure, the numbers and digests of the outbox, and that what is shown equals base plus
        overlay.
        """
        cast("Replica", self)._refuse_inside_transaction("verify")
        return list_problems(self._store)
