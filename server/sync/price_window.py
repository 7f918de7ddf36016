"""The window within which a captured price is honoured."""

import json
from typing import Final

from server.db import connection

DAY_US: Final = 86_400_000_000
PRICE_WINDOW_DAYS: Final = 7
"""For how long a captured price is honoured, unless the tenant's setting `price_window_days` says otherwise."""


async def load_price_window() -> int:
    """For how long the tenant honours a captured price, in microseconds."""
    days = await connection().fetchval("SELECT value::text FROM setting WHERE key = 'price_window_days'")
    return int(json.loads(days) if days else PRICE_WINDOW_DAYS) * DAY_US
