"""One chunk of a push: load → decide → write, under a savepoint; a failure bisects to its culprit (S8)."""

import logging
import re
from typing import Any, Final

import asyncpg
from outrider_sdk.protocol import canonical_json

from server.clock import to_micros
from server.crm.duplicate.search import FOUND_MAX, OF_NEW_ROWS, Duplicate, find_duplicates, open_cases, told_to
from server.crm.order.jobs import enqueue_order_confirmation
from server.db import Revision, connection, savepoint
from server.sync import rows
from server.sync.beside import Beside
from server.sync.conflicts import withhold
from server.sync.decide import decide_in_steps, refuse
from server.sync.failures import is_fault
from server.sync.load import load_state
from server.sync.price_window import load_price_window
from server.sync.refusals import Refusal
from server.sync.state import CREATION, Device, State, WritePlan
from server.sync.values import is_id

STEP: Final = 250
"""So many mutations are decided before PostgreSQL begins to write their rows; each next step is half as large again.

It writes for longer than the same mutations take to decide: so it never waits, and begins soon."""

POISON: Final = Refusal(
    "poison", "It could not be stored, for a reason that is ours, not yours. It is kept; please report it."
)

_log = logging.getLogger(__name__)

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


async def apply(
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
            plan = await _decide(mutations, state)
            await _write(plan, state)
    except Exception as error:
        if not (isinstance(error, _POISON) or (suspect and is_fault(error))):
            raise
        if len(mutations) > 1:
            half = len(mutations) // 2
            first = await apply(mutations[:half], device, revision, suspect=suspect)
            return first + await apply(mutations[half:], device, revision, suspect=suspect)
        _log.exception(
            "Mutation %s of device %s was refused as poison",
            mutations[0]["number"],
            device.id,
            exc_info=error,
        )
        plan = _poison(mutations[0], state)
        await _write(plan, blank)
    return plan.outcomes


async def _decide(mutations: list[dict[str, Any]], state: State) -> WritePlan:
    """Decide a chunk, and write its rows meanwhile: those of a step while the next one is decided."""
    plan = WritePlan()
    async with Beside() as beside:
        for _ in decide_in_steps(mutations, state, plan, STEP):
            await beside.begin(rows.write(state.take_dirty()))
    return plan


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


async def refuse_all(
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
    """Write what a plan says beside the rows."""
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
