"""Reconciliation: once a day all customers are refetched, which repairs what lost webhooks left; it is put on record.

It opens transactions itself, none of them while the provider is asked.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.billing import provider
from server.billing.gateway import StripeGateway
from server.billing.gateway.catalogue import find_drift
from server.billing.refresh import refresh_now
from server.billing.setup import STRIPE
from server.db import connection, platform_transaction
from server.errors import AppError

EVERY: Final = timedelta(hours=24)
AT_A_TIME: Final = 20
"""Customers of one job: four requests each, well within its time."""
BEGIN_WITHIN_S: Final = 10.0
"""No further customer is begun after that: one that does not answer takes the rest of a job's minute."""
FINDINGS_MAX: Final = 1_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """What a reconciliation has come to."""

    checked: int
    repaired: int
    failed: int
    findings: list[Mapping[str, Any]]


async def begin_run_if_due() -> UUID | None:
    """Begin a reconciliation where the last one began a day ago (platform transaction); None where it is not due."""
    await connection().execute("SELECT pg_advisory_xact_lock(hashtext('billing.reconcile'))")
    recent = await connection().fetchval(
        "SELECT true FROM reconcile_run WHERE began_at > $1 LIMIT 1", clock.now() - EVERY
    )
    return None if recent else await begin_run()


async def begin_run() -> UUID:
    """Begin a reconciliation (platform transaction)."""
    run_id = uuid7()
    await connection().execute("INSERT INTO reconcile_run (id, began_at) VALUES ($1, $2)", run_id, clock.now())
    return run_id


async def reconcile_some(run_id: UUID, after: UUID | None, *, at_a_time: int = AT_A_TIME) -> UUID | None:
    """Refetch the next customers of a run.

    Returns:
        The last one; None where there are no more, and the run has ended.
    """
    async with platform_transaction():
        rows = await connection().fetch(
            """SELECT tenant_id, slug FROM billing_account
            WHERE customer_id IS NOT NULL AND ($1::uuid IS NULL OR tenant_id > $1) ORDER BY tenant_id LIMIT $2""",
            after,
            at_a_time,
        )
    begun = time.monotonic()
    for n, row in enumerate(rows, start=1):
        await _note(run_id, await _reconcile(row["tenant_id"], row["slug"]))
        is_last = n == len(rows) < at_a_time
        if not is_last and (n == at_a_time or time.monotonic() - begun > BEGIN_WITHIN_S):
            last: UUID = row["tenant_id"]
            return last
    await _end(run_id)
    return None


async def _reconcile(tenant_id: UUID, slug: str) -> dict[str, Any]:
    try:
        refreshed = await refresh_now(tenant_id)
    except AppError as error:
        return {"tenant": slug, "failed": error.message}
    except Exception:
        _log.exception("Billing of %s could not be reconciled.", tenant_id)
        return {"tenant": slug, "failed": "by a fault of ours; the log has it"}
    if refreshed is None:
        return {}
    found: dict[str, Any] = {"tenant": slug}
    if refreshed.changes:
        found["repaired"] = list(refreshed.changes)
    if refreshed.judged.alerts:
        found["alerts"] = list(refreshed.judged.alerts)
    return found if len(found) > 1 else {}


async def _note(run_id: UUID, finding: Mapping[str, Any]) -> None:
    async with platform_transaction():
        await connection().execute(
            """UPDATE reconcile_run SET checked = checked + 1, repaired = repaired + $2, failed = failed + $3,
                findings = CASE WHEN $4::jsonb IS NULL OR jsonb_array_length(findings) >= $5 THEN findings
                    ELSE findings || $4::jsonb END WHERE id = $1""",
            run_id, int("repaired" in finding), int("failed" in finding), json.dumps([finding]) if finding else None,
            FINDINGS_MAX,
        )  # fmt: skip


async def _end(run_id: UUID) -> None:
    gateway = provider.find_provider(STRIPE)
    drift: list[str] = []
    if isinstance(gateway, StripeGateway):
        try:
            drift = await find_drift(gateway)
        except AppError as error:
            drift = [f"The catalogue could not be compared: {error.message}"]
    async with platform_transaction():
        await connection().execute(
            "UPDATE reconcile_run SET ended_at = $2, findings = findings || $3::jsonb WHERE id = $1",
            run_id, clock.now(), json.dumps([{"drift": line} for line in drift]),
        )  # fmt: skip
        run = await get_run(run_id)
    level = logging.WARNING if run.findings else logging.INFO
    _log.log(level, "Billing: %d checked, %d repaired, %d failed.", run.checked, run.repaired, run.failed)


async def get_run(run_id: UUID) -> Run:
    """What a run has come to (platform transaction)."""
    row = await connection().fetchrow(
        "SELECT checked, repaired, failed, findings::text AS findings FROM reconcile_run WHERE id = $1", run_id
    )
    assert row is not None
    return Run(row["checked"], row["repaired"], row["failed"], json.loads(row["findings"]))
