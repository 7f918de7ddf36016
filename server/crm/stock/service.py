"""Rules of stock: only movements change what is there."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, STOCK, STOCK_MOVEMENT
from outrider_sdk.protocol.ids import uuid7

from server.crm import service
from server.crm.checks import check_single, refuse
from server.crm.resource import Write
from server.crm.stock.rules import moved_quantity
from server.crm.stock.tables import Stock
from server.db import connection


async def check_stock(write: Write) -> None:
    """One figure for a product in a warehouse, counted now unless said otherwise.

    Raises:
        AlreadyThere: the warehouse has a figure for the product.
        InvalidInput: the row moves to another product or warehouse while orders hold some of it.
    """
    await check_single(write, "stock", "warehouse_id", "product_id")
    if write.before is None:
        return
    moved = [name for name in ("warehouse_id", "product_id") if write.value(name) != write.before[name]]
    if write.before["reserved"] and (moved or write.deletes):
        field = moved[0] if moved else "reserved"
        raise refuse(field, f"Orders hold {write.before['reserved']:f} of it. Ship or cancel them first.")
    if "quantity" in write.values and "as_of" not in write.values:
        write.values["as_of"] = write.revision.at


async def record_count(write: Write) -> None:
    """A figure that somebody states is a count, and goes into the ledger of movements as one."""
    before = Decimal(write.before["quantity"] if write.before else 0)
    if "quantity" not in write.values or write.values["quantity"] == before:
        return
    await service.insert_row(
        STOCK_MOVEMENT,
        uuid7(),
        {
            "warehouse_id": write.value("warehouse_id"),
            "product_id": write.value("product_id"),
            "movement_kind": "count",
            "quantity": write.values["quantity"] - before,
            "counted": write.values["quantity"],
            "moved_at": write.value("as_of") or write.revision.at,
        },
    )


async def check_movement(write: Write) -> None:
    """Derive the quantity of a count; keep those who do not manage stock to the van that they drive.

    Raises:
        InvalidInput: figures that do not fit the kind, another's warehouse, or an unknown source.
    """
    values = write.values
    warehouse: Any = await connection().fetchrow(
        "SELECT warehouse_kind, member_id FROM warehouse WHERE id = $1", values["warehouse_id"]
    )
    is_own_van = warehouse["warehouse_kind"] == "van" and warehouse["member_id"] == write.viewer.member_id
    if not (write.viewer.access.right("stock_movement").manages or is_own_van):
        raise refuse("warehouse_id", "Name the van that you drive. What moves elsewhere is the office's to record.")
    if "source_entity" in values and values["source_entity"] not in ENTITIES:
        raise refuse("source_entity", "There are no such records.")
    stock = await _find_stock(values["warehouse_id"], values["product_id"])
    values["quantity"] = moved_quantity(values, stock["quantity"] if stock else Decimal(0))


async def record_movement(values: dict[str, Any]) -> None:
    """Put a movement of the server's own into the ledger, and move the stock with it."""
    await service.insert_row(STOCK_MOVEMENT, uuid7(), values)
    await _move(values)


async def move_stock(write: Write) -> None:
    """Bring the stock to what the movement makes of it; where there was none of the product, there is now."""
    await _move(write.values)


async def _move(values: dict[str, Any]) -> None:
    stock = await _find_stock(values["warehouse_id"], values["product_id"])
    if stock is None:
        place = {name: values[name] for name in ("warehouse_id", "product_id")}
        await service.insert_row(STOCK, uuid7(), place | {"quantity": values["quantity"], "as_of": values["moved_at"]})
        return
    as_of = max(stock["as_of"], values["moved_at"])
    await Stock.update({Stock.quantity: stock["quantity"] + values["quantity"], Stock.as_of: as_of}).where(
        Stock.id == stock["id"]
    )


async def _find_stock(warehouse_id: UUID, product_id: UUID) -> Any:
    return await connection().fetchrow(
        "SELECT id, quantity, as_of FROM stock WHERE warehouse_id = $1 AND product_id = $2 AND deleted_at IS NULL",
        warehouse_id,
        product_id,
    )
