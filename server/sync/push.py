"""Push: load → decide → write, within one transaction that has taken the tenant's revision.

Each outcome is stored with its number in the transaction that applies it, so a repeated push has no second effect and
the same answer.
"""

import json
import logging
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
from outrider_sdk.protocol import canonical_json

from server.auth.lease_rules import Lapse
from server.auth.service import ACCESS_COLUMNS, ROLE_OF_MEMBER, access_from, load_access_history
from server.auth.wipes import WipeOrdered
from server.clock import to_micros
from server.crm.duplicate.search import FOUND_MAX, OF_NEW_ROWS, Duplicate, find_duplicates, open_cases, told_to
from server.crm.order.jobs import enqueue_order_confirmation
from server.db import Revision, connection, savepoint
from server.errors import Conflict, Unauthorized
from server.sync import rows
from server.sync.conflicts import as_read_by, withhold
from server.sync.decide import decide, refuse
from server.sync.failures import is_fault, is_suspect
from server.sync.lineage import HAS_KIN, recognise, settle_waiting
from server.sync.load import load_state
from server.sync.merge import capture_time
from server.sync.numbers import check_chain, check_known, split_known
from server.sync.parking import HEALING, PARKED
from server.sync.price_window import load_price_window
from server.sync.refusals import Refusal
from server.sync.state import CREATION, Device, State, WritePlan
from server.sync.values import is_id

PUSH_CHUNK = 2_000

POISON = Refusal(
    "poison", "It could not be stored, for a reason that is ours, not yours. It is kept; please report it."
)

_log = logging.getLogger(__name__)


class IncarnationUnknown(Conflict):
    """The device's incarnation is not the one the server knows."""

    code = "incarnation_unknown"


class DeviceRevoked(Unauthorized):
    """The device may no longer sync."""

    code = "device_revoked"

    def __init__(self) -> None:
        super().__init__("This device was revoked. What it holds is kept on it; ask your admin.")


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
    suspect = is_suspect(record, mutations)
    for part, judged in await _by_rights(fresh, device, revision):
        if refusal is None:
            outcomes += await _apply(part, judged, revision, suspect=suspect)
        else:
            outcomes += await _refuse(part, judged, refusal, revision)
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


# What is wrong with a mutation, or with our way of applying it. Trouble of the server itself (locks, a full disk, a
# lost connection, a missing table) is no reason to refuse anybody's work: it fails the push, which comes again.
_POISON = (
    asyncpg.DataError,
    asyncpg.exceptions.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.RaiseError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


async def _apply(
    mutations: list[dict[str, Any]], device: Device, revision: Revision, *, suspect: bool
) -> list[dict[str, Any]]:
    """Decide and write a chunk; a failure bisects to its culprit, which is refused (S8).

    Args:
        suspect: also by a fault of ours that is none of `_POISON`.
    """
    blank = State(device, revision.number, to_micros(revision.at), 0)
    state = blank
    try:
        async with savepoint():
            state = await _load(mutations, device, revision)
            plan = decide(mutations, state)
            await _write(plan, state)
    except Exception as error:
        if not (isinstance(error, _POISON) or (suspect and is_fault(error))):
            raise
        if len(mutations) > 1:
            half = len(mutations) // 2
            first = await _apply(mutations[:half], device, revision, suspect=suspect)
            return first + await _apply(mutations[half:], device, revision, suspect=suspect)
        _log.exception(
            "Mutation %s of device %s was refused as poison",
            mutations[0]["number"],
            device.id,
            exc_info=error,
        )
        plan = _poison(mutations[0], state)
        await _write(plan, blank)
    return plan.outcomes


async def _load(mutations: list[dict[str, Any]], device: Device, revision: Revision) -> State:
    state = await load_state(
        mutations,
        device,
        revision=revision.number,
        now=to_micros(revision.at),
        price_window=await load_price_window(),
        source=rows,
    )
    state.healing = device.healing
    return state


async def _refuse(
    mutations: list[dict[str, Any]], device: Device, refusal: Refusal, revision: Revision
) -> list[dict[str, Any]]:
    """Refuse them all, and keep what they were."""
    plan, state = WritePlan(), State(device, revision.number, to_micros(revision.at), 0)
    for mutation in mutations:
        refuse(mutation, refusal, state, plan)
    await _write(plan, state)
    return plan.outcomes


def _poison(mutation: dict[str, Any], state: State) -> WritePlan:
    plan = WritePlan()
    refuse(mutation, POISON, state, plan)
    return plan


async def _write(plan: WritePlan, state: State) -> None:
    await rows.write(state.dirty())
    if plan.conflicts:
        withhold(plan.conflicts, await rows.load_sights(plan.conflicts))
        await rows.write(plan.conflicts)
    await _flag_duplicates(plan, state)
    device, conn = state.device, connection()
    await conn.execute(
        """INSERT INTO mutation_outcome (device_id, incarnation, number, digest, revision, refused, outcome)
        SELECT $1, $2, (o ->> 'number')::bigint, o ->> 'digest', $3, o ->> 'status' = 'refused', o
        FROM jsonb_array_elements($4::jsonb) o
        ON CONFLICT (device_id, incarnation, number) DO UPDATE
        SET revision = excluded.revision, refused = excluded.refused, outcome = excluded.outcome
        WHERE mutation_outcome.outcome ->> 'status' = 'parked'""",
        device.id,
        device.incarnation,
        state.revision,
        rows.to_json(plan.outcomes),
    )
    if plan.refused:
        await conn.executemany(
            """INSERT INTO refused_mutation (device_id, incarnation, number, member_id, code, payload, created)
            VALUES ($1, $2, $3, $4, $5, $6, $7)""",
            [
                (
                    device.id,
                    device.incarnation,
                    mutation["number"],
                    device.member_id,
                    code,
                    _storable(mutation),
                    [i for i in created if is_id(i)],
                )
                for mutation, code, created in plan.refused
            ],
        )
    for order_id in plan.confirmations:
        await enqueue_order_confirmation(order_id)


async def _flag_duplicates(plan: WritePlan, state: State) -> None:
    """Say in the outcomes what may be the same as a row that they made, as far as the member sees it."""
    outcomes = {outcome["number"]: outcome for outcome in plan.outcomes}
    for name in OF_NEW_ROWS:
        new = {row.id: row for row in state.rows.values() if row.is_new and row.entity.name == name}
        if not new:
            continue
        found = await find_duplicates(name, new, at_most=len(new) * FOUND_MAX)
        await open_cases(found)
        ids = [str(d.other_id) for d in found if not d.deleted]
        visible = await rows.list_visible(OF_NEW_ROWS[name], ids, state.device)
        for duplicate in found:
            outcome = outcomes.get(_maker(state, duplicate))
            kinds = told_to(state.device.sight, duplicate.entity, duplicate.kinds)
            if outcome is not None and str(duplicate.other_id) in visible and kinds:
                outcome.setdefault("duplicates", []).append(_as_told(duplicate, kinds))


def _maker(state: State, duplicate: Duplicate) -> int:
    """The number of the mutation that made the row; 0 where none of these did."""
    row = state.find(duplicate.entity, str(duplicate.row_id))
    return row.stamp(CREATION).number or 0 if row is not None and row.is_new else 0


def _as_told(duplicate: Duplicate, kinds: tuple[str, ...]) -> dict[str, Any]:
    return {
        "entity": duplicate.entity,
        "row_id": str(duplicate.row_id),
        "duplicate_id": str(duplicate.other_id),
        "kinds": list(kinds),
    }


_NOT_STORABLE = re.compile(r"\\(?:u0000|.)|[\ud800-\udfff]", re.DOTALL)


def _storable(mutation: dict[str, Any]) -> str:
    """The payload as JSON that PostgreSQL can hold: NUL and half characters, which it cannot, are written out."""
    try:
        text = canonical_json(mutation)
    except RecursionError:  # No client of ours nests at all; a queue must drain all the same.
        text = canonical_json({"number": mutation["number"], "digest": mutation["digest"]})
    return _NOT_STORABLE.sub(lambda found: _written_out(found[0]), text)


def _written_out(found: str) -> str:
    if found == "\\u0000":
        return "\\\\u0000"
    return found if found.startswith("\\") else f"\\\\u{ord(found):04x}"


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
