"""Deciding on the work of a revoked device: in parts, each a transaction, so that a crash costs none of them."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from server.db import Actor, Revision, Source, TenantRef, tenant_transaction, tenant_write
from server.sync import quarantine
from server.sync.failures import count_failure, is_fault
from server.sync.push import PUSH_CHUNK, push_released
from server.sync.quarantine import Quarantine
from server.sync.refusals import Refusal
from server.sync.trial_commands import Mutations, take_on_trial, trial_lock

Decision = Literal["released", "discarded"]

_DISCARDED: Final = Refusal(
    "quarantine_discarded",
    "This device was revoked, and your manager looked at what it handed in and did not take it. It is kept; ask them.",
)


async def decide(
    tenant: TenantRef, quarantine_id: UUID, decision: Decision, *, by: UUID, role: str, unpaid: bool = False
) -> dict[str, int]:
    """Release a revoked device's work, or discard it; how many of its mutations ended how.

    Released, it is applied as if the device had pushed it: by the rights that its member had when it was captured, and
    under their name. Discarded, each mutation is refused; its payload stays on record. Either way a device that is
    enrolled again and hands in the same gets these outcomes, and no second effect. What is released and waits for other
    devices' rows since a restore (`parked`) stays, and is taken when they come (`released`). What breaks off goes on
    where it was when somebody decides again; what ended the process is found and refused, as in a push.

    Args:
        unpaid: as in `server.sync.push.push`.

    Raises:
        NotFound: there is none that the role may decide on.
        QuarantineDecided: somebody was faster.
        Busy: somebody else is deciding.
    """
    found, _ = await _begin(tenant, quarantine_id, by=by, role=role)
    async with trial_lock(tenant, found.device_id):
        found, counts = await _begin(tenant, quarantine_id, by=by, role=role)
        deciding, last = _Deciding(tenant, found, decision, by, role, unpaid), 0
        while mutations := await deciding.next_after(last):
            for outcome in await deciding.take(mutations):
                counts[str(outcome["status"])] += 1
            last = mutations[-1]["number"]
        return dict(counts)


async def _begin(tenant: TenantRef, quarantine_id: UUID, *, by: UUID, role: str) -> tuple[Quarantine, Counter[str]]:
    """What is decided on, and how far somebody came who was broken off: which outcomes there are."""
    async with tenant_transaction(tenant):
        found = await quarantine.get_quarantine(quarantine_id, by=by, role=role)
        await quarantine.require_decider(found, by=by, role=role)
        counts = await quarantine.count_outcomes(found.id)
    return found, Counter(counts)


@dataclass(frozen=True, slots=True)
class _Deciding:
    """A decision that is carried out, in parts."""

    tenant: TenantRef
    found: Quarantine
    decision: Decision
    by: UUID
    role: str
    unpaid: bool

    async def next_after(self, number: int) -> list[quarantine.Mutation]:
        """The mutations that come next; where there are none, the decision is noted, and all is done."""
        async with self._transaction():
            mutations = await quarantine.list_undecided(self.found.id, number, PUSH_CHUNK)
            if not mutations:
                await quarantine.decide(self.found.id, self.decision, self.by)
        return mutations

    async def take(self, mutations: Mutations) -> list[dict[str, Any]]:
        """Apply them, on trial: nobody else says that a process died of it. What is refused is not looked at."""
        if self.decision == "discarded":
            return await self._take(mutations, _DISCARDED)
        return await take_on_trial(self.tenant, self.found.device_id, mutations, self._take)

    async def _take(self, mutations: Mutations, refusal: Refusal | None) -> list[dict[str, Any]]:
        try:
            async with self._transaction() as revision:
                outcomes = await push_released(list(mutations), refusal=refusal, revision=revision, unpaid=self.unpaid)
                await quarantine.note_released(self.found.id, [mutation["number"] for mutation in mutations])
                return outcomes
        except Exception as error:
            if is_fault(error):
                async with tenant_transaction(self.tenant):
                    await count_failure(self.found.device_id, mutations)
            raise

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Revision]:
        """One in the name of the member and device whose work it is, while nobody else has decided."""
        author = Actor(self.found.member_id, self.found.device_id)
        async with tenant_write(self.tenant, by=author, source=Source.SYNC) as revision:
            held = await quarantine.hold_quarantine(self.found.id, by=self.by, role=self.role)
            await quarantine.require_decider(held, by=self.by, role=self.role)
            yield revision
