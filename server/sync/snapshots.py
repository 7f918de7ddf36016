"""Snapshots: ready files of what a set of scopes shows under a view, as of a revision (ADR 0021).

A device that begins, or begins anew, is offered one in place of the first pages of its pull; the pages after it tell
what is missing and what has changed since. Files lie in the shared storage under their SHA-256, compressed; the table
`snapshot` says what they are. Whoever holds the same scopes within the same reaches shares one.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.tables import SNAPSHOT_FORMAT

from server import storage
from server.auth.access import Access
from server.db import TenantRef, connection
from server.errors import AppError
from server.storage.files import NotKept
from server.sync.snapshot_pack import ENCODINGS
from server.sync.snapshot_plan import Plan, choose, list_plans

DELTA_ROWS_MIN: Final = 5_000
DELTA_SHARE_MAX: Final = 0.2
"""A snapshot is built anew when more than this share of its rows, and more rows than that, have changed since."""


class SnapshotGone(AppError):
    """The snapshot is no longer there, or shows what the member may not see any more."""

    status = 410
    code = "snapshot_gone"

    def __init__(self) -> None:
        super().__init__("This snapshot is no longer yours to have. Pull without it.")


class SnapshotMissing(Exception):
    """A snapshot would serve the device, and is not there yet."""

    def __init__(self, wanted: "Wanted") -> None:
        super().__init__(wanted.plan.key)
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built."""

    member_id: UUID
    plan: Plan
    encoding: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A ready file."""

    id: UUID
    key: str
    encoding: str
    revision: int
    scopes: tuple[UUID, ...]
    sha256: str
    size_bytes: int
    file_bytes: int
    rows: int

    def offer(self) -> dict[str, Any]:
        """What a page says of it (docs/sync-protocol.md §13)."""
        return {
            "id": str(self.id),
            "format": SNAPSHOT_FORMAT,
            "encoding": self.encoding,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "file_bytes": self.file_bytes,
            "rows": self.rows,
        }


COLUMNS: Final = "id, key, encoding, revision, scopes, sha256, size_bytes, file_bytes, rows"

# Whoever was erased since is in none of them, even if one was being put on the list meanwhile.
_LISTED = f"""
SELECT {COLUMNS} FROM snapshot s WHERE NOT EXISTS (SELECT FROM erasure e WHERE e.revision > s.revision)
"""


def _from(record: Any) -> Snapshot:
    return Snapshot(**{**dict(record), "scopes": tuple(record["scopes"])})


async def find_offer(member_id: UUID, access: Access, encodings: Sequence[str], *, may_build: bool) -> Snapshot | None:
    """The snapshot with which the member's device should begin; None: pages serve it as well.

    Raises:
        SnapshotMissing: one should be built first; only with `may_build`.
    """
    encoding = next((e for e in ENCODINGS if e in encodings), None)
    if encoding is None or not access.reads_anything:
        return None
    plans = await list_plans(member_id, access)
    ready = await find_usable(plans[0], encoding)
    if ready is not None:
        return ready
    plan = await choose(plans)
    if plan is None:
        return None
    ready = await find_usable(plan, encoding)
    if ready is None and may_build:
        raise SnapshotMissing(Wanted(member_id, plan, encoding))
    return ready


async def find_snapshot(snapshot_id: UUID) -> Snapshot | None:
    """The snapshot of that id, if it is still on the list."""
    record = await connection().fetchrow(f"{_LISTED} AND id = $1", snapshot_id)
    return None if record is None else _from(record)


_DELTA = """
SELECT (SELECT count(*) FROM (
        SELECT FROM unnest($1::uuid[]) s (scope) CROSS JOIN LATERAL (
            SELECT FROM scope_entry e WHERE e.scope = s.scope AND e.revision > $2 LIMIT $3) e LIMIT $3) counted)
    + (SELECT coalesce(sum(cardinality(c.rows)), 0) FROM scope_change c
        JOIN unnest($1::uuid[]) s (scope) ON s.scope = c.scope WHERE c.revision > $2)
"""


async def find_usable(plan: Plan, encoding: str) -> Snapshot | None:
    """The newest snapshot of the plan, unless telling what has changed since would cost more than a new one.

    Or cannot be told any more: it is from before the horizon.
    """
    record = await connection().fetchrow(
        f"{_LISTED} AND key = $1 AND encoding = $2 AND revision >= (SELECT horizon FROM revision_counter)"
        " ORDER BY revision DESC LIMIT 1",
        plan.key,
        encoding,
    )
    if record is None:
        return None
    found = _from(record)
    allowed = max(DELTA_ROWS_MIN, int(found.rows * DELTA_SHARE_MAX))
    changed = await connection().fetchval(_DELTA, found.scopes, found.revision, allowed + 1)
    return found if changed <= allowed else None


def file_key(tenant: TenantRef, sha256: str) -> str:
    """Where a file lies in the storage."""
    return f"snapshots/{tenant.id}/{sha256}"


async def open_range(tenant: TenantRef, snapshot: Snapshot, start: int, end: int) -> AsyncIterator[bytes]:
    """A part of a snapshot's file, whose first bytes are there already: nothing can be refused after the first.

    Raises:
        SnapshotGone: the file is no longer there.
    """
    parts = storage.files().open(file_key(tenant, snapshot.sha256), start, end)
    try:
        first = await anext(parts)
    except (StopAsyncIteration, NotKept):
        raise SnapshotGone from None
    return _with_first(first, parts)


async def _with_first(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part


async def get_downloadable(snapshot_id: UUID, member_id: UUID, access: Access) -> Snapshot:
    """The snapshot, if the member's grants and view are still those that it shows. Notes that it was used.

    Raises:
        SnapshotGone: they are not, or it is not there.
    """
    found = await find_snapshot(snapshot_id) if access.reads_anything else None
    if found is None or found.key not in {plan.key for plan in await list_plans(member_id, access)}:
        raise SnapshotGone
    await connection().execute(
        "UPDATE snapshot SET used_at = now() WHERE id = $1 AND used_at < now() - interval '1 hour'", snapshot_id
    )
    return found
