"""What we keep of a provider's knowledge: written by the refetch alone, in one transaction with the entitlements."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server import clock
from server.billing.account.customer import Account
from server.billing.entitle import plan_steps
from server.billing.judge import Judged, Mirrored, ScheduledChange, judge, plan_of
from server.billing.plans import Interval
from server.billing.provider import CustomerState, Item, ProviderInvoice
from server.db import connection
from server.tenants.entitlements import Entitlement, load_entitlements, store_entitlements

TRANSFER: Final = "transfer"
ALERT_LENGTH_MAX: Final = 1_000

_UPSERT_SUBSCRIPTION: Final = """INSERT INTO billing_subscription (id, tenant_id, provider, status, plan_key,
    plan_version, "interval", currency, seats, started_at, cancel_at, ended_at, unpaid_since, dispute_lost, scheduled,
    created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb, $16)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, plan_key = excluded.plan_key,
        plan_version = excluded.plan_version, "interval" = excluded."interval", currency = excluded.currency,
        seats = excluded.seats, started_at = excluded.started_at, cancel_at = excluded.cancel_at,
        ended_at = excluded.ended_at, unpaid_since = excluded.unpaid_since, dispute_lost = excluded.dispute_lost,
        scheduled = excluded.scheduled"""

_INVOICE_COLUMNS: Final = (
    "id", "tenant_id", "provider", "subscription_id", "number", "status", "currency", "subtotal_minor", "tax_minor",
    "total_minor", "paid_minor", "refunded_minor", "dispute", "dispute_lost_at", "payment_ids", "period_start",
    "period_end", "issued_at", "due_at", "paid_at", "hosted_url", "pdf_url", "created_at",
)  # fmt: skip
_CHANGING: Final = [name for name in _INVOICE_COLUMNS if name not in ("id", "tenant_id", "provider")]
_UPSERT_INVOICE: Final = (
    f"INSERT INTO billing_invoice AS i ({', '.join(_INVOICE_COLUMNS)})"  # noqa: S608 - our own names
    f" VALUES ({', '.join(f'${n + 1}' for n in range(len(_INVOICE_COLUMNS)))})"
    f" ON CONFLICT (id) DO UPDATE SET ({', '.join(_CHANGING)}) = ({', '.join(f'excluded.{n}' for n in _CHANGING)})"
    f" WHERE ({', '.join(f'i.{n}' for n in _CHANGING)})"
    f" IS DISTINCT FROM ({', '.join(f'excluded.{n}' for n in _CHANGING)}) RETURNING id"
)


async def load_subscriptions(tenant_id: UUID) -> tuple[Mirrored, ...]:
    """The subscriptions that a tenant has and had, oldest first (platform)."""
    rows = await connection().fetch(
        "SELECT * FROM billing_subscription WHERE tenant_id = $1 ORDER BY created_at, id", tenant_id
    )
    items: dict[str, list[Item]] = {row["id"]: [] for row in rows}
    for row in await connection().fetch(
        "SELECT * FROM billing_subscription_item WHERE subscription_id = ANY ($1) ORDER BY id", list(items)
    ):
        item = Item(*(row[name] for name in ("id", "price_id", "lookup_key", "quantity", "period_start", "period_end")))
        items[row["subscription_id"]].append(item)
    return tuple(_read(row, tuple(items[row["id"]])) for row in rows)


def _read(row: Any, items: tuple[Item, ...]) -> Mirrored:
    scheduled = None
    if row["scheduled"] is not None:
        told = json.loads(row["scheduled"])
        scheduled = ScheduledChange(**told | {"at": datetime.fromisoformat(told["at"])})
    return Mirrored(
        row["id"], row["status"], plan_of(row["plan_key"], row["plan_version"]), Interval(row["interval"]),
        row["currency"], row["seats"], row["started_at"], row["created_at"], row["cancel_at"], row["ended_at"],
        row["unpaid_since"], row["dispute_lost"], scheduled, items,
    )  # fmt: skip


async def store_state(account: Account, state: CustomerState, *, fetched_at: datetime) -> tuple[Judged, list[str]]:
    """Keep a customer's state, and write what the tenant may do by it.

    Returns:
        What was made of it, and what of it is new to us, in words.
    """
    before = await load_subscriptions(account.tenant_id)
    judged = judge(state, before, await _load_lost(account.tenant_id), fetched_at)
    changes = [each.id for each in judged.subscriptions if each not in before]
    await _write_subscriptions(account, [each for each in judged.subscriptions if each not in before])
    changes += await _write_invoices(account, state.invoices, judged.lost_at)
    if judged.understood:
        steps = plan_steps(account.trial_ends_at, judged.access, now := clock.now())
        if _ahead(await load_entitlements(account.tenant_id), now) != steps:
            changes.append("entitlement")
        await store_entitlements(account.tenant_id, steps)
    await _write_account(account, state, judged, fetched_at)
    return judged, changes


def _ahead(steps: Sequence[Entitlement], now: datetime) -> tuple[Entitlement, ...]:
    """The step that holds and those to come, as if they were written now."""
    rest = [step for step in steps if step.ends_at is None or step.ends_at > now]
    return tuple(replace(step, starts_at=None) if n == 0 else step for n, step in enumerate(rest))


async def _load_lost(tenant_id: UUID) -> dict[str, datetime]:
    rows = await connection().fetch(
        "SELECT id, dispute_lost_at FROM billing_invoice WHERE tenant_id = $1 AND dispute_lost_at IS NOT NULL",
        tenant_id,
    )
    return {row["id"]: row["dispute_lost_at"] for row in rows}


async def _write_subscriptions(account: Account, changed: Sequence[Mirrored]) -> None:
    for each in changed:
        scheduled = each.scheduled and {
            "plan": each.scheduled.plan, "version": each.scheduled.version, "interval": each.scheduled.interval,
            "seats": each.scheduled.seats, "at": each.scheduled.at.isoformat(),
        }  # fmt: skip
        await connection().execute(
            _UPSERT_SUBSCRIPTION, each.id, account.tenant_id, account.provider, each.status, each.plan.key,
            each.plan.version, each.interval.value, each.currency, each.seats, each.started_at, each.cancel_at,
            each.ended_at, each.unpaid_since, each.dispute_lost, scheduled and json.dumps(scheduled), each.created_at,
        )  # fmt: skip
        await connection().execute("DELETE FROM billing_subscription_item WHERE subscription_id = $1", each.id)
        await connection().executemany(
            """INSERT INTO billing_subscription_item (id, subscription_id, lookup_key, price_id, quantity,
            period_start, period_end) VALUES ($1, $2, $3, $4, $5, $6, $7)""",
            [
                (item.id, each.id, item.lookup_key, item.price_id, item.quantity, item.period_start, item.period_end)
                for item in each.items
            ],
        )


async def _write_invoices(
    account: Account, invoices: Sequence[ProviderInvoice], lost_at: Mapping[str, datetime]
) -> list[str]:
    """Write those that differ; answers their ids. Ours (transfer) are no mirror: a payment may be noted meanwhile."""
    if account.provider == TRANSFER:
        return []
    rows = [
        (
            i.id, account.tenant_id, account.provider, i.subscription_id, i.number, i.status, i.currency,
            i.subtotal_minor, i.tax_minor, i.total_minor, i.paid_minor, i.refunded_minor, i.dispute, lost_at.get(i.id),
            list(i.payment_ids), i.period_start, i.period_end, i.issued_at, i.due_at, i.paid_at, i.hosted_url,
            i.pdf_url, i.created_at,
        )
        for i in invoices
    ]  # fmt: skip
    changed = await connection().fetchmany(_UPSERT_INVOICE, rows)
    return [row["id"] for row in changed]


async def _write_account(account: Account, state: CustomerState, judged: Judged, fetched_at: datetime) -> None:
    """Name and address are taken over where we have none, tax ids as they are there: the portal changes them."""
    tax_ids = [{"type": kind, "value": value} for kind, value in state.tax_ids]
    await connection().execute(
        """UPDATE billing_account SET synced_at = $2, alert = $3,
            customer_deleted_at = CASE WHEN $4 THEN coalesce(customer_deleted_at, $2) END,
            legal_name = coalesce(legal_name, $5), address = CASE WHEN address = '{}' THEN $6::jsonb ELSE address END,
            tax_ids = CASE WHEN $4 OR provider = 'transfer' OR EXISTS (SELECT FROM billing_intent i
                WHERE i.tenant_id = $1 AND i.kind = 'update_account' AND i.state = 'pending')
                THEN tax_ids ELSE $7::jsonb END
        WHERE tenant_id = $1""",
        account.tenant_id, fetched_at, "; ".join(judged.alerts)[:ALERT_LENGTH_MAX] or None, state.deleted, state.name,
        json.dumps(dict(state.address)), json.dumps(tax_ids),
    )  # fmt: skip
