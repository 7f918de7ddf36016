"""What a tenant may do by what it pays: written by billing, read by everybody else, from here.

It is kept as steps: what holds now, and what time alone will make of it. So a trial ends, and a grace runs out, at
their moment, though no job ran and no provider answered. A tenant that nobody bills has no row, and may do everything.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server import clock
from server.db import connection
from server.errors import AppError


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


class LimitReached(AppError):
    """A limit of the tenant's plan is reached; names the limit, the use and the way out (402)."""

    status = 402
    code = "limit_reached"

    def __init__(self, limit: str, message: str, *, used: int, maximum: int, plan: str, way_out: str) -> None:
        super().__init__(message, limit=limit, used=used, maximum=maximum, plan=plan, way_out=way_out)


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


async def find_entitlement(tenant_id: UUID) -> Entitlement:
    """What a tenant may do now (platform)."""
    return current(await load_entitlements(tenant_id), clock.now())


async def store_entitlements(tenant_id: UUID, steps: Sequence[Entitlement]) -> bool:
    """Write what a tenant may do; whether that is anything else than before (platform). Billing alone does."""
    text = json.dumps([_write(step) for step in steps], sort_keys=True)
    changed: bool | None = await connection().fetchval(
        """INSERT INTO entitlement AS e (tenant_id, steps, written_at) VALUES ($1, $2::jsonb, $3)
        ON CONFLICT (tenant_id) DO UPDATE SET steps = excluded.steps, version = e.version + 1, written_at = $3
        WHERE e.steps <> excluded.steps RETURNING true""",
        tenant_id,
        text,
        clock.now(),
    )
    return bool(changed)


def _write(step: Entitlement) -> dict[str, Any]:
    instants = {name: at and at.isoformat() for name, at in (("starts_at", step.starts_at), ("ends_at", step.ends_at))}
    return asdict(step) | instants | {"features": sorted(step.features)}


def _read(step: dict[str, Any]) -> Entitlement:
    instants = {name: step[name] and datetime.fromisoformat(step[name]) for name in ("starts_at", "ends_at")}
    return Entitlement(**step | instants | {"features": tuple(step["features"])})
