"""How a replica stands, without contact."""

from dataclasses import dataclass
from datetime import datetime

from outrider_sdk import attention
from outrider_sdk.kinds import moment
from outrider_sdk.lease import LeaseWatch
from outrider_sdk.store import Store


@dataclass(frozen=True, slots=True)
class Status:
    """How the replica stands, without contact."""

    pending: int
    """Mutations that the server has not answered."""
    oldest_pending_at: datetime | None
    needs_attention: int
    cursor: int
    last_sync_at: datetime | None
    size_bytes: int
    device_id: str | None
    incarnation: int
    last_number: int
    applied_through: int
    skew_us: int | None
    """Server clock minus device clock as last measured."""
    lease_until: datetime | None
    """Until when the device may work without contact; None where it has no lease that counts."""
    past_lease: bool
    """The lease has ended: work is captured all the same, and the office looks at orders. A sync brings another."""


def get_status(store: Store, lease: LeaseWatch) -> Status:
    """How the replica stands now."""
    get = store.meta_int
    until = lease.until()
    with store.read() as conn:
        pending, oldest = conn.execute(
            "SELECT count(*), min(captured_at) FROM sync_outbox WHERE status IS NULL"
        ).fetchone()
        synced, skew = store.meta("last_sync_at"), store.meta("skew")
        return Status(
            pending=pending,
            oldest_pending_at=None if oldest is None else moment(oldest),
            needs_attention=len(attention.list_attention(store)),
            cursor=get("cursor"),
            last_sync_at=None if synced is None else moment(int(synced)),
            size_bytes=store.size_bytes(),
            device_id=store.meta("device_id"),
            incarnation=get("incarnation"),
            last_number=get("last_number"),
            applied_through=get("applied_through"),
            skew_us=None if skew is None else int(skew),
            lease_until=None if until is None else moment(until),
            past_lease=lease.is_past(),
        )
