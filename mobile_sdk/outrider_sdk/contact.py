"""One sync's contact with the server: what its requests share, and what every reply must fulfil."""

from collections.abc import Callable
from typing import Any

from outrider_sdk.errors import ReplicaForked
from outrider_sdk.ids import Clock
from outrider_sdk.replies import check_reply
from outrider_sdk.report import OnProgress, SyncReport
from outrider_sdk.store import Store
from outrider_sdk.transport import Transport


class Contact:
    """What the phases of a sync share; of a single run, like them."""

    def __init__(self, store: Store, transport: Transport, clock: Clock, on_progress: OnProgress | None) -> None:
        self.store = store
        self.transport = transport
        self.clock = clock
        self.on_progress = on_progress or (lambda progress: None)
        self.incarnation = store.meta_int("incarnation")
        self.skew: int | None = None
        """Server clock minus device clock, as the last reply shows it."""
        self.erased = False
        """Something was forgotten of which the file's free pages must not speak either."""
        self.report = SyncReport()

    def request(self, call: Callable[[], Any], keys: Any) -> Any:
        """Make a request; see that its reply is whole and of our own past; measure the skew of the clocks."""
        left = self.clock()
        reply = call()
        there = self.clock()
        check_reply(reply, keys)
        if reply["applied_through"] > self.store.meta_int("last_number"):
            number = reply["applied_through"]
            is_new_file = self.store.meta_int("last_number") == self.store.meta_int("cursor") == 0
            raise ReplicaForked(number, lost=(number + 1, None) if is_new_file else None)
        left, there = self.transport.contact_time or (left, there)
        self.skew = reply["server_time"] - (left + there) // 2
        return reply
