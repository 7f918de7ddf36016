"""Rules of price lists, and the prices that count today."""

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from server.crm.price.rules import Steps
from server.crm.price.tables import PriceList
from server.crm.resource import Write
from server.db import connection

# Of several items for the same quantity the one that began last counts, as on a device: it comes last.
_PRICES = """
SELECT product_id, unit, minimum_quantity, price FROM price_item
WHERE price_list_id = $1 AND product_id = ANY ($2::uuid[]) AND deleted_at IS NULL
AND (starts_on IS NULL OR starts_on <= current_date) AND (ends_on IS NULL OR ends_on >= current_date)
ORDER BY starts_on NULLS FIRST, id DESC
"""


async def load_prices(price_list_id: UUID, product_ids: Collection[UUID]) -> dict[tuple[UUID, str], Steps]:
    """(product, unit) → list prices today, in major units, from least quantities on."""
    prices: defaultdict[tuple[UUID, str], dict[Decimal, Decimal]] = defaultdict(dict)
    for r in await connection().fetch(_PRICES, price_list_id, list(product_ids)):
        prices[r["product_id"], r["unit"]][r["minimum_quantity"]] = r["price"]
    return dict(prices)


async def raise_version(write: Write) -> None:
    """Count a change of an item as a new version of its list; a moved item is a change of both lists."""
    lists = {write.value("price_list_id")}
    if write.before is not None:
        lists.add(write.before["price_list_id"])
    await PriceList.update({PriceList.version: PriceList.version + 1}).where(PriceList.id.is_in(list(lists)))
