"""What a change in the middle of a period costs: exact fractions of it, rounded once, at the line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, Literal

from server.billing.plans import Interval, Plan
from server.billing.transfer.periods import Period

_MICROSECOND: Final = timedelta(microseconds=1)

LineKind = Literal["period", "unused", "remaining", "credit", "carried"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is subscribed to."""

    plan: Plan
    interval: Interval
    currency: str
    seats: int

    @property
    def amount_minor(self) -> int:
        """What a whole period costs, without tax."""
        return self.plan.seat_prices_minor[self.interval, self.currency] * self.seats


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice, without tax; negative: money that the customer has with us."""

    kind: LineKind
    amount_minor: int
    plan: str = ""
    seats: int = 0
    start: datetime | None = None
    end: datetime | None = None


def period_line(terms: Terms, period: Period) -> Line:
    """A whole period."""
    return Line("period", terms.amount_minor, terms.plan.name, terms.seats, period.start, period.end)


def change_lines(
    invoiced: Sequence[tuple[Terms, Period]], after: Terms, at: datetime, fresh: Period
) -> tuple[Line, ...]:  # fmt: skip
    """What is set off and charged when the terms change at a moment.

    Args:
        invoiced: the present terms and period, then those for which an invoice was written ahead. What is over
            counts nothing; what was invoiced by another interval than the new one is set off alone.
        fresh: the first period of the new terms, where the present one is of another interval.
    """
    there = [(terms, period) for terms, period in invoiced if period.end > at]
    lines = [_part("unused", terms, at, period, -1) for terms, period in there]
    if invoiced and invoiced[0][0].interval is not after.interval:
        lines.append(period_line(after, fresh))
    else:
        lines += [_part("remaining", after, at, p, 1) for terms, p in there if terms.interval is after.interval]
    return tuple(line for line in lines if line.amount_minor)


def _part(kind: LineKind, terms: Terms, at: datetime, period: Period, sign: int) -> Line:
    start = max(at, period.start)
    amount = terms.amount_minor * share_left(start, period)
    return Line(kind, sign * round_half_up(amount), terms.plan.name, terms.seats, start, period.end)


def share_left(at: datetime, period: Period) -> Fraction:
    """How much of a period is left at a moment in it."""
    return Fraction((period.end - at) // _MICROSECOND, (period.end - period.start) // _MICROSECOND)


def round_half_up(amount: Fraction) -> int:
    """To whole minor units; halves away from zero."""
    whole = (abs(amount) + Fraction(1, 2)).__floor__()
    return whole if amount >= 0 else -whole


def settle(lines: Sequence[Line]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """The lines of an invoice, and what waits for the next one: an invoice is never below zero."""
    total = sum(line.amount_minor for line in lines)
    if total >= 0:
        return tuple(lines), ()
    return (*lines, Line("carried", -total)), (Line("credit", total),)


def tax_minor(subtotal_minor: int, percent: Fraction) -> int:
    """Tax on top of an amount."""
    return round_half_up(Fraction(subtotal_minor) * percent / 100)
