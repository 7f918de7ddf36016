"""Taking a push: in one transaction, or, where it comes again and may have ended a process before, on trial."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.auth.session import Session
from server.db import Source, tenant_transaction, tenant_write
from server.sync.failures import count_failure, is_fault
from server.sync.push import push
from server.sync.refusals import Refusal
from server.sync.trial_commands import Mutations, take_on_trial, trial_lock


@dataclass(frozen=True, slots=True)
class Handed:
    """A push, as a device handed it in."""

    session: Session
    device_id: UUID
    incarnation: int
    acked_through: int
    mutations: list[dict[str, Any]]
    derived: Collection[int] = frozenset()
    """Numbers of those that came without a digest, which the server has filled in."""


async def take(handed: Handed) -> dict[str, Any]:
    """Apply a push in one transaction.

    Raises:
        as `push`; what is a fault of ours is counted.
    """
    return await _take(handed, handed.mutations)


async def take_again(handed: Handed) -> dict[str, Any]:
    """The same for one that was handed in before, and not answered: on trial, in case nobody survives it."""
    if not handed.mutations:
        return await take(handed)
    reply: dict[str, Any] = {}

    async def take_part(mutations: Mutations, refusal: Refusal | None) -> list[dict[str, Any]]:
        nonlocal reply
        reply = await _take(handed, mutations, refusal=refusal)
        return list(reply["outcomes"])

    tenant = handed.session.tenant
    async with trial_lock(tenant, handed.device_id):
        outcomes = await take_on_trial(tenant, handed.device_id, handed.mutations, take_part)
    return reply | {"outcomes": outcomes}


async def _take(handed: Handed, mutations: Mutations, *, refusal: Refusal | None = None) -> dict[str, Any]:
    session = handed.session
    try:
        async with tenant_write(session.tenant, by=session.actor, source=Source.SYNC) as revision:
            return await push(
                list(mutations),
                incarnation=handed.incarnation,
                acked_through=handed.acked_through,
                revision=revision,
                refusal=refusal,
                unpaid=not session.entitlement.may_write,
                derived=handed.derived,
            )
    except Exception as error:
        if is_fault(error):
            async with tenant_transaction(session.tenant):
                await count_failure(handed.device_id, mutations)
        raise
