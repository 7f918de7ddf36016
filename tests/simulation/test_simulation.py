"""The simulator in the suite: some seeds, and every planted bug. `make simulate` plays more."""

import pytest

from tests.simulation.planted import PLANTED
from tests.simulation.run import run_seed

BUG_SEEDS_MAX = 200


@pytest.mark.parametrize("first", range(1_000, 1_040, 10))
def test_s1_to_s5_hold_whatever_the_network_and_the_machines_do(first):
    """Ten seeds at a time: lost, doubled, reordered messages, crashes, overlapping writers, changing rights."""
    for seed in range(first, first + 10):
        result = run_seed(seed)

        assert result.violation is None, "\n".join([*result.history, f"seed {seed}: {result.violation}"])


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug):
    """A simulator that can't see a mistake proves nothing."""
    with bug():
        found = any(run_seed(seed).violation for seed in range(BUG_SEEDS_MAX))

    assert found
