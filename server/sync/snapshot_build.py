"""Building snapshots, one at a time, when a device first asks; and removing what nobody uses any more."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7

from server import storage
from server.auth.access import Access
from server.auth.service import find_standing
from server.clock import now
from server.db import TenantRef, connection, tenant_transaction
from server.storage.files import CHUNK_BYTES
from server.sync.snapshot_file import write_snapshot
from server.sync.snapshot_pack import pack
from server.sync.snapshot_plan import list_plans
from server.sync.snapshots import COLUMNS, Snapshot, Wanted, file_key, find_usable

BUILD_WAIT_S: Final = 20.0
"""A device waits no longer for a snapshot that is being built: it gets pages."""
ELSEWHERE_WAIT_S: Final = 0.3
"""How often to look whether another process has ended building it."""
UNUSED_LASTS: Final = timedelta(days=7)
REPLACED_LASTS: Final = timedelta(hours=1)
"""A newer one is there; who has begun to download it may end."""
ORPHAN_LASTS: Final = timedelta(minutes=10)

_log = logging.getLogger(__name__)
_building: dict[tuple[UUID, str, str], asyncio.Task[None]] = {}
_one_at_a_time = asyncio.Semaphore(1)
"""A build keeps a processor busy: a process does one, and others wait."""


async def build(tenant: TenantRef, wanted: Wanted) -> None:
    """Have a snapshot built, by one builder at a time for each; wait for it, but not too long.

    It never fails: whoever waits looks again, and does without. Opens transactions of its own.
    """
    key = (tenant.id, wanted.plan.key, wanted.encoding)
    task = _building.get(key)
    if task is None:
        task = _building[key] = asyncio.create_task(_build_once(tenant, wanted))
        task.add_done_callback(lambda _: _building.pop(key, None))
    await asyncio.wait([task], timeout=BUILD_WAIT_S)


async def _build_once(tenant: TenantRef, wanted: Wanted) -> None:
    try:
        async with _one_at_a_time:
            with tempfile.TemporaryDirectory(prefix="snapshot-") as folder:
                while not await _build(tenant, wanted, Path(folder)):  # noqa: ASYNC110 - another process's event
                    await asyncio.sleep(ELSEWHERE_WAIT_S)
        await sweep(tenant)
    except Exception:
        _log.exception("A snapshot for tenant %s could not be built; devices get pages.", tenant.slug)


async def _build(tenant: TenantRef, wanted: Wanted, folder: Path) -> bool:
    """Build it, or see that it is not needed; False while another process builds it."""
    raw, packed = folder / "snapshot.db", folder / "snapshot.packed"
    async with tenant_transaction(tenant, snapshot=True):
        lock = f"{tenant.schema} {wanted.plan.key} {wanted.encoding}"
        if not await connection().fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", lock):
            return False
        access = await _find_access(wanted)
        if access is None or await find_usable(wanted.plan, wanted.encoding) is not None:
            return True
        revision = await connection().fetchval("SELECT revision FROM revision_counter")
        rows = await write_snapshot(raw, wanted.member_id, access, wanted.plan.scopes)
    size, sha256 = await asyncio.to_thread(pack, raw, packed, wanted.encoding)
    await storage.files().put(file_key(tenant, sha256), _parts(packed))
    made = Snapshot(
        uuid7(), wanted.plan.key, wanted.encoding, revision, wanted.plan.scopes, sha256, size, raw.stat().st_size, rows
    )
    await _register(tenant, made)
    return True


async def _find_access(wanted: Wanted) -> Access | None:
    """The rights of the member for whom it is built, if they still see what is wanted."""
    standing = await find_standing(wanted.member_id, None)
    if standing is None or not standing.active:
        return None
    keys = {plan.key for plan in await list_plans(wanted.member_id, standing.access)}
    return standing.access if wanted.plan.key in keys else None


async def _parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield part


async def _register(tenant: TenantRef, made: Snapshot) -> None:
    """Put the file on the list, if nobody was erased since: what is on the list may be offered at once."""
    async with tenant_transaction(tenant):
        await connection().execute(
            f"""INSERT INTO snapshot ({COLUMNS}) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
            WHERE NOT EXISTS (SELECT FROM erasure WHERE revision > $4)""",
            made.id, made.key, made.encoding, made.revision, made.scopes, made.sha256, made.size_bytes,
            made.file_bytes, made.rows,
        )  # fmt: skip


_SWEEP = """
DELETE FROM snapshot s WHERE s.used_at < $1
    OR EXISTS (SELECT FROM erasure WHERE revision > s.revision)
    OR EXISTS (SELECT FROM snapshot n WHERE n.key = s.key AND n.encoding = s.encoding AND n.revision > s.revision
        AND n.built_at < $2)
"""


async def sweep(tenant: TenantRef) -> None:
    """Remove what nobody uses any more, from the list and from the storage. Opens transactions of its own."""
    async with tenant_transaction(tenant):
        await connection().execute(_SWEEP, now() - UNUSED_LASTS, now() - REPLACED_LASTS)
        kept = {file_key(tenant, r[0]) for r in await connection().fetch("SELECT sha256 FROM snapshot")}
    async for file in storage.files().list(f"snapshots/{tenant.id}"):
        if file.key not in kept and file.modified_at < now() - ORPHAN_LASTS:
            await storage.files().delete(file.key)
