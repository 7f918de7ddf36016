"""`outrider sign-up`: an operator opens the door of a workspace for a customer."""

import asyncio
from typing import Any

import click

from server.cli.database import connected, open_database
from server.config import Config


@click.command("sign-up", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("slug")
@click.option("--email", required=True, help="Of the owner-to-be.")
@click.option("--name", required=True, help="Theirs.")
@click.option("--company", required=True, help="What people call the workspace.")
@click.option("--language", default="en", show_default=True, help="In which we write to them: en, kk or ru.")
@click.option("--country", help="Two letters (ISO 3166).")
@click.option("--currency", default="EUR", show_default=True, help="In which they will pay.")
@click.option("--timezone", default="UTC", show_default=True, help="Of the IANA list.")
@click.option("--mail/--no-mail", "mails", default=True, help="Mail them the link as well.")
def sign_up(mails: bool, **wish: Any) -> None:
    """Sign a customer up for the address SLUG; prints the link by which they choose a password and begin."""
    with open_database(Config.from_env()) as config:
        click.echo(asyncio.run(_sign_up(config, mails, wish)))


async def _sign_up(config: Config, mails: bool, wish: dict[str, Any]) -> str:
    from server.billing.links import LinkSettings, sign_up_link  # loads slowly
    from server.billing.sign_up import commands
    from server.billing.sign_up.rules import Wish

    async with connected(config):
        stored = await commands.sign_up(Wish(**wish), secret_key=config.secret_key, mails=mails)
    return sign_up_link(stored.id, LinkSettings(config.base_url, config.secret_key))
