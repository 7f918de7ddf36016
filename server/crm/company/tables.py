"""The tenant's own companies, and the terms on which they sell."""

from decimal import Decimal

from piccolo.columns import UUID, BigInt, Numeric, Text

from server.db import SyncedTable, engine


class LegalEntity(SyncedTable, db=engine, tablename="legal_entity"):
    """One of the tenant's own companies: orders, number series, stock and debts name one."""

    name = Text(required=True)
    tax_id = Text(null=True, default=None)
    country = Text(null=True, default=None)
    currency = Text(required=True)
    number_series = Text(null=True, default=None)


class Agreement(SyncedTable, db=engine, tablename="agreement"):
    """The terms on which a legal entity sells to an account. `discount_max` is a fraction, 0 to 1."""

    account_id = UUID(required=True, default=None)
    legal_entity_id = UUID(required=True, default=None)
    price_list_id = UUID(required=True, default=None)
    currency = Text(required=True)
    payment_terms_days = BigInt(null=True, default=None)
    credit_limit_minor = BigInt(null=True, default=None)
    discount_max = Numeric(default=Decimal(0))
    vat_status = Text(null=True, default=None)
