"""What a replica handed in under an earlier device id: recognised by its digest, and not applied again (S2).

Digests are chained, so whoever has the same digest at a number has the same past up to it. What is recognised is
therefore a beginning of what is pushed.
"""

import json
from typing import Any

import asyncpg

from server.db import connection
from server.sync.parking import PARKED

Mutation = dict[str, Any]

_OF_UNKNOWN_PAST = (
    "EXISTS (SELECT FROM device u"
    " WHERE u.member_id = d.member_id AND u.origin_id IS NULL AND u.cause = 'enrolled_again')"
)
HAS_KIN = f"""
(d.origin_id IS NOT NULL OR EXISTS (SELECT FROM device k WHERE k.origin_id = d.id)) AS has_kin,
{_OF_UNKNOWN_PAST} AS may_have_kin
"""
"""SQL: whether the device `d` is one of several incarnations; and whether it may be without our knowing: since a
restore, nobody knows what one of its member's devices was."""

_KNOWN = """
SELECT DISTINCT ON (o.number) o.number, o.digest, o.revision, o.refused, o.outcome,
    array_agg(o.device_id::text) OVER (PARTITION BY o.number, o.digest) AS device_ids
FROM mutation_outcome o JOIN device k ON k.id = o.device_id AND k.incarnation = o.incarnation
WHERE (k.id = $1 OR k.origin_id = $1 OR k.member_id = $5) AND k.id <> $2
    AND o.number = ANY ($3::bigint[]) AND o.digest = ANY ($4::text[])
ORDER BY o.number, o.outcome ->> 'status' = 'parked', o.device_id
"""

# What waits under this device's number is given another incarnation's answer, and nothing else.
_KEEP = """
INSERT INTO mutation_outcome (device_id, incarnation, number, digest, revision, refused, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (device_id, incarnation, number) DO UPDATE
SET revision = excluded.revision, refused = excluded.refused, outcome = excluded.outcome
WHERE mutation_outcome.outcome ->> 'status' = 'parked'
"""


def common_beginning(fresh: list[Mutation], known: dict[tuple[int, str], Any]) -> int:
    """How many of the mutations, from the first one on, are known by number and digest. Pure."""
    for count, mutation in enumerate(fresh):
        if (mutation["number"], mutation["digest"]) not in known:
            return count
    return len(fresh)


async def recognise(fresh: list[Mutation], device: asyncpg.Record) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Give the device the outcomes that earlier incarnations of it got for the first of these mutations.

    Returns:
        The outcomes, and by device id the last number in common with each earlier incarnation.
    """
    shared: dict[str, int] = json.loads(device["earlier"])
    known = await _list_known(fresh, device)
    found = [known[m["number"], m["digest"]] for m in fresh[: common_beginning(fresh, known)]]
    if found:
        await _keep(found, device)
        shared |= {device_id: r["number"] for r in found for device_id in r["device_ids"]}  # whoever wrote the rows
        await connection().execute("UPDATE device SET earlier = $2 WHERE id = $1", device["id"], json.dumps(shared))
    return [json.loads(record["outcome"]) for record in found], shared


async def settle_waiting(
    waiting: list[Mutation], device: asyncpg.Record
) -> tuple[list[dict[str, Any]], list[Mutation]]:
    """What waits after a restore under several incarnations is decided for one of them, and counts for all (S2).

    Returns:
        The outcomes of those decided already, and the mutations that still wait.
    """
    known = await _list_known(waiting, device)
    found = [r for r in known.values() if json.loads(r["outcome"])["status"] != PARKED]
    if found:
        await _keep(found, device)
    decided = {r["number"] for r in found}
    return [json.loads(r["outcome"]) for r in found], [m for m in waiting if m["number"] not in decided]


async def _list_known(mutations: list[Mutation], device: asyncpg.Record) -> dict[tuple[int, str], asyncpg.Record]:
    """What other incarnations of the device have of these mutations, by number and digest."""
    if not mutations or not (device["has_kin"] or device["may_have_kin"]):
        return {}
    numbers, digests = [m["number"] for m in mutations], [m["digest"] for m in mutations]
    origin = device["origin_id"] or device["id"]
    member = device["member_id"] if device["may_have_kin"] else None
    records = await connection().fetch(_KNOWN, origin, device["id"], numbers, digests, member)
    return {(r["number"], r["digest"]): r for r in records}


async def _keep(found: list[asyncpg.Record], device: asyncpg.Record) -> None:
    columns = ("number", "digest", "revision", "refused", "outcome")
    own = (device["id"], device["incarnation"])
    await connection().executemany(_KEEP, [(*own, *(r[name] for name in columns)) for r in found])
