"""What a tenant was charged in months of changes is seats times price times time, reckoned anew in exact fractions.

The whole way: our API, the real SDK, the simulated Stripe, and what it took from the card.
"""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest

from server.billing.plans import Interval, get_plan
from server.db import TenantRef
from tests.integration.stripe_world import Shop, open_shop
from tests.stripe import StripeSimulator
from tests.stripe.money import step

HOURS_2 = timedelta(hours=2)  # a renewal's invoice is a draft for one
PLANS = ("team", "business")
JANUARY_31 = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
async def shop(tenant: TenantRef) -> AsyncIterator[Shop]:
    """A tenant whose trial ends on the last of January, so that periods have 28, 30 and 31 days."""
    with StripeSimulator.running(clock=JANUARY_31 - timedelta(days=15)) as stripe:
        async with open_shop(tenant, stripe) as found:
            await found.pass_time(timedelta(days=15))
            yield found


def boundaries(start: datetime, months: int, *, every: int = 1) -> list[datetime]:
    """Where months begin, each or every so many: the day of the first, or the last that there is."""
    found = []
    for number in range(0, months + 1, every):
        day = start.replace(day=1)
        for _ in range(number):
            day = (day + timedelta(days=32)).replace(day=1)
        following = (day + timedelta(days=32)).replace(day=1)
        found.append(min(day + timedelta(days=start.day - 1), following - timedelta(days=1)))
    return found


def worth(ends: list[datetime], rates: list[tuple[datetime, int]]) -> Fraction:
    """What was used over whole periods, by what was had since when, each period's price shared out to the second."""
    total = Fraction(0)
    for begin, end in pairwise(ends):
        for index, (since, amount) in enumerate(rates):
            until = rates[index + 1][0] if index + 1 < len(rates) else end
            used = min(until, end) - max(since, begin)
            total += Fraction(amount * max(int(used.total_seconds()), 0), int((end - begin).total_seconds()))
    return total


def wish(draw: random.Random, plan: str, seats: int) -> dict[str, object]:
    """Something more, or something less, but not both: that is two wishes."""
    return draw.choice([{"seats": seats + draw.randint(1, 6)}, {"seats": max(1, seats - draw.randint(1, 4))},
                        {"plan": draw.choice(PLANS)}])  # fmt: skip


@pytest.mark.parametrize(("currency", "seed"), [("EUR", 1), ("JPY", 2), ("KWD", 3), ("KZT", 4)])
async def test_four_months_of_changes_cost_what_was_had_to_the_second(shop: Shop, currency: str, seed: int):
    """More is paid from when it is had, less costs less from the next period on, and nothing is paid twice."""
    draw = random.Random(seed)
    page = await shop.subscribe("team", seats=5, currency=currency)
    start, ends = shop.now, boundaries(shop.now, 5)
    rates: list[tuple[datetime, int]] = []

    def note(page: dict, at: datetime) -> None:
        plan = get_plan(page["plan"])
        rates.append((at, plan.seat_prices_minor[Interval.MONTH, currency] * page["seats_bought"]))

    note(page, start)
    for end in ends[1:5]:
        for _ in range(2):
            rest = end - shop.now
            await shop.pass_time(timedelta(seconds=draw.randint(61, max(61, int(rest.total_seconds()) // 2))))
            asked = wish(draw, page["plan"], page["seats_bought"])
            page = await shop.do("POST", "/billing/changes", asked)
            note(page, shop.now)
        await shop.pass_time(end + HOURS_2 - shop.now)
        page = await shop.do("POST", "/billing/refreshes")
        note(page, end)

    exact = worth(ends, rates)
    lines = sum(len(each) for each in shop.stripe.world.invoice_lines.values())
    assert shop.stripe.world.get("customer", await shop.customer_id())["balance"] == 0
    assert abs(shop.charged() - exact) <= Fraction(step(currency), 2) * lines
    assert len({amount for _, amount in rates}) > 4
    assert sum(row["total_minor"] for row in await shop.invoices()) == shop.charged()


def rate(page: dict, currency: str) -> int:
    """What a whole period of what is had costs."""
    interval = Interval(page["subscription"]["interval"])
    return get_plan(page["plan"]).seat_prices_minor[interval, currency] * page["seats_bought"]


async def test_a_dozen_seats_bought_one_by_one_within_a_minute_cost_what_a_dozen_cost(shop: Shop):
    """Stripe makes few invoices a minute: what waits for the next one is reckoned to the same second."""
    await shop.subscribe("team", seats=3)
    ends = boundaries(shop.now, 2)
    rates = [(shop.now, 3 * 1_900)]
    await shop.pass_time(timedelta(days=9, hours=5))

    for seats in range(4, 16):
        await shop.pass_time(timedelta(seconds=3))
        page = await shop.do("PUT", "/billing/seats", {"seats": seats})
        rates.append((shop.now, rate(page, "EUR")))
    at_once = [i for i in shop.stripe.world.select("invoice") if i["billing_reason"] == "subscription_update"]
    await shop.pass_time(ends[1] + HOURS_2 - shop.now)

    assert page["seats_bought"] == 15
    assert len(at_once) < 10
    lines = sum(len(each) for each in shop.stripe.world.invoice_lines.values())
    assert abs(shop.charged() - worth(ends, rates)) <= Fraction(lines, 2)


async def test_from_months_to_a_year_on_a_leap_day_and_more_seats_in_it(tenant: TenantRef):
    """What is left of the month is set off; the year ends on 28 February, and renews for all seats."""
    leap_day = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
    with StripeSimulator.running(clock=leap_day - timedelta(days=35)) as stripe:
        async with open_shop(tenant, stripe) as shop:
            await shop.pass_time(timedelta(days=20))
            await shop.subscribe("business", seats=2, currency="KZT")
            month, monthly = boundaries(shop.now, 1), [(shop.now, 2 * 1_990_000)]
            await shop.pass_time(leap_day - shop.now)

            page = await shop.do("POST", "/billing/changes", {"interval": "year"})
            yearly = [(shop.now, rate(page, "KZT"))]
            for days, seats in ((1, 3), (200, 9)):
                await shop.pass_time(timedelta(days=days))
                page = await shop.do("PUT", "/billing/seats", {"seats": seats})
                yearly.append((shop.now, rate(page, "KZT")))
            years = boundaries(leap_day, 24, every=12)
            await shop.pass_time(years[1] + HOURS_2 - shop.now)

            used = worth([month[0], month[1]], [*monthly, (leap_day, 0)])
            lines = sum(len(each) for each in stripe.world.invoice_lines.values())
            assert [f"{each:%Y-%m-%d}" for each in years] == ["2028-02-29", "2029-02-28", "2030-02-28"]
            assert abs(shop.charged() - used - worth(years, yearly)) <= Fraction(lines, 2)
            assert (await shop.do("POST", "/billing/refreshes"))["seats_bought"] == 9
