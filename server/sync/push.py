"""Push: what of it is news is applied in order, in one transaction that has taken the tenant's revision (`apply`).

Each outcome is stored with its number in the transaction that applies it, so a repeated push has no second effect and
the same answer.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg

from server.auth.devices import DeviceRevoked
from server.auth.lease_rules import Lapse
from server.auth.service import ACCESS_COLUMNS, ROLE_OF_MEMBER, access_from, load_access_history
from server.auth.wipes import WipeOrdered
from server.clock import to_micros
from server.db import Revision, connection
from server.errors import Conflict
from server.sync.apply import apply, refuse_all
from server.sync.conflicts import as_read_by
from server.sync.failures import is_suspect
from server.sync.lineage import HAS_KIN, recognise, settle_waiting
from server.sync.merge import capture_time
from server.sync.numbers import check_chain, check_known, split_known
from server.sync.parking import HEALING, PARKED
from server.sync.refusals import Refusal
from server.sync.released import tell_rows_came
from server.sync.state import Device

PUSH_CHUNK = 2_000


class IncarnationUnknown(Conflict):
    """The device's incarnation is not the one the server knows."""

    code = "incarnation_unknown"


async def push(
    mutations: list[dict[str, Any]],
    *,
    incarnation: int,
    acked_through: int,
    revision: Revision,
    refusal: Refusal | None = None,
    unpaid: bool = False,
    derived: Collection[int] = frozenset(),
) -> dict[str, Any]:
    """Apply a device's mutations in order and answer with their outcomes.

    Args:
        refusal: for all that are not known yet, where they are not to be looked at.
        unpaid: the tenant may not write by what it pays: all is taken, and orders wait (domain rule 7).
        derived: numbers of those that came without a digest, which the server has filled in.

    Raises:
        DeviceRevoked, IncarnationUnknown, NumberGap, Forked: the push cannot be taken as a whole; nothing was written.
    """
    record = await _lock_device(revision)
    if record["revoked_at"] is not None or not record["active"]:
        raise DeviceRevoked
    if record["wipe_now"]:
        raise WipeOrdered(now=True)
    if record["incarnation"] != incarnation:
        raise IncarnationUnknown(f"This device is in incarnation {record['incarnation']}, not {incarnation}.")
    return await _push(record, mutations, acked_through, revision, refusal, unpaid=unpaid, derived=derived)


async def push_released(
    mutations: list[dict[str, Any]], *, refusal: Refusal | None, revision: Revision, unpaid: bool = False
) -> list[dict[str, Any]]:
    """The same for what a revoked device handed in, on a manager's word; their outcomes.

    Args:
        refusal: for all of them, where they were discarded.
        unpaid: as in `push`.
    """
    record = await _lock_device(revision)
    reply = await _push(record, mutations, 0, revision, refusal, unpaid=unpaid)
    return list(reply["outcomes"])


async def _push(
    record: asyncpg.Record,
    mutations: list[dict[str, Any]],
    acked_through: int,
    revision: Revision,
    refusal: Refusal | None = None,
    *,
    unpaid: bool,
    derived: Collection[int] = frozenset(),
) -> dict[str, Any]:
    known, fresh = split_known(mutations, record["last_number"])
    outcomes = await _stored_outcomes(known, record)
    check_chain(fresh, last_number=record["last_number"], last_digest=record["last_digest"], derived=derived)
    last = fresh[-1] if fresh else {"number": record["last_number"], "digest": record["last_digest"]}
    recognised, earlier = await recognise(fresh, record)
    access, fresh = access_from(record), fresh[len(recognised) :]
    outcomes, waiting = _take_out_parked(outcomes + recognised, mutations)
    settled, waiting = await settle_waiting(waiting, record)
    outcomes = [as_read_by(access, outcome) for outcome in outcomes + settled]
    fresh = waiting + fresh
    device = Device(
        str(record["id"]),
        str(record["member_id"]),
        record["incarnation"],
        to_micros(record["enrolled_at"]),
        access,
        earlier,
        lapse_of(record),
        record["healing"],
        unpaid,
    )
    suspect, decided = is_suspect(record, mutations), []
    for part, judged in await _by_rights(fresh, device, revision):
        if refusal is None:
            decided += await apply(part, judged, revision, suspect=suspect)
        else:
            decided += await refuse_all(part, judged, refusal, revision)
    if device.healing and any(outcome["status"] in ("applied", "merged") for outcome in decided):
        await tell_rows_came()
    outcomes += decided
    await _save_device(record, last, acked_through, revision)
    await _count_past_lease(record, outcomes)
    return {
        "outcomes": outcomes,
        "applied_through": last["number"],
        "durable_through": record["durable_through"],
        "server_time": to_micros(revision.at),
    }


def _take_out_parked(
    outcomes: list[dict[str, Any]], mutations: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Known mutations that still wait for other devices' rows are decided anew."""
    parked = {outcome["number"] for outcome in outcomes if outcome["status"] == PARKED}
    return [o for o in outcomes if o["number"] not in parked], [m for m in mutations if m["number"] in parked]


async def _by_rights(
    fresh: list[dict[str, Any]], device: Device, revision: Revision
) -> list[tuple[list[dict[str, Any]], Device]]:
    """The mutations in parts that can be applied at once, each captured under the same rights."""
    if not fresh:
        return []
    history = await load_access_history(UUID(device.member_id), device.access)
    parts: list[tuple[list[dict[str, Any]], Device]] = []
    now = to_micros(revision.at)
    for mutation in fresh:
        at = capture_time(mutation["captured_at"], mutation["skew"], enrolled_at=device.enrolled_at, now=now)
        access, until = history.at(now if at is None else at)
        if not parts or access is not parts[-1][1].access or len(parts[-1][0]) == PUSH_CHUNK:
            judged = replace(device, access=access, access_now=history.now, access_until=until)
            parts.append(([], device if until is None else judged))
        parts[-1][0].append(mutation)
    return parts


_LOCK_DEVICE = f"""
SELECT d.*, {HAS_KIN}, {ACCESS_COLUMNS}, m.active AND m.deleted_at IS NULL AS active,
    {HEALING} AS healing
FROM device d JOIN member m ON m.id = d.member_id LEFT JOIN {ROLE_OF_MEMBER} CROSS JOIN revision_counter c
WHERE d.id = $1 FOR UPDATE OF d
"""  # noqa: S608 - columns of our own


async def _lock_device(revision: Revision) -> asyncpg.Record:
    record = await connection().fetchrow(_LOCK_DEVICE, revision.actor.device_id)
    if record is None:
        raise DeviceRevoked
    return record


def lapse_of(record: asyncpg.Record) -> Lapse | None:
    """The time for which a device had no lease."""
    start, end = record["lapsed_from"], record["lapsed_to"]
    return None if start is None else Lapse(to_micros(start), to_micros(end))


async def _stored_outcomes(known: list[dict[str, Any]], device: asyncpg.Record) -> list[dict[str, Any]]:
    """What became of mutations that come again."""
    if not known:
        return []
    records = await connection().fetch(
        "SELECT number, digest, outcome FROM mutation_outcome"
        " WHERE device_id = $1 AND incarnation = $2 AND number = ANY ($3::bigint[]) ORDER BY number",
        device["id"],
        device["incarnation"],
        [m["number"] for m in known],
    )
    # What is older than the horizon, and acknowledged, is known no more; a device that sends it was restored.
    unknown = dict.fromkeys((m["number"] for m in known), "")
    digests = unknown | {device["last_number"]: device["last_digest"]} | {r["number"]: r["digest"] for r in records}
    check_known(known, digests)
    return [json.loads(r["outcome"]) for r in records]


async def _count_past_lease(record: asyncpg.Record, outcomes: list[dict[str, Any]]) -> None:
    count = sum(bool(o.get("past_lease")) for o in outcomes if o["number"] > record["last_number"])
    if count:
        await connection().execute("UPDATE device SET past_lease = past_lease + $2 WHERE id = $1", record["id"], count)


async def _save_device(record: asyncpg.Record, last: dict[str, Any], acked_through: int, revision: Revision) -> None:
    acked = min(acked_through, last["number"])
    await connection().execute(
        "UPDATE device SET last_number = $2, last_digest = $3, acked_through = greatest(acked_through, $4),"
        " last_seen_at = $5, failures = 0, trial_start = NULL WHERE id = $1",
        record["id"],
        last["number"],
        last["digest"],
        acked,
        revision.at,
    )
