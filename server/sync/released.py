"""Released work of revoked devices that still waits for rows since a restore (`parking`): taken when they come.

A living device sends what is parked again with each push. A revoked one pushes no more, and may be wiped: quarantine
has the content, a manager's word stands, and what is left is to try it whenever others have handed something in. All
of it belongs in the tenant's transaction.
"""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from dramatiq import Message

from server.broker import enqueue
from server.db import connection
from server.sync.parking import HEALING

ROWS_CAME: Final = ("orders", "take_released_work")
"""Queue and name of the job (`server.sync.released_jobs`). By name: every process that takes pushes sends it, and the
job pushes."""
COALESCED_MS: Final = 2_000
"""Devices that come back after a restore push part after part: one trial serves them all."""


@dataclass(frozen=True, slots=True)
class Released:
    """A quarantine with released work that waits."""

    id: UUID
    device_id: UUID
    member_id: UUID


async def tell_rows_came() -> None:
    """Have what was released, and waits, tried once the open transaction has committed."""
    if await connection().fetchval("SELECT EXISTS (SELECT FROM quarantined_mutation WHERE released)"):
        queue, name = ROWS_CAME
        message: Message[Any] = Message(queue_name=queue, actor_name=name, args=(), kwargs={}, options={})
        await enqueue(message, delay_ms=COALESCED_MS)


_TO_TRY: Final = f"""
SELECT q.id, q.device_id, q.member_id FROM quarantine q CROSS JOIN revision_counter c
WHERE EXISTS (SELECT FROM quarantined_mutation w WHERE w.released AND w.quarantine_id = q.id)
    AND (q.tried_revision < c.revision OR NOT {HEALING})
ORDER BY q.handed_in_at, q.id
"""  # noqa: S608 - our own


async def list_to_try() -> list[Released]:
    """Whose released work waits, unless nothing was written since it was tried; when healing is over, in any case."""
    return [Released(**dict(row)) for row in await connection().fetch(_TO_TRY)]


async def list_waiting(quarantine_id: UUID, after: int, limit: int) -> list[dict[str, Any]]:
    """Released mutations after a number that wait."""
    rows = await connection().fetch(
        "SELECT payload FROM quarantined_mutation WHERE quarantine_id = $1 AND released AND number > $2"
        " ORDER BY number LIMIT $3",
        quarantine_id, after, limit,
    )  # fmt: skip
    return [json.loads(row["payload"]) for row in rows]


async def note_tried(quarantine_id: UUID, revision: int) -> None:
    """Forget what has an outcome by now: it stands in rows and outcomes. The rest was tried from this revision on."""
    conn = connection()
    await conn.execute(
        """DELETE FROM quarantined_mutation w USING quarantine q, device d, mutation_outcome o
        WHERE w.quarantine_id = $1 AND w.released AND q.id = $1 AND d.id = q.device_id
            AND (o.device_id, o.incarnation, o.number) = (d.id, d.incarnation, w.number)
            AND o.outcome ->> 'status' <> 'parked'""",
        quarantine_id,
    )
    await conn.execute(
        """UPDATE quarantine SET tried_revision = $2, size_bytes = (
            SELECT coalesce(sum(length(payload)), 0) FROM quarantined_mutation WHERE quarantine_id = $1)
        WHERE id = $1""",
        quarantine_id, revision,
    )  # fmt: skip
