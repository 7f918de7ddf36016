"""The guided demo, `outrider demo`: nine reps, two of them offline, and a check that all devices equal the server.

Nothing heavy is imported before it runs: the operator's commands list this one, too.
"""

from pathlib import Path

import click

EXIT_INTERRUPTED = 130


@click.command("demo", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the Northwind CSV files; without it, generated data.",
)
@click.option("--json", "json_output", is_flag=True, help="Print the result as one JSON object, last.")
@click.option("--sabotage", is_flag=True, help="Change a row behind one device's back: the check must find it.")
def main(data: Path | None, json_output: bool, sabotage: bool) -> None:
    """Play the guided demo on a throwaway database, and check that all devices equal the server.

    The exit status is 0 when they do, 1 when they don't.
    """
    raise SystemExit(run_demo(data, json_output, sabotage))


def run_demo(data: Path | None, json_output: bool, sabotage: bool) -> int:
    """Play the demo, print it, and return the exit status; leaves no process and no temporary file behind."""
    from server.demo.play import play

    try:
        return play(data, json_output=json_output, sabotage=sabotage)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        return EXIT_INTERRUPTED


__all__ = ["main", "run_demo"]
