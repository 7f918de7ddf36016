"""The billing account: opened with the trial, or for a tenant that was there before (platform transactions)."""

from datetime import datetime
from typing import Final
from uuid import UUID

from server import clock
from server.billing.access import TRIAL
from server.billing.entitle import plan_steps
from server.db import connection
from server.errors import NotFound
from server.tenants.entitlements import store_entitlements

BILLERS: Final = ("owner", "admin", "billing")
"""Roles that see and change what concerns billing."""


class BillingUnknown(NotFound):
    """Nobody bills this tenant."""

    code = "not_billed"

    def __init__(self) -> None:
        super().__init__("This workspace is not billed: its operator gave it, and there is nothing to pay.")


async def open_account(
    tenant_id: UUID,
    slug: str,
    *,
    email: str,
    legal_name: str | None = None,
    language: str = "en",
    timezone: str = "UTC",
    country: str | None = None,
    currency: str = "EUR",
    trial_ends_at: datetime | None = None,
) -> bool:
    """Begin to bill a tenant, with a trial; whether it was begun now. No provider is asked: nothing is bought yet."""
    now = clock.now()
    ends_at = trial_ends_at or now + TRIAL
    opened = await connection().fetchval(
        """INSERT INTO billing_account
            (tenant_id, slug, email, legal_name, language, timezone, country, currency, trial_ends_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id) DO NOTHING RETURNING true""",
        tenant_id, slug, email, legal_name, language, timezone, country, currency, ends_at, now,
    )  # fmt: skip
    if opened:
        await store_entitlements(tenant_id, plan_steps(ends_at, None, now))
    return bool(opened)
