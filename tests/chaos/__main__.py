"""`python -m tests.chaos`: phones, servers and PostgreSQL, killed in turn on a bad network; then a reckoning."""

import argparse
import json
import secrets
import sys

from rich.console import Console
from rich.table import Table

from server.demo.stage import DemoError
from server.embedded import EmbeddedError
from tests.chaos.play import Result, play

SHOWN_MAX = 20


def main() -> int:
    """Exit code 0 where every promise was kept."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long it is bad")
    parser.add_argument("--seed", default=secrets.token_hex(3), help="of all chances; the timing is the machine's")
    parser.add_argument("--import-rows", type=int, default=100_000, help="imported meanwhile")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    progress = Console(stderr=True, highlight=False)
    progress.print(f"Seed {options.seed}")
    try:
        result = play(options.seed, options.seconds, progress.print, import_rows=options.import_rows)
    except (DemoError, EmbeddedError) as error:
        progress.print(str(error))
        return 1
    if options.json:
        print(json.dumps(vars(result)))
    else:
        show(result)
    return 1 if result.breaches else 0


def show(result: Result) -> None:
    """What happened as a table, then what it proves."""
    table = Table("What happened", "times")
    table.columns[1].justify = "right"
    for name, times in result.happened.most_common():
        table.add_row(name, f"{times:,}")
    Console(width=100).print(table)
    for breach in result.breaches[:SHOWN_MAX]:
        print(breach)
    done = result.happened["acknowledged"]
    print(f"{done:,} things done on 4 phones, {result.rows:,} rows compared: {len(result.breaches)} breaches")


if __name__ == "__main__":
    sys.exit(main())
