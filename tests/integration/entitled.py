"""Tenants that pay, or do not: the states of a subscription as the rule of access makes them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from server import clock
from server.billing.access import Subscription
from server.billing.entitle import plan_steps
from server.billing.plans import get_plan
from server.db import TenantRef, connection, platform_transaction
from server.tenants.entitlements import Entitlement, store_entitlements

STATES: Final = ("unmetered", "trialing", "active", "past_due", "grace", "restricted", "cancelled")
WRITING: Final = STATES[:5]
GROWING: Final = STATES[:4]


def steps_of(state: str, *, plan: str = "business", seats: int = 50, **limits: Any) -> tuple[Entitlement, ...]:
    """The steps of a tenant in that state; `limits` replace those of the plan."""
    now = clock.now()
    ago = {"past_due": 1, "grace": 8, "restricted": 20}.get(state)
    since = now - timedelta(days=ago) if ago is not None else None
    ended = now - timedelta(days=1) if state == "cancelled" else None
    paid = None if state == "trialing" else Subscription(get_plan(plan), seats, since, ended)
    steps = plan_steps(now + timedelta(days=3), paid, now)
    assert steps[0].state == state
    return tuple(replace(step, **limits) for step in steps)


async def entitle(tenant: TenantRef, state: str, **more: Any) -> None:
    """Let the tenant stand like that; whoever remembered otherwise forgets."""
    if state == "unmetered":
        return
    async with platform_transaction():
        await connection().execute(
            "INSERT INTO billing_account (tenant_id, slug, email, trial_ends_at) VALUES ($1, $2, 'ann@x.example', $3)"
            " ON CONFLICT DO NOTHING",
            tenant.id, tenant.slug, clock.now(),
        )  # fmt: skip
        await store_entitlements(tenant.id, steps_of(state, **more))
