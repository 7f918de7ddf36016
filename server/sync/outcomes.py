"""Outcomes that a pull repeats: those that a device may not have, and those that a restore has changed."""

import json
from typing import Any, Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol import PUSH_MUTATIONS_MAX

from server.auth.access import Access
from server.db import connection
from server.sync.conflicts import as_read_by
from server.sync.cursors import EPOCH_BITS
from server.sync.position import REVISION_MAX


async def list_unacknowledged(device: asyncpg.Record, access: Access, acked_through: int) -> list[Any]:
    """Outcomes that the device has not said it keeps; after a push whose replies arrived, none."""
    acked_through = max(acked_through, device["acked_through"])
    if acked_through >= device["last_number"]:
        return []
    records = await connection().fetch(
        "SELECT outcome FROM mutation_outcome WHERE device_id = $1 AND incarnation = $2 AND number > $3"
        " ORDER BY number LIMIT $4",
        device["id"],
        device["incarnation"],
        acked_through,
        PUSH_MUTATIONS_MAX,
    )
    return [as_read_by(access, json.loads(record["outcome"])) for record in records]


_DECIDED_SINCE: Final = """
SELECT DISTINCT ON (o.number) o.outcome
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, through) JOIN mutation_outcome o ON o.device_id = k.id
WHERE o.number <= k.through
    AND CASE WHEN o.outcome ->> 'status' = 'parked' THEN o.device_id = $4 ELSE o.revision >= $3 END
ORDER BY o.number, o.device_id <> $4
"""
_IS_KNOWN: Final = "SELECT EXISTS (SELECT FROM revision_token WHERE revision BETWEEN $1 AND $2)"


async def list_decided_otherwise(device: asyncpg.Record, access: Access, cursor: int) -> list[Any]:
    """What may have been decided of the device's past otherwise than it knows, whatever it acknowledged.

    That is what was decided in an epoch that it has not heard of: a copy of its file, or a push that the network had
    held, may have handed it in before it could itself. All of it, where this database never had the epoch of its
    cursor: after one restore, a second one took that epoch back with all its answers. And what waits, since whenever:
    the device may have heard of its end.
    """
    past = json.loads(device["earlier"]) | {str(device["id"]): device["last_number"]}
    epoch = cursor >> EPOCH_BITS
    began, ended = (min(each << EPOCH_BITS, REVISION_MAX) for each in (epoch, epoch + 1))
    is_known = began == 0 or await connection().fetchval(_IS_KNOWN, began, ended - 1)
    ids, since = [UUID(device_id) for device_id in past], ended if is_known else 0
    records = await connection().fetch(_DECIDED_SINCE, ids, list(past.values()), since, device["id"])
    return [as_read_by(access, json.loads(record["outcome"])) for record in records]
