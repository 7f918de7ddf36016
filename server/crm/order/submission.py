"""Acts on orders that only the server decides: submission and cancellation, with stock in the same transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import INTEGER_MAX, ORDER, ORDER_LINE
from outrider_sdk.rules import may_become

from server.auth.roles import MANAGERS
from server.crm import service
from server.crm.checks import refuse
from server.crm.company.tables import Agreement
from server.crm.models import Row, wire_row
from server.crm.order.credit import load_credits
from server.crm.order.jobs import enqueue_order_confirmation
from server.crm.order.rules import Judgement, LineVerdict, Market, judge_order, release, waits_for_credit
from server.crm.order.service import TransitionIllegal
from server.crm.order.tables import Order, OrderLine
from server.crm.price.service import load_prices
from server.crm.product.tables import Product, ProductUnit
from server.crm.resources import ORDERS
from server.crm.rights import Viewer
from server.crm.stock.tables import Stock
from server.db import Revision, connection
from server.errors import Conflict


class OrderEmpty(Conflict):
    """An order without lines cannot be submitted."""

    code = "order_empty"


@dataclass(frozen=True, slots=True)
class Submitted:
    """The order as it is now, and what became of each line."""

    order: Row
    lines: tuple[LineVerdict, ...]


async def submit_order(
    order_id: UUID, *, seen_total_minor: int | None, viewer: Viewer, revision: Revision
) -> Submitted:
    """Judge a draft by prices, authority and stock of now, and reserve what is accepted.

    Args:
        seen_total_minor: the total that the person saw; None: the stored one, which is what the API shows.

    Raises:
        NotFound: there is no such order in the viewer's sight.
        TransitionIllegal: it is no draft, nor one that was held (`awaiting`) and the viewer may release.
        OrderEmpty: it has no lines.
    """
    order = await _get_order_to_judge(order_id, viewer)
    lines = await get_lines(order)
    seen = order["total_minor"] if seen_total_minor is None else seen_total_minor
    judgement = await judge(order, lines, seen, await load_market(order, lines), revision)
    return Submitted(await service.get_row(ORDERS, order_id, viewer), judgement.lines)


async def judge(order: Row, lines: list[Row], seen_total_minor: int, market: Market, revision: Revision) -> Judgement:
    """Judge an order against a market, and write what became of it.

    Raises:
        InvalidInput: it costs more than can be stored.
    """
    wired = [wire_row(ORDER_LINE, line) for line in lines]
    judgement = judge_order(wire_row(ORDER, order), wired, {"total_minor": seen_total_minor}, market)
    if judgement.total_minor > INTEGER_MAX:
        raise refuse("total_minor", "The order costs more than can be stored. Correct quantities or prices.")
    await _write(order, judgement, revision)
    if judgement.status in ("accepted", "partly_accepted"):
        await enqueue_order_confirmation(order["id"])
    return judgement


async def cancel_order(order_id: UUID, *, viewer: Viewer) -> Row:
    """Cancel an order that is not shipped, and give back what it had reserved.

    Raises:
        NotFound: there is no such order in the viewer's sight.
        TransitionIllegal: it is shipped, or closed in some way.
    """
    order = await _get_order(order_id, "cancelled", viewer)
    if order["status"] in ("accepted", "partly_accepted"):
        lines = await _list_lines(order_id)
        await _reserve(order, release(wire_row(ORDER_LINE, line) for line in lines), sign=-1)
    await Order.update({Order.status: "cancelled", Order.status_reason: None}).where(Order.id == order_id)
    return await service.get_row(ORDERS, order_id, viewer)


async def _get_order(order_id: UUID, wanted: str, viewer: Viewer) -> Row:
    order = await service.get_row_to(ORDERS, "edit", order_id, viewer)
    if not may_become(order["status"], wanted):
        raise TransitionIllegal(order["number"], order["status"], wanted)
    return order


async def _get_order_to_judge(order_id: UUID, viewer: Viewer) -> Row:
    """A draft; or one that was held, which those who look after others release by submitting it."""
    order = await service.get_row_to(ORDERS, "edit", order_id, viewer)
    if order["status"] == "awaiting" and viewer.access.base in MANAGERS:
        return order
    return await _get_order(order_id, "submitted", viewer)


async def get_lines(order: Row) -> list[Row]:
    """The live lines of an order.

    Raises:
        OrderEmpty: it has none.
    """
    lines = await _list_lines(order["id"])
    if not lines:
        raise OrderEmpty(f"Order {order['number']} has no lines. Add one, then submit it.")
    return lines


async def _list_lines(order_id: UUID) -> list[Row]:
    return list(await OrderLine.select().where(OrderLine.order_id == order_id).where(_live(OrderLine)))


async def _write(order: Row, judgement: Judgement, revision: Revision) -> None:
    for verdict in judgement.lines:
        await OrderLine.update(
            {
                OrderLine.verdict: verdict.verdict,
                OrderLine.verdict_reason: verdict.explanation,
                OrderLine.quantity_accepted: verdict.quantity_accepted,
                OrderLine.list_price: verdict.list_price,
                OrderLine.factor: verdict.factor,
                OrderLine.amount_minor: verdict.amount_minor,
            }
        ).where(OrderLine.id == UUID(verdict.line_id))
    await Order.update(
        {
            Order.status: judgement.status,
            Order.status_reason: judgement.status_reason,
            Order.total_minor: judgement.total_minor,
            Order.submitted_at: revision.at,
        }
    ).where(Order.id == order["id"])
    await _reserve(order, judgement.reserved, sign=1)


async def _reserve(order: Row, quantities: dict[str, Decimal], *, sign: int) -> None:
    await connection().execute(
        """UPDATE stock s SET reserved = s.reserved + r.quantity::numeric
        FROM unnest($2::uuid[], $3::text[]) AS r (product_id, quantity)
        WHERE s.warehouse_id = $1 AND s.product_id = r.product_id AND s.deleted_at IS NULL""",
        order["warehouse_id"],
        list(quantities),
        [f"{sign * quantity:f}" for quantity in quantities.values()],
    )


async def load_market(order: Row, lines: Iterable[Row]) -> Market:
    """Prices, units and stock of now: who submits over REST is online, so that capture is now."""
    ids = list({line["product_id"] for line in lines})
    prices = {(str(p), unit): price for (p, unit), price in (await load_prices(order["price_list_id"], ids)).items()}
    products = await Product.select(Product.id, Product.base_unit).where(Product.id.is_in(ids)).where(_live(Product))
    base_units = {str(p["id"]): p["base_unit"] for p in products}
    units = await ProductUnit.select().where(ProductUnit.product_id.is_in(ids)).where(_live(ProductUnit))
    stock = await (
        Stock.select()
        .where(Stock.warehouse_id == order["warehouse_id"])
        .where(Stock.product_id.is_in(ids))
        .where(_live(Stock))
    )
    agreement = await Agreement.select(Agreement.discount_max).where(Agreement.id == order["agreement_id"]).first()
    return Market(
        stock={str(s["product_id"]): s["quantity"] - s["reserved"] for s in stock},
        prices_now=prices,
        prices_at_capture=prices,
        within_window=True,
        discount_max=agreement["discount_max"] if agreement else Decimal(0),
        currency=order["currency"],
        base_units=base_units,
        factors={(str(u["product_id"]), u["unit"]): u["factor"] for u in units}
        | {(p, unit): Decimal(1) for p, unit in base_units.items()},
        credit=(await load_credits([str(order["agreement_id"])])).get(str(order["agreement_id"])),
        credit_approved=waits_for_credit(order),
    )


def _live(table: Any) -> Any:
    return table.deleted_at.is_null()
