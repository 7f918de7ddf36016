"""The job that takes released work of revoked devices when the rows that it waited for have come (`released`)."""

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

import dramatiq

from server.broker import job_tenant_id
from server.db import Actor, Source, TenantRef, platform_transaction, tenant_transaction, tenant_write
from server.errors import Busy
from server.sync.failures import count_failure, is_fault
from server.sync.push import PUSH_CHUNK, push_released
from server.sync.refusals import Refusal
from server.sync.released import ROWS_CAME, Released, list_to_try, list_waiting, note_tried
from server.sync.trial_commands import Mutations, take_on_trial, trial_lock
from server.tenants.entitlements import find_entitlement
from server.tenants.service import get_tenant

_QUEUE, _NAME = ROWS_CAME
_log = logging.getLogger(__name__)


@dramatiq.actor(queue_name=_QUEUE, actor_name=_NAME)
async def take_released_work() -> None:
    """Try what managers have released, and waits; again is the same."""
    async with platform_transaction():
        tenant = await get_tenant(job_tenant_id())
    await take_released(tenant)


async def take_released(tenant: TenantRef) -> dict[str, int]:
    """Push a tenant's released work that waits as a living device would; how many mutations ended how, or still wait.

    What comes by that may be what another one's work waits for: its push sends the job again. When healing is over,
    nothing waits any longer, and what misses its rows is refused. Outside of any transaction.
    """
    async with tenant_transaction(tenant):
        waiting = await list_to_try()
    if not waiting:
        return {}
    async with platform_transaction():
        unpaid = not (await find_entitlement(tenant.id)).may_write
    counts: Counter[str] = Counter()
    for released in waiting:
        try:
            async with trial_lock(tenant, released.device_id):
                counts += await _Trying(tenant, released, unpaid).go_through()
        except Busy:  # somebody decides on more of it just now: it is looked at again
            _log.info("Released work of device %s waits for another one's turn.", released.device_id)
    return dict(counts)


async def take_released_everywhere(tenants: list[TenantRef]) -> None:
    """The same for several tenants: rows also come by REST, imports and plain SQL, and healing ends by the clock."""
    for tenant in tenants:
        try:
            await take_released(tenant)
        except Exception:
            _log.exception("Released work of tenant %s could not be taken; it is tried again.", tenant.slug)


@dataclass(slots=True)
class _Trying:
    """One device's released work that is tried, in parts."""

    tenant: TenantRef
    released: Released
    unpaid: bool
    begun_in: int = 0
    """The revision of the first part: what others write between the parts may be what it misses."""

    async def go_through(self) -> Counter[str]:
        counts, last = Counter[str](), 0
        while mutations := await self._next_after(last):
            outcomes = await take_on_trial(self.tenant, self.released.device_id, mutations, self._take)
            counts.update(str(outcome["status"]) for outcome in outcomes)
            last = mutations[-1]["number"]
        return counts

    async def _next_after(self, number: int) -> list[dict[str, Any]]:
        async with tenant_transaction(self.tenant):
            return await list_waiting(self.released.id, number, PUSH_CHUNK)

    async def _take(self, mutations: Mutations, refusal: Refusal | None) -> list[dict[str, Any]]:
        author = Actor(self.released.member_id, self.released.device_id)
        try:
            async with tenant_write(self.tenant, by=author, source=Source.SYNC) as revision:
                outcomes = await push_released(list(mutations), refusal=refusal, revision=revision, unpaid=self.unpaid)
                self.begun_in = self.begun_in or revision.number
                await note_tried(self.released.id, self.begun_in)
                return outcomes
        except Exception as error:
            if is_fault(error):
                async with tenant_transaction(self.tenant):
                    await count_failure(self.released.device_id, mutations)
            raise
