"""Jobs of billing: the refetch of a customer, and what finds the customers that nobody refetched."""

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

import dramatiq

from server import clock
from server.billing.provider import PaymentServiceDown, PaymentServiceRefused, PaymentsNotSetUp
from server.billing.reconcile import begin_run_if_due, reconcile_some
from server.billing.refresh import enqueue_refresh, note_refusal, refresh_if_wanted
from server.broker import enqueue
from server.db import connection, platform_transaction

SWEEP_EVERY_S: Final = 30.0
LOST_AFTER: Final = timedelta(minutes=2)
"""Word that nobody took for so long has lost its job."""
AGAIN_AFTER_MS: Final = 30_000
"""With a fetch that takes its whole time, well below LOST_AFTER: else the sweeper would send a second job."""
SWEPT_MAX: Final = 500
EVENTS_KEPT: Final = timedelta(days=90)

_log = logging.getLogger(__name__)


@dramatiq.actor(queue_name="billing", actor_name="refresh_customer")
async def refresh_customer(tenant_id: str) -> None:
    """Refetch a customer if anybody wants it; while the provider does not answer, come again by and by."""
    try:
        await refresh_if_wanted(UUID(tenant_id))
    except (PaymentServiceDown, PaymentsNotSetUp) as error:
        _log.warning("Billing of %s is not up to date: %s", tenant_id, error.message)
        async with platform_transaction():
            await enqueue_refresh(UUID(tenant_id), delay_ms=AGAIN_AFTER_MS)
    except PaymentServiceRefused as error:  # asking again would be refused again
        _log.error("Billing of %s cannot be looked up: %s", tenant_id, error.message)
        async with platform_transaction():
            await note_refusal(UUID(tenant_id), error.message)


@dramatiq.actor(queue_name="billing", actor_name="reconcile_customers")
async def reconcile_customers(run_id: str, after: str | None = None) -> None:
    """Refetch the next customers of a reconciliation, and send a job for those behind them."""
    last = await reconcile_some(UUID(run_id), UUID(after) if after else None)
    if last is not None:
        async with platform_transaction():
            await enqueue(reconcile_customers.message(run_id, str(last)))


async def reconcile_if_due() -> bool:
    """Begin the day's reconciliation; whether it was due."""
    async with platform_transaction():
        run_id = await begin_run_if_due()
        if run_id is not None:
            await enqueue(reconcile_customers.message(str(run_id)))
    return run_id is not None


async def sweep() -> int:
    """Send jobs again for accounts whose word was lost: a crash between commit and job, or in the middle of one.

    Returns:
        How many.
    """
    now = clock.now()
    async with platform_transaction():
        rows = await connection().fetch(
            """UPDATE billing_account SET refresh_wanted_at = $1 WHERE tenant_id IN (
                SELECT a.tenant_id FROM billing_account a WHERE a.customer_id IS NOT NULL
                AND (a.refresh_wanted_at < $2 OR a.refresh_leased_until < $2 OR (a.refresh_wanted_at IS NULL
                    AND a.refresh_leased_until IS NULL AND EXISTS (SELECT FROM stripe_event e
                    WHERE e.customer_id = a.customer_id AND e.processed_at IS NULL AND e.received_at < $2)))
                LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING tenant_id""",
            now, now - LOST_AFTER, SWEPT_MAX,
        )  # fmt: skip
        for row in rows:
            await enqueue_refresh(row["tenant_id"])
        await connection().execute(
            """DELETE FROM stripe_event WHERE id IN
            (SELECT id FROM stripe_event WHERE received_at < $1 ORDER BY received_at LIMIT $2)""",
            now - EVENTS_KEPT, SWEPT_MAX,
        )  # fmt: skip
    return len(rows)
