"""What a tenant may do by what it pays: written by billing, read by everybody else, from here.

It is kept as steps: what holds now, and what time alone will make of it. So a trial ends, and a grace runs out, at
their moment, though no job ran and no provider answered. A tenant that nobody bills has no row, and may do everything.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from dramatiq import Message

from server import clock
from server.broker import enqueue
from server.db import TenantRef, after_commit, connection
from server.tenants.seats import NO_SEATS, Seats
from server.tenants.service import TenantUnknown


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a tenant may do from a moment on. None, of a limit: as much as it likes."""

    state: str
    """trialing, active, past_due, grace, restricted or cancelled; `unmetered` where nobody bills."""
    plan: str
    plan_version: int
    seats_max: int | None
    devices_per_seat_max: int | None
    records_max: int | None
    storage_max_bytes: int | None
    sync_interval_s: int
    features: tuple[str, ...]
    may_write: bool
    may_grow: bool
    starts_at: datetime | None = None
    """None: of the first step, which holds already."""
    ends_at: datetime | None = None
    """When time alone makes it another; None: never."""


UNMETERED: Final = Entitlement(
    "unmetered", "unmetered", 1, None, None, None, None, 0, ("custom_fields", "api_access", "automation"), True, True
)
"""Of a tenant that nobody bills."""


@dataclass(frozen=True, slots=True)
class EntitledTenant:
    """A tenant, what it may do as time goes by, and who has its seats; without steps, nobody bills it."""

    ref: TenantRef
    steps: tuple[Entitlement, ...] = ()
    seats: Seats = NO_SEATS

    @property
    def entitlement(self) -> Entitlement:
        """What it may do now: the clock alone moves it on."""
        return current(self.steps, clock.now()) if self.steps else UNMETERED


rewritten: Final[list[Callable[[UUID], None]]] = []
"""Who is told, at once, of each tenant whose entitlements or seats this process has written."""


def tell_rewritten(tenant_id: UUID) -> None:
    """Have all know, once the open transaction has committed, that what they remember of the tenant is out of date."""
    after_commit(partial(_tell, tenant_id))


def _tell(tenant_id: UUID) -> None:
    for tell in rewritten:
        tell(tenant_id)


def current(steps: Sequence[Entitlement], now: datetime) -> Entitlement:
    """The step that holds at the moment; unmetered where there are none."""
    held = UNMETERED
    for step in steps:
        if step.starts_at is None or step.starts_at <= now:
            held = step
    return held


async def load_entitlements(tenant_id: UUID) -> tuple[Entitlement, ...]:
    """All steps of a tenant, the first first (platform)."""
    text = await connection().fetchval("SELECT steps::text FROM entitlement WHERE tenant_id = $1", tenant_id)
    return () if text is None else tuple(_read(step) for step in json.loads(text))


_ENTITLED: Final = """
SELECT t.id, t.slug, t.schema, t.database, e.steps::text AS steps, s.holders, s.withdrawn
FROM tenant t LEFT JOIN entitlement e ON e.tenant_id = t.id
LEFT JOIN LATERAL (
    SELECT array_agg(s.member_id ORDER BY s.assigned_at, s.member_id) FILTER (WHERE s.withdrawn_at IS NULL) AS holders,
        array_agg(s.member_id) FILTER (WHERE s.withdrawn_at IS NOT NULL) AS withdrawn
    FROM seat s WHERE s.tenant_id = e.tenant_id
) s ON true
WHERE t.status = 'active' AND """


async def get_entitled_tenant(tenant_id: UUID) -> EntitledTenant:
    """The active tenant of that id with all that it may do, in one statement (platform).

    Raises:
        TenantUnknown: there is none, or it is suspended.
    """
    return _entitled(await connection().fetchrow(_ENTITLED + "t.id = $1", tenant_id))


async def get_entitled_tenant_by_slug(slug: str) -> EntitledTenant:
    """The same by its address (platform).

    Raises:
        TenantUnknown: there is none, or it is suspended.
    """
    return _entitled(await connection().fetchrow(_ENTITLED + "t.slug = $1", slug))


def _entitled(row: Any) -> EntitledTenant:
    if row is None:
        raise TenantUnknown
    ref = TenantRef(row["id"], row["slug"], row["schema"], row["database"])
    if row["steps"] is None:
        return EntitledTenant(ref)
    steps = tuple(_read(step) for step in json.loads(row["steps"]))
    return EntitledTenant(ref, steps, Seats(tuple(row["holders"] or ()), frozenset(row["withdrawn"] or ())))


async def find_entitlement(tenant_id: UUID) -> Entitlement:
    """What a tenant may do now (platform)."""
    return current(await load_entitlements(tenant_id), clock.now())


REGAINED: Final = ("orders", "release_held_orders")
"""Queue and name of the job for a tenant that may write again (`server.sync.held`). By name: every process that stores
entitlements sends it, also those that run no jobs."""


async def store_entitlements(tenant_id: UUID, steps: Sequence[Entitlement]) -> bool:
    """Write what a tenant may do; whether that is anything else than before (platform). Billing alone does."""
    before = current(await load_entitlements(tenant_id), clock.now())
    text = json.dumps([_write(step) for step in steps], sort_keys=True)
    changed: bool | None = await connection().fetchval(
        """INSERT INTO entitlement AS e (tenant_id, steps, written_at) VALUES ($1, $2::jsonb, $3)
        ON CONFLICT (tenant_id) DO UPDATE SET steps = excluded.steps, version = e.version + 1, written_at = $3
        WHERE e.steps <> excluded.steps RETURNING true""",
        tenant_id,
        text,
        clock.now(),
    )
    if changed:
        tell_rewritten(tenant_id)
        if not before.may_write and current(steps, clock.now()).may_write:
            queue, name = REGAINED
            await enqueue(Message(queue_name=queue, actor_name=name, args=(str(tenant_id),), kwargs={}, options={}))
    return bool(changed)


def _write(step: Entitlement) -> dict[str, Any]:
    instants = {name: at and at.isoformat() for name, at in (("starts_at", step.starts_at), ("ends_at", step.ends_at))}
    return asdict(step) | instants | {"features": sorted(step.features)}


def _read(step: dict[str, Any]) -> Entitlement:
    instants = {name: step[name] and datetime.fromisoformat(step[name]) for name in ("starts_at", "ends_at")}
    return Entitlement(**step | instants | {"features": tuple(step["features"])})
