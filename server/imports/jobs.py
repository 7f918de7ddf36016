"""Jobs of imports: check, run and take back. Each does what the run's state says is left to do."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import dramatiq
from dramatiq.errors import Retry

from server import storage
from server.broker import enqueue, job_tenant_id
from server.db import Actor, TenantRef, platform_transaction, tenant_transaction, tenant_write
from server.errors import AppError
from server.imports import store
from server.imports.decide import Outcome
from server.imports.messages import Act
from server.imports.plan import Wishes, open_table
from server.imports.report import HEADER, report_row, write_rows
from server.imports.run import Importer, Intake
from server.imports.service import check_path, remove_upload, upload_path
from server.imports.undo import undo_run
from server.tenants.service import get_tenant

TIME_LIMIT_MS: Final = 3_600_000


async def enqueue_import(number: int, act: Act) -> None:
    """Do the act once the open transaction, of its tenant, has committed."""
    await enqueue(work_on_import.message(number, act))


@dramatiq.actor(queue_name="imports", time_limit=TIME_LIMIT_MS)
async def work_on_import(number: int, act: Act) -> None:
    """Check, run or take back an import. Twice, or after a crash, it goes on where it stands.

    While another process holds the run, it looks again when that claim has lapsed.
    """
    async with platform_transaction():
        tenant = await get_tenant(job_tenant_id())
    try:
        await _ACTS[act](tenant, number)
    except store.RunBusy:
        raise Retry(f"Import {number} is held.", delay=store.CLAIM_LASTS_S * 1_000) from None
    except AppError as error:
        async with tenant_transaction(tenant):
            await store.release(number, "failed", error.message)


async def _importer(tenant: TenantRef, number: int) -> tuple[Importer, store.Run, Path]:
    async with tenant_transaction(tenant):
        run = await store.get_run(number)
    folder = storage.tenant_folder("imports", tenant.id)
    file = run.files[0]
    path = upload_path(folder, number, file.name)
    if not path.is_file():
        raise store.RunState("The uploaded file is gone. Upload it again.")
    intake = Intake(open_table(path, Wishes()), file.mapping)
    actor = Actor(run.created_by)
    return Importer(tenant, [intake], run.system, run.options, actor), run, folder


async def _check(tenant: TenantRef, number: int) -> None:
    importer, run, folder = await _importer(tenant, number)
    if run.state != "checking":
        return
    report = check_path(folder, number)
    part = folder / f"{number}.check.part"
    with part.open("w", encoding="utf-8", newline="") as text:
        text.write(write_rows([HEADER]))

        def note(position: int, outcomes: Sequence[Outcome]) -> None:
            name = run.files[position].name
            kept = (o for o in outcomes if o.kind != "deferred")
            text.write(write_rows(report_row(name, o.line, o.kind, o.row_id, o.column, o.reason) for o in kept))

        importer.sink = note
        results = await importer.check()
    part.replace(report)
    async with tenant_transaction(tenant):
        for position, result in enumerate(results):
            await store.count(number, position, result.counts, done=False)
        await store.release(number, "checked")


async def _run(tenant: TenantRef, number: int) -> None:
    importer, run, folder = await _importer(tenant, number)
    if run.state != "running":
        return
    async with tenant_write(tenant, by=importer.actor):
        claim = await store.claim(number, "running")
        if not await store.load_done_lines(number, 0):
            await store.count(number, 0, {}, done=False)  # those of a dry run
        mapping = importer.intakes[0].mapping
        await store.remember_mapping(mapping.shape(importer.intakes[0].table.header), mapping)
    await importer.run(number, claim)
    async with tenant_transaction(tenant):
        await store.release(number, "done")
    with suppress(OSError):
        remove_upload(folder, run)


async def _undo(tenant: TenantRef, number: int) -> None:
    async with tenant_transaction(tenant):
        run = await store.get_run(number)
    if run.state == "undoing":
        await undo_run(tenant, number, actor=Actor(run.created_by))


_ACTS: Final = {"check": _check, "run": _run, "undo": _undo}
