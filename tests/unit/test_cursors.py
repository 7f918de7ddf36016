"""Whether a device can go on from its cursor, and whether a database is the one that was served last."""

from uuid import UUID

import pytest

from server.sync.cursors import Cursor, is_position_void, judge_cursor
from server.tenants.recovery import Place, find_difference

TOKEN = UUID(int=7)


@pytest.mark.parametrize(
    ("cursor", "token", "worth"),
    [
        (0, None, Cursor.NONE),
        (50, str(TOKEN), Cursor.GOOD),
        (50, None, Cursor.GOOD),
        (100, str(TOKEN), Cursor.GOOD),
        (19, str(TOKEN), Cursor.BEHIND),
        (20, str(TOKEN), Cursor.GOOD),
        (101, str(TOKEN), Cursor.FOREIGN),
        (10**40, None, Cursor.FOREIGN),
        (50, str(UUID(int=8)), Cursor.FOREIGN),
        (50, "", Cursor.FOREIGN),
    ],
)
def test_s11_a_cursor_is_good_between_horizon_and_head_with_its_own_token(
    cursor: int, token: str | None, worth: Cursor
):
    """A revision that was given out twice, before and after a restore, is told apart by its token."""
    assert judge_cursor(cursor, token, head=100, horizon=20, known=TOKEN) is worth


def test_s11_a_revision_that_nobody_remembers_is_of_another_history():
    """Within the horizon all are remembered."""
    assert judge_cursor(50, str(TOKEN), head=100, horizon=20, known=None) is Cursor.FOREIGN


@pytest.mark.parametrize(
    ("cursor", "began_at", "void"), [(50, 60, False), (0, 60, False), (0, 19, True), (19, 60, True)]
)
def test_s9_a_pull_goes_on_only_where_nothing_was_forgotten_meanwhile(cursor: int, began_at: int, void: bool):
    """A page of last month and one of today would miss what was removed in between."""
    assert is_position_void(cursor, began_at, horizon=20, is_known=True) is void


def test_s11_a_pull_that_broke_off_before_a_restore_begins_anew():
    """Its pages may hold rows that the restored database never heard of: nothing would remove them."""
    assert is_position_void(50, 60, horizon=20, is_known=False)


@pytest.mark.parametrize(
    ("found", "noted", "position", "difference"),
    [
        (Place("1", 1, 5), None, 10, None),
        (Place("1", 1, 5), 10, 10, None),
        (Place("2", 1, 5), None, 10, "cluster"),
        (Place("1", 2, 5), None, 10, "timeline"),
        (Place("1", 1, 6), None, 10, "another database"),
        (Place("1", 1, 5), 11, 10, "back in time"),
    ],
)
def test_s11_a_restored_database_is_told_from_the_one_that_was_served(
    found: Place, noted: int | None, position: int, difference: str | None
):
    """Another cluster, a recovery, a copy beside it, or files of last night under the same name."""
    told = find_difference(Place("1", 1, 5), found, noted=noted, position=position)

    assert (told is None) if difference is None else (told is not None and difference in told)
