"""`outrider billing …`: what an operator does about who pays for what."""

import asyncio

import click

from server.cli.database import connected, open_database
from server.config import Config


@click.group("billing", context_settings={"help_option_names": ["-h", "--help"]})
def manage_billing() -> None:
    """Begin to bill tenants, and see to it."""


@manage_billing.command("enrol")
@click.argument("slug")
@click.option("--email", required=True, help="Of the billing contact: notices and invoices go there.")
@click.option("--language", default="en", show_default=True, help="In which we write to them: en, kk or ru.")
@click.option("--country", help="Two letters (ISO 3166).")
@click.option("--currency", default="EUR", show_default=True, help="In which they will pay.")
@click.option("--timezone", default="UTC", show_default=True, help="Of the IANA list.")
def enrol(slug: str, **details: str | None) -> None:
    """Bill a tenant that nobody billed so far: a trial begins now."""
    with open_database(Config.from_env()) as config:
        begun = asyncio.run(_enrol(config, slug, details))
    click.echo(f"{slug}: " + ("a trial begins." if begun else "billed already; nothing was changed."))


async def _enrol(config: Config, slug: str, details: dict[str, str | None]) -> bool:
    from server.billing.account.commands import enrol_tenant  # loads slowly

    async with connected(config):
        return await enrol_tenant(slug, details)
