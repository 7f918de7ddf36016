"""W5: a mixed day. Many tenants' devices ask, mostly in vain, pull a little, and now and then push."""

import asyncio
import os
import random
import time
from dataclasses import replace

from server.clock import now, to_micros
from server.connections import databases
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.tenants.service import create_tenant
from tests.bench.house import House, fill, web_server
from tests.bench.report import report
from tests.bench.sync.processes import cpu_s, peak_mb, private_mb
from tests.bench.sync.wire import BareDevice, enrol_bare

TENANTS = int(os.environ.get("OUTRIDER_BENCH_TENANTS", "200"))
DEVICES = 20
SYNCS = int(os.environ.get("OUTRIDER_BENCH_SYNCS", "4000"))
AT_ONCE = 16
CONTACTS = 500
SEED = 20261125


async def bench_day(house: House) -> None:
    """Of ten syncs seven find nothing new, two bring what the office changed, and one pushes an edit."""
    homes = [await _open(house, i) for i in range(TENANTS)]
    chance = random.Random(SEED)
    with web_server(house.config) as (server, pid):
        everybody = [(tenant, device, ids) for tenant, devices, ids in homes for device in devices]
        for _, device, _ in everybody:
            await device.pull(server)
        latencies: list[float] = []
        busy, start = cpu_s(pid), time.perf_counter()
        queue = iter(range(SYNCS))

        async def work() -> None:
            for _ in queue:
                tenant, device, ids = chance.choice(everybody)
                if device.busy:
                    continue
                device.busy = True
                latencies.append(await _sync(server, tenant, device, chance, ids))
                device.busy = False

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        seconds, cpu = time.perf_counter() - start, cpu_s(pid) - busy
        name = f"W5 mixed day, {TENANTS} tenants × {DEVICES} devices, {AT_ONCE} at once"
        latencies.sort()
        report(f"{name}: p50", latencies[len(latencies) // 2], "ms", None)
        report(f"{name}: p99", latencies[int(len(latencies) * 0.99)], "ms", None)
        report(f"{name}: processor of the server, a sync", cpu * 1_000 / len(latencies), "ms", None)
        report(f"{name}: time, a sync", seconds * 1_000 / len(latencies), "ms", None)
        report("W5 server process, peak memory", peak_mb(pid) or 0, "MB", 250)
        async with databases().pools["main"].acquire() as conn:
            backends = await conn.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'outrider'")
        largest = max(private_mb(backend["pid"]) or 0.0 for backend in backends)
        report("W5 largest backend of PostgreSQL, memory of its own", largest, "MB", 128)
        for _, device, _ in everybody:
            device.close()


async def _open(house: House, number: int) -> tuple[TenantRef, list[BareDevice], list[str]]:
    tenant = await create_tenant(house.urls, slug=f"w5-{number}-{house.tenant.slug}", name="Day")
    await fill(replace(house, tenant=tenant), CONTACTS, outlets=DEVICES)
    async with tenant_write(tenant, by=SYSTEM):
        conn = connection()
        reps = await conn.fetch(
            "INSERT INTO member (id, name, role) SELECT gen_random_uuid(), 'Rep ' || n, 'rep'"
            " FROM generate_series(1, $1::int) n RETURNING id",
            DEVICES,
        )
        await conn.execute(
            "INSERT INTO assignment (id, member_id, outlet_id)"
            " SELECT gen_random_uuid(), m.id, o.id FROM unnest($1::uuid[]) AS m (id) CROSS JOIN outlet o",
            [r["id"] for r in reps],
        )
    async with tenant_transaction(tenant) as conn:
        ids = [str(r["id"]) for r in await conn.fetch("SELECT id FROM contact LIMIT 100")]
    return tenant, await enrol_bare(tenant, [r["id"] for r in reps]), ids


async def _sync(server: str, tenant: TenantRef, device: BareDevice, chance: random.Random, ids: list[str]) -> float:
    """Milliseconds of one sync of the device."""
    kind = chance.random()
    if 0.7 <= kind < 0.9:
        async with tenant_write(tenant, by=SYSTEM):
            await connection().execute(
                "UPDATE contact SET description = $1 WHERE id = ANY ($2::uuid[])",
                f"Changed {kind}",
                chance.sample(ids, 20),
            )
    start = time.perf_counter()
    if kind >= 0.9:
        edit = {"value": f"Title {kind}", "seen": None, "base": device.cursor}
        change = {"op": "edit", "entity": "contact", "id": chance.choice(ids), "fields": {"job_title": edit}}
        await device.push(server, [change], to_micros(now()))
    await device.pull_all(server)
    return (time.perf_counter() - start) * 1_000
