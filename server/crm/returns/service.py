"""Rules of returns and their lines: drafts like orders, then decided by the office."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import RETURN_ORDER
from outrider_sdk.rules import line_amount_minor, return_may_become

from server.crm import service
from server.crm.checks import refuse
from server.crm.company.tables import Agreement
from server.crm.order.service import AMOUNT_MAX, TransitionIllegal, find_factor, get_known, next_number
from server.crm.outlet.tables import Outlet
from server.crm.resource import Resource, Write
from server.crm.rights import Viewer
from server.crm.stock.service import record_movement
from server.db import Revision, connection
from server.errors import Conflict

NUMBER_PREFIX: Final = "R"
"""Of numbers of returns where the legal entity has no number series."""


UNSALEABLE: Final = ("damaged", "expired", "recalled")
"""Reasons for which what comes back is not for sale again: the office writes down where it goes."""


class ReturnEmpty(Conflict):
    """A return without lines cannot be submitted."""

    code = "return_empty"


async def complete_return(write: Write) -> None:
    """Derive a new return's parties, terms and number; a status moves along its way alone.

    Raises:
        InvalidInput: the agreement is not one of the outlet's account.
        TransitionIllegal: the return is past that.
    """
    before = write.before
    if before is not None:
        _check_change(write, before)
        return
    outlet = await get_known(Outlet, write.values["outlet_id"])
    agreement = await get_known(Agreement, write.values["agreement_id"])
    if agreement["account_id"] != outlet["account_id"]:
        raise refuse("agreement_id", "The agreement is not one of this outlet's account.")
    write.values |= {
        "maker_id": write.viewer.member_id,
        "account_id": outlet["account_id"],
        "legal_entity_id": agreement["legal_entity_id"],
        "currency": agreement["currency"],
        "captured_at": write.revision.at,
        "status": "draft",
    }
    if "number" not in write.values:
        write.values["number"] = await next_number(agreement["legal_entity_id"], "return_number_last", NUMBER_PREFIX)


def _check_change(write: Write, before: Any) -> None:
    status = write.values.get("status", before["status"])
    if status != before["status"] and not return_may_become(before["status"], status):
        raise TransitionIllegal(before["number"], before["status"], status)
    content = write.values.keys() - {"status", "status_reason"}
    if (content or write.deletes) and before["status"] != "draft":
        raise TransitionIllegal(before["number"], before["status"], "deleted" if write.deletes else "changed")


async def _count_returned(row_id: UUID) -> None:
    await connection().execute(
        """UPDATE order_line l SET quantity_returned = coalesce(l.quantity_returned, 0) + r.quantity
        FROM (
            SELECT s.id, sum(r.quantity * r.factor) / s.factor AS quantity
            FROM return_line r JOIN order_line s ON s.id = r.source_line_id
            WHERE r.return_order_id = $1 AND r.deleted_at IS NULL GROUP BY s.id, s.factor
        ) r WHERE r.id = l.id""",
        row_id,
    )


async def take_back(write: Write) -> None:
    """Once a return is accepted, the lines that it takes back say so, and what can be sold again is in stock."""
    if write.before is None or write.values.get("status") != "accepted" or write.before["status"] == "accepted":
        return
    await _count_returned(write.row_id)
    warehouse_id = write.value("warehouse_id")
    if warehouse_id is not None:
        await _move_back(write.row_id, warehouse_id, write.revision)


async def _move_back(row_id: UUID, warehouse_id: UUID, revision: Revision) -> None:
    records = await connection().fetch(
        """SELECT product_id, sum(quantity * factor) AS quantity,
            string_agg(DISTINCT reason, ', ' ORDER BY reason) AS reason
        FROM return_line WHERE return_order_id = $1 AND deleted_at IS NULL AND reason <> ALL ($2)
        GROUP BY product_id ORDER BY product_id""",
        row_id,
        list(UNSALEABLE),
    )
    for record in records:
        values = {"warehouse_id": warehouse_id, "product_id": record["product_id"], "quantity": record["quantity"]}
        values |= {"movement_kind": "return", "reason": record["reason"], "moved_at": revision.at}
        await record_movement(values | {"source_entity": RETURN_ORDER.name, "source_id": row_id})


async def complete_return_line(write: Write) -> None:
    """Derive a line's factor, price and amount; what it takes back was sold to the same outlet.

    Raises:
        InvalidInput: a unit, quantity, source or amount that cannot be.
        TransitionIllegal: the return is no draft any more.
    """
    parent: Any = await connection().fetchrow(
        "SELECT * FROM return_order WHERE id = $1", write.value("return_order_id")
    )
    if parent["status"] != "draft":
        raise TransitionIllegal(parent["number"], parent["status"], "changed")
    if write.deletes:
        return
    if write.value("quantity") == 0:
        raise refuse("quantity", "Return more than 0.")
    if write.before is None:
        await _take_source(write, parent["outlet_id"])
    if write.before is None or "unit" in write.values:
        write.values["factor"] = await find_factor(write.value("product_id"), write.value("unit"))
    price, quantity = Decimal(write.value("price") or 0), Decimal(write.value("quantity"))
    if price * quantity > AMOUNT_MAX:
        raise refuse("quantity", f"A line may be worth {AMOUNT_MAX:f} at most.")
    write.values["amount_minor"] = line_amount_minor(price, quantity, Decimal(0), parent["currency"])


async def _take_source(write: Write, outlet_id: UUID) -> None:
    source = await connection().fetchrow(
        """SELECT l.product_id, l.unit, l.list_price * (1 - l.discount) AS price, o.outlet_id
        FROM order_line l JOIN "order" o ON o.id = l.order_id WHERE l.id = $1""",
        write.values.get("source_line_id"),
    )
    if source is None:
        return
    if source["outlet_id"] != outlet_id or source["product_id"] != write.values["product_id"]:
        raise refuse("source_line_id", "This line is of another outlet or product.")
    if "price" not in write.values and source["unit"] == write.values["unit"]:
        write.values["price"] = source["price"]


async def recompute_return(write: Write) -> None:
    """Keep the return's total equal to the sum of its live lines."""
    await connection().execute(
        """UPDATE return_order SET total_minor = (SELECT coalesce(sum(amount_minor), 0)::bigint FROM return_line
        WHERE return_order_id = $1 AND deleted_at IS NULL) WHERE id = $1""",
        write.value("return_order_id"),
    )


async def submit_return(resource: Resource, row_id: UUID, *, viewer: Viewer, revision: Revision) -> Any:
    """Hand a draft in; the office decides on it.

    Raises:
        NotFound: there is no such return in the viewer's sight.
        TransitionIllegal: it is no draft.
        ReturnEmpty: it has no lines.
    """
    before = await service.get_row_to(resource, "edit", row_id, viewer)
    if not return_may_become(before["status"], "submitted"):
        raise TransitionIllegal(before["number"], before["status"], "submitted")
    lines = "SELECT EXISTS (SELECT FROM return_line WHERE return_order_id = $1 AND deleted_at IS NULL)"
    if not await connection().fetchval(lines, row_id):
        raise ReturnEmpty(f"Return {before['number']} has no lines. Add one, then submit it.")
    await connection().execute(
        "UPDATE return_order SET status = 'submitted', submitted_at = $2 WHERE id = $1", row_id, revision.at
    )
    return await service.get_row(resource, row_id, viewer)
