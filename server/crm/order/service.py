"""Rules of orders and lines: what the server derives, and when they may still be changed."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.rules import EDITABLE_STATUSES, line_amount_minor

from server.crm.checks import refuse
from server.crm.company.tables import Agreement, LegalEntity
from server.crm.order.tables import Order
from server.crm.outlet.tables import Outlet
from server.crm.price.rules import list_price
from server.crm.price.service import load_prices
from server.crm.price.tables import PriceList
from server.crm.product.tables import Product, ProductUnit
from server.crm.resource import Write
from server.db import SyncedTable, connection
from server.errors import Conflict

AMOUNT_MAX: Final = Decimal(10) ** 12
"""Major units that a line, and an order, may cost: far from where integers or rounding would give way."""

NUMBER_PREFIX: Final = "W"
"""Of order numbers where the legal entity has no number series."""


class TransitionIllegal(Conflict):
    """The order's status does not allow this; `status_found` names it."""

    code = "transition_illegal"

    def __init__(self, number: str, status: str, wanted: str) -> None:
        super().__init__(
            f"Order {number} is {status.replace('_', ' ')}; it cannot be {wanted} any more.", status_found=status
        )


async def complete_order(write: Write) -> None:
    """Derive a new order's parties, terms, number and address from outlet and agreement; keep finished ones.

    Raises:
        InvalidInput: the agreement is not one of the outlet's account.
        TransitionIllegal: the order is no longer a draft.
    """
    if write.before is not None:
        _require_editable(write.before, "deleted" if write.deletes else "changed", write.deletes)
        return
    outlet = await get_known(Outlet, write.values["outlet_id"])
    agreement = await get_known(Agreement, write.values["agreement_id"])
    if agreement["account_id"] != outlet["account_id"]:
        raise refuse("agreement_id", "The agreement is not one of this outlet's account.")
    price_list = await get_known(PriceList, agreement["price_list_id"])
    address = outlet["address"]
    write.values |= {
        **dict.fromkeys(("maker_id", "owner_id", "credited_id"), write.viewer.member_id),
        "account_id": outlet["account_id"],
        "legal_entity_id": agreement["legal_entity_id"],
        "price_list_id": price_list["id"],
        "price_list_version": price_list["version"],
        "currency": agreement["currency"],
        "address_snapshot": None if address is None else msgspec.json.encode(address).decode(),
        "captured_at": write.revision.at,
    }
    if "number" not in write.values:
        write.values["number"] = await next_number(agreement["legal_entity_id"], "order_number_last", NUMBER_PREFIX)


def _require_editable(order: Any, wanted: str, deletes: bool = False) -> None:
    if order["status"] in EDITABLE_STATUSES or (deletes and order["status"] == "cancelled"):
        return
    raise TransitionIllegal(order["number"], order["status"], wanted)


async def get_known(table: type[SyncedTable], row_id: UUID) -> Any:
    """A row that is known to be there, as its reference was checked."""
    return await table.select().where(table.id == row_id).output(load_json=True).first()


async def next_number(legal_entity_id: UUID, counter: str, prefix: str) -> str:
    """The next number of a series of documents; `prefix` stands where the legal entity has no series of its own."""
    company = await get_known(LegalEntity, legal_entity_id)
    counted = await connection().fetchval(
        """INSERT INTO setting AS s (key, value) VALUES ($1, '1')
        ON CONFLICT (key) DO UPDATE SET value = to_jsonb(s.value::bigint + 1) RETURNING value::bigint""",
        counter,
    )
    return f"{company['number_series'] or prefix}-{counted}"


async def complete_line(write: Write) -> None:
    """Derive a line's factor, price, place and amount.

    Raises:
        InvalidInput: the product has no such unit, or no price in the order's list; or the amount is out of bounds.
        TransitionIllegal: the order is no longer a draft.
    """
    order = await get_known(Order, write.value("order_id"))
    _require_editable(order, "changed")
    if write.deletes:
        return
    if write.value("quantity") == 0:
        raise refuse("quantity", "Order more than 0.")
    if write.before is None or "unit" in write.values:
        write.values["factor"] = await find_factor(write.value("product_id"), write.value("unit"))
        if "list_price" not in write.values:
            write.values["list_price"] = await _find_price(order, write)
    if write.before is None and "position" not in write.values:
        write.values["position"] = await _next_position(order["id"])
    price, quantity, discount = (_decimal(write, name) for name in ("list_price", "quantity", "discount"))
    if price * quantity > AMOUNT_MAX:
        raise refuse("quantity", f"A line may cost {AMOUNT_MAX:f} at most.")
    write.values["amount_minor"] = line_amount_minor(price, quantity, discount, order["currency"])


def _decimal(write: Write, name: str) -> Decimal:
    return Decimal(write.value(name) or 0)


async def find_factor(product_id: UUID, unit: str) -> Decimal:
    """Base units in one unit of a product.

    Raises:
        InvalidInput: it is not sold in that unit.
    """
    product = await get_known(Product, product_id)
    if unit == product["base_unit"]:
        return Decimal(1)
    found = await (
        ProductUnit.select(ProductUnit.factor)
        .where(ProductUnit.product_id == product_id)
        .where(ProductUnit.unit == unit)
        .where(ProductUnit.deleted_at.is_null())
        .first()
    )
    if not found:
        raise refuse("unit", f"“{product['name']}” is not sold by the {unit}.")
    return Decimal(found["factor"])


async def _find_price(order: Any, write: Write) -> Decimal:
    product_id, unit = write.value("product_id"), write.value("unit")
    prices = await load_prices(order["price_list_id"], [product_id])
    own, base = (prices.get((product_id, u)) for u in (unit, (await get_known(Product, product_id))["base_unit"]))
    found = list_price(own, base, Decimal(write.value("quantity")), await find_factor(product_id, unit))
    if found is None:
        raise refuse("product_id", f"It has no price per {unit} in the order's price list.")
    return found


async def _next_position(order_id: UUID) -> int:
    last = await connection().fetchval("SELECT max(position) FROM order_line WHERE order_id = $1", order_id)
    return int(last or 0) + 1


async def recompute_total(write: Write) -> None:
    """Keep the order's total equal to the sum of its live lines.

    Raises:
        InvalidInput: it would be out of bounds.
    """
    order_id = write.value("order_id")
    total_minor = await connection().fetchval(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM order_line WHERE order_id = $1 AND deleted_at IS NULL",
        order_id,
    )
    if total_minor > AMOUNT_MAX * 10_000:
        raise refuse("quantity", f"An order may cost {AMOUNT_MAX:f} at most.")
    await Order.update({Order.total_minor: total_minor}).where(Order.id == order_id)
