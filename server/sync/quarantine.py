"""Quarantine: what a revoked device hands in once, kept as it came until a manager releases or discards it (rule 3).

All of it belongs in the tenant's transaction. Proof of the device's secret stands in for a token, which it lacks.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from outrider_sdk.protocol import GENESIS_DIGEST
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.auth import credentials
from server.auth.roles import MANAGERS, may_manage
from server.auth.service import find_base
from server.auth.tokens import TokenInvalid
from server.db import connection
from server.errors import Conflict, NotFound, TooLarge
from server.sync.numbers import check_chain, follows, split_known

QUARANTINE_MUTATIONS_MAX: Final = 100_000
QUARANTINE_BYTES_MAX: Final = 64 * 1024 * 1024
LISTED_MAX: Final = 1_000
MISSING_TOLD_MAX: Final = 2_000

Mutation = dict[str, Any]


class NotRevoked(Conflict):
    """The device may sync: what it has is a push's."""

    code = "not_revoked"

    def __init__(self) -> None:
        super().__init__("This device is not revoked. Sync as usual.")


class QuarantineClosed(Conflict):
    """The device has handed in already all that it had; a second time is not taken, unless it was trusted between."""

    code = "quarantine_closed"

    def __init__(self) -> None:
        super().__init__("This device has handed in its work once, after it was revoked. The rest stays on it.")


class QuarantineDecided(Conflict):
    """Somebody has released or discarded it already."""

    code = "quarantine_decided"

    def __init__(self, state: str) -> None:
        super().__init__(f"This work was {state} already.")


@dataclass(frozen=True, slots=True)
class HandIn:
    """One part of what a revoked device hands in."""

    device_id: UUID
    proof: str
    incarnation: int
    mutations: list[Mutation]
    complete: bool

    def text(self) -> str:
        """What the proof is of: this content, and no other."""
        last = self.mutations[-1]["digest"] if self.mutations else ""
        return f"quarantine/{self.device_id}/{last}/{str(self.complete).lower()}"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The work of a revoked device that waits, or was decided on."""

    id: UUID
    device_id: UUID
    device_name: str
    member_id: UUID
    member_role: str
    state: str
    complete: bool
    mutations: int
    handed_in_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    changes: Mapping[str, int] = field(default_factory=dict)
    """How many changes of each kind: `order.create`, `order.submit`."""
    parked: int = 0
    """How many of its mutations wait for what other devices hand in again, after a restore."""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What the server has of a revoked device's work."""

    through: int
    """It decided on, or keeps, all up to this number, but for what is missing."""
    missing: list[int]
    """Numbers that wait for other devices' rows (`server.sync.parking`), and whose content nobody keeps."""
    closed: bool
    """Whether nothing else is taken: all was handed in, and the device was not trusted again since."""


async def hand_in(given: HandIn) -> HandedIn:
    """Keep a part of a revoked device's work; again is the same.

    What is parked has a number that is known, and no content but its device's: it is kept as well, also after all else
    was handed in. Whose member was active again meanwhile (`open_quarantines`, a trigger), hands in once more.

    Raises:
        TokenInvalid: there is no such device, or the proof is not its.
        NotRevoked, QuarantineClosed, NumberGap, Forked, TooLarge: as their names say. Nothing was kept.
    """
    device = await connection().fetchrow(_DEVICE, given.device_id)
    if device is None or not credentials.proves(given.proof, given.text(), device["secret_hash"]):
        raise TokenInvalid
    if device["revoked_at"] is None and device["active"]:
        raise NotRevoked
    if device["incarnation"] != given.incarnation:
        raise TokenInvalid
    kept = await connection().fetchrow(_OF_DEVICE, given.device_id)
    known, fresh = split_known(given.mutations, device["last_number"])
    missing = await _list_missing(device, kept)
    parked = [m for m in known if m["number"] in missing and _is_what_waits(m, missing[m["number"]])]
    last = kept if kept is not None and kept["last_number"] > device["last_number"] else device
    end = last["last_number"], last["last_digest"]
    fresh = [m for m in fresh if m["number"] > end[0]]
    if fresh and kept is not None and kept["complete"]:
        raise QuarantineClosed
    check_chain(fresh, last_number=end[0], last_digest=end[1])
    if fresh:
        end = fresh[-1]["number"], fresh[-1]["digest"]
    was_closed = kept is not None and kept["complete"]
    is_closed = was_closed or (given.complete and bool(fresh or parked or kept))
    if fresh or parked or is_closed != was_closed:
        await _keep(device, kept, parked + fresh, end, complete=given.complete)
    left = sorted(missing.keys() - {m["number"] for m in parked})
    return HandedIn(end[0], left[:MISSING_TOLD_MAX], is_closed)


_DEVICE: Final = """
SELECT d.*, m.active AND m.deleted_at IS NULL AS active
FROM device d JOIN member m ON m.id = d.member_id WHERE d.id = $1 FOR UPDATE OF d
"""
_OF_DEVICE: Final = "SELECT * FROM quarantine WHERE device_id = $1"
_MISSING: Final = """
SELECT o.number, o.digest, p.digest AS previous
FROM mutation_outcome o LEFT JOIN mutation_outcome p
    ON (p.device_id, p.incarnation, p.number) = (o.device_id, o.incarnation, o.number - 1)
WHERE o.device_id = $1 AND o.incarnation = $2 AND o.outcome ->> 'status' = 'parked'
    AND NOT EXISTS (SELECT FROM quarantined_mutation q WHERE q.quarantine_id = $3 AND q.number = o.number)
"""


async def _list_missing(device: asyncpg.Record, kept: asyncpg.Record | None) -> dict[int, asyncpg.Record]:
    """By number, what of the device is parked and not in quarantine: its digest, and the one before it."""
    quarantine_id = None if kept is None else kept["id"]
    records = await connection().fetch(_MISSING, device["id"], device["incarnation"], quarantine_id)
    return {record["number"]: record for record in records}


def _is_what_waits(mutation: Mutation, parked: asyncpg.Record) -> bool:
    """Whether it is the one that was parked; its content is checked where the digest before it is still known."""
    previous = GENESIS_DIGEST if mutation["number"] == 1 else parked["previous"]
    return bool(mutation["digest"] == parked["digest"]) and (previous is None or follows(mutation, previous))


async def _keep(
    device: asyncpg.Record,
    kept: asyncpg.Record | None,
    mutations: list[Mutation],
    end: tuple[int, str],
    *,
    complete: bool,
) -> None:
    """Keep mutations; what comes after a decision waits for another one.

    Args:
        end: number and digest of the last that is known or kept.
    """
    conn = connection()
    payloads = [(m["number"], msgspec.json.encode(m)) for m in mutations]
    size = sum(len(payload) for _, payload in payloads) + (kept["size_bytes"] if kept else 0)
    count = len(payloads) + (kept["mutations"] if kept and kept["state"] == "waiting" else 0)
    if size > QUARANTINE_BYTES_MAX or count > QUARANTINE_MUTATIONS_MAX:
        raise TooLarge("A revoked device hands in 100,000 changes of 64 MiB at most. What it holds stays on it.")
    if not mutations:
        await conn.execute("UPDATE quarantine SET complete = true WHERE device_id = $1", device["id"])
        return
    quarantine_id = kept["id"] if kept else uuid7()
    await conn.execute(
        """
        INSERT INTO quarantine
            (id, device_id, member_id, state, complete, mutations, size_bytes, last_number, last_digest, handed_in_at)
        VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9)
        ON CONFLICT (device_id) DO UPDATE SET complete = quarantine.complete OR excluded.complete, state = 'waiting',
            mutations = excluded.mutations, size_bytes = excluded.size_bytes, last_number = excluded.last_number,
            last_digest = excluded.last_digest, decided_by = NULL, decided_at = NULL,
            handed_in_at =
                CASE quarantine.state WHEN 'waiting' THEN quarantine.handed_in_at ELSE excluded.handed_in_at END
        """,
        quarantine_id, device["id"], device["member_id"], complete, count, size, *end, clock.now(),
    )  # fmt: skip
    await conn.executemany(
        "INSERT INTO quarantined_mutation (quarantine_id, number, payload) VALUES ($1, $2, $3)",
        [(quarantine_id, *each) for each in payloads],
    )


async def list_quarantines(*, by: UUID, role: str) -> list[Quarantine]:
    """What waits or was decided, newest first: of those for whom the role may act, and one's own."""
    rows = await connection().fetch(f"{_SELECT} ORDER BY q.handed_in_at DESC LIMIT {LISTED_MAX}")
    return [_read(row) for row in rows if _is_seen(row, by, role)]


async def get_quarantine(quarantine_id: UUID, *, by: UUID, role: str) -> Quarantine:
    """The one of that id.

    Raises:
        NotFound: there is none, or it is somebody's for whom the role may not act.
    """
    row = await _get(f"{_SELECT} WHERE q.id = $1", quarantine_id, by=by, role=role)
    payloads = await connection().fetch(
        "SELECT payload FROM quarantined_mutation WHERE quarantine_id = $1 AND NOT released", quarantine_id
    )
    return _read(row, _count_changes(msgspec.json.decode(r["payload"]) for r in payloads))


async def hold_quarantine(quarantine_id: UUID, *, by: UUID, role: str) -> Quarantine:
    """The same, without its changes; nobody else decides, nor is more handed in, until the transaction ends.

    The device is locked first, as by whoever hands in, pushes or tries: two orders of locking end in a deadlock.

    Raises:
        NotFound: as `get_quarantine`.
    """
    lock = "SELECT FROM device WHERE id = (SELECT device_id FROM quarantine WHERE id = $1) FOR UPDATE"
    await connection().execute(lock, quarantine_id)
    return _read(await _get(f"{_SELECT} WHERE q.id = $1 FOR UPDATE OF q", quarantine_id, by=by, role=role))


async def _get(select: str, quarantine_id: UUID, *, by: UUID, role: str) -> asyncpg.Record:
    row = await connection().fetchrow(select, quarantine_id)
    if row is None or not _is_seen(row, by, role):
        raise NotFound
    return row


_SELECT: Final = """
SELECT q.id, q.device_id, d.name AS device_name, q.member_id, coalesce(r.base, m.role) AS member_role, q.state,
    q.complete, q.mutations, q.handed_in_at, q.decided_by, q.decided_at, (
        SELECT count(*) FROM quarantined_mutation w JOIN mutation_outcome o
            ON (o.device_id, o.incarnation, o.number) = (d.id, d.incarnation, w.number)
        WHERE w.quarantine_id = q.id AND o.outcome ->> 'status' = 'parked') AS parked
FROM quarantine q JOIN device d ON d.id = q.device_id JOIN member m ON m.id = q.member_id
LEFT JOIN role r ON r.key = m.role AND r.deleted_at IS NULL
"""


def _is_seen(row: asyncpg.Record, by: UUID, role: str) -> bool:
    return row["member_id"] == by or (role in MANAGERS and may_manage(role, row["member_role"]))


def _read(row: asyncpg.Record, changes: Mapping[str, int] | None = None) -> Quarantine:
    return Quarantine(**dict(row), changes=changes or {})


def _count_changes(mutations: Any) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for mutation in mutations:
        for change in mutation["changes"]:
            if isinstance(change, dict):
                op, entity = str(change.get("op")), str(change.get("entity"))
                counted[str(change.get("name"))[:60] if op == "intent" else f"{entity[:40]}.{op[:10]}"] += 1
    return dict(counted)


async def require_decider(quarantine: Quarantine, *, by: UUID, role: str) -> None:
    """Let those decide who may act for the member; nobody for themself, unless they may anyway.

    Raises:
        NotFound: it is one's own, or out of sight: whoever was revoked does not let themself in again.
        QuarantineDecided: it is late.
    """
    if not may_manage(role, await find_base(quarantine.member_role)):
        raise NotFound
    if quarantine.state != "waiting":
        raise QuarantineDecided(quarantine.state)


async def list_mutations(quarantine_id: UUID, after: int, limit: int) -> list[Mutation]:
    """The mutations as they were handed in, after a number."""
    rows = await connection().fetch(
        "SELECT payload FROM quarantined_mutation WHERE quarantine_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        quarantine_id, after, limit,
    )  # fmt: skip
    return [json.loads(row["payload"]) for row in rows]


_DECIDED: Final = """
mutation_outcome o JOIN device d ON (o.device_id, o.incarnation) = (d.id, d.incarnation)
    JOIN quarantine k ON k.device_id = d.id
WHERE k.id = q.quarantine_id AND o.number = q.number AND o.outcome ->> 'status' <> 'parked'
"""


async def list_undecided(quarantine_id: UUID, after: int, limit: int) -> list[Mutation]:
    """The mutations after a number that have no outcome yet, or are parked and not released."""
    rows = await connection().fetch(
        "SELECT payload FROM quarantined_mutation q WHERE quarantine_id = $1 AND number > $2 AND NOT released"  # noqa: S608 - our own
        f" AND NOT EXISTS (SELECT FROM {_DECIDED}) ORDER BY number LIMIT $3",
        quarantine_id, after, limit,
    )  # fmt: skip
    return [json.loads(row["payload"]) for row in rows]


async def count_outcomes(quarantine_id: UUID) -> dict[str, int]:
    """How many of its mutations have which outcome already."""
    rows = await connection().fetch(
        "SELECT o.outcome ->> 'status' AS status, count(*) AS count"  # noqa: S608 - our own
        f" FROM quarantined_mutation q CROSS JOIN {_DECIDED} AND q.quarantine_id = $1 GROUP BY 1",
        quarantine_id,
    )
    return {row["status"]: row["count"] for row in rows}


async def note_released(quarantine_id: UUID, numbers: Sequence[int]) -> None:
    """What of these is parked was released: the word stands, and it is taken when its rows come (`released`)."""
    await connection().execute(
        "UPDATE quarantined_mutation q SET released = true WHERE quarantine_id = $1 AND number = ANY ($2::bigint[])"  # noqa: S608 - our own
        f" AND NOT EXISTS (SELECT FROM {_DECIDED})",
        quarantine_id, numbers,
    )  # fmt: skip


async def decide(quarantine_id: UUID, state: str, by: UUID) -> None:
    """Note what was decided; what was handed in stands in rows and outcomes by now, and is not kept twice.

    What was released and is parked has no effect yet, and its device may be wiped by now: it stays. What came
    meanwhile, and nobody has looked at, waits for a decision of its own.
    """
    conn = connection()
    await conn.execute(
        f"DELETE FROM quarantined_mutation q WHERE quarantine_id = $1 AND EXISTS (SELECT FROM {_DECIDED})",  # noqa: S608 - our own
        quarantine_id,
    )
    waits = await conn.fetchval(
        """
        UPDATE quarantine SET size_bytes = w.size_bytes,
            mutations = CASE WHEN w.undecided > 0 THEN w.undecided ELSE quarantine.mutations END
        FROM (
            SELECT count(*) FILTER (WHERE NOT released) AS undecided, coalesce(sum(length(payload)), 0) AS size_bytes
            FROM quarantined_mutation WHERE quarantine_id = $1) w
        WHERE id = $1 RETURNING w.undecided > 0
        """,
        quarantine_id,
    )
    if waits:
        return
    await conn.execute(
        "UPDATE quarantine SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1",
        quarantine_id, state, by, clock.now(),
    )  # fmt: skip
