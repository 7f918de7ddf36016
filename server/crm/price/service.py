"""Rules of price lists, and the prices that count today."""

from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from server.crm.price.tables import PriceList
from server.crm.resource import Write
from server.db import connection

# Of several prices for one unit, the one without a minimum counts: sync judges by the same.
_PRICES = """
SELECT product_id, unit, price FROM price_item
WHERE price_list_id = $1 AND product_id = ANY ($2::uuid[]) AND deleted_at IS NULL
AND (starts_on IS NULL OR starts_on <= current_date) AND (ends_on IS NULL OR ends_on >= current_date)
ORDER BY minimum_quantity DESC, id
"""


async def load_prices(price_list_id: UUID, product_ids: Collection[UUID]) -> dict[tuple[UUID, str], Decimal]:
    """(product, unit) → list price today, in major units."""
    records = await connection().fetch(_PRICES, price_list_id, list(product_ids))
    return {(r["product_id"], r["unit"]): r["price"] for r in records}


async def raise_version(write: Write) -> None:
    """Count a change of an item as a new version of its list; a moved item is a change of both lists."""
    lists = {write.value("price_list_id")}
    if write.before is not None:
        lists.add(write.before["price_list_id"])
    await PriceList.update({PriceList.version: PriceList.version + 1}).where(PriceList.id.is_in(list(lists)))
