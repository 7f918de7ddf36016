"""The billing account: opened with the trial, or for a tenant that was there before (platform transactions)."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.auth.roles import Role
from server.billing.access import TRIAL
from server.billing.account.details import Details, changed
from server.billing.entitle import plan_steps
from server.billing.provider import CustomerDetails
from server.db import connection
from server.errors import AppError, NotFound
from server.tenants.entitlements import store_entitlements

BILLERS: Final[tuple[Role, ...]] = ("owner", "admin", "billing")
"""Roles that see and change what concerns billing."""


UPDATE_ACCOUNT: Final = "update_account"
"""Kind of the intents by which the provider hears of changes."""


class BillingUnknown(NotFound):
    """Nobody bills this tenant."""

    code = "not_billed"

    def __init__(self) -> None:
        super().__init__("This workspace is not billed: its operator gave it, and there is nothing to pay.")


@dataclass(frozen=True, slots=True)
class BilledParty:
    """A billing account, as its people see it."""

    tenant_id: UUID
    slug: str
    provider: str | None
    customer_id: str | None
    trial_ends_at: datetime
    details: Details
    problem: str | None = None
    """Why the provider did not take the last change."""


async def open_account(
    tenant_id: UUID,
    slug: str,
    *,
    email: str,
    legal_name: str | None = None,
    language: str = "en",
    timezone: str = "UTC",
    country: str | None = None,
    currency: str = "EUR",
    trial_ends_at: datetime | None = None,
) -> bool:
    """Begin to bill a tenant, with a trial; whether it was begun now. No provider is asked: nothing is bought yet."""
    now = clock.now()
    ends_at = trial_ends_at or now + TRIAL
    opened = await connection().fetchval(
        """INSERT INTO billing_account
            (tenant_id, slug, email, legal_name, language, timezone, country, currency, trial_ends_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id) DO NOTHING RETURNING true""",
        tenant_id, slug, email, legal_name, language, timezone, country, currency, ends_at, now,
    )  # fmt: skip
    if opened:
        await store_entitlements(tenant_id, plan_steps(ends_at, None, now))
    return bool(opened)


def read_details(row: asyncpg.Record) -> Details:
    """The details in a row of billing_account."""
    return Details(
        row["email"], row["language"], row["timezone"], row["currency"], row["country"], row["accountant_email"],
        row["legal_name"], json.loads(row["address"]),
        tuple((each["type"], each["value"]) for each in json.loads(row["tax_ids"])),
        row["contract_number"], row["purchase_order"],
    )  # fmt: skip


async def get_party(tenant_id: UUID, *, lock: bool = False) -> BilledParty:
    """The billing account of a tenant; locked, nobody else changes it until the transaction ends.

    Raises:
        BillingUnknown: there is none.
    """
    if lock:
        await connection().execute("SELECT FROM billing_account WHERE tenant_id = $1 FOR UPDATE", tenant_id)
    row = await connection().fetchrow(
        "SELECT * FROM billing_account WHERE tenant_id = $1 AND deleted_at IS NULL", tenant_id
    )
    if row is None:
        raise BillingUnknown
    problem = await connection().fetchval(
        """SELECT CASE WHEN state = 'failed' THEN problem->>'detail' END FROM billing_intent
        WHERE tenant_id = $1 AND kind = $2 ORDER BY created_at DESC, id DESC LIMIT 1""",
        tenant_id,
        UPDATE_ACCOUNT,
    )
    return BilledParty(
        tenant_id, row["slug"], row["provider"], row["customer_id"], row["trial_ends_at"], read_details(row), problem
    )


async def change_details(
    tenant_id: UUID, changes: dict[str, Any], *, by: UUID | None
) -> tuple[BilledParty, UUID | None]:
    """Change what stands on invoices from the next one on.

    Returns:
        The account, and the intent by which its provider hears of it; None where there is nothing to tell.

    Raises:
        BillingUnknown: nobody bills the tenant.
        InvalidInput: fields are wrong; nothing has changed.
    """
    party = await get_party(tenant_id, lock=True)
    details = changed(party.details, changes, bought=party.provider is not None)
    if details == party.details:
        return party, None
    await _store(tenant_id, details)
    intent_id = await _tell_provider(party, details, by) if party.customer_id else None
    return replace(party, details=details, problem=None), intent_id


async def _store(tenant_id: UUID, details: Details) -> None:
    await connection().execute(
        """UPDATE billing_account SET email = $2, language = $3, timezone = $4, currency = $5, country = $6,
            accountant_email = $7, legal_name = $8, address = $9::jsonb, tax_ids = $10::jsonb, contract_number = $11,
            purchase_order = $12 WHERE tenant_id = $1""",
        tenant_id, details.email, details.language, details.timezone, details.currency, details.country,
        details.accountant_email, details.legal_name, json.dumps(dict(details.address)),
        json.dumps([{"type": kind, "value": value} for kind, value in details.tax_ids]), details.contract_number,
        details.purchase_order,
    )  # fmt: skip


async def _tell_provider(party: BilledParty, details: Details, by: UUID | None) -> UUID:
    """Store what the provider is to be told, before it is: under one key, it is always told the same."""
    intent_id = uuid7()
    told = {
        "email": details.email, "language": details.language, "name": details.legal_name,
        "address": dict(details.address) | ({"country": details.country} if details.country else {}),
        "tax_ids": [list(each) for each in details.tax_ids],
        "purchase_order": details.purchase_order, "contract_number": details.contract_number,
    }  # fmt: skip
    await connection().execute(
        """INSERT INTO billing_intent (id, tenant_id, kind, key, parameters, member_id, created_at)
        VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)""",
        intent_id, party.tenant_id, UPDATE_ACCOUNT, str(intent_id), json.dumps(told), by, clock.now(),
    )  # fmt: skip
    return intent_id


async def begin_telling(intent_id: UUID) -> tuple[BilledParty, CustomerDetails] | None:
    """What an intent tells the provider; None where it was told, or a later change says more."""
    row = await connection().fetchrow(
        """UPDATE billing_intent i SET attempts = attempts + 1 WHERE id = $1 AND state = 'pending' AND NOT EXISTS
            (SELECT FROM billing_intent l WHERE l.tenant_id = i.tenant_id AND l.kind = i.kind AND l.id > i.id)
        RETURNING tenant_id, parameters::text AS parameters""",
        intent_id,
    )
    if row is None:
        await end_telling(intent_id)
        return None
    party = await get_party(row["tenant_id"])
    told = json.loads(row["parameters"])
    tax_ids = tuple((kind, value) for kind, value in told.pop("tax_ids"))
    return party, CustomerDetails(tenant_id=party.tenant_id, slug=party.slug, tax_ids=tax_ids, **told)


async def end_telling(intent_id: UUID, problem: AppError | None = None) -> None:
    """Note what became of an intent."""
    await connection().execute(
        """UPDATE billing_intent SET state = $2, problem = $3::jsonb, ended_at = $4
        WHERE id = $1 AND state = 'pending'""",
        intent_id,
        "failed" if problem else "done",
        json.dumps(problem.problem()) if problem else None,
        clock.now(),
    )
