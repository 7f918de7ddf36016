"""A person with a device that fails: the real replica in a file, over a network and a disk of this house."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from outrider_sdk import Replica, enrolment, wipe
from outrider_sdk.credentials import Credentials
from outrider_sdk.errors import ForeignCredentials, ForeignFile, ReplicaBroken, StorageFailed

from tests.simulation.network import FailingConnection, FaultyTransport
from tests.simulation.oracle import Violation
from tests.simulation.records import DeviceRecord

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

    def delete(self) -> None:
        self.credentials = None  # type: ignore[assignment]


@cache
def scratch() -> Path:
    """A folder for this process's replicas, with an empty one to copy."""
    folder = Path(
        tempfile.mkdtemp(prefix="outrider-simulation-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None)
    )
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=10)  # also at the end of a worker process
    Replica.open(folder / "empty.db", credentials=_Kept(None)).close()  # type: ignore[arg-type]
    return folder


@dataclass
class Copy:
    """A copy of a replica's file, with the credentials that were beside it."""

    life: str
    credentials: Credentials
    damaged: set[tuple[str, str]]


class Rep:
    """A person with a device."""

    def __init__(self, run: "Run", index: int, member_id: str) -> None:
        self.run, self.member_id = run, member_id
        self.name = f"device {index}"
        self.life = f"{self.name}, life 1"
        """Which history the file holds: a copy of it goes on as another one."""
        self.copy: Copy | None = None
        self.lives = 1
        self.offset = 0
        self.set_clock()
        self.path = scratch() / f"{run.new_id()}.db"
        self.credentials = _Kept(None)  # type: ignore[arg-type]
        self.leased_at: int | None = None
        self.schema = run.server.schema
        """That of its app."""
        self.damaged: set[tuple[str, str]] = set()
        """Rows that something has spoilt in the file, and that no comparison has repaired yet."""
        self.was_damaged = False
        self._enrol(f"D{index}")
        self.transport = FaultyTransport(run, self)
        self.syncing = False
        self.for_next_sync: set[int] | None = None
        """Numbers that its person typed after the push of the last sync; None while that is still to end."""
        self.calls = 0
        self.at_work: tuple[str, str] | None = None
        """The row that its person edited last."""
        self.expected: dict[Any, int] | None = None
        """What the last page promised: row → revision."""
        self.promised: dict[int, dict[Any, int] | None] = {}
        """Cursor → what each last page of this sync promised: one that a comparison asks for may come to nothing."""
        self.connection = type("Connection", (FailingConnection,), {})
        self.replica = self.open()

    def _enrol(self, prefix: str) -> None:
        """Begin with an empty file, as a device that nobody was before."""
        run, device_id = self.run, self.run.new_id()
        shutil.copy(scratch() / "empty.db", self.path)
        self.credentials.save(
            Credentials("https://x.example", "acme", device_id, self.member_id, 1, prefix, "c2VjcmV0", "r")
        )
        run.server.devices[device_id] = DeviceRecord(device_id, self.member_id, enrolled_at=run.now, seen_at=run.now)

    def begin_anew(self) -> None:
        """After a wipe: the same phone is enrolled as another device, with nothing on it."""
        wipe.report(self.path)
        self.lives += 1
        self.life = f"{self.name}, life {self.lives}"
        self.leased_at, self.expected, self.at_work, self.damaged = None, None, None, set()
        self._enrol(f"W{self.run.serial}")
        try:
            self.replica = self.open()
        except StorageFailed:  # its person frees some space, and starts the app once more
            self.run.fault("device's disk full")
            self.replica = self.open()

    @property
    def id(self) -> str:
        """The device that the server knows it as."""
        return self.credentials.credentials.device_id

    def copy_file(self) -> None:
        """Copy the file while the app is closed: a backup, a cloned phone."""
        self.replica.close()
        kept = self.path.with_suffix(".copy")
        for suffix in ("", "-wal"):
            beside, target = Path(f"{self.path}{suffix}"), Path(f"{kept}{suffix}")
            target.unlink(missing_ok=True)
            if beside.exists():
                shutil.copy(beside, target)
        self.lives += 1
        life = f"{self.name}, life {self.lives}"
        self.copy = Copy(life, self.credentials.credentials, set(self.damaged))
        self.replica = self.open()
        self.run.oracle.part(self.life, life, self.fact("last_number"))

    def swap(self, *, keep_credentials: bool) -> None:
        """Go on with the copy, and keep what was in its place as the copy: a restored phone, or the other of two."""
        assert self.copy is not None
        self.replica.close()
        kept, aside = self.path.with_suffix(".copy"), self.path.with_suffix(".aside")
        for suffix in ("", "-wal"):
            here, there, between = (Path(f"{path}{suffix}") for path in (self.path, kept, aside))
            for source, target in ((here, between), (there, here), (between, there)):
                if source.exists():
                    source.replace(target)
        mine = Copy(self.life, self.credentials.credentials, self.damaged)
        self.life, self.damaged = self.copy.life, self.copy.damaged
        if not keep_credentials:
            self.credentials.save(self.copy.credentials)
        self.leased_at = None
        theirs, self.copy, self.expected, self.at_work = self.copy.credentials, mine, None, None
        try:
            self.replica = self.open()
        except ForeignCredentials:  # of another enrolment than the file
            self.credentials.save(theirs)
            self.replica = self.open()

    def enrol_again(self) -> None:
        """Its person draws a code, and the revoked replica goes on with what it holds."""
        with patch.object(enrolment, "enrol", self._enrolled):
            self.replica.enrol(server="https://x.example", tenant="acme", code="CODE", again=True)

    def _enrolled(self, credentials: _Kept, *, previous: Any, **_: Any) -> dict[str, Any]:
        reply = self.run.server.enrol_again(self.member_id, previous)
        fields = {name: reply[name] for name in ("device_id", "incarnation", "number_prefix")}
        credentials.save(replace(credentials.credentials, **fields, origin_id="", lease=""))
        self.leased_at = None
        return reply

    @property
    def is_revoked(self) -> bool:
        """Whether the server lets it sync no more."""
        record = self.run.server.devices.get(self.id)
        return record is None or record.revoked_at is not None

    @property
    def needs_code(self) -> bool:
        """Whether the server knows nothing of the credentials' device or the file's, or lets either sync no more.

        They are two where a file was swapped for a copy, and where a restored server has lost the one.
        """
        found = self.replica.query("SELECT value FROM sync_meta WHERE key = 'device_id'")
        file_is_of = self.run.server.devices.get(found[0]["value"]) if found else None
        is_shut_out = bool(found) and (file_is_of is None or file_is_of.revoked_at is not None)
        return self.is_revoked or is_shut_out

    @property
    def is_to_be_wiped(self) -> bool:
        """Whether the server waits for its receipt."""
        record = self.run.server.devices.get(self.id)
        return record is not None and record.wipe_ordered_at is not None

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
        try:
            return self._open()
        except (ReplicaBroken, ForeignFile) as error:
            raise Violation("S1", f"the file of {self.life} can't be opened any more: {error}") from error

    def _open(self) -> Replica:
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
