"""A network and a machine that fail: lost, doubled, late and reordered messages; crashes at any statement."""

import copy
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from outrider_sdk.errors import DeviceRevoked, Offline, Rejected, ReplicaForked, ServerUnavailable

from server.errors import AppError
from tests.simulation.server import Locked, MemoryServer


class SimulatedCrash(BaseException):
    """The process of a device ends here."""


class CrashingConnection(sqlite3.Connection):
    """Ends the process at a statement chosen beforehand: before it runs, or just after."""

    fuse: int | None = None
    after: bool = False

    def _burn(self, run: Callable[[], Any]) -> Any:
        cls = type(self)
        if cls.fuse is None:
            return run()
        cls.fuse -= 1
        if cls.fuse > 0:
            return run()
        cls.fuse = None
        if cls.after:
            run()
        raise SimulatedCrash

    def execute(self, *args: Any) -> Any:
        """Run a statement, or crash at it."""
        return self._burn(lambda: super(CrashingConnection, self).execute(*args))

    def executemany(self, *args: Any) -> Any:
        """Run a statement for many, or crash at it."""
        return self._burn(lambda: super(CrashingConnection, self).executemany(*args))


class FaultyTransport:
    """Carries a device's requests to the server in memory, or doesn't."""

    def __init__(self, device_id: str, server: MemoryServer, chance: Any, interleave: Callable[[], None]) -> None:
        self.device_id = device_id
        self.server = server
        self.chance = chance
        self.interleave = interleave
        self.contact_time: tuple[int, int] | None = None
        self.device_clock: Callable[[], int] = lambda: 0
        self.bytes_sent = self.bytes_received = 0
        self.late: list[dict[str, Any]] = []
        """Copies of pushes that the network still holds."""
        self.healed = False
        self.faults: dict[str, int] = {}

    def _happens(self, fault: str, probability: float) -> bool:
        if self.healed or self.chance.random() >= probability:
            return False
        self.faults[fault] = self.faults.get(fault, 0) + 1
        return True

    def push(self, request: Any) -> Any:
        """Deliver a push: it may be lost, its reply may be, a copy may come later, the server may crash in between."""
        request = copy.deepcopy(request)
        if self._happens("request lost", 0.08):
            raise Offline("lost")
        if self._happens("push doubled", 0.12):
            self.late.append(copy.deepcopy(request))
        left = self.device_clock()
        reply = self.deliver(request)
        if self._happens("reply lost", 0.12):
            raise Offline("lost")
        self.contact_time = (left, self.device_clock())
        return reply

    def deliver(self, request: Any) -> Any:
        """What the server makes of a push that reached it."""
        try:
            transaction = self.server.begin_push(self.device_id, request)
        except Locked:
            raise ServerUnavailable("busy") from None
        except AppError as error:
            if error.code == "forked":
                raise ReplicaForked(error.extra["number"]) from None
            raise Rejected(error.status, error.code, error.message, error.extra) from None
        try:
            self.interleave()
        finally:  # the server goes on, also where the device ends meanwhile
            crashed = self._happens("server crashed before commit", 0.06)
            if crashed:
                self.server.abort(transaction)
            else:
                self.server.commit(transaction)
        if crashed:
            raise Offline("the server went away")
        return transaction.reply

    def deliver_late(self) -> None:
        """A copy that the network held comes through, after whatever was sent since."""
        request = self.late.pop(self.chance.randrange(len(self.late)))
        self.faults["push reordered"] = self.faults.get("push reordered", 0) + 1
        with suppress(Offline, Rejected, ReplicaForked, ServerUnavailable, DeviceRevoked):  # nobody waits for it
            self.deliver(request)

    def pull(self, request: Any) -> Any:
        """Ask for a page; it may be lost, and the world goes on while it travels."""
        if self._happens("pull cut", 0.1):
            raise Offline("lost")
        left = self.device_clock()
        page = self.server.pull(self.device_id, copy.deepcopy(request), page_rows=self.chance.choice((2, 5, 20, 500)))
        self.interleave()
        self.contact_time = (left, self.device_clock())
        return copy.deepcopy(page)

    def close(self) -> None:
        """Nothing to let go of."""
