"""How much of what its plan limits a tenant uses: numbers, and nothing of anybody's content. Within its transaction."""

from dataclasses import dataclass
from typing import Final

from server.auth.seats import count_seated
from server.db import connection

COUNTED: Final = frozenset({
    "account", "outlet", "contact", "product", "promotion", "order", "return_order", "invoice", "receivable", "payment",
    "visit", "stock_movement", "comment", "attachment",
})  # fmt: skip
"""Entities whose live rows count as records: customers, people, products, documents. Their lines, channels, units and
prices do not, nor what the server keeps by itself."""

_LIVE: Final = " + ".join(
    f'(SELECT count(*) FROM "{name}" WHERE deleted_at IS NULL)'  # noqa: S608 - names of our own
    for name in sorted(COUNTED)
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tenant uses now."""

    seats: int
    """Members who need one, whether or not there are so many."""
    devices: int
    devices_of_one: int
    """Of the person who has the most."""
    records: int
    storage_bytes: int
    custom_fields: int
    api_keys: int
    webhooks: int


async def count_records() -> int:
    """Live rows that count as records."""
    return int(await connection().fetchval(f"SELECT {_LIVE}"))


async def count_storage_bytes() -> int:
    """The size of all files that are kept whole."""
    return int(await connection().fetchval("SELECT coalesce(sum(size_bytes), 0) FROM attachment_content"))


_OTHERS: Final = """
WITH of_one AS (
    SELECT count(DISTINCT coalesce(origin_id, id)) AS devices FROM device WHERE revoked_at IS NULL GROUP BY member_id
)
SELECT (SELECT coalesce(sum(devices), 0)::bigint FROM of_one) AS devices,
    (SELECT coalesce(max(devices), 0) FROM of_one) AS devices_of_one,
    (SELECT count(*) FROM custom_field WHERE deleted_at IS NULL AND active) AS custom_fields,
    (SELECT count(*) FROM api_key WHERE revoked_at IS NULL) AS api_keys,
    (SELECT count(*) FROM webhook) AS webhooks
"""


async def measure_usage() -> Usage:
    """All of it, counted now."""
    others = await connection().fetchrow(_OTHERS)
    assert others is not None
    return Usage(
        seats=await count_seated(), records=await count_records(), storage_bytes=await count_storage_bytes(), **others
    )
