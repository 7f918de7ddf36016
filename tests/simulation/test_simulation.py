"""The simulator in the suite: some seeds, what was kept, and every planted bug. `make simulate` plays more."""

import pytest

from tests.simulation.plan import REGRESSIONS, Plan, shrink
from tests.simulation.planted import PLANTED, PROMISES, find
from tests.simulation.run import run_plan, run_seed

FIRST_SEED = 100_000
OPERATIONS_MIN, FAULTS_MIN = 200, 10
FOUND_AT = {
    "acknowledge_before_commit": 21,
    "drop_after_the_newer_put": 12,
    "go_on_with_a_page_of_other_rights": 4,
    "hand_out_an_uncommitted_head": 5,
    "rebase_the_base": 123,
    "resurrect_the_deleted": 4,
    "take_any_content_under_a_known_number": 4,
}
"""Seeds near the first that finds the bug, where it is not one of the first: `make simulate-planted` looks from 0."""


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 12))
def test_s1_to_s8_and_s12_hold_whatever_networks_machines_and_offices_do(seed):
    """Lost, doubled, reordered messages, kills, full disks, wrong clocks, overlapping writers, changing rights."""
    result = run_seed(seed)

    assert result.violation is None, "\n".join([*result.history[-40:], f"seed {seed}: {result.violation}"])
    assert result.operations >= OPERATIONS_MIN
    assert sum(result.faults.values()) >= FAULTS_MIN


@pytest.mark.parametrize("path", sorted(REGRESSIONS.glob("*.json")), ids=lambda path: path.stem)
def test_what_failed_once_holds(path):
    """A failure that was found, shrunk and repaired stays repaired."""
    result = run_plan(Plan.load(path))

    assert result.violation is None, "\n".join([*result.history, str(result.violation)])


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug):
    """A simulator that can't see a mistake proves nothing."""
    found = find(bug, FOUND_AT.get(bug.__name__, 0))

    assert found is not None
    assert found.promise in PROMISES


def test_the_same_plan_gives_the_same_history():
    """A failure that can't be replayed can't be understood."""
    assert run_seed(7).history == run_seed(7).history


def test_a_failure_shrinks_to_few_steps_that_fail_alike():
    """Nobody finds a mistake in 240 steps."""
    bug = next(bug for bug in PLANTED if bug.__name__ == "skip_a_drop")
    with bug():
        found = run_seed(0)
        small = shrink(found.plan, lambda plan: run_plan(plan).promise == found.promise, sorted(found.faults))
        again = run_plan(small)

    assert again.promise == found.promise
    assert len(small.steps) <= 10
    assert run_plan(small).violation is None
