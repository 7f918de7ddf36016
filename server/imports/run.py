"""Runs an import chunk by chunk, or only says what it would do.

Each chunk is a transaction of its own, under the tenant's next revision: other writers go in between, and what a
chunk has written is recorded with it, line by line. So a run that died goes on after the last chunk, and no line
counts twice.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from server import clock
from server.auth import limits
from server.auth.seats import count_seated, follow_members
from server.crm.contact.service import find_home_country
from server.crm.master.rules import MASTERED, documents_of
from server.crm.master.service import accept_met, load_masters, record_requests
from server.crm.quota import take_room_for_records
from server.crm.usage import COUNTED
from server.db import SYSTEM, Actor, Source, TenantRef, platform_transaction, tenant_transaction, tenant_write
from server.imports import store
from server.imports.cases import prepare
from server.imports.cells import Habits
from server.imports.decide import Decider, Options, Outcome, Plan
from server.imports.files import Line, TableFile
from server.imports.known import Facts, Fresh
from server.imports.likeness import Likenesses
from server.imports.mapping import ColumnMapping
from server.imports.pieces import Record
from server.imports.records import RecordMaker
from server.imports.targets import TARGETS, Target
from server.imports.write import write_lines, write_plan
from server.tenants.entitlements import EntitledTenant, get_entitled_tenant

T = TypeVar("T")

CHUNK_LINES: Final = 1_000
CHUNK_LINES_MIN: Final = 100
CHUNK_S: Final = 0.5
"""A chunk that took longer is followed by a smaller one: other writers of the tenant wait for it, up to 2 s."""
DEFERRED_MAX: Final = 100_000
"""Lines that wait for later ones; beyond, they fail: put parents before those who name them."""
PASSES_MAX: Final = 100

_IMPORTER: Final = "admin"
"""Nobody else imports."""
_NAMED_BY_RULES: Final = {
    "order": frozenset(
        {"outlet", "agreement", "product", "product_unit", "price_item", "price_list", "warehouse", "legal_entity"}
    ),
    "order_line": frozenset({"order", "product", "product_unit", "price_item"}),
    "agreement": frozenset({"price_list", "legal_entity"}),
    "receivable": frozenset({"legal_entity"}),
    "price_item": frozenset({"product", "price_list"}),
    "stock": frozenset({"product", "warehouse"}),
    "product_unit": frozenset({"product"}),
    "contact": frozenset({"outlet"}),
}
"""Entities of which a rule asks the rows, beside those that columns name."""


@dataclass(frozen=True)
class Intake:
    """A file, and how it is to be read."""

    table: TableFile
    mapping: ColumnMapping

    @property
    def target(self) -> Target:
        """What it holds."""
        return TARGETS[self.mapping.target]


@dataclass(slots=True)
class FileResult:
    """What became of a file."""

    name: str
    target: str
    counts: Counter[str] = field(default_factory=Counter)
    """Lines by outcome, and `alike`: created although something like it is there."""


Tell = Callable[[int, FileResult], None]
"""(position of the file, what became of it so far), after each chunk."""
Sink = Callable[[int, Sequence[Outcome]], None]
"""(position of the file, outcomes of lines), for a report."""


def _nothing(position: int, what: object) -> None:
    """Nobody listens."""


@dataclass
class Importer:
    """Imports files into a tenant, one after the other."""

    tenant: TenantRef
    intakes: Sequence[Intake]
    system: str
    options: Options
    actor: Actor = SYSTEM
    tell: Tell = _nothing
    sink: Sink = _nothing
    _fresh: Fresh = field(default_factory=Fresh)
    _likenesses: Likenesses = field(default_factory=Likenesses)
    _run: int | None = None
    _claim: UUID | None = None
    _entitled: EntitledTenant | None = None

    async def check(self) -> list[FileResult]:
        """Say what an import would do. Nothing is written, nor locked."""
        self._fresh = Fresh(frozenset(name for intake in self.intakes for name in _named(intake)))
        return await self._go_through()

    async def run(self, number: int, claim: UUID) -> list[FileResult]:
        """Do the import, or go on with it.

        Raises:
            RunBusy: another process has taken it over.
            Restricted, LimitReached: the tenant's plan lets no more in; what was written so far stays.
        """
        self._run, self._claim = number, claim
        async with platform_transaction():
            self._entitled = await get_entitled_tenant(self.tenant.id)
        results = await self._go_through()
        await follow_members(self._entitled)
        return results

    async def _go_through(self) -> list[FileResult]:
        return [await self._import_file(position, intake) for position, intake in enumerate(self.intakes)]

    async def _find_home_country(self) -> str | None:
        """Of phone numbers without one; a dry run may have made the company that tells."""
        made = list(self._fresh.rows.get("legal_entity", {}).values())
        if len(made) == 1:
            country: str | None = made[0].get("country")
            return country
        async with tenant_transaction(self.tenant, snapshot=True):
            return await find_home_country()

    async def _import_file(self, position: int, intake: Intake) -> FileResult:
        country = await self._find_home_country()
        habits = Habits(intake.table.decimal_comma, self.options.dates)
        maker = RecordMaker(intake.mapping, intake.table.header, habits, home_country=country)
        decider = Decider(intake.target, self.options, maker.headers)
        result = FileResult(intake.table.name, intake.mapping.target)
        work = _FileWork(position, maker, decider, result)
        if self._run is not None:
            async with tenant_transaction(self.tenant):
                work.done = await store.load_done_lines(self._run, position)
                result.counts.update((await store.get_run(self._run)).files[position].counts)
        waiting = await self._pass(work, intake.table.read())
        for _ in range(PASSES_MAX):
            if not waiting:
                break
            before = len(waiting)
            waiting = await self._pass(work, iter(waiting))
            decider.last_pass = len(waiting) == before
        decider.last_pass = True
        await self._pass(work, iter(waiting))
        await self._finish(work)
        return result

    async def _pass(self, work: "_FileWork", lines: Iterator[Line]) -> list[Line]:
        """Import lines; those that wait for others."""
        waiting: list[Line] = []
        records = work.maker.records(lines)
        while chunk := list(islice(records, work.chunk_lines)):
            fresh = [record for record in chunk if not work.is_done(record)]
            if not fresh:
                continue
            began = time.monotonic()
            plan = await self._chunk(work, fresh)
            work.pace(time.monotonic() - began)
            sources = {record.line: record.source for record in fresh}
            deferred = [sources[o.line] for o in plan.outcomes if o.kind == "deferred"]
            waiting += [line for line in deferred if line is not None]
            work.decider.last_pass = work.decider.last_pass or len(waiting) > DEFERRED_MAX
            self.tell(work.position, work.result)
        return waiting

    async def _chunk(self, work: "_FileWork", records: list[Record]) -> Plan:
        if self._run is None:
            async with tenant_transaction(self.tenant, snapshot=True):
                plan = await self._decide(work, records, Facts(clock.now(), self.actor.member_id))
            self._remember(plan)
            work.count(plan.outcomes)
        else:
            assert self._claim is not None
            async with tenant_write(self.tenant, by=self.actor, source=Source.IMPORT) as revision:
                await store.hold(self._run, self._claim)
                plan = await self._decide(work, records, Facts(revision.at, self.actor.member_id))
                async with self._within_limits(plan):
                    await write_plan(plan, self.system)
                await record_requests(plan.requests, revision)
                for entity in plan.updates.keys() & MASTERED:
                    rows = plan.updates[entity].items()
                    await accept_met(entity, {i: documents_of(entity, values) for i, values in rows}, revision)
                await write_lines(self._run, work.position, revision.number, plan.outcomes)
                work.count(plan.outcomes)
                await store.count(self._run, work.position, work.result.counts, done=False)
        self.sink(work.position, plan.outcomes)
        return plan

    @asynccontextmanager
    async def _within_limits(self, plan: Plan) -> AsyncIterator[None]:
        """Let a plan be written that keeps to the limits of what the tenant pays."""
        assert self._entitled is not None
        now, grows = self._entitled.entitlement, "member" in plan.inserts or "member" in plan.updates
        limits.require_writing(now, _IMPORTER)
        adding = sum(len(rows) for name, rows in plan.inserts.items() if name in COUNTED)
        await take_room_for_records(now, adding, _IMPORTER)
        before = await count_seated() if grows else 0
        yield
        if grows and (after := await count_seated()) > before:
            limits.require_room_for_seat(now, after - 1 - len(self._entitled.seats.withdrawn), _IMPORTER)

    async def _decide(self, work: "_FileWork", records: list[Record], facts: Facts) -> Plan:
        target = work.maker.target
        facts.masters = await load_masters({part.entity_name for part in target.parts}, but=self.system)
        cases = await prepare(records, target, facts, self._fresh, self.system)
        likenesses = await self._likenesses.find(cases, work.result.name)
        return work.decider.decide(cases, facts, likenesses)

    def _remember(self, plan: Plan) -> None:
        """In a dry run, later lines may name what would be there by then."""
        keys = {row_id: key for _, key, row_id in plan.links}
        for entity, rows in plan.inserts.items():
            for row in rows:
                self._fresh.add(entity, row["id"], row, keys.get(row["id"]))

    async def _finish(self, work: "_FileWork") -> None:
        if self._run is not None and self._claim is not None:
            async with tenant_transaction(self.tenant):
                await store.hold(self._run, self._claim)
                await store.count(self._run, work.position, work.result.counts, done=True)
        self.tell(work.position, work.result)


@dataclass(slots=True)
class _FileWork:
    """What is kept while a file is gone through."""

    position: int
    maker: RecordMaker
    decider: Decider
    result: FileResult
    done: set[int] = field(default_factory=set)
    chunk_lines: int = field(default_factory=lambda: CHUNK_LINES)

    def pace(self, elapsed_s: float) -> None:
        """Keep chunks short where the machine, or the tenant, is slow."""
        if elapsed_s > CHUNK_S:
            self.chunk_lines = max(min(CHUNK_LINES_MIN, CHUNK_LINES), self.chunk_lines // 2)
        elif elapsed_s < CHUNK_S / 2:
            self.chunk_lines = min(CHUNK_LINES, self.chunk_lines * 2)

    def is_done(self, record: Record) -> bool:
        """Whether an earlier attempt has recorded the line; its key counts as seen."""
        if record.line not in self.done:
            return False
        if record.key is not None:
            self.decider.note_key(record.key, record.line)
        return True

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count what became of lines."""
        for outcome in outcomes:
            if outcome.kind != "deferred":
                self.result.counts[outcome.kind] += 1
                self.result.counts["alike"] += outcome.kind == "created" and outcome.reason is not None


def _named(intake: Intake) -> set[str]:
    """Entities whose rows the lines of a file name."""
    filled = {*intake.mapping.columns.values(), *intake.mapping.constants}
    named = {c.refers for c in intake.target.columns if c.refers is not None and c.name in filled}
    for part in intake.target.parts:
        named |= _NAMED_BY_RULES.get(part.entity_name, frozenset())
    if intake.mapping.target == "account":
        named -= {"outlet"}  # only of a file of their own
    return named
