"""One run: phones that work, a bad network, an office, and whoever kills them all in turn; then the reckoning."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import psycopg
from outrider_sdk import Replica, SyncError

from server.demo.compare import Comparer
from server.demo.generated import generate_company
from server.demo.seed import DEMO_SLUG, OFFICE, DemoMember
from server.demo.stage import Console, Say, Stage, set_up
from server.demo.web_server import DemoError, WebServer
from tests.chaos.ledger import Ledger
from tests.chaos.network import Network
from tests.chaos.office import Office
from tests.chaos.phone import check, work

TICK_S: Final = 0.15
SERVER_LIFE_S: Final = 3.0
"""A server takes a second or two to start; the other one serves meanwhile, if the database does."""
HEAL_TIMEOUT_S: Final = 60.0
DRAIN_SYNCS_MAX: Final = 60

_workers = get_context("forkserver")
_workers.set_forkserver_preload(["outrider_sdk", "urllib3", "tests.chaos.phone"])


@dataclass
class Result:
    """What happened, and what went wrong."""

    happened: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    """Compared, value by value."""
    breaches: list[str] = field(default_factory=list)


class Phone:
    """A replica's file, and the process that works on it while it lives."""

    def __init__(self, name: str, member: DemoMember, folder: Path) -> None:
        self.name, self.member = name, member
        self.folder = folder / name
        self.folder.mkdir()
        self.path = self.folder / "crm.db"
        self.copy: tuple[Path, int] | None = None
        """A backup of the file, and how many things the phone had done."""
        self._lives = 0
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def start(self, seed: str) -> None:
        self._lives += 1
        self._pipe, theirs = _workers.Pipe(duplex=False)
        name = f"chaos.{seed}.{self.name}.{self._lives}"
        self._process = _workers.Process(target=work, args=(self.path, name, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def listen(self) -> Iterator[tuple[Any, ...]]:
        """What the process has said since; a last word that was cut off was not said."""
        with contextlib.suppress(EOFError, OSError):
            while self._pipe is not None and self._pipe.poll():
                yield self._pipe.recv()

    def kill(self) -> Iterator[tuple[Any, ...]]:
        """End the process by SIGKILL, and bring what it had still said."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            yield from self.listen()
            self._process = None

    def back_up(self, done: int) -> None:
        """Copy all of its files, as a person's backup does."""
        to = self.folder.with_name(f"{self.name}-backup")
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        self.copy = (to, done)

    def restore(self) -> int:
        """Go on from the backup; returns how many things the phone had done then."""
        assert self.copy is not None
        shutil.rmtree(self.folder)
        shutil.copytree(self.copy[0], self.folder)
        return self.copy[1]


class Run:
    """Everything in its place."""

    def __init__(self, stage: Stage, network: Network, servers: list[WebServer], seed: str) -> None:
        self.stage, self.network, self.servers, self.seed = stage, network, servers, seed
        self.chance = random.Random(f"{seed} nemesis")
        self.ledger, self.result = Ledger(), Result()
        self.phones: list[Phone] = []
        self._killed_at = time.monotonic()

    def enrol(self) -> None:
        """Four phones: two of one rep, one of another, one of their manager, who sees it all."""
        people, members = self.stage.company.people, self.stage.members
        reps = [p.key for p in people if p.key not in self.stage.company.managers() and p.manager == people[0].key]
        who = {"first": reps[0], "first-too": reps[0], "second": reps[1], "manager": people[0].key}
        with Console(self.stage.server_url, members[OFFICE]) as office:
            for name, key in who.items():
                phone = Phone(name, members[key], self.stage.folder)
                code = office.draw_code(phone.member)
                with Replica.open(phone.path) as crm:
                    crm.enrol(server=self.network.url, tenant=DEMO_SLUG, code=code, name=name)
                    crm.sync()
                self.phones.append(phone)

    def play(self, seconds: float, say: Say) -> None:
        """Let everybody work, and kill them in turn."""
        for phone in self.phones:
            phone.start(self.seed)
        began, said, crash_at = time.monotonic(), 0.0, seconds * self.chance.uniform(0.3, 0.7)
        while (elapsed := time.monotonic() - began) < seconds:
            time.sleep(TICK_S)
            for phone in self.phones:
                self._hear(phone, phone.listen())
            self._disturb()
            if elapsed > crash_at:
                self._crash_database()
                crash_at = float("inf")
            if elapsed - said > 5:
                said = elapsed
                say(
                    f"{elapsed:4.0f} s: {self.ledger.size:,} things done, {sum(self.result.happened.values()):,} faults"
                )
        for phone in self.phones:
            self._hear(phone, phone.kill())

    def _disturb(self) -> None:
        happened, chance = self.result.happened, self.chance
        self.network.is_there = chance.random() > 0.05
        happened["no network"] += not self.network.is_there
        if chance.random() < 0.12:
            self._kill_phone(chance.choice(self.phones))
        self._supervise()
        if time.monotonic() - self._killed_at > SERVER_LIFE_S and all(server.is_ready() for server in self.servers):
            self._killed_at = time.monotonic()
            server = chance.choice(self.servers)
            server.kill()
            server.start()
            happened["server killed"] += 1

    def _supervise(self) -> None:
        """Start servers again that ended because they found no database, as systemd does."""
        for server in self.servers:
            if not server.is_running:
                server.start()

    def _kill_phone(self, phone: Phone) -> None:
        self._hear(phone, phone.kill())
        self.result.happened["phone killed"] += 1
        done = len(self.ledger.done.get(phone.name, []))
        if self.chance.random() < 0.15:
            phone.back_up(done)
        elif phone.copy is not None and self.chance.random() < 0.1:
            self.ledger.excuse_since(phone.name, phone.restore())
            self.result.happened["phone restored from its backup"] += 1
        phone.start(self.seed)

    def _hear(self, phone: Phone, said: Iterator[tuple[Any, ...]]) -> None:
        for what, *rest in said:
            if what == "did":
                self.ledger.note(phone.name, *rest)
            elif what == "wrong":
                self.result.breaches.append(f"{phone.name}: {rest[0]}")

    def _crash_database(self) -> None:
        """Kill a backend: PostgreSQL then ends all the others, and recovers. Only where it is ours."""
        if os.environ.get("OUTRIDER_DATABASE_URL"):
            return
        with psycopg.connect(self.stage.owner_url) as conn:
            os.kill(conn.info.backend_pid, signal.SIGKILL)
            with contextlib.suppress(psycopg.OperationalError):
                conn.execute("SELECT 1")
        self.result.happened["database crashed"] += 1

    def reckon(self) -> None:
        """With all well again, everything drains; then phones and ledger are held against the server."""
        self.network.is_bad, self.network.is_there = False, True
        self._wait_for_servers()
        for _ in range(2):  # what one sends, the others fetch
            for phone in self.phones:
                self._drain(phone)
        with psycopg.connect(self.stage.owner_url, autocommit=True) as owner:
            self.result.breaches += self.ledger.judge(owner, self.stage.tenant.schema)
            comparer = Comparer(owner, self.stage.tenant.schema)
            for phone in self.phones:
                comparer.compare(phone.name, phone.path, phone.member.id)
        self.result.breaches += [f"S3: {difference}" for difference in comparer.result.differences]
        self.result.rows = sum(comparer.result.rows.values())

    def _wait_for_servers(self) -> None:
        """Until all answer; one may end once more while the database still recovers."""
        deadline = time.monotonic() + HEAL_TIMEOUT_S
        while not all(server.is_ready() for server in self.servers):
            if time.monotonic() > deadline:
                raise DemoError("The web servers do not come back.")
            self._supervise()
            time.sleep(TICK_S)

    def _drain(self, phone: Phone) -> None:
        with Replica.open(phone.path) as crm:
            for _ in range(DRAIN_SYNCS_MAX):
                try:
                    crm.sync()
                except SyncError as error:
                    self.result.breaches.append(f"{phone.name} cannot sync though all is well: {error!r}")
                    return
                if not crm.status().pending:
                    break
            else:
                self.result.breaches.append(f"S8: {crm.status().pending} changes of {phone.name} are not taken")
            self.result.breaches += [f"{phone.name}: {wrong}" for wrong in check(crm)]
            self.result.breaches += [
                f"S12: {phone.name} is told nothing of {item.code} (no. {item.number})"
                for item in crm.attention()
                if not (item.explanation and item.choices)
            ]


def play(seed: str, seconds: float, say: Say, *, import_rows: int) -> Result:
    """One run.

    Raises:
        DemoError, EmbeddedError: something cannot be started here.
    """
    with set_up(generate_company(), say) as stage, stage.server.another() as second:
        second.wait_until_ready()
        servers = [stage.server, second]
        with Network([server.port for server in servers], f"{seed} network") as network:
            run = Run(stage, network, servers, seed)
            network.is_bad = False
            run.enrol()
            network.is_bad = True
            reps = (str(run.phones[0].member.id), str(run.phones[2].member.id))
            office = Office(stage.owner_url, stage.tenant.schema, reps, f"{seed} office", import_rows=import_rows)
            with office:
                run.play(seconds, say)
            say("All is well again: everything drains, and is compared ...")
            run.reckon()
        run.result.breaches += office.wrong
        run.result.happened += office.acts + network.fates
        run.result.happened["acknowledged"] = run.ledger.size
    return run.result
