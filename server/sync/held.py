"""Orders that devices submitted while the tenant had not paid: judged as soon as it has, and nobody loses a sale.

By the stock and credit of now, and by the prices of their capture: that they waited was neither the rep's nor the
customer's doing.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import dramatiq

from server.clock import to_micros
from server.crm.models import Row
from server.crm.order.rules import UNPAID, Market
from server.crm.order.submission import get_lines, judge, load_market
from server.crm.order.tables import Order
from server.db import SYSTEM, Revision, TenantRef, connection, platform_transaction, savepoint, tenant_write
from server.errors import AppError
from server.sync.price_window import load_price_window
from server.sync.rows import load_prices
from server.sync.state import steps_at
from server.tenants.entitlements import REGAINED, find_entitlement
from server.tenants.service import TenantUnknown, get_tenant

PART: Final = 50
"""Orders judged in one transaction: others wait meanwhile to write."""
_QUEUE, _NAME = REGAINED
_HELD: Final = """
SELECT id FROM "order" WHERE status = 'awaiting' AND starts_with(status_reason, $1) AND deleted_at IS NULL
ORDER BY submitted_at, captured_at, "number", id LIMIT $2
"""
_log = logging.getLogger(__name__)


@dramatiq.actor(queue_name=_QUEUE, actor_name=_NAME)
async def release_held_orders(tenant_id: str) -> None:
    """Judge what a tenant's devices submitted while it had not paid, if it has by now. Twice is the same."""
    try:
        async with platform_transaction():
            tenant = await get_tenant(UUID(tenant_id))
    except TenantUnknown:
        return
    await release_orders(tenant)


async def release_orders(tenant: TenantRef) -> int:
    """The same, outside of any transaction; how many were judged. In the order in which they were submitted."""
    async with platform_transaction():
        if not (await find_entitlement(tenant.id)).may_write:
            return 0
    judged = 0
    while True:
        async with tenant_write(tenant, by=SYSTEM) as revision:
            ids = [row["id"] for row in await connection().fetch(_HELD, UNPAID, PART)]
            await _judge_all(ids, revision)
        judged += len(ids)
        if len(ids) < PART:
            return judged


async def _judge_all(ids: Sequence[UUID], revision: Revision) -> None:
    for order_id in ids:
        try:
            async with savepoint():
                await _judge(order_id, revision)
        except AppError as error:  # a person must look at it; the others go on
            await Order.update({Order.status: "needs_attention", Order.status_reason: error.message}).where(
                Order.id == order_id
            )


async def _judge(order_id: UUID, revision: Revision) -> None:
    order = await Order.select().where(Order.id == order_id).output(load_json=True).first()
    assert order is not None
    lines = await get_lines(order)
    market = await _as_captured(order, lines, await load_market(order, lines))
    came = replace(revision, at=order["submitted_at"])  # it was submitted when it came
    await judge(order, lines, order["total_minor"], market, came)


async def _as_captured(order: Row, lines: Sequence[Row], market: Market) -> Market:
    """The market with the prices of the capture, which count if they did when the order came in."""
    captured, came = order["captured_at"] or order["submitted_at"], order["submitted_at"]
    prices = await load_prices([str(order["price_list_id"])], sorted({str(line["product_id"]) for line in lines}))
    window = timedelta(microseconds=await load_price_window())
    at_capture = {(product, unit): steps_at(steps, to_micros(captured)) for (_, product, unit), steps in prices.items()}
    return replace(market, prices_at_capture=at_capture, within_window=came - captured <= window)
