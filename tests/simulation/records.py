"""What the server in memory keeps of a device, and what an open transaction of it will write."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from outrider_sdk.protocol import GENESIS_DIGEST

from server.sync.state import Row


@dataclass
class DeviceRecord:
    """What the server keeps of a device."""

    id: str
    member_id: str
    enrolled_at: int
    last_number: int = 0
    last_digest: str = GENESIS_DIGEST
    acked_through: int = 0
    incarnation: int = 1
    origin_id: str | None = None
    cause: str = "enrolled"
    earlier: dict[str, int] = field(default_factory=dict)
    """Device that it was before → the last number in common."""
    revoked_at: int | None = None
    key: str | None = None
    """Of the request that made it."""
    seen_at: int = 0
    begun_after: int = 0
    durable_through: int = 0
    outcomes: dict[int, dict[str, Any]] = field(default_factory=dict)
    decided: dict[int, int] = field(default_factory=dict)
    """Number → the revision in which it was."""
    refused: dict[str, int] = field(default_factory=dict)
    """Rows that refused mutations would have made → the mutation."""
    lease_until: datetime | None = None
    lapsed_from: datetime | None = None
    lapsed_to: datetime | None = None
    wipe_ordered_at: datetime | None = None
    wipe_ordered_by: str | None = None
    wipe_now: bool = False
    wiped_at: datetime | None = None


@dataclass
class Transaction:
    """An open writing transaction: what it will write when it commits."""

    revision: int
    at: int
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    device: DeviceRecord | None = None
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    payloads: dict[str, str] = field(default_factory=dict)
    recognised: list[dict[str, Any]] = field(default_factory=list)
    """Outcomes that an earlier incarnation of the device had."""
    decided: dict[int, int] = field(default_factory=dict)
    earlier: dict[str, int] | None = None
    saved: dict[str, Any] | None = None
    """What becomes of the device's record."""
    merged: dict[str, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    reply: dict[str, Any] = field(default_factory=dict)
    rows_came: bool = False
    """Whether it sends the job that tries what was released, and waits."""

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that may fail alone."""
        before = dict(self.rows), list(self.outcomes), dict(self.refused), dict(self.payloads)
        try:
            yield
        except BaseException:
            self.rows, self.outcomes, self.refused, self.payloads = before
            raise
