"""One run: a seed decides clocks, network, crashes and acts; then everything heals, drains and is compared."""

import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from outrider_sdk import Replica
from outrider_sdk.credentials import Credentials
from outrider_sdk.errors import NotDiscardable, OutriderError, SyncError

from tests.simulation.network import CrashingConnection, FaultyTransport, SimulatedCrash
from tests.simulation.oracle import Oracle, Typed
from tests.simulation.server import DeviceRecord, Locked, MemoryServer, Transaction

STEPS = 70
DEVICES = 3
EPOCH_US = 1_790_000_000_000_000
DEPTH_MAX = 2
SHARED_MEMORY = Path("/dev/shm")


@dataclass
class Result:
    """What one seed did."""

    seed: int
    violation: str | None = None
    history: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)


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
    """A person with a device that fails."""

    def __init__(self, run: "Run", index: int, member_id: str) -> None:
        self.run, self.member_id = run, member_id
        self.id = run.new_id()
        self.name = f"device {index}"
        self.offset = run.chance.choice((0, 0, 3_600_000_000, -86_400_000_000, 40_000_000))
        self.path = scratch() / f"{self.id}.db"
        shutil.copy(scratch() / "empty.db", self.path)
        self.credentials = _Kept(
            Credentials("https://x.example", "acme", self.id, member_id, 1, f"D{index}", "c2VjcmV0", "r")
        )
        run.server.devices[self.id] = DeviceRecord(self.id, member_id, seen_at=run.now)
        self.transport = FaultyTransport(self.id, run.server, run.chance, run.interleave)
        self.transport.device_clock = self.clock
        self.syncing = False
        self.calls = 0
        self.connection = type("Connection", (CrashingConnection,), {})
        self.replica = self.open()

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
            entropy=self.run.chance.randbytes,
            connection_factory=self.connection,
        )

    def restart(self) -> None:
        """The process was killed; the next one opens what is on disk."""
        self.connection.fuse = None
        self.replica.close()
        self.replica = self.open()


class Run:
    """The world of one seed."""

    def __init__(self, seed: int, steps: int = STEPS) -> None:
        self.seed, self.steps = seed, steps
        self.chance = random.Random(seed)
        self.now = EPOCH_US
        self.depth = 0
        self.serial = 0
        self.history: list[str] = []
        self.server = MemoryServer(lambda: self.tick(1_000))
        self.oracle = Oracle(self.server)
        self.server.on_commit = self.oracle.on_commit
        self.slow: Transaction | None = None
        self.ids: dict[str, str] = {}
        self.faults: dict[str, int] = {}
        self._settle_in()
        self.reps = [Rep(self, i, self.ids[f"member{i}"]) for i in range(DEVICES)]

    def tick(self, micros: int) -> int:
        """Time goes on."""
        self.now += micros
        return self.now

    def new_id(self) -> str:
        """An id that the seed decides."""
        self.serial += 1
        return f"0190a000-0000-7000-8000-{self.serial:012x}"

    def note(self, text: str) -> None:
        """One line of the replayable history."""
        self.history.append(f"{'  ' * self.depth}{text}")

    def fault(self, name: str) -> None:
        """Count a fault that is not the network's."""
        self.faults[name] = self.faults.get(name, 0) + 1

    def _settle_in(self) -> None:
        transaction = self.server.begin()

        def write(entity: str, key: str, /, **values: Any) -> None:
            self.server.write(transaction, entity, self.ids.setdefault(key, self.new_id()), **values)

        for i in range(DEVICES):
            write("member", f"member{i}", name=f"Rep {i}", role="rep", active=True)
        write("legal_entity", "company", name="Co", currency="USD")
        write("price_list", "list", name="List", currency="USD", version=1)
        write("product", "tea", sku="TEA", name="Tea", names="{}", base_unit="box", active=True)
        write("price_item", "price", price_list_id=self.ids["list"], product_id=self.ids["tea"], unit="box",
              price="18.00", minimum_quantity="0")  # fmt: skip
        write("warehouse", "depot", name="Depot", legal_entity_id=self.ids["company"], warehouse_kind="depot")
        write("stock", "stock", warehouse_id=self.ids["depot"], product_id=self.ids["tea"], quantity="60",
              reserved="0", as_of=self.now)  # fmt: skip
        for i in range(2):
            write("account", f"account{i}", name=f"A{i}", roles="[]", tags="[]")
            write("agreement", f"terms{i}", account_id=self.ids[f"account{i}"], legal_entity_id=self.ids["company"],
                  price_list_id=self.ids["list"], currency="USD", discount_max="0.1")  # fmt: skip
        for i in range(4):
            write("outlet", f"outlet{i}", account_id=self.ids[f"account{i % 2}"], name=f"O{i}", tags="[]")
            write("contact", f"contact{i}", account_id=self.ids[f"account{i % 2}"], name=f"C{i}",
                  outlet_id=self.ids[f"outlet{i}"] if i > 1 else None)  # fmt: skip
            for m in range(DEVICES):
                if (i + m) % 3:
                    write(
                        "assignment",
                        f"assignment{i}{m}",
                        member_id=self.ids[f"member{m}"],
                        outlet_id=self.ids[f"outlet{i}"],
                    )
        self.server.commit(transaction)

    # The run

    def play(self) -> None:
        """Everything that happens, then heal, drain, compare."""
        from tests.simulation.people import step

        for rep in self.reps:
            self.sync(rep)
        for _ in range(self.steps):
            self.tick(self.chance.randrange(1_000_000, 600_000_000))
            step(self)
        self._heal()
        for _ in range(3):
            for rep in self.reps:
                self.sync(rep)
        for rep in self.reps:
            self.oracle.at_the_end(rep.id, rep.replica)
        self.oracle.stock_is_conserved()
        self.oracle.settlements_are_complete()

    def interleave(self) -> None:
        """While something is under way, others act."""
        from tests.simulation.people import step

        if self.depth < DEPTH_MAX and self.chance.random() < 0.5 and not self.reps[0].transport.healed:
            self.depth += 1
            try:
                step(self)
            finally:
                self.depth -= 1

    def crashing(self, rep: Rep, act: Callable[[], Any], probability: float) -> bool:
        """Do something on a device, which may crash at any statement; whether it came to its end."""
        # Inside a call of the same process, only the crash of the outer one can strike.
        armed = rep.calls == 0 and not rep.transport.healed and self.chance.random() < probability
        if armed:
            rep.connection.fuse = self.chance.randrange(1, 60)
            rep.connection.after = self.chance.random() < 0.5
        rep.calls += 1
        try:
            act()
        except SimulatedCrash:
            if not armed:
                raise  # the process that ends is the one further out
            self.note(f"{rep.name} crashes")
            self.fault("device crashed")
            rep.restart()
            return False
        finally:
            rep.calls -= 1
            if armed:
                rep.connection.fuse = None
        return True

    def sync(self, rep: Rep) -> None:
        """One sync of a device, as far as it comes."""
        if rep.syncing:
            return
        rep.syncing = True
        try:
            done = self.crashing(rep, lambda: self._sync(rep), 0.15)
        finally:
            rep.syncing = False
        if done:
            self.oracle.after_pull(rep.id, rep.replica)

    def _sync(self, rep: Rep) -> None:
        try:
            report = rep.replica.sync()
            self.note(f"{rep.name} syncs: {report.pushed} pushed, cursor {report.cursor}")
        except SyncError as error:
            self.note(f"{rep.name} fails to sync: {type(error).__name__}")
            if rep.transport.healed:
                raise

    def change(self, rep: Rep, act: Callable[[], tuple[list[Typed], list[str]]], what: str) -> None:
        """A local transaction of a device: `act` says what was typed, and the ids of new rows."""
        number = rep.replica.status().last_number + 1
        created: list[str] = []
        self.oracle.typed.pop((rep.id, number), None)  # of one that a crash undid

        def do() -> None:
            with rep.replica.transaction():
                typed, ids = act()
                created.extend(ids)
                # Known before it is durable: after a crash the outbox may have it all the same.
                self.oracle.typed[rep.id, number] = typed

        try:
            done = self.crashing(rep, do, 0.1)
        except OutriderError as error:
            self.note(f"{rep.name} cannot {what}: {error}")
            return
        if rep.replica.status().last_number < number:
            return
        self.note(f"{rep.name} {what} (no. {number})")
        self.oracle.created |= dict.fromkeys(created, (rep.id, number))
        if done:
            self.oracle.acknowledged.setdefault(rep.id, set()).add(number)

    def discard(self, rep: Rep, number: int) -> None:
        """A person takes back something not yet sent."""
        try:
            gone = rep.replica.discard(number, cascade=True)
        except NotDiscardable:
            return
        for each in gone:
            self.oracle.typed.pop((rep.id, each), None)
            self.oracle.discarded.setdefault(rep.id, set()).add(each)
        self.note(f"{rep.name} discards {gone}")

    def _heal(self) -> None:
        if self.slow is not None:
            self.server.commit(self.slow)
            self.slow = None
        for rep in self.reps:
            while rep.transport.late:
                rep.transport.deliver_late()
            rep.transport.healed = True

    def close(self) -> None:
        """Leave nothing behind."""
        for rep in self.reps:
            rep.replica.close()
            for path in scratch().glob(f"{rep.path.name}*"):
                path.unlink()


def run_seed(seed: int, steps: int = STEPS) -> Result:
    """Play one seed."""
    run = Run(seed, steps)
    result = Result(seed)
    try:
        run.play()
    except (AssertionError, OutriderError, Locked) as error:
        result.violation = f"{type(error).__name__}: {error}"
    finally:
        run.close()
    result.history = run.history
    result.checks = run.oracle.checks
    for faults in (run.faults, *(rep.transport.faults for rep in run.reps)):
        for name, count in faults.items():
            result.faults[name] = result.faults.get(name, 0) + count
    return result


def play_job(job: tuple[int, int]) -> Result:
    """Play (seed, steps) in a worker process; the history comes back only where it is needed."""
    result = run_seed(*job)
    if result.violation is None:
        result.history = []
    return result
