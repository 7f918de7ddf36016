"""`outrider export`: everything a tenant has, as files."""

import asyncio
from pathlib import Path
from typing import Literal

import click

from server.cli.database import connected, open_database
from server.config import Config


@click.command("export", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tenant", "slug", required=True, help="Whose data.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "sqlite"]),
    help="csv: a zip with a file for each entity. sqlite: one database file. By the ending of --out otherwise.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def export_files(slug: str, out: Path, form: Literal["csv", "sqlite"] | None, force: bool) -> None:
    """Write everything a tenant has, as of one moment, to a file.

    Cells of CSV files that begin with = + - @, a tab or a carriage return get an apostrophe in front, so that no
    spreadsheet runs them; `outrider import` takes it off again.
    """
    if out.exists() and not force:
        raise click.UsageError(f"{out} is there already: name another file, or say --force.")
    chosen = form or ("sqlite" if out.suffix in (".db", ".sqlite", ".sqlite3") else "csv")
    with open_database(Config.from_env()) as config:
        counts = asyncio.run(_export(config, slug, out, chosen))
    for name, count in counts.items():
        click.echo(f"{name:<20} {count:>10,}")
    click.echo(f"{out}: {sum(counts.values()):,} rows, {out.stat().st_size / 1e6:.1f} MB")


async def _export(config: Config, slug: str, out: Path, form: Literal["csv", "sqlite"]) -> dict[str, int]:
    from server.db import platform_transaction
    from server.exports.files import export_tenant  # what it needs loads slowly
    from server.exports.rows import OPERATOR
    from server.tenants.service import get_tenant_by_slug

    async with connected(config):
        async with platform_transaction():
            tenant = await get_tenant_by_slug(slug)
        return await export_tenant(tenant, OPERATOR, out, form)
