"""What an import costs: `outrider import` as a process of its own, on 100,000 accounts in a CSV file."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.house import House

ACCOUNTS = 100_000
Report = Callable[[str, float, str, float], None]


def write_accounts(path: Path, count: int) -> None:
    """A list of accounts, as an ERP writes it."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,legal_name,tax_id,roles,tags\n")
        for n in range(count):
            file.write(f'C{n},Shop number {n},Shop number {n} Ltd,{n:09},customer,"food,group {n % 10}"\n')


def write_customers(path: Path, count: int) -> None:
    """The same with where they are and whom to call: five rows of the tenant a line."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,tax_id,street,city,postal_code,country,contact,phone,email\n")
        for n in range(count):
            file.write(
                f"D{n},Customer {n},{n:09},Main street {n},Riga,LV-{n % 9999:04},Latvia,Person {n},"
                f"+371 2{n % 10_000_000:07},person{n}@example.com\n"
            )


async def bench_imports(house: House, report: Report) -> None:
    """Dry run and run of plain accounts, the memory that they take, and a run with all that hangs on a customer."""
    folder = Path(house.config.state_dir)
    accounts, customers = folder / "accounts.csv", folder / "customers.csv"
    write_accounts(accounts, ACCOUNTS)
    write_customers(customers, ACCOUNTS // 5)
    dry_s, dry_mb = await asyncio.to_thread(_run, house, accounts, "--dry-run")
    wet_s, wet_mb = await asyncio.to_thread(_run, house, accounts)
    five_s, _ = await asyncio.to_thread(_run, house, customers)
    report("dry run of 100,000 accounts from CSV", dry_s, "s", 20)
    report("import of 100,000 accounts from CSV", wet_s, "s", 40)
    report("its memory, at most", max(dry_mb, wet_mb), "MB", 300)
    report("import of 20,000 customers, five rows each", five_s, "s", 40)


def _run(house: House, path: Path, *options: str) -> tuple[float, float]:
    """Seconds that the command took, from the start of its process to its end, and its peak of memory in MB."""
    env = os.environ | {
        "OUTRIDER_DATABASE_URL": str(house.config.database_url),
        "OUTRIDER_SECRET_KEY": "bench" * 8,
        "OUTRIDER_STATE_DIR": str(house.config.state_dir),
    }
    command = [sys.executable, "-m", "server.cli", "import", str(path), "--tenant", house.tenant.slug, *options]
    start = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return time.perf_counter() - start, _peak_mb(usage)


def _peak_mb(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
