"""Laws of paying debts: nothing is made up, nothing is lost, and the oldest debt comes first."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from server.crm.payment.rules import Debt, allocate, reverse

AMOUNTS = st.integers(min_value=0, max_value=10**12)
DEBTS = st.lists(
    st.builds(
        Debt,
        id=st.uuids().map(str),
        due_on=st.dates().map(lambda day: day.isoformat()),
        document_number=st.text(max_size=3),
        balance_minor=st.integers(min_value=-100, max_value=10**9),
    ),
    max_size=12,
    unique_by=lambda debt: debt.id,
)


@given(AMOUNTS, DEBTS)
def test_what_is_paid_is_the_amount_or_all_that_is_owed(amount_minor: int, debts: list[Debt]):
    """The rest stays with the payment, to the minor unit."""
    paid = allocate(amount_minor, debts)

    owed = sum(max(debt.balance_minor, 0) for debt in debts)
    assert sum(part for _, part in paid) == min(amount_minor, owed)


@given(AMOUNTS, DEBTS)
def test_no_debt_gets_more_than_it_is_or_less_than_something(amount_minor: int, debts: list[Debt]):
    """A balance below zero would be a debt of ours that nobody agreed to."""
    balances = {debt.id: debt.balance_minor for debt in debts}

    paid = allocate(amount_minor, debts)

    assert all(0 < part <= balances[debt_id] for debt_id, part in paid)
    assert len({debt_id for debt_id, _ in paid}) == len(paid)


@given(AMOUNTS, DEBTS)
def test_a_later_debt_is_paid_only_when_all_earlier_ones_are(amount_minor: int, debts: list[Debt]):
    """Whoever chases debts chases the oldest."""
    paid = dict(allocate(amount_minor, debts))

    in_turn = sorted(debts, key=lambda d: (d.due_on, d.document_number, d.id))
    open_ones = [debt for debt in in_turn if debt.balance_minor > 0]
    left = [debt.balance_minor - paid.get(debt.id, 0) for debt in open_ones]
    first_open = next((at for at, rest in enumerate(left) if rest > 0), len(left))
    assert all(debt.id not in paid for debt in open_ones[first_open + 1 :])


@given(AMOUNTS, DEBTS, st.randoms(use_true_random=False))
def test_the_order_in_which_debts_are_read_does_not_matter(amount_minor: int, debts: list[Debt], chance):
    """REST reads them from a query, sync from memory: both must pay the same."""
    shuffled = list(debts)
    chance.shuffle(shuffled)

    assert allocate(amount_minor, shuffled) == allocate(amount_minor, debts)


@given(AMOUNTS, DEBTS)
def test_a_reversal_takes_back_exactly_what_was_paid(amount_minor: int, debts: list[Debt]):
    """Afterwards every balance is what it was."""
    paid = allocate(amount_minor, debts)

    total: Counter[str] = Counter()
    for debt_id, part in [*paid, *reverse(paid)]:
        total[debt_id] += part
    assert set(total.values()) <= {0}


@given(AMOUNTS, AMOUNTS, DEBTS)
def test_two_payments_pay_what_one_of_both_amounts_would(first: int, second: int, debts: list[Debt]):
    """Paying in two parts is no way to another balance."""
    paid = dict(allocate(first, debts))
    left = [Debt(d.id, d.due_on, d.document_number, d.balance_minor - paid.get(d.id, 0)) for d in debts]

    both = Counter(paid)
    both.update(dict(allocate(second, left)))

    assert dict(both) == dict(allocate(first + second, debts))
