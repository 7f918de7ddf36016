"""`outrider sql`: a SELECT over what a member may read."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from typing import Any, Final, Literal

import click

from server.cli.database import connected, open_database
from server.config import Config

CELL_LENGTH_MAX: Final = 60
"""Of a table for people; JSON and CSV have all."""


@click.command("sql", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tenant", "slug", required=True, help="Whose data.")
@click.option("--as", "email", required=True, help="The e-mail of the member whose rights count.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--rows", "rows_max", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="At most.")
@click.option("--seconds", type=click.FloatRange(0.1, 300), default=10.0, show_default=True, help="At most.")
@click.argument("statement")
def query_sql(
    slug: str, email: str, form: Literal["table", "json", "csv"], rows_max: int, seconds: float, statement: str
) -> None:
    """Run STATEMENT, one SELECT in SQLite's dialect, over what a member may read; nothing can be changed.

    There is a table for each entity, and external_id. What the member's role hides is not there. Prices and quantities
    are exact text: CAST(price AS REAL) to reckon with them. Amounts are whole numbers of the currency's minor unit.

    Cells of CSV that begin with = + - @, a tab or a carriage return get an apostrophe in front.
    """
    with open_database(Config.from_env()) as config:
        found = asyncio.run(_query(config, slug, email, statement, rows_max, seconds))
    click.echo(_FORMATS[form](found.columns, found.rows), nl=False)
    if found.more:
        click.echo(f"There is more: these are the first {len(found.rows):,} rows. See --rows.", err=True)


async def _query(config: Config, slug: str, email: str, sql: str, rows_max: int, seconds: float) -> Any:
    from server.auth.service import find_member_by_email, find_standing
    from server.crm.rights import Viewer
    from server.db import platform_transaction, tenant_transaction
    from server.exports.query import query_tenant  # what it needs loads slowly
    from server.tenants.service import get_tenant_by_slug

    async with connected(config):
        async with platform_transaction():
            tenant = await get_tenant_by_slug(slug)
        async with tenant_transaction(tenant):
            member_id = await find_member_by_email(email)
            standing = await find_standing(member_id, None) if member_id else None
        if member_id is None or standing is None or not standing.active:
            raise click.UsageError(f"{slug} has no active member with the e-mail {email}.")
        viewer = Viewer(member_id, standing.access)
        return await query_tenant(tenant, viewer, sql, rows_max=rows_max, time_limit_s=seconds)


def _as_table(columns: list[str], rows: list[list[Any]]) -> str:
    cells = [columns, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], ""])


def _cell(value: Any) -> str:
    """A value on one line, without what would steer the terminal."""
    text = "" if value is None else str(value)
    text = "".join(c if c.isprintable() else " " for c in text[: CELL_LENGTH_MAX + 1])
    return text if len(text) <= CELL_LENGTH_MAX else f"{text[: CELL_LENGTH_MAX - 1]}…"


def _as_json(columns: list[str], rows: list[list[Any]]) -> str:
    names = [name if columns.index(name) == n else f"{name}_{n + 1}" for n, name in enumerate(columns)]
    items = [dict(zip(names, row, strict=True)) for row in rows]
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def _as_csv(columns: list[str], rows: list[list[Any]]) -> str:
    from server.exports.cells import neutralise

    text = io.StringIO()
    writer = csv.writer(text)
    for row in (columns, *rows):
        writer.writerow(["" if value is None else neutralise(str(value)) for value in row])
    return text.getvalue()


_FORMATS: Final[dict[str, Callable[[list[str], list[list[Any]]], str]]] = {
    "table": _as_table,
    "json": _as_json,
    "csv": _as_csv,
}
