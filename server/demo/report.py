"""Prints the demo's result: a table for people, and one JSON object for programs."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from server.demo.chapters import Chapter
from server.demo.compare import Comparison
from server.demo.csv_rows import CsvProblem

WIDTH_WHEN_PIPED: Final = 100
DIFFERENCES_SHOWN_MAX: Final = 10
PROBLEMS_SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the mutations of all devices."""

    mutations: int
    applied: int
    merged: int
    refused: int


def say(text: str) -> None:
    """Progress, for who waits: on stderr, so that what is printed stays the result alone."""
    print(text, file=sys.stderr, flush=True)


def report_problems(problems: Sequence[CsvProblem]) -> None:
    """List the rows that could not be imported."""
    for problem in problems[:PROBLEMS_SHOWN_MAX]:
        say(f"Not imported: {problem}")
    if len(problems) > PROBLEMS_SHOWN_MAX:
        say(f"Not imported: {len(problems) - PROBLEMS_SHOWN_MAX} more rows")


def print_story(chapters: Sequence[Chapter]) -> None:
    """The table, wrapped to the width of the terminal, or of a page."""
    table = Table(title="What happened", show_lines=True, title_justify="left", expand=True)
    for heading, share in (("Who", 2), ("What they did (offline)", 5), ("What became of it", 4), ("Why", 6)):
        table.add_column(heading, ratio=share, overflow="fold")
    for chapter in chapters:
        # Text: what people typed is no markup.
        table.add_row(*(Text(cell) for cell in (chapter.who, chapter.did, chapter.became, chapter.why)))
    _console().print(table)


def print_comparison(comparison: Comparison) -> None:
    """Whether all replicas equal the server; otherwise where they do not."""
    rows, devices = sum(comparison.rows.values()), len(comparison.rows)
    if comparison.equal:
        print(f"All {devices} replicas equal the server, value by value ({rows:,} rows compared).")
        return
    shown = comparison.differences[:DIFFERENCES_SHOWN_MAX]
    print(f"NOT EQUAL: {len(comparison.differences)} differences in {rows:,} rows of {devices} replicas.")
    for difference in shown:
        print(f"  {difference}")
    if len(comparison.differences) > len(shown):
        print(f"  ... and {len(comparison.differences) - len(shown)} more")


def print_json(comparison: Comparison, tally: Tally, seconds: float) -> None:
    """The result as one line of JSON."""
    result: dict[str, Any] = {
        "converged": comparison.equal,
        "mutations": tally.mutations,
        "applied": tally.applied,
        "merged": tally.merged,
        "refused": tally.refused,
        "rows_per_device": comparison.rows,
        "seconds": round(seconds, 2),
    }
    print(json.dumps(result, ensure_ascii=False))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_WHEN_PIPED, highlight=False)
