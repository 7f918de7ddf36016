"""Laws of settling: it writes what was chosen or nothing, once, and no other device's word is lost by it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.decide_world import ANN, BOB, CONTACT, LINE, PHONE_A, PHONE_B, Store, edit, make_store, mutation

titles = st.text("abc", min_size=1, max_size=3)
choices = st.sampled_from(["keep", "take"])


def settle(conflict_id: str, choice: str, kept: Any, lost: Any, **more: Any) -> dict[str, Any]:
    seen = {"choice": choice, "kept": kept, "lost": lost} | more
    return {"op": "intent", "name": "conflict.settle", "id": conflict_id, "seen": seen}


def contested(mine: str, theirs: str) -> tuple[Store, dict[str, Any]]:
    """Bob wrote theirs, Ann mine without having seen it; the store, and the conflict's values."""
    store = make_store()
    store.push(PHONE_B, mutation(1, edit("contact", CONTACT, job_title=theirs)), member=BOB)
    store.push(PHONE_A, mutation(1, edit("contact", CONTACT, job_title=mine)))
    (conflict,) = store.conflicts
    store.rows[conflict.key] = conflict
    conflict.is_new = conflict.dirty = False
    return store, conflict.values


@given(mine=titles, theirs=titles, choice=choices, times=st.integers(1, 3))
def test_a_settlement_writes_what_was_chosen_however_often_it_comes(mine: str, theirs: str, choice: str, times: int):
    """S2: a decision that is handed in twice is one decision."""
    if mine == theirs:
        return
    store, conflict = contested(mine, theirs)
    kept, lost = conflict["kept"], conflict["lost"]

    for number in range(2, 2 + times):
        plan = store.push(PHONE_A, mutation(number, settle(conflict["id"], choice, kept, lost)))
        assert [o["status"] for o in plan.outcomes] == ["applied"]

    wanted = json.loads(lost if choice == "take" else kept)
    record = store.values("conflict", conflict["id"])
    assert store.values("contact", CONTACT)["job_title"] == wanted
    assert (record["status"], record["settlement"], record["settled_by"]) == ("settled", choice, ANN)
    assert (record["kept"], record["lost"]) == (kept, lost)


@given(mine=titles, theirs=titles, later=titles, choice=choices)
def test_a_settlement_never_overwrites_what_its_person_has_not_seen(mine: str, theirs: str, later: str, choice: str):
    """S1: what somebody wrote meanwhile stands, and is told; or it was the same, and nothing is lost."""
    if mine == theirs:
        return
    store, conflict = contested(mine, theirs)
    base = store.revision
    store.push(PHONE_B, mutation(2, edit("contact", CONTACT, base=base, job_title=later)), member=BOB)

    plan = store.push(PHONE_A, mutation(2, settle(conflict["id"], choice, conflict["kept"], conflict["lost"])))

    (outcome,) = plan.outcomes
    if later == json.loads(conflict["kept"]):
        assert outcome["status"] == "applied"
    else:
        assert outcome["code"] == "conflict_stale"
        assert later in outcome["explanation"]
        assert store.values("contact", CONTACT)["job_title"] == later
        assert store.values("conflict", conflict["id"])["status"] == "recorded"


@given(a=choices, b=choices)
def test_of_two_settlements_the_first_counts_and_the_other_side_is_told(a: str, b: str):
    """Both sides decide offline; one decision stands, and nobody wonders."""
    store, conflict = contested("Chef", "Buyer")
    kept, lost = conflict["kept"], conflict["lost"]
    store.push(PHONE_B, mutation(2, settle(conflict["id"], a, kept, lost)), member=BOB)

    plan = store.push(PHONE_A, mutation(2, settle(conflict["id"], b, kept, lost)))

    (outcome,) = plan.outcomes
    assert (outcome["status"], outcome.get("code")) == (
        ("applied", None) if a == b else ("refused", "conflict_settled")
    )
    assert store.values("conflict", conflict["id"])["settlement"] == a


@given(quantity=st.integers(1, 50), price=st.integers(1, 50))
def test_a_line_is_taken_whole_and_its_order_adds_up(quantity: int, price: int):
    """Quantity and price of one hand, and a total that is their product."""
    store = make_store()
    base = store.revision
    store.push(PHONE_B, mutation(1, edit("order_line", LINE, quantity="4", list_price="17", base=base)), member=BOB)
    mine = {"unit": "box", "quantity": str(quantity + 4), "list_price": str(price + 17), "discount": "0"}
    store.push(PHONE_A, mutation(1, edit("order_line", LINE, base=base, **mine), skew=None))
    for conflict in store.conflicts:
        conflict.is_new = conflict.dirty = False
        store.rows[conflict.key] = conflict
    first, second = (c.values for c in store.conflicts)

    plan = store.push(PHONE_A, mutation(2, settle(first["id"], "take", first["kept"], first["lost"])))

    assert [o["status"] for o in plan.outcomes] == ["applied"]
    line = store.values("order_line", LINE)
    assert (line["quantity"], line["list_price"]) == (mine["quantity"], mine["list_price"])
    assert store.values("order", line["order_id"])["total_minor"] == (quantity + 4) * (price + 17) * 100
    assert {store.values("conflict", c["id"])["status"] for c in (first, second)} == {"settled"}
