"""Deciding on the work of a revoked device: in parts, each a transaction, so that a crash costs none of them."""

from collections import Counter
from typing import Final, Literal
from uuid import UUID

from server.db import Actor, Source, TenantRef, tenant_transaction, tenant_write
from server.sync import quarantine
from server.sync.push import PUSH_CHUNK, push_released
from server.sync.refusals import Refusal

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
    enrolled again and hands in the same gets these outcomes, and no second effect.

    Args:
        unpaid: as in `server.sync.push.push`.

    Raises:
        NotFound: there is none that the role may decide on.
        QuarantineDecided: somebody was faster.
    """
    counts: Counter[str] = Counter()
    author = await _author(tenant, quarantine_id, by=by, role=role)
    last = 0
    while True:
        async with tenant_write(tenant, by=author, source=Source.SYNC) as revision:
            found = await quarantine.get_quarantine(quarantine_id, by=by, role=role, locked=True)
            await quarantine.require_decider(found, by=by, role=role)
            mutations = await quarantine.list_mutations(quarantine_id, last, PUSH_CHUNK)
            if not mutations:
                await quarantine.decide(quarantine_id, decision, by)
                return dict(counts)
            refusal = _DISCARDED if decision == "discarded" else None
            outcomes = await push_released(mutations, refusal=refusal, revision=revision, unpaid=unpaid)
        counts.update(str(outcome["status"]) for outcome in outcomes)
        last = mutations[-1]["number"]


async def _author(tenant: TenantRef, quarantine_id: UUID, *, by: UUID, role: str) -> Actor:
    """The member and device whose work it is."""
    async with tenant_transaction(tenant):
        found = await quarantine.get_quarantine(quarantine_id, by=by, role=role)
        await quarantine.require_decider(found, by=by, role=role)
    return Actor(found.member_id, found.device_id)
