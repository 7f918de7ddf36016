"""`decide` is deaf to garbage: whatever bytes a device sends, each mutation ends as refused, and nothing breaks."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outrider_sdk.protocol.entities import ENTITIES, Field, Kind

from server.sync.decide import decide
from server.sync.refusals import _CHOICES
from tests.property.decide_changes import NEW, ROWS, bases, new_ids, sensible_changes
from tests.property.decide_world import (
    BOB,
    BOX_OF_12,
    CONTACT,
    DEPOT,
    HIDDEN,
    LINE,
    ORDER,
    OUTLET,
    PHONE_A,
    PHONE_B,
    SHOP,
    STOCK,
    TEA,
    TERMS,
    edit,
    make_store,
    mutation,
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63), 10**400]),
    st.floats(),
    st.text(st.characters(codec=None), max_size=5),
    st.sampled_from(
        [*ROWS.values(), *NEW, HIDDEN, STOCK, BOX_OF_12, "[" * 3_000, '"\\ud800"', "[1", chr(0), "sNaN", "1e9", "-0"]
    ),
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "op", "value", "seen", "base", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from([*ENTITIES, "nothing"]) | junk
field_names = st.sampled_from(sorted({f.name for e in ENTITIES.values() for f in e.all_fields}))
edits = st.fixed_dictionaries({"value": junk, "seen": junk, "base": bases | junk})
_seen_line = {"id": st.just(LINE) | junk, "product_id": st.just(TEA) | junk, "unit": junk, "quantity": scalars}
seen_lines = st.lists(st.fixed_dictionaries(_seen_line) | junk, max_size=2)
almost_changes = st.fixed_dictionaries({}, optional={
    "op": st.sampled_from(["create", "edit", "delete", "intent"]) | junk,
    "entity": names,
    "id": st.sampled_from([*ROWS.values(), *NEW]) | junk,
    "fields": st.dictionaries(field_names, edits | junk, max_size=4) | junk,
    "base": bases | junk,
    "name": st.sampled_from(["order.submit", "order.cancel"]) | junk,
    "seen": st.fixed_dictionaries({"total_minor": st.just(3600) | junk, "lines": seen_lines | junk}) | junk,
})  # fmt: skip

# Right in all but one place: what gets furthest before it goes wrong.
GOOD_VALUES: dict[Kind, list[Any]] = {
    Kind.TEXT: ["x", "box", "case", "phone", "partial"],
    Kind.INTEGER: [0, 2**63 - 1],
    Kind.DECIMAL: ["1", "0.05", "999999999999999.999999999", "0.000000001"],
    Kind.DATE: ["2024-02-29"],
    Kind.JSON: ["[]", '["x"]', '{"a": 1}'],
    Kind.BOOLEAN: [True],
    Kind.ID: [SHOP, OUTLET, CONTACT, ORDER, TEA, TERMS, DEPOT],
}


def almost_good_edits(field: Field) -> st.SearchStrategy[Any]:
    good = st.sampled_from(GOOD_VALUES[field.kind])
    return st.fixed_dictionaries({"value": good | junk, "seen": good | junk, "base": bases})


def targeted_at(name: str) -> st.SearchStrategy[Any]:
    fields = [f for f in ENTITIES[name].fields if f.writable or f.create_only]
    edited = {f.name: almost_good_edits(f) for f in fields if f.writable}
    created = {f.name: st.sampled_from(GOOD_VALUES[f.kind]) | scalars for f in fields}
    row = {"entity": st.just(name), "id": st.just(ROWS[name])}
    return st.one_of(
        st.fixed_dictionaries(
            {"op": st.just("edit"), **row, "fields": st.fixed_dictionaries({}, optional=edited) | st.just({"x": 1})}
        ),
        st.fixed_dictionaries(
            {"op": st.just("create"), **row, "id": new_ids, "fields": st.fixed_dictionaries(created)}
        ),
    )


_seen = st.fixed_dictionaries({
    "total_minor": st.sampled_from([3600, None, True, 2**70, -(10**200)]) | scalars,
    "lines": st.lists(st.fixed_dictionaries({
        "id": st.just(LINE), "product_id": st.just(TEA), "unit": st.just("box"),
        "quantity": st.sampled_from(["2", "sNaN", "NaN", "1e999999", "Infinity"]) | scalars}), max_size=2) | seen_lines,
})  # fmt: skip
submissions = st.builds(lambda seen: {"op": "intent", "name": "order.submit", "id": ORDER, "seen": seen}, _seen)
targeted = st.sampled_from(sorted(ROWS)).flatmap(targeted_at)
garbage = st.lists(sensible_changes | almost_changes | targeted | submissions | junk, max_size=4) | junk


@settings(max_examples=600)
@given(st.lists(garbage, min_size=1, max_size=4))
def test_garbage_is_refused_and_never_crashes(all_changes: list[Any]):
    """Wrong types, huge numbers, NUL, halves of characters, deep JSON, NaN: an outcome, and words for it (S12)."""
    batch = [{**mutation(n), "changes": changes} for n, changes in enumerate(all_changes, 1)]
    store = make_store()
    store.push(PHONE_B, mutation(1, edit("account", SHOP, tags='["c"]', name="Others were here")), member=BOB)
    state = store.load(PHONE_A)

    plan = decide(batch, state)

    assert [o["number"] for o in plan.outcomes] == [m["number"] for m in batch]
    for outcome in plan.outcomes:
        assert outcome["status"] in {"applied", "merged", "refused"}
        if outcome["status"] == "refused":
            assert outcome["code"] in _CHOICES
            assert outcome["choices"]
            assert 0 < len(outcome["explanation"]) <= 500
            outcome["explanation"].encode()  # no halves of characters: it travels, and is stored


@pytest.mark.parametrize("deep", [["x"], {"x": "y"}])
def test_nesting_to_the_limit_of_the_parser_is_refused(deep: Any):
    """A thousand levels pass the parser; nothing after it may fall over them."""
    for _ in range(800):
        deep = [deep]
    changes: list[Any] = [
        {"op": "edit", "entity": deep, "id": CONTACT, "fields": {}},
        {"op": deep, "entity": "contact", "id": CONTACT},
        {"op": "edit", "entity": "contact", "id": CONTACT, "fields": {"name": {"value": deep, "base": 0}}},
        {"op": "edit", "entity": "account", "id": SHOP, "fields": {"tags": {"value": "[]", "seen": deep, "base": 0}}},
        {"op": "intent", "name": "order.submit", "id": ORDER, "seen": {"total_minor": 0, "lines": deep}},
        {"op": "intent", "name": deep, "id": ORDER, "seen": {}},
    ]

    plan = decide([mutation(n, change) for n, change in enumerate(changes, 1)], make_store().load(PHONE_A))

    assert [o["status"] for o in plan.outcomes] == ["refused"] * 3 + ["applied"] + ["refused"] * 2
