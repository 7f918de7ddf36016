"""The year that `make demo-billing` shows, on a real PostgreSQL: its states, and its sums."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.demo_billing.expected import Had, expected_total, months_from
from tests.demo_billing.year import Year, play

pytestmark = pytest.mark.usefixtures("cheap_hashes")


async def test_a_year_goes_through_every_state_and_costs_what_was_had(owner_urls: dict[str, str], databases: Any):
    """Trial, purchase, growth, trouble, less, end; and the invoices' sum is the one reckoned by hand."""
    year = await play(owner_urls)

    states = [row.access.partition(":")[0] for row in year.rows]
    changes = [state for state, before in zip(states, [None, *states], strict=False) if state != before]
    assert changes == ["trialing", "active", "past_due", "grace", "restricted", "active", "cancelled"]
    assert year.invoiced_minor == year.expected_minor == year.charged_minor > 200_000
    assert year.agrees


def test_the_reckoning_finds_what_was_charged_wrongly():
    """Sums that always agree would show nothing."""
    start = datetime(2027, 1, 31, tzinfo=UTC)
    year = Year(invoiced_minor=1, expected_minor=2, charged_minor=1)

    two, five = (expected_total([Had(start, "team", seats)], months_from(start, 2)) for seats in (2, 5))

    assert not year.agrees
    assert (two, five) == (2 * 2 * 1_900, 2 * 5 * 1_900)
    assert [f"{month:%m-%d}" for month in months_from(start, 3)] == ["01-31", "02-28", "03-31", "04-30"]
