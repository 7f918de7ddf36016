"""What time does to subscriptions of ours: the next invoice is written ahead, periods follow each other, some end."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final

from server import clock
from server.billing.refresh import want_refresh
from server.billing.transfer import store
from server.billing.transfer.gateway import TransferGateway
from server.billing.transfer.store import TransferSubscription
from server.db import platform_transaction

WRITTEN_AHEAD: Final = timedelta(days=14)
"""So long before a period begins its invoice is written: a company's transfer takes its time."""

_log = logging.getLogger(__name__)


async def renew_all(gateway: TransferGateway) -> int:
    """Bring every subscription of ours up to now; how many changed. One's trouble does not keep the others waiting."""
    async with platform_transaction():
        ids = await store.list_live()
    changed = 0
    for subscription_id in ids:
        try:
            changed += await renew(gateway, subscription_id)
        except Exception:
            _log.exception("Transfer: %s could not be renewed; it is tried again.", subscription_id)
    return changed


async def renew(gateway: TransferGateway, subscription_id: str) -> bool:
    """Bring one up to now, in one transaction; whether anything changed. Idempotent."""
    async with platform_transaction():
        before = await store.get_locked(subscription_id)
        now = clock.now()
        found = before
        while found.ended_at is None and found.period_at(found.period).end <= now:
            found = await _go_on(gateway, found)
        if found.ended_at is None and _is_due(found):
            found = await gateway.invoice_period(found)
        if found == before:
            return False
        await store.store(found)
        await want_refresh(found.tenant_id)
    return True


async def _go_on(gateway: TransferGateway, found: TransferSubscription) -> TransferSubscription:
    """Into the next period, or to the end; a period whose invoice nobody wrote in time gets it now."""
    if found.ends_after_period is not None and found.period >= found.ends_after_period:
        return replace(found, ended_at=found.period_at(found.period).end)
    if found.invoiced_periods <= found.period + 1:
        found = await gateway.invoice_period(found)
    return found.advanced()


def _is_due(found: TransferSubscription) -> bool:
    goes_on = found.ends_after_period is None or found.ends_after_period >= found.invoiced_periods
    ahead = found.invoiced_periods <= found.period + 1
    return goes_on and ahead and found.period_at(found.invoiced_periods).start - WRITTEN_AHEAD <= clock.now()
