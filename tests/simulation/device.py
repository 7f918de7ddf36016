"""A person with a device that fails: the real replica in a file, over a network and a disk of this house."""

import shutil
import tempfile
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outrider_sdk import Replica
from outrider_sdk.credentials import Credentials

from tests.simulation.network import FailingConnection, FaultyTransport
from tests.simulation.server import DeviceRecord

if TYPE_CHECKING:
    from tests.simulation.run import Run

SHARED_MEMORY = Path("/dev/shm")
IN_1970 = -1_789_990_000_000_000
IN_2100 = 2_312_444_800_000_000
OFFSETS = (0, 0, 3_600_000_000, -86_400_000_000, 40_000_000, IN_1970, IN_2100)
"""How far clocks are off, in microseconds."""


class _Kept:
    """Credentials in memory."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def load(self) -> Credentials:
        return self.credentials

    def save(self, credentials: Credentials) -> None:
        self.credentials = credentials


@cache
def scratch() -> Path:
    """A folder for this process's replicas, with an empty one to copy."""
    folder = Path(
        tempfile.mkdtemp(prefix="outrider-simulation-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None)
    )
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=10)  # also at the end of a worker process
    Replica.open(folder / "empty.db", credentials=_Kept(None)).close()  # type: ignore[arg-type]
    return folder


class Rep:
    """A person with a device."""

    def __init__(self, run: "Run", index: int, member_id: str) -> None:
        self.run, self.member_id = run, member_id
        self.id = run.new_id()
        self.name = f"device {index}"
        self.offset = 0
        self.set_clock()
        self.path = scratch() / f"{self.id}.db"
        shutil.copy(scratch() / "empty.db", self.path)
        self.credentials = _Kept(
            Credentials("https://x.example", "acme", self.id, member_id, 1, f"D{index}", "c2VjcmV0", "r")
        )
        run.server.devices[self.id] = DeviceRecord(self.id, member_id, enrolled_at=run.now, seen_at=run.now)
        self.transport = FaultyTransport(run, self)
        self.syncing = False
        self.calls = 0
        self.at_work: tuple[str, str] | None = None
        """The row that its person edited last."""
        self.expected: dict[Any, int] | None = None
        """What the last page promised: row → revision."""
        self.connection = type("Connection", (FailingConnection,), {})
        self.replica = self.open()

    def set_clock(self) -> None:
        """Let the device believe in another time."""
        self.offset = self.run.chance.choice(OFFSETS)
        if self.offset in (IN_1970, IN_2100):
            self.run.fault("clock off by years")

    def clock(self) -> int:
        """The device's own idea of the time."""
        return self.run.tick(1_000) + self.offset

    def open(self) -> Replica:
        """Start the app (again)."""
        return Replica.open(
            self.path,
            credentials=self.credentials,
            transport=self.transport,
            clock=self.clock,
            entropy=lambda size: self.run.chance.randbytes(size),
            connection_factory=self.connection,
        )

    def fact(self, key: str) -> int:
        """A number that the replica keeps; `status()` has it too, and more that takes time."""
        found = self.replica.query("SELECT value FROM sync_meta WHERE key = ?", (key,))
        return int(found[0]["value"] or 0) if found else 0

    def restart(self) -> None:
        """The process was killed; the next one opens what is on disk."""
        self.connection.fuse = None
        self.replica.close()
        self.replica = self.open()
