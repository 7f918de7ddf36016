"""Taking mutations of which some may end the process, under marks, in parts and in the end alone (`trials`)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import UUID

from server.db import TenantRef, process_lock, tenant_transaction
from server.sync.apply import POISON
from server.sync.refusals import Refusal
from server.sync.trials import Mark, Part, find_mark, is_culprit, set_mark, split

Mutations = Sequence[dict[str, Any]]
Take = Callable[[Mutations, Refusal | None], Awaitable[list[dict[str, Any]]]]
"""Takes mutations in a transaction of its own, which takes the mark away; or refuses them all. Their outcomes."""

_one_at_a_time: Final = asyncio.Lock()
"""Held by what is tried in parts: when the process ends, it was this one, and no other device's that waits for it."""
_log = logging.getLogger(__name__)


def trial_lock(tenant: TenantRef, device_id: UUID) -> AbstractAsyncContextManager[None]:
    """Keep others from trying the device's work meanwhile, in whatever process: they would take its mark for a death.

    Raises:
        Busy: somebody is at it, and takes long.
    """
    return process_lock(tenant.database, f"trial {tenant.id} {device_id}")


async def take_on_trial(tenant: TenantRef, device_id: UUID, mutations: Mutations, take: Take) -> list[dict[str, Any]]:
    """Take a device's mutations with a mark, in case nobody survives it; in parts, where nobody has. Their outcomes.

    The caller holds `trial_lock`: a mark that is found is of a process that is dead.
    """
    whole = Part(mutations)
    async with tenant_transaction(tenant):
        mark = await find_mark(device_id)
        if mark is None:
            await set_mark(device_id, whole.mark)
    if mark is None:
        return await _come_back(tenant, device_id, whole, take)
    outcomes: list[dict[str, Any]] = []
    for part in split(mutations, mark):
        async with _one_at_a_time:
            outcomes += await _try(tenant, device_id, part, mark, take)
    return outcomes


async def _try(tenant: TenantRef, device_id: UUID, part: Part, mark: Mark, take: Take) -> list[dict[str, Any]]:
    if is_culprit(part, mark):
        number = part.mutations[0]["number"]
        _log.error("Mutation %s of device %s ended the process each time; it is refused.", number, device_id)
        return await take(part.mutations, POISON)
    async with tenant_transaction(tenant):
        await set_mark(device_id, part.mark)
    return await _come_back(tenant, device_id, part, take)


async def _come_back(tenant: TenantRef, device_id: UUID, part: Part, take: Take) -> list[dict[str, Any]]:
    """Take what is marked; it takes the mark away with it, and what fails has survived as well."""
    try:
        return await take(part.mutations, None)
    except BaseException:
        async with tenant_transaction(tenant):
            await set_mark(device_id, None)
        raise
