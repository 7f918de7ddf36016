"""Accounts: the tenant's counterparties."""

from piccolo.columns import JSONB, UUID, Text

from server.db import SyncedTable, engine


class Account(SyncedTable, db=engine, tablename="account"):
    """A counterparty: who orders and who owes."""

    name = Text(required=True)
    legal_name = Text(null=True, default=None)
    roles = JSONB(default='["customer"]')
    tax_id = Text(null=True, default=None)
    parent_id = UUID(null=True, default=None)
    tags = JSONB(default="[]")
