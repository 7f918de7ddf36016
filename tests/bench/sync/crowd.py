"""W4 and W6: many devices of one tenant, and what a sync costs as the tenant grows."""

import asyncio
import os
import time
from dataclasses import replace
from statistics import median
from uuid import UUID

from server.db import SYSTEM, TenantRef, connection, tenant_write
from server.tenants.service import create_tenant, owner_connection
from tests.bench.house import House, fill, web_server
from tests.bench.report import report
from tests.bench.sync import floor
from tests.bench.sync.peers import best_durable_s, report_ratio
from tests.bench.sync.processes import cpu_s
from tests.bench.sync.wire import BareDevice, enrol_bare

CROWD = 50
CROWD_ROWS = 1_000
SIZES = (10_000, 100_000, int(os.environ.get("OUTRIDER_BENCH_ROWS", "1000000")))
"""Rows in the tenant; OUTRIDER_BENCH_ROWS says how many the largest has, and 0 leaves it out."""
DEVICES = (1, 50, 500)
ROUNDS = 21


async def bench_crowd(house: House) -> None:
    """W4: devices of as many reps, all of whom see the same outlets, pull the same changed rows at once."""
    tenant = await create_tenant(house.urls, slug=f"w4-{house.tenant.slug}", name="Crowd")
    await fill(replace(house, tenant=tenant), 10_000)
    devices = await enrol_bare(tenant, await add_reps(tenant, CROWD))
    with web_server(house.config) as (server, pid):
        for device in devices:
            await device.pull(server)
        taken, cpus = [], []
        for turn in range(7):
            await _touch(tenant, CROWD_ROWS, turn)
            busy, start = cpu_s(pid), time.perf_counter()
            pages = await asyncio.gather(*(device.pull(server) for device in devices))
            taken.append(time.perf_counter() - start)
            cpus.append(cpu_s(pid) - busy)
            await _move_on(tenant, devices)
        bare = await floor.sent_bytes_s(pages[0], CROWD)
        name = f"W4 {CROWD} devices pull the same {CROWD_ROWS:,} rows, until the last byte arrived"
        report(name, median(taken), "s", 0.15, floor=bare, peer=best_durable_s("W4"))  # theirs store the rows, too
        report_ratio("W4", median(taken), 8)
        report("W4 processor of the server", median(cpus), "s", None)
        report("W4 bytes down, a device", len(pages[0]) / 1_000, "KB", None)
        _close(devices)


async def bench_sizes(house: House) -> None:
    """W6: the same sync, by how much there is and how many ask."""
    with web_server(house.config) as (server, _):
        for rows in filter(None, SIZES):
            tenant = await create_tenant(house.urls, slug=f"w6-{rows}-{house.tenant.slug}", name="Size")
            await fill(replace(house, tenant=tenant), rows)
            reps = await add_reps(tenant, 1)
            async with owner_connection(house.urls["main"]) as owner:
                for table in ("contact", "scope_entry", "scope_grant", "scope_change"):
                    await owner.execute(f'ANALYZE "{tenant.schema}"."{table}"')
            devices = await enrol_bare(tenant, reps * max(DEVICES))
            await _sizes(tenant, devices, server, rows)
            _close(devices)


async def _sizes(tenant: TenantRef, devices: list[BareDevice], server: str, rows: int) -> None:
    one = devices[0]
    await one.pull(server)
    nothing = median([await _pull_ms(one, server) for _ in range(2 * ROUNDS)])
    report(f"W6 nothing new, of {rows:,} rows", nothing, "ms", 3)
    await _touch(tenant, 1, 0, scope="elsewhere")
    idle = median([await _pull_ms(one, server) for _ in range(ROUNDS)])
    report(f"W6 nothing new for the device, while others' rows changed, of {rows:,} rows", idle, "ms", 3)
    hundred = []
    for turn in range(ROUNDS):
        await _touch(tenant, 100, turn)
        hundred.append(await _pull_ms(one, server))
        await _move_on(tenant, [one])
    report(f"W6 100 changed rows, of {rows:,}", median(hundred), "ms", None)
    for count in DEVICES:
        await _move_on(tenant, devices)
        await _touch(tenant, 100, count)
        start = time.perf_counter()
        await asyncio.gather(*(device.pull(server) for device in devices[:count]))
        each = (time.perf_counter() - start) * 1_000 / count
        report(f"W6 100 changed rows of {rows:,}, each of {count} devices at once", each, "ms", None)


async def _pull_ms(device: BareDevice, server: str) -> float:
    start = time.perf_counter()
    await device.pull(server)
    return (time.perf_counter() - start) * 1_000


async def add_reps(tenant: TenantRef, count: int) -> list[UUID]:
    """Reps assigned to all outlets."""
    async with tenant_write(tenant, by=SYSTEM):
        conn = connection()
        made = await conn.fetch(
            "INSERT INTO member (id, name, role) SELECT gen_random_uuid(), 'Rep ' || n, 'rep'"
            " FROM generate_series(1, $1::int) n RETURNING id",
            count,
        )
        await conn.execute(
            "INSERT INTO assignment (id, member_id, outlet_id) SELECT gen_random_uuid(), m.id, o.id"
            " FROM outlet o CROSS JOIN unnest($1::uuid[]) AS m (id)",
            [r["id"] for r in made],
        )
    return [r["id"] for r in made]


async def _touch(tenant: TenantRef, rows: int, turn: int, scope: str = "contact") -> None:
    """Change rows that the devices see; or, elsewhere, one that they do not."""
    async with tenant_write(tenant, by=SYSTEM):
        conn = connection()
        if scope == "elsewhere":
            await conn.execute("INSERT INTO account (id, name) VALUES (gen_random_uuid(), 'Elsewhere')")
            return
        await conn.execute(
            "UPDATE contact SET description = $2 || name WHERE id IN (SELECT id FROM contact ORDER BY id LIMIT $1)",
            rows,
            f"Changed {turn} ",
        )


async def _move_on(tenant: TenantRef, devices: list[BareDevice]) -> None:
    """As if the devices had applied what they pulled."""
    async with tenant_write(tenant, by=SYSTEM) as revision:
        pass
    for device in devices:
        device.cursor = revision.number


def _close(devices: list[BareDevice]) -> None:
    for device in devices:
        device.close()
