"""What becomes of a batch of mutations: the one place that merges. Pure: load → decide → write.

The mutations are decided in order, each upon what those before it left. What is settled ends up in the state's dirty
rows and in the write plan; a refused mutation leaves nothing but its outcome and its payload.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from server.crm.erasure.redact import ERASED, redact_mutation
from server.sync.attempt import Attempt
from server.sync.changes import apply_changes
from server.sync.credit import note_payments
from server.sync.parking import must_wait, park
from server.sync.refusals import Refusal
from server.sync.state import State, WritePlan

REFUSED_BEFORE = (
    "It was refused before the server was restored from a backup, and why is no longer known here."
    " What was typed is on the device."
)


def decide(mutations: Iterable[dict[str, Any]], state: State) -> WritePlan:
    """Decide each mutation in turn.

    Args:
        mutations: in the order of their numbers; numbers and digests are checked already.
        state: everything they may touch, loaded; afterwards it holds the rows as decided.

    Returns:
        What to write beside the dirty rows, with one outcome for each mutation.
    """
    plan, batch = WritePlan(), list(mutations)
    for _ in decide_in_steps(batch, state, plan, len(batch) or 1):
        pass
    return plan


def decide_in_steps(mutations: list[dict[str, Any]], state: State, plan: WritePlan, step: int) -> Iterator[None]:
    """The same in steps, of `step` mutations first and then of half as many again each time.

    Between them, what the state holds decided may be written.
    """
    note_payments(state, mutations)
    start = 0
    while start < len(mutations):
        for mutation in mutations[start : start + step]:
            _decide(mutation, state, plan)
        start, step = start + step, step + step // 2
        yield


def _decide(mutation: dict[str, Any], state: State, plan: WritePlan) -> None:
    if must_wait(mutation, None, state):
        plan.outcomes.append(park(mutation, state))
        return
    attempt = Attempt(state, mutation)
    try:
        _require_content(mutation)
        apply_changes(attempt, mutation["changes"])
    except Refusal as refusal:
        if must_wait(mutation, refusal, state):
            plan.outcomes.append(park(mutation, state))
        else:
            refuse(mutation, refusal, state, plan)
    else:
        attempt.settle(plan)


def _require_content(mutation: dict[str, Any]) -> None:
    """What comes again without its content was refused by a database that was restored since.

    Its device knows why; a copy of the device's file, which has the content still, would take it for applied. (What we
    took the content out of ourselves, after an erasure, is another matter, and does nothing.)
    """
    if mutation.get("redacted") and mutation["changes"] == [] and ERASED not in mutation:
        raise Refusal("refused_before", REFUSED_BEFORE)


def refuse(mutation: dict[str, Any], refusal: Refusal, state: State, plan: WritePlan) -> None:
    """Put a refusal on record: outcome, payload, and the ids that later mutations may build on in vain.

    Of the payload, without what it says of people who were erased.
    """
    created = ids_created_by(mutation)
    plan.outcomes.append(refusal.outcome(mutation))
    plan.refused.append((redact_mutation(mutation, state.erased), refusal.code, created))
    state.refused.update(dict.fromkeys(created, mutation["number"]))


def ids_created_by(mutation: dict[str, Any]) -> list[str]:
    """Ids of the rows that a mutation would create, as far as it is well-formed."""
    changes = mutation["changes"] if isinstance(mutation["changes"], list) else []
    return [
        c["id"] for c in changes if isinstance(c, dict) and c.get("op") == "create" and isinstance(c.get("id"), str)
    ]
