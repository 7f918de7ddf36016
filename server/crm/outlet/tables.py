"""Outlets: where an account is visited and delivered to."""

from piccolo.columns import JSONB, UUID, Text

from server.db import SyncedTable, engine


class Outlet(SyncedTable, db=engine, tablename="outlet"):
    """Where one visits and delivers. `address`, `position` and `delivery_windows` merge as one value each."""

    account_id = UUID(required=True, default=None)
    territory_id = UUID(null=True, default=None)
    name = Text(required=True)
    address = JSONB(null=True, default=None)
    position = JSONB(null=True, default=None)
    time_zone = Text(null=True, default=None)
    delivery_windows = JSONB(null=True, default=None)
    channel = Text(null=True, default=None)
    description = Text(null=True, default=None)
    tags = JSONB(default="[]")
