"""What subscriptions cost, against a calculation of its own: seats times price times the share of the time, exactly.

The simulated Stripe reckons line by line and rounds each; here everything is a fraction, and a line may differ from it
by half of what the currency can be charged in, no more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.billing.plans import PLANS, Interval
from tests.stripe.catalogue import create_price, create_product
from tests.stripe.customers import create_customer
from tests.stripe.lifecycle import happen
from tests.stripe.money import THREE_DECIMAL, share, step
from tests.stripe.periods import after, period_at
from tests.stripe.previews import create_preview
from tests.stripe.simulator import StripeSimulator
from tests.stripe.subscriptions import create_subscription, update_subscription
from tests.stripe.world import Object, World

PAID = [plan for plan in PLANS if plan.seat_prices_minor]
CURRENCIES = sorted({currency for plan in PAID for _, currency in plan.seat_prices_minor})

moments = st.integers(1_767_225_600, 1_988_150_400).map(lambda at: datetime.fromtimestamp(at, UTC))  # 2026 to 2032
ends_of_months = st.sampled_from(
    [
        datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 12, tzinfo=UTC),
        datetime(2027, 12, 31, tzinfo=UTC),
    ]
)
starts = st.one_of(moments, ends_of_months)


@dataclass(frozen=True)
class Step:
    """A change, so many seconds after what was before."""

    gap_s: int
    tier: int
    seats: int
    behaviour: str


def steps(*behaviours: str) -> st.SearchStrategy[list[Step]]:
    """Changes of tier and seats, over months; more than a minute apart, as Stripe's limits demand."""
    gaps, tiers, seats = st.integers(61, 40 * 86_400), st.integers(0, len(PAID) - 1), st.integers(1, 300)
    return st.lists(st.builds(Step, gaps, tiers, seats, st.sampled_from(behaviours)), max_size=6)


class Account:
    """A customer with a card in a world of its own, without HTTP between."""

    def __init__(self, world: World, currency: str) -> None:
        self.world, self.currency = world, currency
        self.prices = {
            (interval, tier): create_price(
                world,
                {"product": create_product(world, {"name": plan.name})["id"], "currency": currency.lower(),
                 "unit_amount": plan.seat_prices_minor[interval, currency], "recurring": {"interval": interval.value}},
            )
            for tier, plan in enumerate(PAID)
            for interval in Interval
        }  # fmt: skip
        self.customer = create_customer(world, {"email": "a@example.com", "payment_method": "pm_card_visa"})
        card = world.kinds["payment_method"][0]["id"]
        self.customer["invoice_settings"]["default_payment_method"] = card

    def subscribe(self, interval: Interval, tier: int, seats: int) -> Object:
        item = {"price": self.prices[interval, tier]["id"], "quantity": seats}
        return create_subscription(self.world, {"customer": self.customer["id"], "items": [item]})

    def change(self, subscription: Object, interval: Interval, each: Step) -> None:
        update_subscription(self.world, self.asked(subscription, interval, each), subscription["id"])

    def asked(self, subscription: Object, interval: Interval, each: Step) -> dict[str, Any]:
        item = subscription["items"]["data"][0]["id"]
        items = [{"id": item, "price": self.prices[interval, each.tier]["id"], "quantity": each.seats}]
        return {"items": items, "proration_behavior": each.behaviour}

    def pass_time(self, to: int) -> None:
        self.world.pass_time(to, happen)
        self.world.frozen = to

    def lines(self) -> list[Object]:
        """All that was ever charged or credited, also what waits for an invoice."""
        waiting = [each for each in self.world.kinds["invoiceitem"] if each["invoice"] is None]
        billed = [line for lines in self.world.invoice_lines.values() for line in lines]
        return billed + [self.world.held_lines[each["id"]] for each in waiting]


@contextmanager
def account_at(start: datetime, currency: str) -> Iterator[Account]:
    simulator = StripeSimulator(clock=start, token="money")
    yield Account(simulator.world, currency)
    simulator._server.discard()
    assert simulator.violations == []


def boundary(start: datetime, interval: Interval, number: int) -> datetime:
    """Where period `number` begins, reckoned by days: from the first of the month, as many as there are."""
    year, month = start.year, start.month
    for _ in range(number * (12 if interval is Interval.YEAR else 1)):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    first = start.replace(year=year, month=month, day=1)
    following = first.replace(month=month % 12 + 1, year=year + month // 12)
    return first + timedelta(days=min(start.day, (following - first).days) - 1)


def worth(start: datetime, interval: Interval, rates: list[tuple[int, int]], until: int) -> Fraction:
    """What was used from `start` to `until`, by (from second, amount for a whole period), piece by piece."""
    total, number = Fraction(0), 0
    while (begin := int(boundary(start, interval, number).timestamp())) < until:
        end = int(boundary(start, interval, number + 1).timestamp())
        for index, (since, amount) in enumerate(rates):
            to = rates[index + 1][0] if index + 1 < len(rates) else until
            overlap = min(to, end, until) - max(since, begin)
            total += Fraction(amount * max(overlap, 0), end - begin)
        number += 1
    return total


def next_boundary(start: datetime, interval: Interval, moment: int) -> int:
    number = 0
    while (end := int(boundary(start, interval, number).timestamp())) <= moment:
        number += 1
    return end


@settings(max_examples=60)
@given(
    start=starts, currency=st.sampled_from(CURRENCIES), interval=st.sampled_from(Interval), tier=st.integers(0, 2),
    seats=st.integers(1, 300), history=steps("create_prorations", "always_invoice"),
)  # fmt: skip
def test_whoever_changes_seats_and_tiers_pays_for_what_was_used_to_the_second(
    start: datetime, currency: str, interval: Interval, tier: int, seats: int, history: list[Step]
):
    """However often, on whatever day: nobody is charged twice, nothing is given away."""
    with account_at(start, currency) as account:
        subscription = account.subscribe(interval, tier, seats)
        moment = int(start.timestamp())
        rates = [(moment, PAID[tier].seat_prices_minor[interval, currency] * seats)]
        for each in history:
            moment += each.gap_s
            account.pass_time(moment)
            account.change(subscription, interval, each)
            rates.append((moment, PAID[each.tier].seat_prices_minor[interval, currency] * each.seats))

        end = next_boundary(start, interval, moment)
        lines = account.lines()

        assert subscription["items"]["data"][0]["current_period_end"] == end
        exact = worth(start, interval, rates, end)
        assert abs(sum(line["amount"] for line in lines) - exact) <= Fraction(step(currency), 2) * len(lines)
        assert all(line["amount"] % step(currency) == 0 for line in lines)


@settings(max_examples=40)
@given(
    start=starts, currency=st.sampled_from(CURRENCIES), seats=st.integers(1, 300),
    history=steps("create_prorations", "always_invoice", "none"),
)  # fmt: skip
def test_nobody_is_credited_what_was_never_charged(
    start: datetime, currency: str, seats: int, history: list[Step]
):  # fmt: skip
    """Also where seats were given without a charge."""
    with account_at(start, currency) as account:
        subscription = account.subscribe(Interval.MONTH, 0, seats)
        moment = int(start.timestamp())
        for each in history:
            moment += each.gap_s
            account.pass_time(moment)
            account.change(subscription, Interval.MONTH, each)

            lines = account.lines()
            charged = sum(line["amount"] for line in lines if line["amount"] > 0)
            credited = -sum(line["amount"] for line in lines if line["amount"] < 0)
            assert credited <= charged


@settings(max_examples=40)
@given(
    start=starts, currency=st.sampled_from(CURRENCIES), seats=st.integers(1, 300), first=steps("always_invoice"),
    change=steps("create_prorations", "always_invoice").filter(bool), to=st.sampled_from(list(Interval)),
)  # fmt: skip
def test_a_preview_is_what_the_change_then_costs(
    start: datetime, currency: str, seats: int, first: list[Step], change: list[Step], to: Interval
):
    """To the last unit, whatever happened before, also to another interval."""
    with account_at(start, currency) as account:
        subscription = account.subscribe(Interval.MONTH, 0, seats)
        moment = int(start.timestamp())
        for each in first:
            moment += each.gap_s
            account.pass_time(moment)
            account.change(subscription, Interval.MONTH, each)
        account.pass_time(moment + change[0].gap_s)
        asked = account.asked(subscription, to, Step(0, change[0].tier, change[0].seats, "always_invoice"))

        preview = create_preview(account.world, {"subscription": subscription["id"], "subscription_details": asked})
        before = len(account.world.kinds["invoice"])
        update_subscription(account.world, asked, subscription["id"])

        made = account.world.kinds["invoice"][before:]
        assert [line["amount"] for each in made for line in each["lines"]["data"]] == [
            line["amount"] for line in preview["lines"]["data"]
        ]
        assert [each["amount_due"] for each in made] in ([preview["amount_due"]], [])


@settings(max_examples=40)
@given(
    start=starts, currency=st.sampled_from(CURRENCIES), seats=st.integers(1, 300), used_s=st.integers(0, 27 * 86_400)
)
def test_from_monthly_to_yearly_the_rest_of_the_month_is_set_off(
    start: datetime, currency: str, seats: int, used_s: int
):  # fmt: skip
    """A year from now, less what is left of what was paid."""
    with account_at(start, currency) as account:
        subscription = account.subscribe(Interval.MONTH, 0, seats)
        moment = int(start.timestamp()) + used_s
        account.pass_time(moment)
        month, year = (PAID[0].seat_prices_minor[interval, currency] * seats for interval in Interval)

        account.change(subscription, Interval.YEAR, Step(0, 0, seats, "always_invoice"))

        exact = worth(start, Interval.MONTH, [(int(start.timestamp()), month)], moment) + year
        assert abs(sum(line["amount"] for line in account.lines()) - exact) <= Fraction(step(currency), 2)
        now = datetime.fromtimestamp(moment, UTC)
        assert subscription["items"]["data"][0]["current_period_end"] == int(
            boundary(now, Interval.YEAR, 1).timestamp()
        )


@given(
    amount=st.integers(-(10**12), 10**12), part=st.integers(0, 366 * 86_400), whole=st.integers(1, 366 * 86_400),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "KZT", "BHD", "UGX"]),
)  # fmt: skip
def test_a_share_is_rounded_once_halves_away_from_zero(amount: int, part: int, whole: int, currency: str):
    """To whole yen, to cents, and to ten thousandths of a dinar, whose last digit must be 0."""
    assume(part <= whole)
    unit = step(currency)

    found = share(amount, part, whole, currency)

    exact = Fraction(amount * part, whole)
    assert found % unit == 0
    assert abs(found - exact) <= Fraction(unit, 2)
    if abs(found - exact) == Fraction(unit, 2):
        assert abs(found) > abs(exact)
    assert found == -share(-amount, part, whole, currency)


@given(start=starts, interval=st.sampled_from(list(Interval)), number=st.integers(0, 60), into=st.fractions(0, 1))
def test_periods_follow_each_other_without_gap_and_come_back_to_their_day(
    start: datetime, interval: Interval, number: int, into: Fraction
):
    """Reckoned from the anchor each time: the 31st is not lost in February, nor 29 February in other years."""
    anchor = int(start.timestamp())
    begin, end = (int(boundary(start, interval, each).timestamp()) for each in (number, number + 1))

    assert after(anchor, interval.value, 1, number) == begin
    assert period_at(anchor, interval.value, 1, begin + int(into * (end - 1 - begin))) == (begin, end)


def test_every_price_of_the_catalogue_can_be_charged():
    """In three-decimal currencies amounts end in 0, also for any number of seats."""
    for plan in PAID:
        for (_, currency), amount in plan.seat_prices_minor.items():
            assert amount % step(currency) == 0
            assert (currency.lower() in THREE_DECIMAL) == (step(currency) == 10)
