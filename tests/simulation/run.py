"""One run: a plan decides clocks, network, crashes and acts; then everything heals, drains and is compared."""

import logging
import math
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from outrider_sdk.errors import (
    IllegalStatus,
    InvalidValue,
    NotDiscardable,
    NotFound,
    OutriderError,
    ReplicaBroken,
    StorageFailed,
    SyncError,
)

from tests.simulation import people, travel, upkeep, verdict, world
from tests.simulation.acts import draw_amid, perform
from tests.simulation.device import Rep, scratch
from tests.simulation.network import SimulatedCrash
from tests.simulation.oracle import Oracle, Typed, Violation
from tests.simulation.plan import STEPS, Plan
from tests.simulation.records import Transaction
from tests.simulation.server import MemoryServer

EPOCH_US = 1_790_000_000_000_000
DEPTH_MAX = 2
STATEMENTS_MAX = 400
"""A device fails at one of so many statements; the sooner, the likelier."""


@dataclass
class Result:
    """What one plan did."""

    plan: Plan
    violation: str | None = None
    promise: str | None = None
    """The one that was broken."""
    history: list[str] = field(default_factory=list)
    operations: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)
    covered: set[tuple[str, str]] = field(default_factory=set)
    """(fault, promise): the promise was checked after the fault had happened."""


class Run:
    """The world of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chance = random.Random(f"{plan.seed} world")
        self.now = EPOCH_US
        self.depth = 0
        self.serial = 0
        self.operations = 0
        self.inside = ""
        """What is under way while others act: a push, or a pull."""
        self.at_server: Rep | None = None
        """Whose device syncs."""
        self.healed = False
        self.history: list[str] = []
        self.server = MemoryServer(lambda: self.tick(1_000))
        self.neighbour = MemoryServer(lambda: self.tick(1_000))
        self.oracle = Oracle(self.server)
        self.server.on_commit = self.oracle.on_commit
        self.slow: Transaction | None = None
        self.reassigned: str | None = None
        """The assignment that was given or taken last."""
        self.ids: dict[str, str] = {}
        self.faults: dict[str, int] = {}
        self.erased_words: set[str] = set()
        self.mixed_words: set[str] = set()
        """Of people who were merged in a history that was lost: nobody can know any more whose they were."""
        self.backups: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.restored_from: tuple[dict[str, Any], dict[str, Any]] | None = None
        self.settling: set[str] = set()
        """Conflicts that somebody began to settle."""
        self._restored = ExitStack()
        upkeep.prepare(self, self._restored)
        world.settle_in(self)
        self.reps = [Rep(self, i, self.ids[f"member{i}"]) for i in range(world.DEVICES)]

    def tick(self, micros: int) -> int:
        """Time goes on."""
        self.now += micros
        return self.now

    def new_id(self) -> str:
        """An id that the seed decides."""
        self.serial += 1
        return f"0190a000-0000-7000-8000-{self.serial:012x}"

    def word(self, field: str) -> str:
        """A text that occurs once in a run."""
        self.serial += 1
        return f"{field} {self.serial:05d}"

    def note(self, text: str) -> None:
        """One line of the replayable history."""
        self.history.append(f"{'  ' * self.depth}{text}")

    def fault(self, name: str) -> None:
        """Count a fault."""
        if name not in self.faults:
            self.oracle.faults.append(name)
        self.faults[name] = self.faults.get(name, 0) + 1

    def happens(self, fault: str, probability: float) -> bool:
        """Whether a fault happens now; the same draw of chance, whether or not the plan is without it."""
        drawn = self.chance.random() < probability
        if not drawn or self.healed or fault in self.plan.without:
            return False
        self.fault(fault)
        return True

    # The run

    def play(self) -> None:
        """Everything that happens, then heal, drain, compare."""
        for rep in self.reps:
            self.sync(rep)
        for number, act in self.plan.steps:
            self.chance = random.Random(f"{self.plan.seed} {number}")
            self.tick(self.chance.randrange(1_000_000, 600_000_000))
            perform(self, act)
            upkeep.run_jobs(self)
        self._heal()
        for _ in range(3):  # then everything has been handed in, nothing waits for others, and everybody has it
            for rep in chain(self.reps, self._with_copies()):
                if rep.needs_code:
                    rep.enrol_again()
                for _ in range(2):
                    self.sync(rep)
            upkeep.released_is_taken(self)
            self.server.healing = False
            upkeep.release_all(self)
            upkeep.take_released(self)
        for rep in chain(self.reps, self._with_copies()):
            self.sync(rep)
            verdict.judge(self.oracle, rep)
        verdict.stock_is_conserved(self.oracle)
        verdict.settlements_are_complete(self.oracle)
        verdict.fields_are_as_typed(self.oracle)
        for rep in self.reps if self.erased_words else ():
            rep.replica.close()
            verdict.erased_is_gone(self.oracle, rep.path, self.erased_words - self.mixed_words)

    def _with_copies(self) -> Iterator[Rep]:
        """Those of whose file there is a copy, with the other file in use."""
        for rep in self.reps:
            if rep.copy is not None:
                rep.swap(keep_credentials=False)
                yield rep

    def interleave(self, rep: Rep | None = None) -> None:
        """While something is under way, others act, and the person of the device goes on typing."""
        if self.depth < DEPTH_MAX and not self.healed and self.chance.random() < 0.5:
            inside = self.inside
            self.depth += 1
            try:
                if rep is not None and self.chance.random() < 0.3:
                    people.edit(self, rep)
                    if self.chance.random() < 0.5:  # and then the office, perhaps into the same field
                        self.tick(self.chance.randrange(60_000_000))
                        perform(self, "job_title")
                else:
                    perform(self, draw_amid(self.chance))
            finally:
                self.depth -= 1
                self.inside = inside

    def failing(self, rep: Rep, act: Callable[[], Any], probability: float) -> bool:
        """Do something on a device, which may fail at any statement; whether it came to its end."""
        # Inside a call of the same process, only the failure of the outer one can strike.
        armed = self.chance.random() < probability and rep.calls == 0 and not self.healed
        if armed:
            self._arm(rep)
        rep.calls += 1
        try:
            act()
        except SimulatedCrash:
            if not armed:
                raise  # the process that ends is the one further out
            self.note(f"{rep.name} is killed")
            self.fault("device killed at a commit" if rep.connection.at_commits else "device killed")
            rep.restart()
            return False
        finally:
            rep.calls -= 1
            if armed:
                rep.connection.fuse = None
        return True

    def _arm(self, rep: Rep) -> None:
        connection, chance = rep.connection, self.chance
        connection.mode = chance.choice(("before", "before", "after", "after", "full"))
        connection.at_commits = chance.random() < 0.5
        statement = int(math.exp(chance.uniform(0, math.log(STATEMENTS_MAX))))
        commit = chance.randrange(1, 6)
        fault = "device's disk full" if connection.mode == "full" else "device killed"
        if connection.at_commits and connection.mode != "full":
            fault += " at a commit"
        if fault not in self.plan.without:
            connection.fuse = commit if connection.at_commits else statement

    def sync(self, rep: Rep) -> None:
        """One sync of a device, as far as it comes."""
        if rep.syncing or rep.replica is None:
            return
        self.operations += 1
        rep.syncing, rep.expected, rep.for_next_sync = True, None, None
        rep.promised = {}
        outer, self.at_server = self.at_server, rep
        behind = 0 < rep.fact("cursor") < self.server.horizon
        try:
            done = self.failing(rep, lambda: self._sync(rep), 0.2)
        finally:
            rep.syncing, self.at_server = False, outer
        self._check(rep, behind=behind, done=done)
        if not self.healed:
            self._after_sync(rep)

    def _after_sync(self, rep: Rep) -> None:
        """What did not get through is taken back; and who typed meanwhile goes on."""
        if rep.expected is None and self.chance.random() < 0.3:
            people.discard(self, rep)
        elif rep.for_next_sync and self.chance.random() < 0.7:
            people.go_on(self, rep)

    def _check(self, rep: Rep, *, behind: bool, done: bool) -> None:
        pending = range(rep.fact("applied_through") + 1, rep.fact("last_number") + 1)
        travel.own_writes(self.oracle, rep.life, rep.replica, pending)
        if done:
            cursor, damaged = rep.fact("cursor"), rep.damaged
            travel.after_pull(self.oracle, rep.life, rep.replica, cursor, rep.expected, behind=behind, damaged=damaged)

    def _sync(self, rep: Rep) -> None:
        try:
            with upkeep.app_of(rep):
                report = rep.replica.sync()
            rep.expected = rep.promised.get(report.cursor, rep.expected)
            self.note(f"{rep.name} syncs: {report.pushed} pushed, cursor {report.cursor}")
            upkeep.after_sync(self, rep, report)
            return
        except StorageFailed as error:
            self.fault("device's disk full")
            failure: OutriderError = error
        except ReplicaBroken as error:
            raise Violation("S1", f"the file of {rep.life} is broken: {error}") from error
        except SyncError as error:
            failure = error
        except (AttributeError, TypeError, ValueError, sqlite3.Error) as error:
            problem = _damage(rep)
            if problem:  # the SDK stumbled over what stands where no page of the kind should be
                raise Violation("S1", f"the file of {rep.life} is broken: {problem} ({error!r})") from error
            raise
        rep.expected = None
        self.note(f"{rep.name} fails to sync: {type(failure).__name__}")
        if upkeep.is_meant(self, rep, failure):
            return
        if self.healed:
            raise Violation("S8", f"{rep.name} cannot sync though all is well: {failure!r}")

    def change(self, rep: Rep, act: Callable[[], tuple[list[Typed], list[str]]], what: str) -> int | None:
        """A local transaction of a device: `act` says what was typed, and the ids of new rows; its number."""
        self.operations += 1
        number = rep.fact("last_number") + 1
        created: list[str] = []
        self.oracle.undo(rep.life, number)

        def do() -> None:
            with rep.replica.transaction():
                typed, ids = act()
                created.extend(ids)
                # Known before it is durable: after a crash the outbox may have it all the same.
                self.oracle.typed[rep.life, number] = typed
                words = {t.value for t in typed if isinstance(t.value, str)}
                self.oracle.own_words.setdefault(rep.member_id, set()).update(words)

        try:
            done = self.failing(rep, do, 0.1)
        except OutriderError as error:
            if isinstance(error, StorageFailed):
                self.fault("device's disk full")
            self.note(f"{rep.name} cannot {what}: {error}")
            goes_on = isinstance(error, (StorageFailed, InvalidValue, NotFound, IllegalStatus))
            self.oracle.require("S1", goes_on, f"{rep.name} cannot {what}: {error!r}")
            done = False
        if rep.fact("last_number") < number:
            self.oracle.undo(rep.life, number)
            return None
        self.note(f"{rep.name} {what} (no. {number})")
        if rep.for_next_sync is not None:
            rep.for_next_sync.add(number)
        self.oracle.created |= dict.fromkeys(created, (rep.life, number))
        if done:
            self.oracle.acknowledged.setdefault(rep.life, set()).add(number)
        return number

    def discard(self, rep: Rep, number: int) -> None:
        """A person takes back something not yet sent."""
        try:
            gone = rep.replica.discard(number, cascade=True)
        except NotDiscardable:
            return
        self.operations += 1
        for each in gone:
            self.oracle.take_back(rep.life, each)
        self.note(f"{rep.name} discards {gone}")

    def _heal(self) -> None:
        self.chance = random.Random(f"{self.plan.seed} end")
        if self.slow is not None:
            self.server.commit(self.slow)
            self.slow = None
        for rep in self.reps:
            while rep.transport.late:
                rep.transport.deliver_late()
        self.healed = True
        upkeep.heal(self)

    def close(self) -> None:
        """Leave nothing behind."""
        self._restored.close()
        for rep in self.reps:
            rep.replica.close()
            for path in scratch().glob(f"{rep.path.stem}.*"):
                path.unlink()


def _damage(rep: Rep) -> str:
    """What is wrong with the file of a device; empty where it is sound."""
    try:
        return "; ".join(rep.replica.verify())
    except (OutriderError, sqlite3.Error) as error:
        return str(error)


def run_plan(plan: Plan) -> Result:
    """Play a plan."""
    run = Run(plan)
    result = Result(plan)
    try:
        run.play()
    except Violation as error:
        result.violation, result.promise = str(error), error.promise
    except Exception as error:
        result.violation, result.promise = f"{type(error).__name__}: {error}", type(error).__name__
    finally:
        run.close()
    result.history, result.operations = run.history, run.operations
    result.faults, result.checks = run.faults, run.oracle.checks
    happened = run.oracle.faults
    result.covered = {(f, promise) for promise, n in run.oracle.covered.items() for f in happened[:n]}
    return result


def run_seed(seed: int, steps: int = STEPS) -> Result:
    """Play one seed."""
    return run_plan(Plan.of(seed, steps))


def hush() -> None:
    """In a worker process: a device that warns of a difference is what the plan wants, and no line for people."""
    logging.getLogger("outrider_sdk").setLevel(logging.CRITICAL)


def play_job(plan: Plan) -> Result:
    """Play in a worker process; the history comes back only where it is needed."""
    result = run_plan(plan)
    if result.violation is None:
        result.history = []
    return result
