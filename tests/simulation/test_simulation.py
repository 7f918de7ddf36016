"""The simulator in the suite: some seeds, what was kept, and every planted bug. `make simulate` plays more."""

import pytest
from outrider_sdk.transport import PipelinedTransport

from tests.simulation.network import FaultyTransport
from tests.simulation.plan import REGRESSIONS, Plan, shrink
from tests.simulation.planted import PLANTED, find
from tests.simulation.run import run_plan, run_seed

FIRST_SEED = 100_000
OPERATIONS_MIN, FAULTS_MIN = 200, 10
FOUND_AT = {
    "block_the_queue_by_poison": 1, "count_on_after_a_restore": 6, "delete_over_an_unseen_edit": 0,
    "drop_the_lock": 0, "drop_the_outbox_in_an_update": 0, "find_no_difference": 15, "forget_outcomes_once_told": 0,
    "forget_removals_and_not_the_cursors": 3, "forget_the_base": 0, "forget_what_a_device_was": 14,
    "go_on_numbering_orders": 0, "go_on_with_a_page_of_other_rights": 0, "hand_out_an_uncommitted_head": 9,
    "keep_a_lost_row_under_its_edit": 11, "keep_no_record_of_a_conflict": 0, "keep_the_epoch_in_the_backup_alone": 9,
    "leave_the_old_log_beside_the_snapshot": 6, "leave_the_overlay_on_acknowledgement": 0,
    "leave_what_was_lost_on_the_device": 0, "leave_words_in_free_pages": 1,
    "lock_all_tenants_at_once": 0, "merge_documents_as_a_whole": 0, "move_the_cursor_by_a_push": 0,
    "name_a_view_by_rights_alone": 0, "orphan_the_loser_of_a_merge": 4, "overlook_a_change_of_fields": 1,
    "pass_poison_over_in_silence": 0, "rebase_the_base": 6, "recognise_no_past": 0, "remember_the_erased": 1,
    "resurrect_the_deleted": 3, "save_the_cursor_before_the_rows": 11, "sell_past_the_lease": 0,
    "send_by_scope_alone": 0, "serve_the_revoked": 10, "show_pages_as_they_come": 0, "skip_a_drop": 0,
    "stop_work_past_the_lease": 0, "take_a_retry_for_news": 0, "take_a_snapshot_for_the_present": 2,
    "take_any_content_under_a_known_number": 0, "take_back_what_was_sent": 8, "take_the_first_answer_for_good": 12,
    "tell_old_apps_of_new_fields": 0, "trim_the_outbox_on_send": 0, "trust_the_clock": 0,
    "turn_old_apps_away_at_every_door": 0, "wipe_before_handing_in": 0,
}  # fmt: skip
"""Bugs that one of the first seeds finds, and which. The suite plants these, `make simulate-planted` all of them."""


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 8))
def test_s1_to_s12_hold_whatever_networks_machines_and_offices_do(seed):
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


@pytest.mark.parametrize("bug", [b for b in PLANTED if b.__name__ in FOUND_AT], ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug):
    """A simulator that can't see a mistake proves nothing."""
    assert find(bug, FOUND_AT[bug.__name__]) is not None


def test_pushes_travel_while_the_device_goes_on():
    """Without what the SDK asks of such a transport, one push would follow the other, and nothing fail for it."""
    assert issubclass(FaultyTransport, PipelinedTransport)


def test_the_same_plan_gives_the_same_history():
    """A failure that can't be replayed can't be understood."""
    assert run_seed(7).history == run_seed(7).history


def test_a_failure_shrinks_to_few_steps_that_fail_alike():
    """Nobody finds a mistake in 270 steps."""
    bug = next(bug for bug in PLANTED if bug.__name__ == "skip_a_drop")
    with bug():
        found = run_seed(0)
        small = shrink(found.plan, lambda plan: run_plan(plan).promise == found.promise, sorted(found.faults))
        again = run_plan(small)

    assert again.promise == found.promise
    assert len(small.steps) <= 10
    assert run_plan(small).violation is None
