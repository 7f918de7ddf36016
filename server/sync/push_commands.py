"""Taking a push: in one transaction, or, where it comes again and ended a process before, in parts (`trials`)."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from server.auth.session import Session
from server.db import Source, tenant_transaction, tenant_write
from server.sync.failures import count_failure, is_fault
from server.sync.push import POISON, push
from server.sync.refusals import Refusal
from server.sync.trials import Mark, Part, find_mark, is_culprit, set_mark, split

_one_at_a_time: Final = asyncio.Lock()
"""Held by what is tried in parts: when the process ends, it was this one, and no other device's that waits for it."""
_log = logging.getLogger(__name__)


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
    """The same for one that was handed in before, and not answered: with a mark, in case nobody survives it."""
    if not handed.mutations:
        return await take(handed)
    whole = Part(handed.mutations)
    async with tenant_transaction(handed.session.tenant):
        mark = await find_mark(handed.device_id)
        if mark is None:
            await set_mark(handed.device_id, whole.mark)
    if mark is None:
        return await _come_back(handed, whole)
    reply: dict[str, Any] = {"outcomes": []}
    for part in split(handed.mutations, mark):
        async with _one_at_a_time:
            taken = await _try(handed, part, mark)
        reply = taken | {"outcomes": reply["outcomes"] + taken["outcomes"]}
    return reply


async def _try(handed: Handed, part: Part, mark: Mark) -> dict[str, Any]:
    if is_culprit(part, mark):
        number = part.mutations[0]["number"]
        _log.error("Mutation %s of device %s ended the process each time; it is refused.", number, handed.device_id)
        return await _take(handed, part.mutations, refusal=POISON)
    async with tenant_transaction(handed.session.tenant):
        await set_mark(handed.device_id, part.mark)
    return await _come_back(handed, part)


async def _come_back(handed: Handed, part: Part) -> dict[str, Any]:
    """Take what is marked; it takes the mark away with it, and what fails has survived as well."""
    try:
        return await _take(handed, part.mutations)
    except BaseException:
        async with tenant_transaction(handed.session.tenant):
            await set_mark(handed.device_id, None)
        raise


async def _take(
    handed: Handed, mutations: Sequence[dict[str, Any]], *, refusal: Refusal | None = None
) -> dict[str, Any]:
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
