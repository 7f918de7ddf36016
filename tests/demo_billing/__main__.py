"""`make demo-billing`: prints the year; exit code 1 where the sums differ."""

import asyncio
import os
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from server import connections
from server.billing.letters import say_amount
from server.connections import Databases
from server.embedded import EmbeddedPostgres
from server.tenants.schema import app_url, prepare_database
from tests.demo_billing.year import Year, play

ROOT = Path(__file__).parents[2]
WIDTH_WHEN_PIPED = 150


async def run(url: str) -> Year:
    """Play it in a database that is empty."""
    password = secrets.token_hex(16)
    await prepare_database(url, app_password=password)
    databases = await Databases.connect({"main": app_url(url, password)})
    connections.use(databases)
    try:
        return await play({"main": url})
    finally:
        connections.use(None)
        await databases.close()


def show(year: Year) -> None:
    """The table, and whether the sums agree."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WHEN_PIPED)
    table = Table(title="A tenant's year", show_lines=True, title_justify="left", expand=True)
    for heading, share in (("Day", 2), ("What happened", 6), ("What Stripe said", 6), ("Access", 5), ("It cost", 4)):
        table.add_column(heading, ratio=share, overflow="fold")
    for row in year.rows:
        cells = (f"{row.day:%d %b %Y}", row.happened, row.said, row.access, row.cost)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    sums = (("Invoices", year.invoiced_minor), ("reckoned anew", year.expected_minor), ("cards", year.charged_minor))
    console.print(", ".join(f"{name}: {say_amount(amount, 'EUR', 'en')}" for name, amount in sums))
    console.print("The sums are equal." if year.agrees else "The sums DIFFER.")
    console.print(
        f"{year.checked['requests']} requests and {year.checked['responses']} responses held against the SDK's types."
    )


def main() -> int:
    """In OUTRIDER_DATABASE_URL's server, in a database of its own, or in a throwaway one."""
    given = os.environ.get("OUTRIDER_DATABASE_URL")
    server = None if given else EmbeddedPostgres.throwaway(ROOT / ".outrider")
    server_url = given or (server.url if server else "")
    name = f"outrider_demo_{secrets.token_hex(4)}"
    try:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        year = asyncio.run(run(urlsplit(server_url)._replace(path=f"/{name}").geturl()))
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if server is not None:
            server.stop()
    show(year)
    return 0 if year.agrees else 1


if __name__ == "__main__":
    raise SystemExit(main())
