"""Quarantine: what a revoked device hands in once, kept as it came until a manager releases or discards it (rule 3).

All of it belongs in the tenant's transaction. Proof of the device's secret stands in for a token, which it lacks.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.auth import credentials
from server.auth.roles import MANAGERS, may_manage
from server.auth.service import find_base
from server.auth.tokens import TokenInvalid
from server.db import connection
from server.errors import Conflict, NotFound, TooLarge
from server.sync.numbers import check_chain, split_known

QUARANTINE_MUTATIONS_MAX: Final = 100_000
QUARANTINE_BYTES_MAX: Final = 64 * 1024 * 1024
LISTED_MAX: Final = 1_000

Mutation = dict[str, Any]


class NotRevoked(Conflict):
    """The device may sync: what it has is a push's."""

    code = "not_revoked"

    def __init__(self) -> None:
        super().__init__("This device is not revoked. Sync as usual.")


class QuarantineClosed(Conflict):
    """The device has handed in already all that it had; a second time is not taken."""

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


async def hand_in(given: HandIn) -> int:
    """Keep a part of a revoked device's work; again is the same. The number up to which it is kept.

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
    _, mutations = split_known(given.mutations, device["last_number"])
    kept = await connection().fetchrow(_OF_DEVICE, given.device_id)
    last_number, last_digest = device["last_number"], device["last_digest"]
    if kept is not None:
        mutations = [m for m in mutations if m["number"] > kept["last_number"]]
        last_number, last_digest = kept["last_number"], kept["last_digest"]
        if kept["complete"] and not mutations:
            return int(last_number)
        if kept["complete"]:
            raise QuarantineClosed
    check_chain(mutations, last_number=last_number, last_digest=last_digest)
    if not mutations and kept is None:
        return int(last_number)
    return await _keep(device, kept, mutations, complete=given.complete)


_DEVICE: Final = """
SELECT d.*, m.active AND m.deleted_at IS NULL AS active
FROM device d JOIN member m ON m.id = d.member_id WHERE d.id = $1 FOR UPDATE OF d
"""
_OF_DEVICE: Final = "SELECT * FROM quarantine WHERE device_id = $1"


async def _keep(
    device: asyncpg.Record, kept: asyncpg.Record | None, mutations: list[Mutation], *, complete: bool
) -> int:
    conn = connection()
    payloads = [(m["number"], msgspec.json.encode(m)) for m in mutations]
    size = sum(len(payload) for _, payload in payloads) + (kept["size_bytes"] if kept else 0)
    count = len(payloads) + (kept["mutations"] if kept else 0)
    if size > QUARANTINE_BYTES_MAX or count > QUARANTINE_MUTATIONS_MAX:
        raise TooLarge("A revoked device hands in 100,000 changes of 64 MiB at most. What it holds stays on it.")
    newest = mutations[-1] if mutations else None
    number = newest["number"] if newest else kept["last_number"] if kept else 0
    digest = newest["digest"] if newest else kept["last_digest"] if kept else ""
    quarantine_id = kept["id"] if kept else uuid7()
    await conn.execute(
        """
        INSERT INTO quarantine
            (id, device_id, member_id, state, complete, mutations, size_bytes, last_number, last_digest, handed_in_at)
        VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9)
        ON CONFLICT (device_id) DO UPDATE SET complete = excluded.complete, mutations = excluded.mutations,
            size_bytes = excluded.size_bytes, last_number = excluded.last_number, last_digest = excluded.last_digest
        """,
        quarantine_id, device["id"], device["member_id"], complete, count, size, number, digest, clock.now(),
    )  # fmt: skip
    await conn.executemany(
        "INSERT INTO quarantined_mutation (quarantine_id, number, payload) VALUES ($1, $2, $3)",
        [(quarantine_id, *each) for each in payloads],
    )
    return int(number)


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
        "SELECT payload FROM quarantined_mutation WHERE quarantine_id = $1", quarantine_id
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
    q.complete, q.mutations, q.handed_in_at, q.decided_by, q.decided_at
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


async def count_outcomes(found: Quarantine) -> tuple[dict[str, int], int]:
    """How many of its mutations have which outcome already, and the last number of the device that has one."""
    rows = await connection().fetch(
        """SELECT o.outcome ->> 'status' AS status, count(*) AS count
        FROM quarantined_mutation q JOIN device d ON d.id = $2
        JOIN mutation_outcome o ON (o.device_id, o.incarnation, o.number) = (d.id, d.incarnation, q.number)
        WHERE q.quarantine_id = $1 GROUP BY 1""",
        found.id, found.device_id,
    )  # fmt: skip
    last = await connection().fetchval("SELECT last_number FROM device WHERE id = $1", found.device_id)
    return {row["status"]: row["count"] for row in rows}, int(last)


async def decide(quarantine_id: UUID, state: str, by: UUID) -> None:
    """Note what was decided; what was handed in stands in rows and outcomes by now, and is not kept twice."""
    await connection().execute(
        "UPDATE quarantine SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1",
        quarantine_id, state, by, clock.now(),
    )  # fmt: skip
    await connection().execute("DELETE FROM quarantined_mutation WHERE quarantine_id = $1", quarantine_id)
