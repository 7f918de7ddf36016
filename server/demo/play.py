"""One run of the demo: read or make the data, play the story, compare, report."""

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import click
import psycopg
from psycopg import sql

from server.config import ConfigError
from server.demo.chapters import tell
from server.demo.company import Company
from server.demo.compare import Comparer, Comparison, Difference
from server.demo.csv_rows import CsvMissing
from server.demo.generated import generate_company
from server.demo.northwind import read_northwind
from server.demo.report import Tally, print_comparison, print_json, print_story, report_problems, say
from server.demo.stage import DemoError, Stage, set_up
from server.demo.story import Story
from server.embedded import EmbeddedError


def play(data: Path | None, *, json_output: bool, sabotage: bool) -> int:
    """Play once; 0 where every replica equals the server, else 1.

    Raises:
        click.ClickException: it cannot be played here, or with this data.
    """
    began = time.perf_counter()
    try:
        company = _read(data)
        with _signals_unwind(), set_up(company, say) as stage, Story(stage, say) as story:
            story.play()
            chapters, tally = tell(story), _count(story)
            if sabotage:
                _sabotage(story)
            say("Comparing every value of every device with the server ...")
            comparison = _compare(story, tally)
    except (CsvMissing, DemoError, EmbeddedError, ConfigError, psycopg.OperationalError) as error:
        raise click.ClickException(str(error)) from error
    print_story(chapters)
    print_comparison(comparison)
    if json_output:
        print_json(comparison, tally, time.perf_counter() - began)
    return 0 if comparison.equal else 1


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM unwind, so that nothing is left behind; impatient repetitions don't disturb that."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _read(data: Path | None) -> Company:
    if data is None:
        return generate_company()
    company, problems = read_northwind(data)
    report_problems(problems)
    return company


def _count(story: Story) -> Tally:
    """What the devices were told of their mutations."""
    outcomes = [o for device in story.devices.values() for o in device.transport.outcomes.values()]
    by_status = Counter(outcome["status"] for outcome in outcomes)
    return Tally(len(outcomes), by_status["applied"], by_status["merged"], by_status["refused"])


def _sabotage(story: Story) -> None:
    """Change one row of one replica, past the SDK."""
    device = story.first
    with closing(sqlite3.connect(device.path)) as file, file:
        file.execute(
            "UPDATE outlet SET name = name || ' (forged)' WHERE id = (SELECT min(id) FROM outlet)",
        )
    say(f"Sabotage: one row of {device.name}'s replica was changed behind its back.")


def _compare(story: Story, tally: Tally) -> Comparison:
    stage = story.stage
    with psycopg.connect(stage.owner_url, autocommit=True) as owner:
        counted = _mutations_on_server(owner, stage)
        comparer = Comparer(owner, stage.tenant.schema)
        for key, device in story.devices.items():
            comparer.compare(device.name, device.path, stage.members[key].id)
    if counted != tally.mutations:
        difference = Difference("all", "device", "*", "mutations counted", tally.mutations, counted)
        comparer.result.differences.append(difference)
    return comparer.result


def _mutations_on_server(owner: psycopg.Connection[tuple[int]], stage: Stage) -> int:
    query = sql.SQL("SELECT coalesce(sum(last_number), 0)::int FROM {}")
    found = owner.execute(query.format(sql.Identifier(stage.tenant.schema, "device"))).fetchone()
    assert found is not None
    return found[0]
