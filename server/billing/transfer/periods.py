"""Months and years of a subscription, in the customer's time zone. Pure."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from server.billing.plans import Interval

MONTHS: Final = {Interval.MONTH: 1, Interval.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment on, until just before another."""

    start: datetime
    end: datetime


def boundary(anchor: datetime, interval: Interval, timezone: str, number: int) -> datetime:
    """Where the period of that number, counted from 0, begins.

    Counted from the anchor each time: what began on the 31st comes back to it after a short month, and what began on
    29 February does every fourth year. The hour stays that of the customer's clock, summer and winter.
    """
    local = anchor.astimezone(ZoneInfo(timezone))
    months = local.month - 1 + number * MONTHS[interval]
    year, month = local.year + months // 12, months % 12 + 1
    return local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1])).astimezone(UTC)


def period_of(anchor: datetime, interval: Interval, timezone: str, number: int) -> Period:
    """The period of that number, counted from 0."""
    return Period(*(boundary(anchor, interval, timezone, each) for each in (number, number + 1)))
