"""Intents: what we ask a provider to do, stored before we ask. Their id is the idempotency key (platform)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.db import connection
from server.errors import AppError, Conflict

TRY_FOR: Final = timedelta(seconds=90)
"""So long an attempt may be under way; then another may begin."""
GIVE_UP_AFTER: Final = timedelta(hours=1)
"""Long before Stripe forgets a key, which it does after a day."""
SWEPT_MAX: Final = 100


class Kind(StrEnum):
    """What is asked."""

    CHECKOUT = "checkout"
    CHANGE = "change_now"
    SCHEDULE = "schedule_change"
    WITHDRAW = "withdraw_change"
    CANCEL = "cancel"
    RESUME = "resume"


CHANGING: Final = (Kind.CHANGE, Kind.SCHEDULE, Kind.WITHDRAW, Kind.CANCEL, Kind.RESUME)
"""Those that are finished, whoever began them: one at a time for a tenant."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One act that somebody wants."""

    id: UUID
    tenant_id: UUID
    kind: Kind
    parameters: Mapping[str, Any]
    state: str
    result: Mapping[str, Any] | None
    problem: Mapping[str, Any] | None
    created_at: datetime


class ActUnderWay(Conflict):
    """Another change of the subscription is not finished yet."""

    code = "change_under_way"

    def __init__(self) -> None:
        super().__init__("Another change is under way. It is finished by itself; look again in a minute.")


class IntentFailed(AppError):
    """The same request was refused before; sent anew under another key it is tried anew."""

    code = "payment_declined"
    status = 402

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail", "It was refused before."))
        self._problem = dict(problem)

    def problem(self) -> dict[str, Any]:
        """What was answered the first time."""
        return self._problem


_SELECT: Final = """SELECT id, tenant_id, kind, parameters::text AS parameters, state, result::text AS result,
    problem::text AS problem, created_at FROM billing_intent """


async def find_intent(tenant_id: UUID, key: str) -> Intent | None:
    """The intent that a caller's key stands for, whatever it became."""
    row = await connection().fetchrow(
        _SELECT + "WHERE tenant_id = $1 AND key = $2 AND kind = ANY ($3)", tenant_id, key, [kind.value for kind in Kind]
    )
    return _read(row)


async def get_intent(intent_id: UUID) -> Intent:
    """The intent of that id."""
    intent = _read(await connection().fetchrow(_SELECT + "WHERE id = $1", intent_id))
    assert intent is not None
    return intent


async def make_key(tenant_id: UUID, *parts: object) -> str:
    """The key of a caller that named none: the same wish, with nothing ended in between, is the same intent."""
    last = await connection().fetchval(
        "SELECT id FROM billing_intent WHERE tenant_id = $1 AND state <> 'pending' ORDER BY ended_at DESC, id LIMIT 1",
        tenant_id,
    )
    return hashlib.sha256(json.dumps([str(last), *map(str, parts)]).encode()).hexdigest()


async def is_under_way(tenant_id: UUID, *kinds: Kind) -> bool:
    """Whether an act of these kinds is not finished; of none: a change of the subscription."""
    waiting = await connection().fetchval(
        "SELECT true FROM billing_intent WHERE tenant_id = $1 AND state = 'pending' AND kind = ANY ($2) LIMIT 1",
        tenant_id,
        [kind.value for kind in kinds or CHANGING],
    )
    return bool(waiting)


async def require_nothing_under_way(tenant_id: UUID) -> None:
    """Let one change after the other through; the caller holds the account's lock.

    Raises:
        ActUnderWay: there is one that is not finished.
    """
    if await is_under_way(tenant_id):
        raise ActUnderWay


async def store_intent(
    tenant_id: UUID, kind: Kind, key: str, parameters: Mapping[str, Any], member_id: UUID | None
) -> Intent:
    """Store what is to be asked, under way from now on."""
    intent = Intent(uuid7(), tenant_id, kind, parameters, "pending", None, None, now := clock.now())
    await connection().execute(
        """INSERT INTO billing_intent (id, tenant_id, kind, key, parameters, member_id, created_at, tried_at, attempts)
        VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $7, 1)""",
        intent.id, tenant_id, kind.value, key, json.dumps(parameters), member_id, now,
    )  # fmt: skip
    return intent


async def try_again(intent_id: UUID) -> Intent | None:
    """Begin another attempt; None where it has ended, or one is under way."""
    mine = await connection().fetchval(
        """UPDATE billing_intent SET tried_at = $2, attempts = attempts + 1
        WHERE id = $1 AND state = 'pending' AND (tried_at IS NULL OR tried_at <= $3) RETURNING true""",
        intent_id, clock.now(), clock.now() - TRY_FOR,
    )  # fmt: skip
    return await get_intent(intent_id) if mine else None


async def end_intent(
    intent_id: UUID, *, result: Mapping[str, Any] | None = None, problem: Mapping[str, Any] | None = None
) -> None:
    """Note what became of an intent."""
    await connection().execute(
        """UPDATE billing_intent SET state = CASE WHEN $3::jsonb IS NULL THEN 'done' ELSE 'failed' END,
            result = $2::jsonb, problem = $3::jsonb, ended_at = $4 WHERE id = $1 AND state = 'pending'""",
        intent_id, None if result is None else json.dumps(result), None if problem is None else json.dumps(problem),
        clock.now(),
    )  # fmt: skip


async def pause_intent(intent_id: UUID) -> None:
    """The attempt is over, and left open what became of it: another may begin at once."""
    await connection().execute(
        "UPDATE billing_intent SET tried_at = NULL WHERE id = $1 AND state = 'pending'", intent_id
    )


async def list_unfinished() -> list[UUID]:
    """Intents that nobody is at, those first that were tried least."""
    rows = await connection().fetch(
        """SELECT id FROM billing_intent WHERE state = 'pending' AND kind = ANY ($1)
        AND (tried_at IS NULL OR tried_at <= $2) ORDER BY attempts, created_at LIMIT $3""",
        [kind.value for kind in Kind], clock.now() - TRY_FOR, SWEPT_MAX,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def list_charged(tenant_id: UUID) -> list[datetime]:
    """When changes of a tenant were charged at once, in the last day."""
    rows = await connection().fetch(
        """SELECT created_at FROM billing_intent WHERE tenant_id = $1 AND kind = $2 AND created_at > $3
        AND state <> 'failed' AND (parameters->>'invoice')::boolean""",
        tenant_id, Kind.CHANGE.value, clock.now() - timedelta(days=1),
    )  # fmt: skip
    return [row["created_at"] for row in rows]


def _read(row: Any) -> Intent | None:
    if row is None:
        return None
    result, problem = (None if row[name] is None else json.loads(row[name]) for name in ("result", "problem"))
    return Intent(
        row["id"], row["tenant_id"], Kind(row["kind"]), json.loads(row["parameters"]), row["state"], result, problem,
        row["created_at"],
    )  # fmt: skip
