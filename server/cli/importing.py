"""What `outrider import` does, and what it says while it does it."""

import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TextIO
from uuid import UUID

import click

from server.auth.commands import add_member
from server.auth.service import find_tenant
from server.cli.database import connected, prepare_all
from server.config import Config
from server.db import SYSTEM, TenantRef, platform_transaction, tenant_transaction, tenant_write
from server.imports import store
from server.imports.cells import DayOrder
from server.imports.decide import THERE_ALREADY, OnDuplicate, OnExisting, Options, Outcome
from server.imports.plan import ImportPlan, Wishes, finds_again, plan_path
from server.imports.report import HEADER, report_row, write_rows
from server.imports.run import FileResult, Importer, Intake
from server.imports.undo import Undone, undo_run
from server.tenants.schema import owner_urls
from server.tenants.service import TenantUnknown, create_tenant

LOCAL_SLUG: Final = "local"
LOCAL_OWNER: Final = "owner@local.example"
PROBLEMS_SHOWN: Final = 20
PROGRESS_EVERY_S: Final = 2.0


@dataclass(frozen=True)
class Command:
    """The options of the command."""

    path: Path | None
    slug: str | None
    target: str | None
    dry_run: bool
    columns: tuple[str, ...]
    constants: tuple[str, ...]
    on_existing: OnExisting
    on_duplicate: OnDuplicate
    system: str | None
    dates: DayOrder | None
    sheet: str | None
    encoding: str | None
    delimiter: str | None
    report: Path | None
    resume: bool
    again: bool
    undo: int | None
    folder: Path | None

    @property
    def wishes(self) -> Wishes:
        """What it says of the file."""
        return Wishes(self.target, self.columns, self.constants, self.sheet, self.encoding, self.delimiter)


async def import_path(config: Config, command: Command) -> bool:
    """Import a file or folder; whether some lines were not taken."""
    assert command.path is not None
    async with open_tenant(config, command.slug) as tenant:
        async with tenant_transaction(tenant):
            plan = await plan_path(command.path, command.wishes)
        _show_plan(plan)
        options = Options(command.on_existing, command.on_duplicate, command.dates)
        with _Listener([intake.table.name for intake in plan.intakes], plan, command.report) as listener:
            importer = Importer(
                tenant, plan.intakes, command.system or plan.system, options, tell=listener.tell, sink=listener.sink
            )
            if command.dry_run:
                results = await importer.check()
                listener.summarise(results, "Nothing was written: this was a dry run.")
            else:
                results = await _run(tenant, importer, command, listener)
                await _show_way_in(config, tenant)
    return any(result.counts["failed"] for result in results)


async def begin(importer: Importer, source: Path) -> tuple[int, UUID]:
    """Note a new import, and claim it. Within a writing transaction of the tenant."""
    files = [store.RunFile(n, i.table.name, i.table.sha256, i.mapping) for n, i in enumerate(importer.intakes)]
    number = await store.create_run(str(source), importer.system, importer.options, files, by=None)
    for intake in importer.intakes:
        await store.remember_mapping(intake.mapping.shape(intake.table.header), intake.mapping)
    return number, await store.claim(number, "running")


async def _run(tenant: TenantRef, importer: Importer, command: Command, listener: "_Listener") -> list[FileResult]:
    assert command.path is not None
    async with tenant_write(tenant, by=SYSTEM):
        unfinished = await store.find_unfinished([intake.table.sha256 for intake in importer.intakes])
        if command.resume and unfinished is None:
            raise store.RunState("No import of this file was broken off. Leave --resume away to begin one.")
        if command.resume and unfinished is not None:
            number, claim = await resume(unfinished, importer)
        else:
            await _refuse_again(unfinished, importer.intakes, command)
            number, claim = await begin(importer, command.path)
    click.echo(f"Import {number} begins; if it is broken off, go on with --resume.", err=True)
    results = await importer.run(number, claim)
    async with tenant_transaction(tenant):
        await store.release(number, "done")
    listener.summarise(
        results, f"Import {number} is done. To take it back: outrider import --undo {number}{_of(tenant)}"
    )
    return results


def _of(tenant: TenantRef) -> str:
    return "" if tenant.slug == LOCAL_SLUG else f" --tenant {tenant.slug}"


async def resume(unfinished: store.Run, importer: Importer) -> tuple[int, UUID]:
    """Go on with a run as it was begun, whatever the options say now. Within a writing transaction of the tenant."""
    importer.system, importer.options = unfinished.system, unfinished.options
    importer.intakes = [
        Intake(intake.table, file.mapping) for intake, file in zip(importer.intakes, unfinished.files, strict=True)
    ]
    return unfinished.number, await store.claim(unfinished.number, "running", take_over=True)


async def _refuse_again(unfinished: store.Run | None, intakes: Sequence[Intake], command: Command) -> None:
    if command.again:
        return
    if unfinished is not None:
        number = unfinished.number
        raise store.RunState(
            f"Import {number} of this file was broken off. Go on with --resume, or take it back with --undo {number}."
        )
    for intake in intakes:
        number_before = None if finds_again(intake) else await store.find_finished(intake.table.sha256)
        if number_before is not None:
            raise store.RunState(
                f"{intake.table.name} was imported as import {number_before}, and has nothing by which its rows are"
                " found again: they would all be there twice. If that is what you want, say --again."
            )


async def undo(config: Config, command: Command) -> bool:
    """Take an import back; whether something had to stay."""
    assert command.undo is not None
    async with open_tenant(config, command.slug) as tenant:
        undone = await undo_run(tenant, command.undo, tell=_tell_undone, take_over=command.resume)
    click.echo(
        f"Import {command.undo} is taken back: {undone.removed:,} rows removed, {undone.restored:,} as they were."
    )
    if undone.kept_count:
        click.echo(f"{undone.kept_count:,} lines stay, in part or whole, as somebody has built upon them:")
        for reason in undone.kept:
            click.echo(f"  {reason}")
    return bool(undone.kept_count)


def _tell_undone(undone: Undone) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{undone.removed:,} rows removed ...", nl=False, err=True)


@asynccontextmanager
async def open_tenant(config: Config, slug: str | None) -> AsyncIterator[TenantRef]:
    """The tenant; without a slug, on an installation of one machine, the local one."""
    if slug is None and Config.from_env().database_url is not None:
        raise click.UsageError("Say into which tenant with --tenant: `outrider tenant list` shows them.")
    wanted = slug or LOCAL_SLUG
    await prepare_all(config)
    async with connected(config, size_max=4):
        async with platform_transaction():
            tenant = await find_tenant(wanted)
        if tenant is None and slug is not None:
            raise TenantUnknown(f"There is no tenant “{slug}”: `outrider tenant list` shows them.")
        if tenant is None:
            tenant = await create_tenant(owner_urls(config), slug=LOCAL_SLUG, name="Local")
            click.echo(f"Made the tenant “{LOCAL_SLUG}”.", err=True)
        click.echo(f"Tenant: {tenant.slug}")
        yield tenant


async def _show_way_in(config: Config, tenant: TenantRef) -> None:
    """Say how to look at the local tenant; its owner gets a password when there is none yet."""
    if tenant.slug != LOCAL_SLUG:
        return
    async with tenant_transaction(tenant) as conn:
        owned = await conn.fetchval("SELECT EXISTS (SELECT FROM member WHERE role = 'owner' AND deleted_at IS NULL)")
    click.echo("To look at it: outrider serve")
    if not owned:
        password = secrets.token_urlsafe(12)
        await add_member(tenant, email=LOCAL_OWNER, name="Owner", role="owner", password=password)
        click.echo(f"  log in at {config.base_url}/t/{LOCAL_SLUG}/login as {LOCAL_OWNER}, password {password}")
        click.echo("  (shown this once)")


def _show_plan(plan: ImportPlan) -> None:
    for intake in plan.intakes:
        click.echo(f"{intake.table.name} ({intake.table.how}) as {intake.mapping.target}")
        pairs = [f"{name} → {wanted}" for name, wanted in intake.mapping.columns.items()]
        pairs += [f"“{value}” → {name}" for name, value in intake.mapping.constants.items()]
        click.echo(f"    {', '.join(pairs)}")
        left = [name for name in intake.table.header if name not in intake.mapping.columns]
        if left:
            click.echo(f"    not imported: {', '.join(left)}")
    for note in plan.notes:
        click.echo(note)


class _Listener:
    """Shows progress, collects the first problems, and writes the report while lines are decided."""

    def __init__(self, names: Sequence[str], plan: ImportPlan, report: Path | None) -> None:
        self._names, self._report = names, report
        self._about = sum(intake.table.about_lines for intake in plan.intakes)
        self._results: dict[int, FileResult] = {}
        self._problems: list[str] = []
        self._problem_count = 0
        self._told = time.monotonic()
        self._file: TextIO | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._report:
            self._file = self._report.open("w", newline="", encoding="utf-8")
            self._file.write(write_rows([HEADER]))
        return self

    def __exit__(self, *error: object) -> None:
        if self._file:
            self._file.close()

    def tell(self, position: int, result: FileResult) -> None:
        """Progress, now and then."""
        self._results[position] = result
        if time.monotonic() - self._told > PROGRESS_EVERY_S:
            self._told = time.monotonic()
            lines = sum(_lines_of(each) for each in self._results.values())
            click.echo(f"  {lines:,} of about {self._about:,} lines ({self._told - self._began:.0f} s) ...", err=True)

    def sink(self, position: int, outcomes: Iterable[Outcome]) -> None:
        """Lines that were decided."""
        name = self._names[position]
        for o in outcomes:
            if self._file and o.kind != "deferred":
                self._file.write(write_rows([report_row(name, o.line, o.kind, o.row_id, o.column, o.reason)]))
            if o.reason and not (o.kind == "skipped" and o.reason.startswith(THERE_ALREADY)):
                self._problem_count += 1
                if len(self._problems) < PROBLEMS_SHOWN:
                    where = f", {o.column}" if o.column else ""
                    self._problems.append(f"{name}, line {o.line}{where}: {o.kind}, {o.reason}")

    def summarise(self, results: Sequence[FileResult], ending: str) -> None:
        """What became of each file, and the first lines of which there is something to say."""
        width = max(len(result.name) for result in results)
        click.echo(f"{'':{width}}  " + " ".join(f"{word:>8}" for word in _WORDS))
        for result in results:
            numbers = [_lines_of(result), *(result.counts[name] for name in _COLUMNS)]
            click.echo(f"{result.name:{width}}  " + " ".join(f"{number:>8,}" for number in numbers))
        for problem in self._problems:
            click.echo(problem)
        if self._problem_count > len(self._problems):
            rest = self._problem_count - len(self._problems)
            click.echo(f"... and {rest:,} more: {self._report or 'name a file with --report'}")
        click.echo(ending)


_WORDS: Final = ("lines", "new", "changed", "same", "skipped", "failed", "alike")
_COLUMNS: Final = ("created", "updated", "unchanged", "skipped", "failed", "alike")


def _lines_of(result: FileResult) -> int:
    return sum(count for name, count in result.counts.items() if name != "alike")
