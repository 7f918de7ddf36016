"""How a replica stands, without contact."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from outrider_sdk import attention, checksum
from outrider_sdk.errors import SyncError
from outrider_sdk.ids import Clock
from outrider_sdk.kinds import moment
from outrider_sdk.lease import LeaseWatch, Plan
from outrider_sdk.limits import NEARLY
from outrider_sdk.store import Store

OLD_S = 7 * 86_400
"""From this age of the last sync on, `problems` names it."""
PENDING_LONG_S = 86_400
SKEW_MAX_S = 300
FREE_MIN_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Status:
    """How the replica stands, without contact."""

    pending: int
    """Mutations that the server has not answered."""
    pending_bytes: int
    oldest_pending_at: datetime | None
    needs_attention: int
    conflicts_open: int
    cursor: int
    cursor_age_s: float | None
    """Seconds since the last sync, by the device's clock; None: there was none."""
    last_sync_at: datetime | None
    size_bytes: int
    device_id: str | None
    incarnation: int
    last_number: int
    applied_through: int
    skew_us: int | None
    """Server clock minus device clock as last measured."""
    differing: list[str]
    """Entities in which the last comparison with the server found a difference that a repair did not take away."""
    lease_until: datetime | None
    """Until when the device may work without contact; None where it has no lease that counts."""
    past_lease: bool
    """It was without contact for too long: work is captured all the same, and the office looks at orders. A sync
    brings another lease."""
    plan: Plan | None = None
    """How the plan of the person's company stands; None where nobody bills it. Its `message` is one to show."""
    problems: list[str] = field(default_factory=list)
    """What is wrong, in words for the person; empty where all is well."""


def get_status(store: Store, clock: Clock, lease: LeaseWatch, last_error: SyncError | None = None) -> Status:
    """How the replica stands now; `last_error` is what the last sync raised."""
    get = store.meta_int
    until = lease.until()
    with store.read() as conn:
        pending, size, oldest = conn.execute(
            "SELECT count(*), coalesce(sum(length(CAST(changes AS BLOB))), 0), min(captured_at) FROM sync_outbox"
            " WHERE status IS NULL"
        ).fetchone()
        (open_,) = conn.execute("SELECT count(*) FROM conflict WHERE status <> 'settled'").fetchone()
        synced, skew = store.meta("last_sync_at"), store.meta("skew")
        status = Status(
            pending=pending,
            pending_bytes=size,
            oldest_pending_at=None if oldest is None else moment(oldest),
            needs_attention=len(attention.list_attention(store)),
            conflicts_open=open_,
            cursor=get("cursor"),
            cursor_age_s=None if synced is None else (clock() - int(synced)) / 1_000_000,
            last_sync_at=None if synced is None else moment(int(synced)),
            size_bytes=store.size_bytes(),
            device_id=store.meta("device_id"),
            incarnation=get("incarnation"),
            last_number=get("last_number"),
            applied_through=get("applied_through"),
            skew_us=None if skew is None else int(skew),
            differing=checksum.list_differing(store),
            lease_until=None if until is None else moment(until),
            past_lease=lease.is_past(),
            plan=lease.plan(),
        )
        waits_s = None if oldest is None else (clock() - oldest) / 1_000_000
    return replace(status, problems=list(_problems(store, status, waits_s, last_error)))


def _problems(store: Store, status: Status, waits_s: float | None, last_error: SyncError | None) -> Iterator[str]:
    if status.device_id is None:
        yield "This replica belongs to no device yet. Enrol it with a code."
    if last_error is not None:
        yield f"The last sync did not come to its end: {last_error}"
    if status.device_id is not None and status.cursor_age_s is None:
        yield "This device has never synced. Sync it once, where there is a network."
    elif status.cursor_age_s is not None and status.cursor_age_s > OLD_S:
        yield f"The last sync was {_days(status.cursor_age_s)} ago: what is shown may be out of date."
    if status.past_lease:
        yield "This device was without contact for longer than its lease: the office looks at new orders. Sync soon."
    if status.plan is not None and status.plan.message is not None:
        yield status.plan.message
    if waits_s is not None and waits_s > PENDING_LONG_S:
        yield f"{status.pending} changes wait to be sent, the oldest for {_days(waits_s)}."
    if status.differing:
        yield f"What this device shows of {', '.join(status.differing)} may be wrong. Tell your administrator."
    if status.needs_attention:
        yield f"{status.needs_attention} things wait for your decision."
    if status.skew_us is not None and abs(status.skew_us) > SKEW_MAX_S * 1_000_000:
        way = "behind" if status.skew_us > 0 else "ahead"
        yield f"This device's clock is {_span(abs(status.skew_us) // 60_000_000)} {way}. Set it by the network."
    limits = store.limits
    if status.pending >= limits.outbox_mutations_max * NEARLY:
        yield f"{status.pending} of at most {limits.outbox_mutations_max} changes wait to be sent. Sync soon."
    if status.size_bytes >= limits.replica_bytes_max * NEARLY:
        yield "This device's data is close to its limit. Ask the office to assign fewer customers to it."
    if _free_bytes(store.path) < FREE_MIN_BYTES:
        yield "This device's storage is nearly full. Free some space, or work cannot be saved."


def _span(minutes: int) -> str:
    if minutes < 2 * 60:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"


def _days(seconds: float) -> str:
    days = int(seconds // 86_400)
    return "1 day" if days == 1 else f"{days} days"


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return FREE_MIN_BYTES
