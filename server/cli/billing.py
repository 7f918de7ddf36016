"""`outrider billing …`: what an operator does about who pays for what."""

import asyncio
from typing import Any

import click

from server.cli.database import connected, open_database
from server.cli.transfer import TRANSFER_COMMANDS
from server.config import Config


@click.group("billing", context_settings={"help_option_names": ["-h", "--help"]})
def manage_billing() -> None:
    """Begin to bill tenants, and see to it."""


for transfer_command in TRANSFER_COMMANDS:
    manage_billing.add_command(transfer_command)


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


@manage_billing.command("publish")
def publish() -> None:
    """Make the prices of the catalogue in Stripe; those that are there stay as they are."""
    found, made, drift = asyncio.run(_with_stripe("publish_catalogue"))
    click.echo(f"{len(found)} prices, {len(made)} of them new.")
    _tell_drift(drift)


@manage_billing.command("drift")
def drift() -> None:
    """Say where Stripe differs from the catalogue."""
    _tell_drift(asyncio.run(_with_stripe("find_drift")))


@manage_billing.command("refresh")
@click.argument("slug")
def refresh(slug: str) -> None:
    """Ask the payment provider how a tenant stands now."""
    refreshed = asyncio.run(_with_stripe("refresh_tenant", slug))
    if refreshed is None:
        click.echo(f"{slug}: nothing was bought yet.")
        return
    click.echo(f"{slug}: " + (f"new: {', '.join(refreshed.changes)}." if refreshed.changes else "all was known."))
    for alert in refreshed.judged.alerts:
        click.echo(f"{slug}: {alert}", err=True)


@manage_billing.command("reconcile")
def reconcile() -> None:
    """Ask how all tenants stand now, as is done once a day, and say what was wrong."""
    run = asyncio.run(_with_stripe("reconcile_all"))
    for finding in run.findings:
        click.echo("  ".join(f"{name}: {value}" for name, value in finding.items()))
    click.echo(f"{run.checked} checked, {run.repaired} repaired, {run.failed} failed.")
    if run.failed:
        raise SystemExit(1)


def _tell_drift(lines: list[str]) -> None:
    for line in lines:
        click.echo(line, err=True)
    if lines:
        raise SystemExit(1)
    click.echo("Stripe is as the catalogue.")


async def _with_stripe(command: str, *args: str) -> Any:
    from server.billing import commands, setup  # loads slowly
    from server.billing.provider import PaymentsNotSetUp
    from server.errors import AppError

    with open_database(Config.from_env()) as config:
        async with connected(config):
            setup.use(config)
            try:
                return await getattr(commands, command)(*args)
            except PaymentsNotSetUp:
                raise click.ClickException("Set OUTRIDER_STRIPE_KEY to the secret key of the Stripe account.") from None
            except AppError as error:
                raise click.ClickException(error.message) from None
            finally:
                await setup.close()
