"""What the year must cost, reckoned from what was had and since when: exact fractions, no code of the product's."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

PRICES = {"team": 1_900, "business": 3_900}
"""Of a seat and month, in cents, as the price list on the wall has it."""


@dataclass(frozen=True, slots=True)
class Had:
    """What was had from a moment on. None of `plan`: nothing any more."""

    since: datetime
    plan: str | None
    seats: int

    @property
    def monthly(self) -> int:
        """What a whole month of it costs."""
        return PRICES[self.plan] * self.seats if self.plan else 0


def months_from(start: datetime, count: int) -> list[datetime]:
    """The start, and the same day and hour of the months that follow, or the last day that a month has."""
    found = []
    for number in range(count + 1):
        year, month = divmod(start.year * 12 + start.month - 1 + number, 12)
        day = min(start.day, monthrange(year, month + 1)[1])
        found.append(start.replace(year=year, month=month + 1, day=day))
    return found


def expected_total(had: Sequence[Had], boundaries: Sequence[datetime]) -> int:
    """All that has to be invoiced: each month by what is had as it begins, each change in it by the rest of it.

    What is had no longer is set off and what is had instead is charged, each rounded to a cent, halves up.
    """
    total = 0
    for begin, end in pairwise(boundaries):
        at_begin = [each for each in had if each.since <= begin][-1]
        total += at_begin.monthly
        for before, after in pairwise(had):
            if begin < after.since < end:
                share = Fraction((end - after.since) // timedelta(seconds=1), (end - begin) // timedelta(seconds=1))
                total += half_up(after.monthly * share) - half_up(before.monthly * share)
    return total


def half_up(amount: Fraction) -> int:
    """To a whole cent."""
    return (amount + Fraction(1, 2)).__floor__()
