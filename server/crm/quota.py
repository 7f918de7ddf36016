"""Whether there is room for more records and files: counted now and then, not at every request.

A count is remembered for a minute near the limit, for an hour far from it, and what this process adds is added. Before
anything is refused it is counted anew, unless that was done just now. Other processes, and devices, whose work is taken
anyway, may go beyond the limit by what they write within that time.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from server.auth import limits
from server.auth.ttl_cache import TtlCache
from server.crm.usage import count_records, count_storage_bytes
from server.db import current_tenant
from server.tenants.entitlements import Entitlement, rewritten

FAR_S: Final = 3_600.0
NEAR_S: Final = 60.0
NEAR: Final = 0.8
"""From this part of a limit on, one is near it."""
JUST_NOW_S: Final = 1.0
COST: Final = 50
"""A count that took long is not repeated before so many times as long: it takes 2 % of a processor at most."""
TENANTS_MAX: Final = 10_000


@dataclass(slots=True)
class _Count:
    used: int
    at: float
    took_s: float

    def is_fresh(self, adding: int, maximum: int) -> bool:
        age_s = time.monotonic() - self.at
        if self.used + adding > maximum:
            return age_s < max(JUST_NOW_S, COST * self.took_s)
        return age_s < (NEAR_S if self.used > NEAR * maximum else FAR_S)


_records: Final[TtlCache[UUID, _Count]] = TtlCache(ttl_s=FAR_S, size_max=TENANTS_MAX)
_storage: Final[TtlCache[UUID, _Count]] = TtlCache(ttl_s=FAR_S, size_max=TENANTS_MAX)
rewritten.extend([_records.forget, _storage.forget])


async def take_room_for_records(entitlement: Entitlement, adding: int, role: str) -> None:
    """Let so many records be made, and count them (tenant).

    Raises:
        LimitReached: there is no room for them.
    """
    if entitlement.records_max is None:
        return
    count = await _count(_records, count_records, adding, entitlement.records_max)
    limits.require_room_for_records(entitlement, count.used, adding, role)
    count.used += adding


async def take_room_for_storage(entitlement: Entitlement, adding: int, role: str) -> None:
    """Let so many bytes be stored, and count them (tenant).

    Raises:
        LimitReached: there is no room for them.
    """
    if entitlement.storage_max_bytes is None:
        return
    count = await _count(_storage, count_storage_bytes, adding, entitlement.storage_max_bytes)
    limits.require_room_for_storage(entitlement, count.used, adding, role)
    count.used += adding


async def _count(
    counts: TtlCache[UUID, _Count], measure: Callable[[], Awaitable[int]], adding: int, maximum: int
) -> _Count:
    tenant_id = current_tenant().id
    known = counts.get(tenant_id)
    if known is None or not known.is_fresh(adding, maximum):
        began = time.monotonic()
        used = await measure()
        known = _Count(used, time.monotonic(), time.monotonic() - began)
        counts.put(tenant_id, known)
    return known
