"""Instants as PostgreSQL sends them: eight bytes, microseconds since 2000."""

from datetime import UTC, datetime

import pytest

from server.clock import to_micros
from server.sync.rows import instants_of

_YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)


def _sent(moment: datetime | None) -> bytes | None:
    return None if moment is None else (to_micros(moment) - to_micros(_YEAR_2000)).to_bytes(8, signed=True)


@pytest.mark.parametrize(
    "column",
    [
        [],
        [datetime(2026, 11, 26, 10, 21, 18, 543_507, UTC)],
        [datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC), _YEAR_2000, datetime(1, 1, 1, tzinfo=UTC)],
        [None, datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), None, _YEAR_2000],
        [None, None],
    ],
)
def test_instants_are_told_in_microseconds_since_1970(column: list[datetime | None]):
    """A phone shows what the office typed, to the microsecond, and nothing where there is nothing."""
    told = instants_of([_sent(moment) for moment in column])

    assert told == [None if moment is None else to_micros(moment) for moment in column]
