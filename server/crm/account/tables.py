"""Accounts: the tenant's counterparties."""

from piccolo.columns import JSONB, UUID, Text

from server.db import SyncedTable, engine

TAX_ID_KEY = "upper(regexp_replace({}, '[^0-9A-Za-z]', '', 'g'))"
"""SQL of a tax id as it is compared: without the signs between its characters."""


class Account(SyncedTable, db=engine, tablename="account"):
    """A counterparty: who orders and who owes."""

    name = Text(required=True)
    legal_name = Text(null=True, default=None)
    roles = JSONB(default='["customer"]')
    tax_id = Text(null=True, default=None)
    parent_id = UUID(null=True, default=None)
    tags = JSONB(default="[]")
