"""Usage, metered: how much of what its plan limits a tenant used on each day (UTC). Numbers alone.

Orders are counted by the day on which they were submitted, and counted anew; all else is the highest that was seen on a
day. So a meter that runs twice, late, or not at all for a day, never counts anything double.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from server import clock
from server.auth.seats import follow_members
from server.billing.account.service import BillingUnknown
from server.crm.usage import Usage, measure_usage
from server.db import TenantRef, connection, platform_transaction, tenant_transaction
from server.tenants.entitlements import EntitledTenant, Entitlement, get_entitled_tenant

METRICS: Final = ("orders", "devices", "records", "storage_bytes", "seats")
METERED_EVERY: Final = timedelta(hours=1)
CAUGHT_UP_MAX: Final = timedelta(days=35)
"""So far back orders are counted that no meter has seen."""

_log = logging.getLogger(__name__)


async def meter(tenant: TenantRef) -> None:
    """Note what a tenant uses today, and what days since the last time used. Nothing for one that nobody bills."""
    async with platform_transaction() as conn:
        account = await conn.fetchrow(
            """SELECT a.created_at, (SELECT max(day) FROM usage_day u WHERE u.tenant_id = a.tenant_id
                AND u.metric = 'orders') AS day FROM billing_account a WHERE a.tenant_id = $1""",
            tenant.id,
        )
    if account is None:
        return
    now = clock.now()
    since = max(account["day"] or account["created_at"].date(), (now - CAUGHT_UP_MAX).date())
    async with tenant_transaction(tenant, snapshot=True):
        usage = await measure_usage()
        orders = await _count_orders(since)
        devices = await _count_active_devices(now)
    async with platform_transaction():
        await _note(tenant.id, _rows(usage, devices, orders, now.date()))


async def _count_orders(since: date) -> Mapping[date, int]:
    records = await connection().fetch(
        """SELECT (submitted_at AT TIME ZONE 'UTC')::date AS day, count(*) AS orders FROM "order"
        WHERE submitted_at >= $1 AND deleted_at IS NULL GROUP BY 1""",
        datetime.combine(since, time(), UTC),
    )
    return {row["day"]: row["orders"] for row in records}


async def _count_active_devices(now: datetime) -> int:
    """Devices that came by today, a replica's incarnations as one."""
    found: int = await connection().fetchval(
        "SELECT count(DISTINCT coalesce(origin_id, id)) FROM device WHERE last_seen_at >= $1",
        datetime.combine(now.date(), time(), UTC),
    )
    return found


def _rows(usage: Usage, devices: int, orders: Mapping[date, int], today: date) -> list[tuple[str, date, int]]:
    gauges = {
        "devices": devices, "records": usage.records, "storage_bytes": usage.storage_bytes, "seats": usage.seats,
    }  # fmt: skip
    counted = {today: 0} | dict(orders)
    return [(name, today, value) for name, value in gauges.items()] + [("orders", d, n) for d, n in counted.items()]


async def _note(tenant_id: UUID, rows: Sequence[tuple[str, date, int]]) -> None:
    await connection().executemany(
        """INSERT INTO usage_day AS u (tenant_id, metric, day, value) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, metric, day) DO UPDATE SET value =
            CASE WHEN u.metric = 'orders' THEN excluded.value ELSE greatest(u.value, excluded.value) END""",
        [(tenant_id, *row) for row in rows],
    )


async def meter_all(database: str) -> int:
    """Meter the billed tenants of a database that were not within the hour, and bring their seats in line; how many.

    One's failure does not keep the others waiting.
    """
    async with platform_transaction() as conn:
        ids = await conn.fetch(
            """SELECT t.id FROM tenant t JOIN billing_account a ON a.tenant_id = t.id
            WHERE t.database = $1 AND t.status = 'active' AND coalesce(a.metered_at, '-infinity') < $2 ORDER BY t.id""",
            database, clock.now() - METERED_EVERY,
        )  # fmt: skip
    done = 0
    for row in ids:
        try:
            await _meter_hourly(row["id"])
            done += 1
        except Exception:
            _log.exception("The usage of tenant %s could not be metered; it is tried again.", row["id"])
    return done


async def _meter_hourly(tenant_id: UUID) -> None:
    async with platform_transaction():
        tenant = await get_entitled_tenant(tenant_id)
    await follow_members(tenant)
    await meter(tenant.ref)
    async with platform_transaction() as conn:
        await conn.execute("UPDATE billing_account SET metered_at = $2 WHERE tenant_id = $1", tenant_id, clock.now())


@dataclass(frozen=True, slots=True)
class Metric:
    """What was used of one thing: orders add up, of all else the highest of a day counts."""

    name: str
    maximum: int | None
    today: int
    since_payment: int
    months: Mapping[str, int]
    """By month, `2026-11`, the newest first."""
    years: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What a tenant used; `paid_at`: its last payment, or its beginning."""

    paid_at: datetime
    metrics: Sequence[Metric]


async def report_usage(tenant: EntitledTenant) -> UsageReport:
    """What a tenant uses and used, today counted now; outside of any transaction.

    Raises:
        BillingUnknown: nobody bills it.
    """
    await meter(tenant.ref)
    async with platform_transaction() as conn:
        paid_at = await conn.fetchval(
            """SELECT coalesce(max(i.paid_at), a.created_at) FROM billing_account a
            LEFT JOIN billing_invoice i ON i.tenant_id = a.tenant_id AND i.total_minor > 0
            WHERE a.tenant_id = $1 GROUP BY a.created_at""",
            tenant.ref.id,
        )
        if paid_at is None:
            raise BillingUnknown
        days = await conn.fetch("SELECT metric, day, value FROM usage_day WHERE tenant_id = $1", tenant.ref.id)
    return summarise([tuple(row) for row in days], paid_at, clock.now().date(), tenant.entitlement)


def summarise(
    days: Sequence[tuple[str, date, int]], paid_at: datetime, today: date, entitlement: Entitlement
) -> UsageReport:
    """The report of days of usage. Pure."""
    maxima = {
        "devices": _times(entitlement.seats_max, entitlement.devices_per_seat_max),
        "records": entitlement.records_max,
        "storage_bytes": entitlement.storage_max_bytes,
        "seats": entitlement.seats_max,
    }
    metrics = [
        _metric(name, maxima.get(name), {d: n for metric, d, n in days if metric == name}, paid_at, today)
        for name in METRICS
    ]
    return UsageReport(paid_at, metrics)


def _metric(name: str, maximum: int | None, days: Mapping[date, int], paid_at: datetime, today: date) -> Metric:
    gather = sum if name == "orders" else max
    months: dict[str, list[int]] = {}
    years: dict[str, list[int]] = {}
    for day in sorted(days, reverse=True):
        months.setdefault(f"{day:%Y-%m}", []).append(days[day])
        years.setdefault(f"{day:%Y}", []).append(days[day])
    since = [value for day, value in days.items() if day >= paid_at.astimezone(UTC).date()]
    by_month, by_year = ({key: gather(part) for key, part in parts.items()} for parts in (months, years))
    return Metric(name, maximum, days.get(today, 0), gather(since or [0]), by_month, by_year)


def _times(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one * other
