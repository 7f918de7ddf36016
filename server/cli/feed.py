"""`outrider import --folder`: what a nightly feed has put into a folder, each file once."""

from pathlib import Path

import click

from server.cli.importing import Command, begin, open_tenant, resume
from server.config import Config
from server.db import SYSTEM, TenantRef, tenant_transaction, tenant_write
from server.errors import AppError
from server.imports import store
from server.imports.decide import Options
from server.imports.feed import hold_folder, list_quiet, put_away
from server.imports.files import hash_file
from server.imports.plan import plan_path
from server.imports.report import BEGINNING, Place, read_report, write_rows
from server.imports.run import Importer

NEVER_BEGUN = "0"
"""Goes before the name of a file that could not be read at all."""


async def take_feed(config: Config, command: Command) -> bool:
    """Take the files of the folder; whether some lines, or files, were not taken."""
    assert command.folder is not None
    failed = False
    async with open_tenant(config, command.slug) as tenant:
        with hold_folder(command.folder):
            for path in list_quiet(command.folder):
                failed = await _take(tenant, path, command) or failed
    return failed


async def _take(tenant: TenantRef, path: Path, command: Command) -> bool:
    """Take one file, or go on with it where the last time was broken off; whether something was not taken."""
    sha256, _ = hash_file(path)
    async with tenant_transaction(tenant):
        before = await store.find_finished(sha256)
    if before is not None and not command.again:
        taken = put_away(path, str(before), write_rows([("already taken as import", before)]), failed=False)
        click.echo(f"{taken.name}: taken before, as import {before}")
        return False
    try:
        number = await _import(tenant, path, sha256, command)
    except AppError as error:
        put_away(path, NEVER_BEGUN, write_rows([("reason",), (error.message,)]), failed=True)
        click.echo(f"{path.name}: {error.message}")
        return True
    async with tenant_transaction(tenant):
        run = await store.get_run(number)
    totals = run.totals()
    failed = totals.get("failed", 0) > 0
    taken = put_away(path, str(number), await _report(tenant, run), failed=failed)
    said = ", ".join(f"{count:,} {name}" for name, count in totals.items() if count)
    click.echo(f"{taken.name}: import {number}, {said}; now {taken.path}")
    return failed


async def _import(tenant: TenantRef, path: Path, sha256: str, command: Command) -> int:
    async with tenant_transaction(tenant):
        plan = await plan_path(path, command.wishes)
    options = Options(command.on_existing, command.on_duplicate, command.dates)
    importer = Importer(tenant, plan.intakes, command.system or plan.system, options)
    async with tenant_write(tenant, by=SYSTEM):
        unfinished = await store.find_unfinished([sha256])
        number, claim = await (resume(unfinished, importer) if unfinished else begin(importer, path))
    await importer.run(number, claim)
    async with tenant_transaction(tenant):
        await store.release(number, "done")
    return number


async def _report(tenant: TenantRef, run: store.Run) -> str:
    parts: list[str] = []
    place: Place | None = BEGINNING
    while place is not None:
        async with tenant_transaction(tenant):
            text, place = await read_report(run, place)
        parts.append(text)
    return "".join(parts)
