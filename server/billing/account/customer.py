"""Who a tenant is with the provider that collects its money (platform transactions)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.billing.account.service import BillingUnknown
from server.billing.provider import CustomerDetails
from server.db import connection


@dataclass(frozen=True, slots=True)
class Account:
    """One tenant that is billed."""

    tenant_id: UUID
    slug: str
    provider: str | None
    """`stripe` or `transfer`; None: nothing was bought yet."""
    customer_id: str | None
    customer_deleted_at: datetime | None
    email: str
    language: str
    currency: str
    trial_ends_at: datetime
    alert: str | None
    details: CustomerDetails
    synced_at: datetime | None = None
    deleted_at: datetime | None = None


_SELECT: Final = """SELECT tenant_id, slug, provider, customer_id, customer_deleted_at, email, language, currency,
    trial_ends_at, alert, legal_name, address, tax_ids, purchase_order, contract_number, synced_at, deleted_at
    FROM billing_account WHERE tenant_id = $1"""


async def find_account(tenant_id: UUID) -> Account | None:
    """The billing account of a tenant (platform); None where nobody bills it."""
    return _read(await connection().fetchrow(_SELECT, tenant_id))


async def get_account(tenant_id: UUID) -> Account:
    """The same, where there must be one.

    Raises:
        BillingUnknown: there is none.
    """
    account = await find_account(tenant_id)
    if account is None:
        raise BillingUnknown
    return account


async def lock_account(tenant_id: UUID) -> Account:
    """The same, and nobody else changes it, or acts for it, until the transaction ends."""
    row = await connection().fetchrow(_SELECT + " FOR UPDATE", tenant_id)
    account = _read(row)
    if account is None:
        raise BillingUnknown
    return account


async def set_customer(account: Account, provider: str, customer_id: str) -> bool:
    """Note who the tenant is with the provider; False where another has been noted meanwhile."""
    done = await connection().fetchval(
        """UPDATE billing_account SET provider = $2, customer_id = $3, customer_deleted_at = NULL, alert = NULL
        WHERE tenant_id = $1 AND customer_id IS NOT DISTINCT FROM $4 RETURNING true""",
        account.tenant_id, provider, customer_id, account.customer_id,
    )  # fmt: skip
    return bool(done)


def _read(row: Any) -> Account | None:
    if row is None:
        return None
    details = CustomerDetails(
        row["tenant_id"], row["slug"], row["email"], row["language"], row["legal_name"], json.loads(row["address"]),
        tuple((each["type"], each["value"]) for each in json.loads(row["tax_ids"])), row["purchase_order"],
        row["contract_number"],
    )  # fmt: skip
    return Account(
        row["tenant_id"], row["slug"], row["provider"], row["customer_id"], row["customer_deleted_at"], row["email"],
        row["language"], row["currency"], row["trial_ends_at"], row["alert"], details, row["synced_at"],
        row["deleted_at"],
    )  # fmt: skip
