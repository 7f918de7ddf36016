"""What a replica handed in under an earlier device id: recognised by its digest, and not applied again (S2).

Digests are chained, so whoever has the same digest at a number has the same past up to it. What is recognised is
therefore a beginning of what is pushed.
"""

import json
from typing import Any

import asyncpg

from server.db import connection

Mutation = dict[str, Any]

HAS_KIN = "(d.origin_id IS NOT NULL OR EXISTS (SELECT FROM device k WHERE k.origin_id = d.id)) AS has_kin"
"""SQL: whether the device `d` is one of several incarnations."""

_KNOWN = """
SELECT DISTINCT ON (o.number) o.number, o.digest, o.revision, o.refused, o.outcome, o.device_id::text AS device_id
FROM mutation_outcome o JOIN device k ON k.id = o.device_id AND k.incarnation = o.incarnation
WHERE (k.id = $1 OR k.origin_id = $1) AND k.id <> $2
    AND o.number = ANY ($3::bigint[]) AND o.digest = ANY ($4::text[])
ORDER BY o.number, o.device_id
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
    if not fresh or not device["has_kin"]:
        return [], shared
    conn = connection()
    numbers = [mutation["number"] for mutation in fresh]
    origin = device["origin_id"] or device["id"]
    records = await conn.fetch(_KNOWN, origin, device["id"], numbers, [mutation["digest"] for mutation in fresh])
    known = {(r["number"], r["digest"]): r for r in records}
    count = common_beginning(fresh, known)
    found = [known[m["number"], m["digest"]] for m in fresh[:count]]
    if found:
        await conn.executemany(
            "INSERT INTO mutation_outcome (device_id, incarnation, number, digest, revision, refused, outcome)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                (
                    device["id"],
                    device["incarnation"],
                    r["number"],
                    r["digest"],
                    r["revision"],
                    r["refused"],
                    r["outcome"],
                )
                for r in found
            ],
        )
        shared |= {r["device_id"]: r["number"] for r in found}
        await conn.execute("UPDATE device SET earlier = $2 WHERE id = $1", device["id"], json.dumps(shared))
    return [json.loads(record["outcome"]) for record in found], shared
