"""Reports of usage: laws over all days."""

from datetime import UTC, date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from server.billing.metering import METRICS, summarise
from server.tenants.entitlements import UNMETERED

days = st.dates(date(2024, 1, 1), date(2026, 12, 31))
rows = st.dictionaries(st.tuples(st.sampled_from(METRICS), days), st.integers(0, 10**12), max_size=40)


@given(rows=rows, paid_on=days, today=days)
def test_months_add_up_to_years(rows: dict[tuple[str, date], int], paid_on: date, today: date):
    """Orders by sum, all else by the highest; since the payment never more than in all."""
    paid_at = datetime.combine(paid_on, time(), UTC)
    report = summarise([(metric, day, value) for (metric, day), value in rows.items()], paid_at, today, UNMETERED)

    for metric in report.metrics:
        own = {day: value for (name, day), value in rows.items() if name == metric.name}
        gather = sum if metric.name == "orders" else max
        assert gather([*metric.months.values(), 0]) == gather([*metric.years.values(), 0]) == gather([*own.values(), 0])
        assert metric.since_payment == gather([0, *(value for day, value in own.items() if day >= paid_on)])
        assert metric.today == own.get(today, 0)
        assert list(metric.months) == sorted(metric.months, reverse=True)
