"""What becomes of a submitted order: prices, discounts and stock, case by case and by law."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.crm.order.rules import (
    Credit,
    Judgement,
    Market,
    WireRow,
    judge_order,
    release,
    waits_for_credit,
)

TEA, OIL = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"


ANY = Decimal(0)
"""The least quantity of a price that has none."""


def steps(prices: dict[tuple[str, str], Decimal]) -> dict[tuple[str, str], dict[Decimal, Decimal]]:
    """One price for every quantity."""
    return {key: {ANY: price} for key, price in prices.items()}


def market(**changes) -> Market:
    usual = Market(
        stock={TEA: Decimal(100), OIL: Decimal(39)},
        prices_now=steps({(TEA, "pc"): Decimal(10), (TEA, "box"): Decimal(55), (OIL, "pc"): Decimal("2.50")}),
        prices_at_capture={},
        within_window=True,
        discount_max=Decimal("0.10"),
        currency="EUR",
        base_units={TEA: "pc", OIL: "pc"},
        factors={(TEA, "pc"): Decimal(1), (TEA, "box"): Decimal(6), (OIL, "pc"): Decimal(1)},
    )
    return replace(usual, **changes)


def line(number: int, product: str, quantity: str, price: str, unit: str = "pc", discount: str = "0") -> WireRow:
    return {
        "id": f"line-{number}",
        "position": number,
        "product_id": product,
        "unit": unit,
        "quantity": quantity,
        "list_price": price,
        "discount": discount,
        "factor": "1",
        "quantity_accepted": None,
    }


def judge(*lines: WireRow, fulfilment: str = "partial", total_minor: object = 10**12, **changes) -> Judgement:
    return judge_order({"fulfilment": fulfilment}, lines, {"total_minor": total_minor}, market(**changes))


def test_an_order_at_todays_prices_and_in_stock_is_accepted_whole():
    """The ordinary day: nothing to explain, everything reserved."""
    outcome = judge(line(1, TEA, "2", "55", unit="box"), line(2, OIL, "3", "2.5"), total_minor=11750)

    assert (outcome.status, outcome.status_reason, outcome.total_minor) == ("accepted", None, 11750)
    assert outcome.reserved == {TEA: Decimal(12), OIL: Decimal(3)}
    assert [(v.verdict, v.quantity_accepted, v.factor) for v in outcome.lines] == [
        ("accepted", 2, 6),
        ("accepted", 3, 1),
    ]


@pytest.mark.parametrize(
    ("listed", "quantity", "price"),
    [
        ({(TEA, "pc"): {ANY: Decimal(10)}}, "2", "60"),
        ({(TEA, "pc"): {ANY: Decimal(10), Decimal(12): Decimal(9)}}, "2", "54"),
        ({(TEA, "pc"): {ANY: Decimal(10)}, (TEA, "box"): {Decimal(5): Decimal(50)}}, "2", "60"),
        ({(TEA, "pc"): {ANY: Decimal(10)}, (TEA, "box"): {Decimal(5): Decimal(50)}}, "5", "50"),
        ({(TEA, "box"): {Decimal(5): Decimal(50)}}, "2", "50"),
        ({(TEA, "pc"): {ANY: Decimal("0.123456789")}}, "1", "0.740740734"),
    ],
)
def test_a_unit_without_a_price_of_its_own_costs_what_is_in_it(listed, quantity, price):
    """As the device offers it: what a rep agreed on with a customer is not held up for an unknown price."""
    outcome = judge(line(1, TEA, quantity, price, unit="box"), prices_now=listed)

    assert (outcome.lines[0].verdict, outcome.lines[0].list_price) == ("accepted", Decimal(price))


def test_what_is_short_is_accepted_in_part_and_says_so_in_numbers():
    """The rep can read the sentence out to the customer."""
    outcome = judge(line(1, OIL, "120", "2.5"), total_minor=30000)

    assert outcome.status == "partly_accepted"
    assert outcome.lines[0].verdict == "short_stock"
    assert outcome.lines[0].explanation == "Ordered 120, more than is in stock: 39 accepted"
    assert (outcome.total_minor, outcome.reserved) == (9750, {OIL: Decimal(39)})


def test_a_short_line_is_accepted_in_whole_units_as_entered():
    """Nobody packs two thirds of a box."""
    outcome = judge(line(1, TEA, "20", "55", unit="box"))

    assert outcome.lines[0].quantity_accepted == 16
    assert outcome.reserved == {TEA: Decimal(96)}


def test_complete_or_nothing_reserves_nothing_when_a_line_is_short():
    """A customer who wants all at once gets asked, not half a delivery."""
    outcome = judge(line(1, TEA, "1", "10"), line(2, OIL, "40", "2.5"), fulfilment="complete")

    assert (outcome.status, outcome.reserved) == ("needs_attention", {})
    assert [v.quantity_accepted for v in outcome.lines] == [0, 0]
    assert "complete or not at all" in (outcome.status_reason or "")
    assert outcome.lines[1].explanation == "Ordered 40, more than is in stock: nothing accepted yet"


def test_backorder_accepts_what_is_there_and_keeps_the_rest_ordered():
    """The total stays what the customer agreed to pay in the end."""
    outcome = judge(line(1, OIL, "40", "2.5"), fulfilment="backorder", total_minor=10000)

    assert (outcome.status, outcome.total_minor, outcome.reserved) == ("partly_accepted", 10000, {OIL: 39})
    assert outcome.lines[0].verdict == "backordered"
    assert outcome.lines[0].explanation.endswith("39 accepted, 1 back-ordered")


def test_nothing_in_stock_at_all_needs_attention():
    """An empty acceptance would look like a success."""
    outcome = judge(line(1, TEA, "1", "10"), line(2, OIL, "1", "2.5"), stock={})

    assert (outcome.status, outcome.reserved) == ("needs_attention", {})


def test_two_lines_of_one_product_share_its_stock_in_their_order():
    """The same piece is never promised twice."""
    outcome = judge(line(2, OIL, "30", "2.5"), line(1, OIL, "30", "2.5"))

    assert [(v.line_id, v.quantity_accepted) for v in outcome.lines] == [("line-1", 30), ("line-2", 9)]


def test_the_price_of_capture_is_honoured_within_the_window():
    """The customer was told a price; the new list came later."""
    outcome = judge(
        line(1, TEA, "1", "8"),
        total_minor=800,
        prices_at_capture=steps({(TEA, "pc"): Decimal(8)}),
        within_window=True,
    )

    assert (outcome.status, outcome.total_minor) == ("accepted", 800)
    assert outcome.lines[0].verdict == "price_honoured"


def test_a_higher_price_outside_the_window_waits_for_a_yes():
    """Nobody pays more than they were told without being asked; submitting again is the yes."""
    captured = steps({(TEA, "pc"): Decimal(8)})
    outcome = judge(line(1, TEA, "1", "8"), total_minor=800, prices_at_capture=captured, within_window=False)

    assert (outcome.status, outcome.total_minor, outcome.reserved) == ("needs_attention", 1000, {})
    assert (outcome.lines[0].verdict, outcome.lines[0].list_price) == ("price_changed", 10)
    assert "10.00 EUR, not 8.00 EUR" in (outcome.status_reason or "")
    again = judge(line(1, TEA, "1", "10"), total_minor=1000, within_window=False)
    assert again.status == "accepted"


@pytest.mark.parametrize(
    ("quantity", "price", "verdict"),
    [("10", "9", "accepted"), ("12", "9", "accepted"), ("9", "9", "price_changed"), ("12", "10", "price_changed")],
)
def test_a_price_counts_from_its_least_quantity_on(quantity: str, price: str, verdict: str):
    """Ten for less: what the phone shows for ten is what ten cost."""
    listed = {(TEA, "pc"): {ANY: Decimal(10), Decimal(10): Decimal(9)}}

    outcome = judge(line(1, TEA, quantity, price), prices_now=listed)

    assert outcome.lines[0].verdict == verdict
    assert outcome.lines[0].list_price == (Decimal(9) if Decimal(quantity) >= 10 else Decimal(10))


def test_of_fewer_than_any_price_asks_for_the_smallest_counts():
    """A list without a price for one: the order is not lost for that."""
    outcome = judge(
        line(1, TEA, "1", "9"), prices_now={(TEA, "pc"): {Decimal(50): Decimal(8), Decimal(10): Decimal(9)}}
    )

    assert outcome.lines[0].verdict == "accepted"


def test_a_lower_price_is_simply_charged():
    """Good news needs no confirmation."""
    outcome = judge(line(1, TEA, "1", "12"), total_minor=1200)

    assert (outcome.status, outcome.total_minor) == ("accepted", 1000)
    assert outcome.lines[0].verdict == "price_changed"


@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        (line(2, OIL, "1", "2.5", discount="0.11"), "discount_over_authority"),
        (line(2, OIL, "1", "2.5", discount="-0.01"), "discount_over_authority"),
        (line(2, OIL, "1", "2.5", unit="barrel"), "unit_unknown"),
        (line(2, "gone", "1", "2.5"), "product_unknown"),
        (line(2, OIL, "0", "2.5"), "quantity_invalid"),
        (line(2, OIL, "1", "1"), "price_changed"),
    ],
)
def test_one_line_with_a_problem_holds_the_whole_order(bad: WireRow, verdict: str):
    """Half an order with an open question would be a quiet other order."""
    outcome = judge(line(1, TEA, "1", "10"), bad)

    assert (outcome.status, outcome.reserved) == ("needs_attention", {})
    assert [v.verdict for v in outcome.lines] == ["accepted", verdict]
    assert [v.quantity_accepted for v in outcome.lines] == [0, 0]


def test_a_product_without_a_price_in_the_list_is_unknown_there():
    """A price of nothing would be a gift."""
    outcome = judge(line(1, OIL, "1", "2.5"), prices_now={})

    assert outcome.lines[0].verdict == "product_unknown"


@pytest.mark.parametrize("seen", [{}, {"total_minor": None}, {"total_minor": 999}, {"total_minor": "1000"}])
def test_a_total_above_the_one_seen_never_passes_quietly(seen: dict[str, object]):
    """Also when every single line is in order."""
    outcome = judge_order({"fulfilment": "partial"}, [line(1, TEA, "1", "10")], seen, market())

    assert (outcome.status, outcome.total_minor) == ("needs_attention", 1000)
    assert "10.00 EUR" in (outcome.status_reason or "")


def test_other_lines_than_those_seen_never_pass_quietly():
    """Somebody else changed the order meanwhile: cheaper is not the same order either."""
    asked = line(1, TEA, "1", "10")
    seen = {
        "total_minor": 5000,
        "lines": [{"id": "line-1", "product_id": TEA, "unit": "pc", "quantity": "5"}],
    }

    assert judge_order({"fulfilment": "partial"}, [asked], seen, market()).status == "needs_attention"
    seen["lines"] = [{"id": "line-1", "product_id": TEA, "unit": "pc", "quantity": "1.0"}]
    assert judge_order({"fulfilment": "partial"}, [asked], seen, market()).status == "accepted"
    seen["lines"] = ["rubbish"]
    assert judge_order({"fulfilment": "partial"}, [asked], seen, market()).status == "needs_attention"


def test_an_order_without_lines_is_held():
    """The function is total; that one cannot submit it is the caller's rule."""
    assert judge().status == "needs_attention"


quantities = st.decimals(min_value="0.001", max_value="1000", places=3, allow_nan=False)
prices = st.decimals(min_value="0", max_value="1000", places=2, allow_nan=False)
KNOWN = [(TEA, "pc"), (TEA, "box"), (OIL, "pc")]
keys = st.sampled_from([*KNOWN, (OIL, "box"), ("gone", "pc")])


@st.composite
def orders(draw) -> tuple[str, list[WireRow], dict[str, object], Market]:
    """Any order; half of them calm: no problem of price or discount, so that stock decides."""
    calm = draw(st.booleans())
    listed = draw(st.fixed_dictionaries(dict.fromkeys(KNOWN, prices)))
    world = market(
        stock=draw(st.dictionaries(st.sampled_from([TEA, OIL]), st.integers(-5, 3000).map(Decimal))),
        prices_now=steps(listed),
        prices_at_capture=steps(draw(st.dictionaries(keys, prices, max_size=3))),
        within_window=draw(st.booleans()),
        factors={(TEA, "pc"): Decimal(1), (TEA, "box"): draw(quantities), (OIL, "pc"): Decimal(1)},
    )
    lines = []
    for number in range(draw(st.integers(int(calm), 5))):
        key = draw(st.sampled_from(KNOWN) if calm else keys)
        price = listed[key] if calm else draw(prices)
        discount = draw(st.sampled_from(["0", "0.05", "0.1"] + ["0.2"] * (not calm)))
        lines.append(line(number, key[0], str(draw(quantities)), str(price), key[1], discount))
    seen = {"total_minor": 10**12 if calm else draw(st.integers(0, 10**7) | st.just(10**12))}
    return draw(st.sampled_from(["complete", "partial", "backorder"])), lines, seen, world


@given(orders())
def test_never_more_is_reserved_than_the_stock(case):
    """And what is reserved is exactly what the lines accept, so that a cancellation gives it all back."""
    fulfilment, lines, seen, world = case

    outcome = judge_order({"fulfilment": fulfilment}, lines, seen, world)

    for product, quantity in outcome.reserved.items():
        assert 0 < quantity <= world.stock[product]
    verdicts = {v.line_id: v for v in outcome.lines}
    stored = [
        {**row, "quantity_accepted": str(v.quantity_accepted), "factor": str(v.factor)}
        for row in lines
        for v in (verdicts[str(row["id"])],)
    ]
    assert release(stored) == outcome.reserved


@given(orders())
def test_totals_are_the_sums_of_their_lines_and_never_above_what_was_seen_unless_held(case):
    """The promise to the person who pressed the button."""
    fulfilment, lines, seen, world = case

    outcome = judge_order({"fulfilment": fulfilment}, lines, seen, world)

    assert outcome.total_minor == sum(v.amount_minor for v in outcome.lines)
    if outcome.status == "needs_attention":
        assert outcome.status_reason
        assert not outcome.reserved
        assert all(v.quantity_accepted == 0 for v in outcome.lines)
    else:
        assert outcome.total_minor <= seen["total_minor"]


@given(orders())
def test_each_status_means_what_it_says(case):
    """Accepted: everything. Partly: something short, under a policy that allows it."""
    fulfilment, lines, seen, world = case

    outcome = judge_order({"fulfilment": fulfilment}, lines, seen, world)

    asked = {str(row["id"]): row for row in lines}
    whole = [v.quantity_accepted == Decimal(str(asked[v.line_id]["quantity"])) for v in outcome.lines]
    if outcome.status == "accepted":
        assert whole
        assert all(whole)
    if outcome.status == "partly_accepted":
        assert fulfilment != "complete"
        assert not all(whole)
        assert fulfilment == "backorder" or any(v.quantity_accepted for v in outcome.lines)
    if outcome.status != "needs_attention":
        assert all(0 <= v.quantity_accepted <= Decimal(str(asked[v.line_id]["quantity"])) for v in outcome.lines)


@given(orders(), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_arrive_changes_nothing(case, random: Random):
    """Device and server load lines in any order, and must say the same."""
    fulfilment, lines, seen, world = case
    shuffled = list(lines)
    random.shuffle(shuffled)

    assert judge_order({"fulfilment": fulfilment}, shuffled, seen, world) == judge_order(
        {"fulfilment": fulfilment}, lines, seen, world
    )


def test_every_status_occurs_in_the_random_orders():
    """Laws over orders that are all held would prove nothing."""
    counts: defaultdict[str, int] = defaultdict(int)

    @given(orders())
    def count(case):
        fulfilment, lines, seen, world = case
        counts[judge_order({"fulfilment": fulfilment}, lines, seen, world).status] += 1

    count()

    assert {"accepted", "partly_accepted", "needs_attention"} <= counts.keys()


KEY = ("account", "company", "EUR")


@pytest.mark.parametrize(
    ("used_minor", "status"), [(0, "accepted"), (900, "accepted"), (901, "awaiting"), (-500, "accepted")]
)
def test_what_is_over_the_credit_waits_and_what_fills_it_does_not(used_minor, status):
    """Rule 6: over credit leads to approval, not to silence; the limit itself may be used up."""
    outcome = judge(line(1, TEA, "1", "10"), credit=Credit(KEY, 1900, used_minor))

    assert outcome.status == status
    assert bool(outcome.reserved) is (status == "accepted")


def test_a_held_order_says_why_without_figures_and_can_be_approved():
    """Who sees the order may not be one who may know what the customer owes."""
    credit = Credit(KEY, 1234, 1234)
    held = judge(line(1, TEA, "1", "10"), credit=credit)

    approved = judge(line(1, TEA, "1", "10"), credit=credit, credit_approved=True)

    assert waits_for_credit({"status": held.status, "status_reason": held.status_reason})
    assert not waits_for_credit({"status": "awaiting", "status_reason": "Taken on a device"})
    assert "12" not in str(held.status_reason)
    assert (approved.status, approved.reserved) == ("accepted", {TEA: Decimal(1)})


def test_problems_come_before_credit_and_only_what_is_accepted_counts():
    """Nobody approves an order that is wrong; what is not in stock is not owed."""
    wrong = judge(line(1, TEA, "1", "10", discount="0.5"), credit=Credit(KEY, 0, 0))
    partly = judge(line(1, OIL, "40", "2.5"), credit=Credit(KEY, 9750, 0))
    free = judge(line(1, TEA, "1", "10", discount="1"), credit=Credit(KEY, 0, 500), discount_max=Decimal(1))

    assert (wrong.status, partly.status, free.status) == ("needs_attention", "partly_accepted", "accepted")
