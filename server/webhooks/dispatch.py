"""From events to deliveries, and from one attempt to the next. All of it in the tenant's transactions.

One job at a time sends to a webhook: it holds a lease, and gives it back in the transaction in which it sees that
nothing is due. Whoever adds a delivery sends a job with it: it finds the lease free, or its holder finds the delivery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from server import clock
from server.db import connection
from server.webhooks.rules import (
    Answer,
    Ending,
    Event,
    event_types,
    judge_webhook,
    matches,
    next_attempt,
    pause_after,
)

EVENTS_DISPATCHED_MAX: Final = 1_000
"""Of one transaction; the job goes on with another."""
KEPT: Final = timedelta(days=30)
SWEPT_MAX: Final = 1_000
LEASE: Final = timedelta(seconds=90)
"""Longer than a job may run: the holder of an older one is gone."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come."""

    id: UUID
    attempts: int
    event: Event


@dataclass(frozen=True, slots=True)
class Lease:
    """What a job needs to know to send to a webhook."""

    webhook_id: UUID
    url: str
    secret_generation: int
    secret_rotated_at: datetime | None


async def dispatch_events() -> tuple[set[UUID], bool]:
    """Make deliveries of events that nobody has dispatched yet.

    Returns:
        The webhooks that have something to deliver, and whether there are more events.
    """
    events = await connection().fetch(
        """SELECT id, type, entity FROM webhook_event WHERE dispatched_at IS NULL
        ORDER BY revision, id LIMIT $1 FOR UPDATE SKIP LOCKED""",
        EVENTS_DISPATCHED_MAX,
    )
    webhooks = await connection().fetch("SELECT id, events FROM webhook WHERE disabled_at IS NULL")
    pairs = [(w["id"], e["id"]) for e in events for w in webhooks if matches(w["events"], e["type"])]
    await _insert_deliveries(pairs)
    await connection().execute(
        "UPDATE webhook_event SET dispatched_at = $2 WHERE id = ANY ($1)", [e["id"] for e in events], clock.now()
    )
    await _sweep()
    return {webhook_id for webhook_id, _ in pairs}, len(events) == EVENTS_DISPATCHED_MAX


async def _insert_deliveries(pairs: Sequence[tuple[UUID, UUID]]) -> None:
    await connection().execute(
        """INSERT INTO webhook_delivery (webhook_id, event_id, created_at, next_attempt_at)
        SELECT p.webhook_id, p.event_id, $3, $3 FROM unnest($1::uuid[], $2::uuid[]) AS p (webhook_id, event_id)""",
        [webhook_id for webhook_id, _ in pairs],
        [event_id for _, event_id in pairs],
        clock.now(),
    )


async def _sweep() -> None:
    """Forget some of what is too old; its deliveries go with an event."""
    await connection().execute(
        "DELETE FROM webhook_event WHERE id IN (SELECT id FROM webhook_event WHERE at < $1 ORDER BY at LIMIT $2)",
        clock.now() - KEPT,
        SWEPT_MAX,
    )


async def replay_events(webhook_id: UUID, patterns: Sequence[str], since: datetime, until: datetime, most: int) -> int:
    """Deliver once more each event of a time range that the webhook waits for; returns how many.

    `most` + 1 stands for more than that, and then nothing is delivered.
    """
    events = await connection().fetch(
        "SELECT id FROM webhook_event WHERE at >= $1 AND at < $2 AND type = ANY ($3) ORDER BY revision, id LIMIT $4",
        since,
        until,
        [each for each in event_types() if matches(patterns, each)],
        most + 1,
    )
    if len(events) <= most:
        await _insert_deliveries([(webhook_id, event["id"]) for event in events])
    return len(events)


async def lease(webhook_id: UUID) -> Lease | None:
    """Take the right to send to a webhook; None where another job has it, or nothing may be sent."""
    now = clock.now()
    row: Any = await connection().fetchrow(
        """UPDATE webhook SET leased_until = $2, wake_at = CASE WHEN wake_at > $3 THEN wake_at END
        WHERE id = $1 AND disabled_at IS NULL AND (leased_until IS NULL OR leased_until < $3)
            AND (resume_at IS NULL OR resume_at <= $3)
        RETURNING id, url, secret_generation, secret_rotated_at""",
        webhook_id, now + LEASE, now,
    )  # fmt: skip
    return None if row is None else Lease(*row)


async def find_due(webhook_id: UUID) -> Due | None:
    """The delivery whose turn it is, in the order of the events."""
    row: Any = await connection().fetchrow(
        """SELECT d.id, d.attempts, e.id AS event_id, e.type, e.entity, e."row", e.revision, e.changed, e.at
        FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id
        WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.next_attempt_at <= $2
        ORDER BY d.next_attempt_at, e.revision, e.id LIMIT 1""",
        webhook_id,
        clock.now(),
    )
    if row is None:
        return None
    event = Event(
        row["event_id"], row["type"], row["entity"], row["row"], row["revision"], row["changed"], row["at"]
    )  # fmt: skip
    return Due(row["id"], row["attempts"], event)


async def record_success(webhook_id: UUID, due: Due, answer: Answer) -> None:
    """Note that the receiver took a delivery; whatever failed before is forgiven."""
    await _record(due, answer, "delivered", None)
    await connection().execute(
        "UPDATE webhook SET failing_since = NULL, failures_in_row = 0, resume_at = NULL WHERE id = $1", webhook_id
    )


async def record_failure(webhook_id: UUID, due: Due, answer: Answer) -> Ending | None:
    """Note that an attempt failed, and when the next one is; says whether the webhook was disabled by it."""
    now = clock.now()
    following = next_attempt(due.attempts + 1, now)
    await _record(due, answer, "pending" if following else "failed", following)
    webhook: Any = await connection().fetchrow(
        """UPDATE webhook SET failing_since = coalesce(failing_since, $2), failures_in_row = failures_in_row + 1
        WHERE id = $1 RETURNING failing_since, failures_in_row""",
        webhook_id,
        now,
    )
    if webhook is None:  # deleted meanwhile
        return None
    pause = pause_after(webhook["failures_in_row"], timed_out=answer.status is None)
    ending = judge_webhook(answer, webhook["failing_since"], now)
    await connection().execute(
        """UPDATE webhook SET resume_at = $2, disabled_at = CASE WHEN $3::text IS NULL THEN disabled_at ELSE $4 END,
            disabled_reason = coalesce($3, disabled_reason) WHERE id = $1""",
        webhook_id, now + pause if pause else None, ending, now,
    )  # fmt: skip
    return ending


async def _record(due: Due, answer: Answer, state: str, following: datetime | None) -> None:
    await connection().execute(
        """UPDATE webhook_delivery SET state = $2, attempts = attempts + 1, next_attempt_at = $3, attempted_at = $4,
            response_status = $5, duration_ms = $6, error = $7 WHERE id = $1""",
        due.id, state, following, clock.now(), answer.status, answer.duration_ms, answer.error,
    )  # fmt: skip


async def release(webhook_id: UUID) -> timedelta | None:
    """Give the lease back; returns after how long a job must look again. None: nothing waits, or one is on its way."""
    now = clock.now()
    webhook: Any = await connection().fetchrow(
        "SELECT resume_at, wake_at, disabled_at FROM webhook WHERE id = $1 FOR UPDATE", webhook_id
    )
    if webhook is None:
        return None
    await connection().execute("UPDATE webhook SET leased_until = NULL WHERE id = $1", webhook_id)
    following: datetime | None = await connection().fetchval(
        "SELECT min(next_attempt_at) FROM webhook_delivery WHERE webhook_id = $1 AND state = 'pending'", webhook_id
    )
    if following is None or webhook["disabled_at"] is not None:
        return None
    wake_at = max(following, webhook["resume_at"] or now, now)
    if webhook["wake_at"] is not None and webhook["wake_at"] <= wake_at:
        return None
    await connection().execute("UPDATE webhook SET wake_at = $2 WHERE id = $1", webhook_id, wake_at)
    return wake_at - now
