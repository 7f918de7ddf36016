"""Syncing by itself: a policy decides from battery, network and what waits; a loop with back-off and jitter obeys.

The loop syncs in intervals, soon after a local change, and when it is woken (a push message, the app coming to the
foreground). By itself it syncs no more often than the company's plan says. It never raises: what a sync raises is
passed to `on_error`, and decides how long it waits. Where only a person can help (a revoked device, an app that is too
old), it waits until it is woken.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from outrider_sdk.errors import (
    ClientTooOld,
    DeviceRevoked,
    ForeignCredentials,
    NotEnrolled,
    OutriderError,
    ReplicaClosed,
    ReplicaForked,
    ServerUnavailable,
)
from outrider_sdk.report import SyncReport
from outrider_sdk.status import Status

if TYPE_CHECKING:
    from outrider_sdk.replica import Replica

INTERVAL_S = 300.0
SOON_S = 2.0
"""After a local change; what follows within it goes along."""
BACKOFF_FIRST_S, BACKOFF_MAX_S = 5.0, 900.0
LATER_S = 60.0
"""When a policy that said "later" is asked again."""
BATTERY_LOW_PERCENT = 15
_log = logging.getLogger(__name__)
FOR_A_PERSON = (ClientTooOld, DeviceRevoked, ForeignCredentials, NotEnrolled, ReplicaForked)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the platform says of the device now; None: it does not say."""

    foreground: bool | None = None
    online: bool | None = None
    metered: bool | None = None
    charging: bool | None = None
    battery_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to sync: now, later (ask again after `after_s`), or never (not until woken)."""

    when: str
    after_s: float = LATER_S
    why: str = ""


NOW = Decision("now")
Policy = Callable[[Conditions, Status], Decision]


def default_policy(conditions: Conditions, status: Status) -> Decision:
    """Sync, but for: no network; a low battery; a metered network in the background, with nothing to hand in."""
    if conditions.online is False:
        return Decision("later", why="there is no network")
    is_low = conditions.battery_percent is not None and conditions.battery_percent < BATTERY_LOW_PERCENT
    if conditions.foreground is False and is_low and not conditions.charging:
        return Decision("later", why="the battery is low")
    if conditions.foreground is False and conditions.metered and not status.pending:
        return Decision("later", why="the network is metered, and nothing waits to be sent")
    return NOW


class BackgroundSync:
    """The loop; made by `Replica.background`. Use as a context manager, or call `stop`."""

    def __init__(
        self,
        crm: "Replica",
        *,
        policy: Policy,
        conditions: Callable[[], Conditions],
        interval_s: float,
        on_report: Callable[[SyncReport], object] | None,
        on_error: Callable[[OutriderError], object] | None,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._crm = crm
        self._policy = policy
        self._conditions = conditions
        self._interval_s = interval_s
        self._on_report = on_report
        self._on_error = on_error
        self._jitter = jitter
        self._failures = 0
        self._woken = threading.Event()
        self._called = False
        self._changed = False
        self._not_before = 0.0
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begin, in a thread of its own; the first sync is at once, if the policy agrees."""
        self._crm.store_changed(self._note_change)
        self._thread = threading.Thread(target=self._run, name="outrider-background", daemon=True)
        self._thread.start()
        return self

    def wake(self) -> None:
        """There is a reason to sync now: a poke, the app in the foreground, the network back."""
        self._failures = 0
        self._called = True
        self._woken.set()

    def stop(self) -> None:
        """End it. A sync that is under way comes to its end, unless the replica is closed."""
        self._stopped = True
        self._woken.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def step(self) -> float | None:
        """Ask the policy, and sync where it agrees; seconds until the next step, or None: not until woken."""
        try:
            self._called = False
            status = self._crm.status()
            decision = self._policy(self._conditions(), status)
            self._crm.events.note("background_decided", when=decision.when)
            if decision.when == "never":
                return None
            if decision.when == "later":
                return decision.after_s
            report = self._crm.sync()
            self._failures = 0
            plan_s = 0.0 if status.plan is None else status.plan.sync_interval_s
            self._not_before = time.monotonic() + plan_s
            if self._on_report is not None:
                self._on_report(report)
            self._crm.prepare_search()
        except ReplicaClosed:
            self._stopped = True
            return None
        except OutriderError as error:
            if self._on_error is not None:
                self._on_error(error)
            return self._after(error)
        return max(self._interval_s * self._jitter(0.9, 1.1), plan_s)

    def _after(self, error: OutriderError) -> float | None:
        if isinstance(error, FOR_A_PERSON):
            return None
        self._failures += 1
        doubled = BACKOFF_FIRST_S * float(2 ** min(self._failures - 1, 20))
        pause = min(BACKOFF_MAX_S, doubled) * self._jitter(0.5, 1.0)
        asked = error.retry_after_s if isinstance(error, ServerUnavailable) else None
        return max(pause, asked or 0.0)

    def _note_change(self) -> None:
        if not self._crm.is_syncing:  # its own commits are no news
            self._changed = True
            self._woken.set()

    def _guarded_step(self) -> float | None:
        try:
            return self.step()
        except Exception as error:  # of the application's policy or callbacks: the loop must not end for that
            self._crm.events.note("background_failed", error=type(error).__name__)
            _log.exception("A hook of the background sync failed; the loop goes on.")
            return BACKOFF_MAX_S

    def _run(self) -> None:
        while not self._stopped:
            self._woken.clear()
            self._woken.wait(self._guarded_step())
            if self._changed and not self._stopped:
                self._changed = False
                self._woken.clear()
                self._woken.wait(SOON_S)
                self._wait_for_the_plan()

    def _wait_for_the_plan(self) -> None:
        """After a change: as long as the plan wants between two syncs, unless somebody calls."""
        while not (self._stopped or self._called) and (left_s := self._not_before - time.monotonic()) > 0:
            self._woken.wait(left_s)
            self._woken.clear()
