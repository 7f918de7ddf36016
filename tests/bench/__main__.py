"""`python -m tests.bench`: measure, and print a JSON line a figure: name, value, unit, goal. Medians, where repeated.

PostgreSQL is durable (fsync on), the server a process of its own, devices are real replicas over HTTP on loopback.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median

from server.connections import databases
from server.db import tenant_transaction
from server.tenants.service import create_tenant, keep_spares
from tests.bench.billing import bench_billing
from tests.bench.domain import bench_domain
from tests.bench.house import House, installation, postgres, web_server
from tests.bench.report import missed, report
from tests.bench.sync import SYNC_PARTS, bench_sync


async def bench_tenancy(house: House) -> None:
    """What a tenant costs to make, and to bind."""
    building, provisioning = [], []
    for i in range(7):
        building.append(1_000 * await _timed(lambda: keep_spares(house.urls, count=1)))
        named = partial(create_tenant, house.urls, slug=f"p{i}-{house.tenant.slug}", name="P")
        provisioning.append(1_000 * await _timed(named))
    report("provision a tenant, from a spare", median(provisioning), "ms", 200)
    report("build the spare, ahead", median(building), "ms", None)
    # In pairs of blocks, as the machine's speed drifts, and a change of search_path has PostgreSQL plan anew.
    overhead = []
    for _ in range(20):
        bare = median([await _timed(_bare) for _ in range(200)])
        overhead.append(median([await _timed(lambda: _bound(house)) for _ in range(200)]) - bare)
    report("binding overhead", median(overhead) * 1e6, "µs", 50)


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await act()
    return time.perf_counter() - start


async def _bare() -> None:
    async with databases().pools["main"].acquire() as conn:
        await conn.execute("BEGIN")
        await conn.fetchval("SELECT 1")
        await conn.execute("COMMIT")


async def _bound(house: House) -> None:
    async with tenant_transaction(house.tenant) as conn:
        await conn.fetchval("SELECT 1")


async def bench_process(house: House) -> None:
    """What the processes cost when they do nothing yet."""
    with web_server(house.config) as (_, pid):
        await asyncio.sleep(1)
        report("server process, idle", _rss_mb(pid), "MB", 200)
    report("import of the SDK, with the interpreter", median(_import_ms() for _ in range(7)), "ms", 300)


def _import_ms() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import outrider_sdk"], check=True)
    return (time.perf_counter() - start) * 1_000


def _rss_mb(pid: int) -> float:
    kilobytes = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(kilobytes) / 1024


BENCHES = {
    "tenancy": bench_tenancy, "sync": bench_sync, "domain": bench_domain, "billing": bench_billing,
    "process": bench_process,
}  # fmt: skip
PARTS = {f"sync-{name}": part for name, part in SYNC_PARTS.items()}


async def measure(names: list[str]) -> None:
    """Run the named benches on one installation."""
    with postgres() as config:
        async with installation(config) as house:
            for name in names:
                print(f"measuring {name} …", file=sys.stderr, flush=True)
                await (BENCHES | PARTS)[name](house)


def main() -> int:
    """Exit code 0 also where a goal is missed: a figure is not a test; the misses are named."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--name", choices=sorted(BENCHES | PARTS), help="measure one part only")
    options = parser.parse_args()
    asyncio.run(measure([options.name] if options.name else list(BENCHES)))
    if missed():
        print(f"goals missed: {', '.join(missed())}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
