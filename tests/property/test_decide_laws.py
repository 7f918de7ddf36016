"""Laws of `decide`: whole or not at all, the same every time, split where one likes."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sync.decide import decide
from tests.property.decide_changes import NEW, batches, sensible_changes
from tests.property.decide_world import (
    DAY,
    HIDDEN,
    LINE,
    NOW,
    ORDER,
    OUTLET,
    PHONE_A,
    SHOP,
    STOCK,
    TEA,
    create,
    delete,
    edit,
    make_store,
    mutation,
    row_id,
    snapshot,
    submit,
)


@given(batch=batches)
def test_a_refused_mutation_leaves_the_state_untouched(batch: list[dict[str, Any]]):
    """Whole or not at all: of a refused one not a byte is kept, whatever its first changes did."""
    state = make_store().load(PHONE_A)

    for each in batch:
        before = snapshot(state)
        plan = decide([each], state)
        if plan.outcomes[0]["status"] == "refused":
            assert snapshot(state) == before
            assert not plan.conflicts
            assert not plan.confirmations
            assert [m for m, _, _ in plan.refused] == [each]


@given(batch=batches)
def test_every_mutation_gets_one_outcome_in_order(batch: list[dict[str, Any]]):
    """A device can tell what became of each, and nothing is passed over."""
    plan = decide(batch, make_store().load(PHONE_A))

    assert [o["number"] for o in plan.outcomes] == [m["number"] for m in batch]
    assert [o["digest"] for o in plan.outcomes] == [m["digest"] for m in batch]


@given(batch=batches)
def test_the_same_batch_is_decided_the_same_way(batch: list[dict[str, Any]]):
    """No clock, no chance, no order of a hash table."""
    results = []
    for _ in range(2):
        state = make_store().load(PHONE_A)
        plan = decide(copy.deepcopy(batch), state)
        results.append((snapshot(state), repr(plan)))

    assert results[0] == results[1]


@given(batch=batches, at=st.integers(0, 8))
def test_a_batch_may_be_split_anywhere(batch: list[dict[str, Any]], at: int):
    """What is sent in two pushes, or bisected around a poison, ends as if it had come in one."""
    whole, split = make_store(), make_store()

    at_once = whole.push(PHONE_A, *batch, revision=20).outcomes
    in_two = [
        *split.push(PHONE_A, *batch[:at], revision=20).outcomes,
        *split.push(PHONE_A, *batch[at:], revision=20).outcomes,
    ]

    assert at_once == in_two
    assert whole.content() == split.content()
    assert whole.refused == split.refused


@given(batch=batches)
def test_an_order_always_costs_what_its_lines_cost(batch: list[dict[str, Any]]):
    """While it is a draft: totals are derived, never sent."""
    store = make_store()

    store.push(PHONE_A, *batch)

    for (entity, order_id), order in store.rows.items():
        if entity == "order" and order.values["status"] == "draft":
            lines = [r.values for (e, _), r in store.rows.items() if e == "order_line" and not r.deleted]
            assert order.values["total_minor"] == sum(x["amount_minor"] for x in lines if x["order_id"] == order_id)


@given(batch=batches)
def test_stock_is_never_reserved_beyond_what_is_there(batch: list[dict[str, Any]]):
    """However many orders a batch submits and cancels."""
    store = make_store()

    store.push(PHONE_A, *batch)

    stock = store.values("stock", STOCK)
    assert 0 <= float(stock["reserved"]) <= float(stock["quantity"])


@given(change=sensible_changes)
def test_nothing_is_refused_for_what_is_not_paid(change: dict[str, Any]):
    """Whatever a rep captured ends as it would have, but an order that was submitted, which waits (domain rule 7)."""
    paid, unpaid = make_store().load(PHONE_A), make_store().load(PHONE_A)
    unpaid.device = replace(unpaid.device, unpaid=True)

    outcomes = [decide([mutation(1, copy.deepcopy(change))], state).outcomes[0] for state in (paid, unpaid)]

    assert outcomes[0]["status"] == outcomes[1]["status"]
    assert outcomes[0].get("code") == outcomes[1].get("code")
    for key, row in unpaid.rows.items():
        same = row.values == paid.rows[key].values
        assert same or (
            change.get("name") == "order.submit" and unpaid.rows["order", ORDER].values["status"] == "awaiting"
        )
    assert unpaid.rows["stock", STOCK].values["reserved"] in ("0", paid.rows["stock", STOCK].values["reserved"])


def test_what_builds_on_a_refused_create_names_it():
    """The person sees one cause, not a row of riddles."""
    store = make_store()

    outcomes = store.push(
        PHONE_A,
        mutation(1, create("contact", NEW[0], account_id=SHOP)),
        mutation(2, edit("contact", NEW[0], 0, job_title="Clerk")),
        mutation(3, create("contact_channel", NEW[1], contact_id=NEW[0], channel_kind="phone", value="1")),
        mutation(4, delete("contact_channel", NEW[1], 0)),
    ).outcomes

    assert [o["code"] for o in outcomes] == ["value_invalid"] + ["builds_on_refused"] * 3
    assert [o["blocked_by"] for o in outcomes[1:]] == [1, 1, 3]


def test_a_hidden_row_and_one_that_never_was_read_the_same():
    """Else a device could probe for rows (S6)."""

    def outcome(of: str) -> str:
        changes = [edit("contact", of, name="x"), delete("contact", of)]
        parents = [create("contact_channel", NEW[0], contact_id=of, channel_kind="phone", value="1")]
        plans = [decide([mutation(1, c)], make_store().load(PHONE_A)) for c in changes + parents]
        return json.dumps([p.outcomes for p in plans])

    assert outcome(HIDDEN) == outcome(row_id(999))


def test_a_line_of_amounts_beyond_storage_is_refused_as_a_typing_error():
    """999 trillion boxes at 999 trillion each: the numbers pass, their product does not."""
    store = make_store()
    huge = "999999999999999"

    outcome = store.push(PHONE_A, mutation(1, edit("order_line", LINE, quantity=huge, list_price=huge))).outcomes[0]

    assert outcome["code"] == "value_invalid"


def test_a_total_beyond_storage_is_refused_too():
    """Each line may pass, and their sum not."""
    store = make_store()
    line = {"order_id": ORDER, "product_id": TEA, "unit": "box", "quantity": "90000", "list_price": "999999999999"}

    outcomes = store.push(
        PHONE_A, *(mutation(n, create("order_line", new, **line)) for n, new in enumerate(NEW[:2], 1))
    ).outcomes

    assert [o["status"] for o in outcomes] == ["applied", "refused"]
    assert outcomes[1]["code"] == "value_invalid"


def test_tiny_quantities_keep_the_notation_of_the_wire():
    """Python writes 0.000000001 as 1E-9, which no other client reads as a decimal."""
    store = make_store()
    store.push(PHONE_A, mutation(1, edit("order_line", LINE, quantity="0.000000001", list_price="18.00")))

    outcome = store.push(PHONE_A, mutation(2, submit(ORDER, 0))).outcomes[0]

    assert outcome["verdicts"][0]["quantity_accepted"] == "0.000000001"
    assert store.values("order_line", LINE)["quantity_accepted"] == "0.000000001"
    assert store.values("stock", STOCK)["reserved"] == "0.000000001"


def test_a_product_deleted_meanwhile_holds_the_order():
    """What is no longer in the catalogue is not sold, and the person hears why."""
    store = make_store()
    store.rows["product", TEA].deleted = True

    store.push(PHONE_A, mutation(1, submit(ORDER, 3600)))

    assert store.values("order", ORDER)["status"] == "needs_attention"
    assert store.values("order_line", LINE)["verdict"] == "product_unknown"


def test_a_row_made_and_deleted_in_one_batch_is_deleted():
    """Offline, people change their minds before anything is sent."""
    store = make_store()

    store.push(
        PHONE_A,
        mutation(1, create("contact", NEW[0], account_id=SHOP, name="Oops")),
        mutation(2, delete("contact", NEW[0], 0)),
    )

    assert store.rows["contact", NEW[0]].deleted


@pytest.mark.parametrize(("skew", "captured_at"), [(0, NOW), (None, NOW), (3 * DAY, NOW - 3 * DAY)])
def test_work_is_judged_by_the_sight_of_when_it_was_captured(skew: int | None, captured_at: int):
    """An outlet reassigned after the capture still takes it (domain.md, rule 3); an unknown clock counts as now."""
    state = make_store().load(PHONE_A)
    state.rows["outlet", OUTLET].visible_until = NOW + 1

    plan = decide([mutation(1, edit("outlet", OUTLET, name="New"), captured_at=captured_at, skew=skew)], state)

    assert plan.outcomes[0]["status"] == ("refused" if skew is None else "applied")
