"""`outrider billing order, invoices, paid`: what an operator does for those who pay by transfer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import click

from server.cli.database import connected, open_database
from server.config import Config

T = TypeVar("T")


@click.command("order")
@click.argument("slug")
@click.option("--plan", required=True, help="team, business or enterprise.")
@click.option("--interval", type=click.Choice(["month", "year"]), default="year", show_default=True)
@click.option("--seats", type=click.IntRange(1), required=True)
def order(slug: str, plan: str, interval: str, seats: int) -> None:
    """Let a tenant subscribe and pay by transfer: its invoice is written and mailed at once."""
    from server.billing.plans import Interval
    from server.billing.transfer import commands

    click.echo(_do(lambda: commands.order(slug, plan, Interval(interval), seats)))


@click.command("invoices")
@click.option("--open", "only_open", is_flag=True, help="Those alone that are to be paid.")
def invoices(only_open: bool) -> None:
    """List invoices that are paid by transfer: number, state, tenant, what is open, when it is due."""
    from server.billing.letters import say_amount
    from server.billing.transfer import commands

    for row in _do(lambda: commands.list_ours(only_open=only_open)):
        amount = say_amount(row["total_minor"] - row["paid_minor"], row["currency"], "en")
        click.echo(
            f"{row['number']}\t{row['status']}\t{row['slug']}\t{row['legal_name']}\t{amount}\t{row['due_at']:%Y-%m-%d}"
        )


@click.command("paid")
@click.argument("number")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day of the payment (UTC); now otherwise.")
@click.option("--amount", help="In the invoice's currency, such as 120.50; all that is open otherwise.")
def paid(number: str, on: datetime | None, amount: str | None) -> None:
    """Note that an invoice was paid by transfer, wholly or in part; the tenant's access follows at once."""
    from server.billing.letters import say_amount
    from server.billing.transfer import commands

    try:
        amount_given = None if amount is None else Decimal(amount)
    except InvalidOperation:
        raise click.UsageError(f"{amount} is no amount: write 120.50.") from None
    at = None if on is None else on.replace(tzinfo=UTC)
    payment = _do(lambda: commands.mark_paid(number, amount=amount_given, on=at))
    left = say_amount(payment.open_minor, payment.currency, "en")
    click.echo(f"{number}: " + ("paid." if payment.open_minor == 0 else f"paid in part; {left} are open."))


def _do(work: Callable[[], Awaitable[T]]) -> T:
    """Run an act with the databases and providers of the installation."""

    async def run(config: Config) -> T:
        from server.billing import setup  # loads slowly

        setup.use(config)
        async with connected(config):
            return await work()

    with open_database(Config.from_env()) as config:
        return asyncio.run(run(config))


TRANSFER_COMMANDS = (order, invoices, paid)
