"""Notices as they are stored, and what they are decided on (platform transactions)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server import clock
from server.billing.judge import Mirrored, find_present
from server.billing.mirror import load_subscriptions
from server.billing.notice.rules import DELETION_WARNED, TOLD_FOR, TRIAL_WARNED, Facts
from server.db import connection
from server.tenants.entitlements import find_entitlement

TRIED_AGAIN_AFTER: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Addressed:
    """A tenant that may have to be told something."""

    tenant_id: UUID
    slug: str
    email: str
    language: str
    timezone: str
    currency: str
    company: str
    alert: str | None
    facts: Facts

    @property
    def present(self) -> Mirrored | None:
        """Its subscription."""
        return self.facts.present


async def list_candidates() -> list[UUID]:
    """Tenants of whom something may be to tell just now."""
    now = clock.now()
    rows = await connection().fetch(
        """SELECT a.tenant_id FROM billing_account a WHERE a.deleted_at IS NULL AND (
            a.trial_ends_at BETWEEN $1 AND $2 OR a.alert IS NOT NULL
            OR EXISTS (SELECT FROM tenant_deletion d WHERE d.tenant_id = a.tenant_id AND d.state = 'waiting'
                AND d.due_at < $3)
            OR EXISTS (SELECT FROM billing_subscription s WHERE s.tenant_id = a.tenant_id
                AND (s.unpaid_since IS NOT NULL OR s.dispute_lost OR s."interval" = 'year' OR s.ended_at IS NOT NULL)))
        ORDER BY a.tenant_id""",
        now - TOLD_FOR, now + TRIAL_WARNED, now + DELETION_WARNED,
    )  # fmt: skip
    return [row["tenant_id"] for row in rows]


async def find_addressed(tenant_id: UUID) -> Addressed | None:
    """How a tenant stands now; None where nobody bills it any more."""
    row = await connection().fetchrow(
        """SELECT a.*, t.name, (SELECT d.due_at FROM tenant_deletion d
            WHERE d.tenant_id = a.tenant_id AND d.state = 'waiting') AS delete_at
        FROM billing_account a LEFT JOIN tenant t ON t.id = a.tenant_id
        WHERE a.tenant_id = $1 AND a.deleted_at IS NULL""",
        tenant_id,
    )
    if row is None:
        return None
    present = find_present(await load_subscriptions(tenant_id))
    facts = Facts(
        await find_entitlement(tenant_id), row["trial_ends_at"], present, row["provider"],
        await _open_minor(tenant_id), row["delete_at"],
    )  # fmt: skip
    company = row["legal_name"] or row["name"] or row["slug"]
    currency = present.currency if present else row["currency"]
    return Addressed(
        tenant_id, row["slug"], row["email"], row["language"], row["timezone"], currency, company, row["alert"], facts
    )


async def _open_minor(tenant_id: UUID) -> int:
    found: int = await connection().fetchval(
        """SELECT coalesce(sum(total_minor - paid_minor), 0)::bigint FROM billing_invoice
        WHERE tenant_id = $1 AND status IN ('open', 'uncollectible') AND coalesce(due_at, issued_at) <= $2""",
        tenant_id,
        clock.now(),
    )
    return found


async def want(tenant_id: UUID, kind: str, occasion: str) -> bool:
    """Note that a notice is to be sent; whether a job is to be sent for it: it is new, or its job was lost."""
    now = clock.now()
    wanted = await connection().fetchval(
        """INSERT INTO billing_notice AS n (tenant_id, kind, occasion, wanted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, kind, occasion) DO UPDATE SET wanted_at = $4
        WHERE n.sent_at IS NULL AND n.wanted_at < $5 RETURNING true""",
        tenant_id, kind, occasion, now, now - TRIED_AGAIN_AFTER,
    )  # fmt: skip
    return bool(wanted)


async def is_wanted(tenant_id: UUID, kind: str, occasion: str) -> bool:
    """Whether a notice is still to be sent."""
    sql = """SELECT EXISTS (SELECT FROM billing_notice
        WHERE tenant_id = $1 AND kind = $2 AND occasion = $3 AND sent_at IS NULL)"""
    return bool(await connection().fetchval(sql, tenant_id, kind, occasion))


async def mark_sent(tenant_id: UUID, kind: str, occasion: str, at: datetime) -> None:
    """It was sent, for good."""
    await connection().execute(
        "UPDATE billing_notice SET sent_at = $4 WHERE tenant_id = $1 AND kind = $2 AND occasion = $3",
        tenant_id, kind, occasion, at,
    )  # fmt: skip


async def drop(tenant_id: UUID, kind: str, occasion: str) -> None:
    """It is not due any more, and was never sent."""
    await connection().execute(
        "DELETE FROM billing_notice WHERE tenant_id = $1 AND kind = $2 AND occasion = $3 AND sent_at IS NULL",
        tenant_id, kind, occasion,
    )  # fmt: skip


def alert_occasion(alert: str) -> str:
    """Another alert is another occasion."""
    return hashlib.sha256(alert.encode()).hexdigest()[:16]
