"""Deletions as they are stored, and what the directory forgets (platform transactions)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import asyncpg

from server import clock
from server.billing.access import KEPT_AFTER_END
from server.billing.notice.rules import DELETION_WARNED
from server.db import TenantRef, connection
from server.errors import Conflict, NotFound

WAITING_TIME: Final = timedelta(days=7)
"""Between an owner's word and the deletion: a stolen log-in, or a quarrel, must not cost a company its data."""

Reason = Literal["asked", "cancelled", "operator"]


class NoDeletion(NotFound):
    """No deletion waits that could be taken back."""

    code = "no_deletion"

    def __init__(self) -> None:
        super().__init__("No deletion waits here: there is nothing to take back.")


class DeletionRuns(Conflict):
    """The deletion has begun, and cannot be taken back."""

    code = "deletion_runs"

    def __init__(self) -> None:
        super().__init__("The deletion has begun. It cannot be taken back any more.")


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of a tenant: one to come, or one that was done."""

    tenant: TenantRef
    reason: Reason
    asked_by: UUID | None
    asked_at: datetime
    due_at: datetime
    state: Literal["waiting", "running", "done"]


def _read(row: asyncpg.Record) -> Deletion:
    tenant = TenantRef(row["tenant_id"], row["slug"], row["schema"], row["database"])
    return Deletion(tenant, row["reason"], row["asked_by"], row["asked_at"], row["due_at"], row["state"])


async def find_deletion(tenant_id: UUID) -> Deletion | None:
    """The deletion of a tenant."""
    row = await connection().fetchrow("SELECT * FROM tenant_deletion WHERE tenant_id = $1", tenant_id)
    return _read(row) if row else None


async def plan_deletion(
    tenant: TenantRef, reason: Reason, *, due_at: datetime, by: UUID | None = None
) -> Deletion:  # fmt: skip
    """Have a tenant deleted, not before that moment. Asked again, the first word counts; an operator's is at once."""
    row = await connection().fetchrow(
        """INSERT INTO tenant_deletion AS d (tenant_id, slug, schema, database, reason, asked_by, asked_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (tenant_id) DO UPDATE SET due_at = least(d.due_at, excluded.due_at) RETURNING *""",
        tenant.id, tenant.slug, tenant.schema, tenant.database, reason, by, clock.now(), due_at,
    )  # fmt: skip
    assert row is not None
    return _read(row)


async def take_back(tenant_id: UUID) -> None:
    """Let a tenant live.

    Raises:
        NoDeletion: none waits.
        DeletionRuns: it has begun.
    """
    sql = "DELETE FROM tenant_deletion WHERE tenant_id = $1 AND state = 'waiting' RETURNING true"
    if not await connection().fetchval(sql, tenant_id):
        raise NoDeletion if await find_deletion(tenant_id) is None else DeletionRuns


async def plan_for_cancelled() -> int:
    """Plan the deletion of those whose subscription ended long ago, and let live who has another; how many are new."""
    now = clock.now()
    lives = """DELETE FROM tenant_deletion d WHERE d.state = 'waiting' AND d.reason = 'cancelled' AND EXISTS
        (SELECT FROM billing_subscription s WHERE s.tenant_id = d.tenant_id
        AND s.ended_at IS NULL AND s.status NOT IN ('incomplete', 'incomplete_expired'))"""
    await connection().execute(lives)
    rows = await connection().fetch(
        """INSERT INTO tenant_deletion (tenant_id, slug, schema, database, reason, asked_at, due_at)
        SELECT t.id, t.slug, t.schema, t.database, 'cancelled', $1, l.ended_at + $2::interval
        FROM tenant t JOIN billing_account a ON a.tenant_id = t.id AND a.deleted_at IS NULL
        JOIN LATERAL (SELECT max(s.ended_at) AS ended_at, bool_and(s.ended_at IS NOT NULL) AS over
            FROM billing_subscription s WHERE s.tenant_id = t.id
            AND s.status NOT IN ('incomplete', 'incomplete_expired')) l ON l.over
        WHERE l.ended_at + $2::interval < $1::timestamptz + $3::interval ON CONFLICT DO NOTHING RETURNING true""",
        now, KEPT_AFTER_END, DELETION_WARNED,
    )  # fmt: skip
    return len(rows)


async def list_due() -> list[UUID]:
    """Tenants whose time has come, and those whose deletion broke off."""
    rows = await connection().fetch(
        "SELECT tenant_id FROM tenant_deletion WHERE state <> 'done' AND due_at <= $1 ORDER BY due_at", clock.now()
    )
    return [row["tenant_id"] for row in rows]


async def begin(tenant_id: UUID) -> Deletion | None:
    """From now on it cannot be taken back; None where it is not due, or done."""
    row = await connection().fetchrow(
        """UPDATE tenant_deletion SET state = 'running' WHERE tenant_id = $1 AND state <> 'done' AND due_at <= $2
        RETURNING *""",
        tenant_id,
        clock.now(),
    )
    return _read(row) if row else None


async def close_doors(tenant_id: UUID) -> None:
    """Let nobody in any more."""
    await connection().execute("UPDATE tenant SET status = 'suspended' WHERE id = $1", tenant_id)


async def forget_tenant(tenant_id: UUID) -> None:
    """Take a tenant out of the directory, with the people who are members nowhere else. The books stay."""
    now = clock.now()
    people = await connection().fetch(
        "DELETE FROM membership WHERE tenant_id = $1 RETURNING identity_id", tenant_id
    )  # fmt: skip
    await connection().execute(
        """DELETE FROM identity i WHERE i.id = ANY ($1)
        AND NOT EXISTS (SELECT FROM membership m WHERE m.identity_id = i.id)""",
        [row["identity_id"] for row in people],
    )
    for table in ("entitlement", "seat", "usage_day", "billing_notice", "sign_up"):
        await connection().execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id)  # noqa: S608 - ours
    await connection().execute(
        "UPDATE billing_account SET deleted_at = coalesce(deleted_at, $2) WHERE tenant_id = $1", tenant_id, now
    )
    await connection().execute("DELETE FROM tenant WHERE id = $1", tenant_id)
    await connection().execute(
        "UPDATE tenant_deletion SET state = 'done', done_at = $2 WHERE tenant_id = $1", tenant_id, now
    )
