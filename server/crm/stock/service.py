"""Rules of stock."""

from server.crm.checks import check_single, refuse
from server.crm.resource import Write


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
