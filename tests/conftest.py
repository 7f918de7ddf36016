"""One PostgreSQL for the whole run, a fresh database for each process of it, and Hypothesis without chance.

Fixtures that need the application stand in `tests/integration/conftest.py`.
"""

import os
import secrets
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from server.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from tests.stripe import StripeSimulator

FOLDERS_WITH_DATABASE = ("tests/integration", "tests/contract", "tests/e2e")
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 6 * 1024**3

# `ci` gives the same examples every time and everywhere; `--hypothesis-profile explore` looks for new ones.
settings.register_profile(
    "ci",
    database=None,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("ci")


class Server:
    """The PostgreSQL under test: OUTRIDER_DATABASE_URL, or a throwaway one started when first asked for."""

    def __init__(self, state_dir: Path, given_url: str | None) -> None:
        self._state_dir = state_dir
        self._given_url = given_url
        self._embedded: EmbeddedPostgres | None = None

    @property
    def url(self) -> str:
        if self._given_url:
            return self._given_url
        if self._embedded is None:
            self._embedded = EmbeddedPostgres.throwaway(self._state_dir)
        return self._embedded.url

    def stop(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()


SERVER = pytest.StashKey[Server]()
STRIPE_BEFORE = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts background commands with Ctrl-C ignored; so would be every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    handed_over = getattr(config, "workerinput", {}).get("server_url")
    given_url = handed_over or os.environ.get("OUTRIDER_DATABASE_URL")
    config.stash[SERVER] = Server(_throwaway_place(config.rootpath), given_url)


def _throwaway_place(checkout: Path) -> Path:
    """Where the throwaway lives: in memory, if there is plenty (a tenant is a thousand files), or in the checkout."""
    meminfo = Path("/proc/meminfo")
    if not (os.access(MEMORY, os.W_OK) and meminfo.exists()):
        return checkout / ".outrider"
    available = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable:"))
    free_bytes = min(int(available.split()[1]) * 1024, shutil.disk_usage(MEMORY).free)
    return MEMORY / f"outrider-tests-{os.getuid()}" if free_bytes >= MEMORY_BYTES_MIN else checkout / ".outrider"


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVER].stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Start the server before the worker processes do, so that they share it."""
    if _will_need_database(node.config):
        node.workerinput["server_url"] = node.config.stash[SERVER].url


def _will_need_database(config: pytest.Config) -> bool:
    asked_for = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    folders = [config.rootpath / folder for folder in FOLDERS_WITH_DATABASE]
    return any(path.is_relative_to(folder) or folder.is_relative_to(path) for path in asked_for for folder in folders)


@pytest.fixture(scope="session")
def database_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """An owner's URL of a database of this process's own, empty at first and dropped at the end.

    Roles belong to the whole server: a test that makes one gives it a name no other process chooses.
    """
    server_url = pytestconfig.stash[SERVER].url
    name = f"outrider_test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")

    yield urlsplit(server_url)._replace(path=f"/{name}").geturl()

    if os.environ.get("OUTRIDER_DATABASE_URL"):  # a throwaway server goes away whole, and faster
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def stripe() -> "Iterator[StripeSimulator]":
    """A simulated Stripe of this test's own; its time stands on a Monday in 2027 until `advance`."""
    from tests.stripe import StripeSimulator

    with StripeSimulator.running(clock=datetime(2027, 1, 4, 9, tzinfo=UTC)) as simulator:
        yield simulator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Note how much of Stripe's traffic a test had checked."""
    before = Counter(_stripe_totals())
    item.stash[STRIPE_BEFORE] = before
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item):
    try:
        return (yield)
    finally:
        checked = Counter(_stripe_totals())
        checked.subtract(item.stash[STRIPE_BEFORE])
        if any(checked.values()):
            item.user_properties.append(("stripe", dict(checked)))


def _stripe_totals() -> dict[str, int]:
    world = sys.modules.get("tests.stripe.world")
    return dict(world.TOTALS) if world is not None else {}


def _sum_up_stripe(terminalreporter) -> None:
    checked: Counter[str] = Counter()
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                if name == "stripe":
                    checked.update(value)
    if checked["requests"]:
        share = checked["responses"] / max(checked["requests"], 1)
        terminalreporter.write_line(
            f"stripe: {checked['requests']:,} requests, {checked['responses']:,} responses and "
            f"{checked['objects']:,} objects of events checked, {share:.0%}"
        )


def pytest_terminal_summary(terminalreporter) -> None:
    """Say how much the oracle of rights was asked, and how much of Stripe's traffic was checked."""
    _sum_up_stripe(terminalreporter)
    reports = terminalreporter.stats.get("passed", [])
    counts = [value for report in reports for name, value in report.user_properties if name == "rights"]
    if counts:
        terminalreporter.write_line(
            f"rights: {len(counts)} organisations tried, {sum(counts):,} comparisons, all equal"
        )
