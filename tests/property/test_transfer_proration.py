"""Money of transfers is right: against a calculation of another kind, over months, leap days and time zones."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.billing.plans import PLANS, Interval
from server.billing.transfer.periods import Period, boundary, period_of
from server.billing.transfer.proration import Line, Terms, change_lines, settle, tax_minor

PAID = [plan for plan in PLANS if plan.seat_prices_minor]
ZONES = ("UTC", "Asia/Almaty", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu")
MOMENTS = st.integers(0, 5 * 365 * 86_400).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
INTERVALS = st.sampled_from(list(Interval))


@st.composite
def terms(draw: st.DrawFn, currency: str, interval: Interval) -> Terms:
    return Terms(draw(st.sampled_from(PAID)), interval, currency, draw(st.integers(1, 400)))


def expected(amount: int, left: timedelta, whole: timedelta) -> int:
    """The same in decimals, of more digits than can matter."""
    with localcontext(prec=60):
        micros = [Decimal(each // timedelta(microseconds=1)) for each in (left, whole)]
        exact = Decimal(amount) * micros[0] / micros[1]
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(data=st.data(), anchor=MOMENTS, interval=INTERVALS, zone=st.sampled_from(ZONES), number=st.integers(0, 60),
       currency=st.sampled_from(["EUR", "USD", "KZT", "JPY", "KWD"]), part=st.fractions(0, 1))  # fmt: skip
def test_a_change_in_the_middle_costs_the_exact_shares(data, anchor, interval, zone, number, currency, part):
    """Whatever the currency's minor unit, and however long the month."""
    before, after = data.draw(terms(currency, interval)), data.draw(terms(currency, interval))
    period = period_of(anchor, interval, zone, number)
    at = period.start + (period.end - period.start) * float(part)

    lines = change_lines([(before, period)], after, at, period)

    left, whole = period.end - at, period.end - period.start
    wanted = [-expected(before.amount_minor, left, whole), expected(after.amount_minor, left, whole)]
    assert [line.amount_minor for line in lines] == [amount for amount in wanted if amount]


@given(data=st.data(), anchor=MOMENTS, interval=INTERVALS, zone=st.sampled_from(ZONES))
def test_no_change_costs_nothing_and_a_change_and_back_comes_to_nothing(data, anchor, interval, zone):
    """A customer who tries something is not charged for having tried."""
    before, after = data.draw(terms("EUR", interval)), data.draw(terms("EUR", interval))
    period = period_of(anchor, interval, zone, 0)
    at = period.start + (period.end - period.start) / 3

    there, back = [change_lines([(a, period)], b, at, period) for a, b in ((before, after), (after, before))]

    assert sum(line.amount_minor for line in change_lines([(before, period)], before, at, period)) == 0
    assert sum(line.amount_minor for line in (*there, *back)) == 0


@given(anchor=MOMENTS, interval=INTERVALS, zone=st.sampled_from(ZONES), number=st.integers(0, 60))
def test_periods_follow_each_other_and_keep_the_day_and_the_hour(anchor, interval, zone, number):
    """No gap, no overlap; the 31st comes back after a short month, and so does 29 February."""
    first, second = period_of(anchor, interval, zone, number), period_of(anchor, interval, zone, number + 1)
    local = [moment.astimezone(ZoneInfo(zone)) for moment in (anchor, first.end)]

    assert first.start < first.end == second.start < second.end
    assert local[1].day == min(local[0].day, monthrange(local[1].year, local[1].month)[1])
    wall = datetime.combine(local[1].date(), local[0].time(), ZoneInfo(zone))
    is_left_out = wall.astimezone(UTC).astimezone(ZoneInfo(zone)).time() != wall.time()  # by a change of clocks
    assert is_left_out or local[1].time() == local[0].time()


@pytest.mark.parametrize(
    ("anchor", "interval", "ends"),
    [
        ("2026-01-31", Interval.MONTH, ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-31", Interval.MONTH, ["2028-02-29", "2028-03-31"]),
        ("2028-02-29", Interval.YEAR, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
    ],
)
def test_short_months_and_leap_days(anchor: str, interval: Interval, ends: list[str]):
    """As a calendar on the wall has it."""
    start = datetime.fromisoformat(anchor).replace(hour=9, tzinfo=ZoneInfo("Asia/Almaty")).astimezone(UTC)

    found = [boundary(start, interval, "Asia/Almaty", n + 1) for n in range(len(ends))]
    found = [moment.astimezone(ZoneInfo("Asia/Almaty")) for moment in found]

    assert [moment.date().isoformat() for moment in found] == ends
    assert {moment.hour for moment in found} == {9}


def test_a_change_of_the_interval_begins_a_new_period_and_sets_off_the_old_one():
    """From months to a year: what is left of the month is not paid twice."""
    team = next(plan for plan in PLANS if plan.key == "team")
    month = Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
    at = datetime(2026, 4, 16, tzinfo=UTC)
    year = period_of(at, Interval.YEAR, "UTC", 0)
    monthly, yearly = Terms(team, Interval.MONTH, "EUR", 2), Terms(team, Interval.YEAR, "EUR", 2)

    lines = change_lines([(monthly, month)], yearly, at, year)

    assert [(line.kind, line.amount_minor) for line in lines] == [("unused", -1_900), ("period", 38_000)]
    assert (lines[1].start, lines[1].end) == (at, datetime(2027, 4, 16, tzinfo=UTC))


def test_a_period_that_was_invoiced_ahead_is_changed_as_a_whole():
    """The next one counts in full, the present one by what is left of it."""
    team = next(plan for plan in PLANS if plan.key == "team")
    now, ahead = [period_of(datetime(2026, 4, 1, tzinfo=UTC), Interval.MONTH, "UTC", n) for n in (0, 1)]
    two, three = Terms(team, Interval.MONTH, "EUR", 2), Terms(team, Interval.MONTH, "EUR", 3)

    lines = change_lines([(two, now), (two, ahead)], three, datetime(2026, 4, 16, tzinfo=UTC), ahead)

    assert sum(line.amount_minor for line in lines) == 950 + 1_900


@given(amounts=st.lists(st.integers(-10_000, 10_000), max_size=8))
def test_an_invoice_is_never_below_zero_and_no_credit_is_lost(amounts: list[int]):
    """What is left over waits for the next one."""
    lines = [Line("credit", amount) for amount in amounts]

    invoiced, waiting = settle(lines)

    assert sum(line.amount_minor for line in invoiced) == max(0, sum(amounts))
    assert sum(line.amount_minor for line in invoiced) + sum(line.amount_minor for line in waiting) == max(
        sum(amounts), 0
    ) + min(sum(amounts), 0)


@given(subtotal=st.integers(0, 10**12), percent=st.fractions(0, 99, max_denominator=100))
def test_tax_is_rounded_once(subtotal: int, percent):
    """To the nearest minor unit; halves up."""
    exact = subtotal * percent / 100

    assert abs(tax_minor(subtotal, percent) - exact) * 2 <= 1


def test_a_year_that_was_paid_ahead_is_given_back_where_months_go_on():
    """Who had planned a year, paid it, and adds a seat by the month, pays the seat and has the year with us."""
    team = next(plan for plan in PLANS if plan.key == "team")
    april = period_of(datetime(2026, 4, 1, tzinfo=UTC), Interval.MONTH, "UTC", 0)
    year = period_of(april.end, Interval.YEAR, "UTC", 0)
    monthly, yearly = Terms(team, Interval.MONTH, "EUR", 2), Terms(team, Interval.YEAR, "EUR", 2)

    lines = change_lines(
        [(monthly, april), (yearly, year)], Terms(team, Interval.MONTH, "EUR", 3), april.start, april
    )  # fmt: skip

    assert [line.amount_minor for line in lines] == [-3_800, -38_000, 5_700]
