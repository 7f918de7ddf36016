"""`outrider import`: files into a tenant, and back out again."""

import asyncio
from pathlib import Path
from typing import Any

import click

from server.cli.database import open_database
from server.config import Config

EXIT_LINES_FAILED = 1


class _ImportCommand(click.Command):
    """Says in its help which fields there are: the list is made of the targets themselves."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The fields of every target, and examples."""
        from server.imports.targets import TARGETS

        with formatter.section("What can be imported (--as), and its fields for --map and --set; * is needed"):
            rows = []
            for target in TARGETS.values():
                names = [
                    f"{c.name}{'*' if c.required else ''}{f' ({c.hint})' if c.hint else ''}" for c in target.columns
                ]
                rows.append((target.name, ", ".join(names)))
            formatter.write_dl(rows)
        with formatter.section("Examples"):
            formatter.write_dl([
                ("outrider import customers.csv --dry-run", "what would become of each line; nothing is written"),
                ("outrider import customers.csv", "do it; what can be read is imported, the rest is named"),
                ('outrider import list.xlsx --as account --map "Firm=name" --map "Fax="', "say what two columns are"),
                ("outrider import prices.csv --set price_list=Retail", "the same value in every line"),
                ("outrider import customers.csv --resume", "go on where an import was broken off"),
                ("outrider import --undo 3", "take import 3 back"),
                ("outrider import --folder /srv/feed --system erp", "each file there once: for a nightly feed"),
            ])  # fmt: skip


_HELP = """Import accounts, outlets, contacts, products, prices, stock, receivables, orders, users, territories and
assignments from PATH: a CSV or XLSX file, or a folder of them.

\b
Encoding and delimiter are detected; the first line names the columns. Which column is
which field is proposed from its name (English, Russian, Kazakh), shown, changed by
--map, and remembered for files with the same columns. A row is found again by its
external id (--system says whose), else by its key: sku, tax id, number, e-mail.
An empty cell changes nothing. A line that cannot be read is named with its column and
the reason, and the rest is imported. Leading apostrophes of our own export are taken off.

The Northwind folder is known, and imported whole. Without --tenant, an installation with the embedded database
gets, and uses, the tenant “local”. The exit status is 0 when every line was taken, else 1.
"""


@click.command("import", cls=_ImportCommand, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--tenant", "slug", help="Into which tenant; on one machine of your own, “local” otherwise.")
@click.option("--as", "target", metavar="ENTITY", help="What the file holds; proposed from its columns otherwise.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each line, and write nothing.")
@click.option(
    "--map", "columns", multiple=True, metavar="COLUMN=FIELD", help="What a column is; COLUMN= leaves it out."
)
@click.option("--set", "constants", multiple=True, metavar="FIELD=VALUE", help="A value that every line has.")
@click.option(
    "--on-existing",
    type=click.Choice(["update", "skip", "fail"]),
    default="update",
    show_default=True,
    help="When the row is there already.",
)
@click.option(
    "--on-duplicate",
    type=click.Choice(["create", "skip", "fail"]),
    default="create",
    show_default=True,
    help="When another account has the same tax id, phone, e-mail or name.",
)
@click.option("--system", help="Whose external ids the file bears, such as erp; “file” otherwise.")
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="How 03/04/2026 is read.")
@click.option("--sheet", help="Of a workbook; the first otherwise.")
@click.option("--encoding", help="Such as windows-1251; detected otherwise.")
@click.option("--delimiter", help="Between the values of a CSV file, or “tab”; detected otherwise.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write what became of each line there.")
@click.option("--resume", is_flag=True, help="Go on with an import of this file that was broken off.")
@click.option("--again", is_flag=True, help="Import a file anew that was imported before.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take each file of a nightly feed once, and move it to done/ or failed/ with its report; for cron.",
)
@click.option("--undo", type=int, metavar="RUN", help="Take an import back, as far as nobody has built upon it.")
def import_files(**options: Any) -> None:
    """Import files, or take an import back."""
    from server.cli.feed import take_feed  # what they need loads slowly
    from server.cli.importing import Command, import_path, undo

    acts = {"path": import_path, "folder": take_feed, "undo": undo}
    chosen = [act for name, act in acts.items() if options[name] is not None]
    if len(chosen) != 1:
        raise click.UsageError("Name a file or folder, or a feed with --folder, or an import to take back with --undo.")
    command = Command(**options)
    with open_database(Config.from_env()) as config:
        failed = asyncio.run(chosen[0](config, command))
    if failed:
        raise click.exceptions.Exit(EXIT_LINES_FAILED)
