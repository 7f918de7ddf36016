"""Billing periods by their anchor: 31 January, 28 February, 31 March; 29 February, 28 February, 29 February.

A period's end is the anchor plus n intervals, each reckoned from the anchor, never from the period before, so a
short month does not move the day. All in UTC. https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta


def after(anchor: int, interval: str, count: int, n: int) -> int:
    """The second at which period n (from 0) begins."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in ("day", "week"):
        return int((start + timedelta(days=n * count * (7 if interval == "week" else 1))).timestamp())
    months = start.year * 12 + start.month - 1 + n * count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def period_at(anchor: int, interval: str, count: int, moment: int) -> tuple[int, int]:
    """The period (first second, first second after) in which a moment lies."""
    days = {"day": 1, "week": 7, "month": 30.5, "year": 365.25}[interval] * count
    n = int((moment - anchor) // (days * 86_400)) - 1
    while after(anchor, interval, count, n + 1) <= moment:
        n += 1
    while after(anchor, interval, count, n) > moment:
        n -= 1
    return after(anchor, interval, count, n), after(anchor, interval, count, n + 1)
