"""The algebra of merging: who wins, what a set becomes, and that the order of arrival does not matter."""

import json
from itertools import permutations
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from server.sync.merge import Capture, Kept, capture_time, is_conflict, later, merge_set
from server.sync.state import Device, Stamp
from tests.property.decide_world import (
    ANN,
    BOB,
    CONTACT,
    DAY,
    LINE,
    NOW,
    OUTLET,
    PHONE_A,
    PHONE_B,
    PHONE_C,
    SHOP,
    Store,
    delete,
    edit,
    make_store,
    mutation,
)

MEMBER_OF = {PHONE_A: ANN, PHONE_B: BOB, PHONE_C: BOB}

moments = st.integers(NOW - DAY // 2, NOW + DAY // 2)
captures = st.builds(Capture, moments, st.sampled_from([PHONE_A, PHONE_B, PHONE_C]), st.integers(1, 5))
tags = st.lists(st.sampled_from("abcde"), unique=True, max_size=5)


def stamp_of(capture: Capture, revision: int = 11) -> Stamp:
    assert capture.at is not None
    return Stamp(revision, capture.at, capture.device_id, None, capture.number)


def as_text(items: list[str]) -> str:
    return json.dumps(items)


@given(a=captures, b=captures)
def test_of_two_captures_exactly_one_is_the_later(a: Capture, b: Capture):
    """Antisymmetric and total: else two servers, or two orders of arrival, would keep different values."""
    assume(a != b)

    assert {later(a, stamp_of(b)), later(b, stamp_of(a))} == {Kept.OURS, Kept.THEIRS}


@given(a=captures, b=captures, c=captures)
def test_later_is_transitive(a: Capture, b: Capture, c: Capture):
    """No circle of three, in which the value would depend on who came last."""
    if later(a, stamp_of(b)) is Kept.OURS and later(b, stamp_of(c)) is Kept.OURS:
        assert later(a, stamp_of(c)) is Kept.OURS


@given(a=captures)
def test_who_does_not_know_the_time_leaves_it_to_a_person(a: Capture):
    """An unknown skew is no reason to overwrite anybody."""
    assert later(Capture(None, a.device_id, a.number), stamp_of(a)) is Kept.UNDECIDED


@given(
    captured_at=st.integers(-(10**20), 10**20),
    skew=st.none() | st.integers(-(10**20), 10**20),
    enrolled_at=st.integers(0, NOW),
)
def test_a_capture_is_never_before_the_enrolment_nor_after_now(captured_at: int, skew: int | None, enrolled_at: int):
    """A clock that is off by years must win nothing."""
    at = capture_time(captured_at, skew, enrolled_at=enrolled_at, now=NOW)

    assert (at is None) == (skew is None)
    assert at is None or enrolled_at <= at <= NOW


@given(base=st.integers(0, 20), revision=st.integers(0, 20))
def test_only_what_another_wrote_after_the_base_is_a_conflict(base: int, revision: int):
    """A device is never in conflict with itself, nor with what it had seen."""
    device = Device(PHONE_A, ANN, 1, 0)

    assert is_conflict(Stamp(revision, 0, PHONE_B), base=base, device=device) == (revision > base)
    assert not is_conflict(Stamp(revision, 0, PHONE_A), base=base, device=device)


@given(number=st.integers(1, 100), shared=st.integers(0, 100))
def test_s2_what_a_replica_did_before_it_took_another_incarnation_is_its_own(number: int, shared: int):
    """Its pending edits build on it; what a copy of it did since then is somebody else's work."""
    device = Device(PHONE_A, ANN, 2, 0, earlier={PHONE_B: shared})

    assert is_conflict(Stamp(2, 0, PHONE_B, BOB, number), base=1, device=device) == (number > shared)


@given(seen=tags, ours=tags, theirs=tags)
def test_a_set_keeps_the_additions_and_removals_of_both_sides(seen: list[str], ours: list[str], theirs: list[str]):
    """Nobody's tag is lost because somebody else tagged too."""
    merged = set(json.loads(merge_set(as_text(seen), as_text(ours), as_text(theirs))))

    added = (set(ours) | set(theirs)) - set(seen)
    removed = (set(seen) - set(ours)) | (set(seen) - set(theirs))
    assert merged == (set(seen) | added) - removed


@given(seen=tags, ours=tags, theirs=tags)
def test_merging_sets_commutes_up_to_order(seen: list[str], ours: list[str], theirs: list[str]):
    """Whichever push arrives first."""
    one = json.loads(merge_set(as_text(seen), as_text(ours), as_text(theirs)))
    other = json.loads(merge_set(as_text(seen), as_text(theirs), as_text(ours)))

    assert sorted(one) == sorted(other)


@given(seen=tags, ours=tags, theirs=tags)
def test_merging_a_set_twice_changes_nothing_more(seen: list[str], ours: list[str], theirs: list[str]):
    """Idempotent, and without doubles."""
    once = merge_set(as_text(seen), as_text(ours), as_text(theirs))

    assert merge_set(as_text(seen), as_text(ours), once) == once
    assert len(set(json.loads(once))) == len(json.loads(once))


@given(seen=st.one_of(st.none(), st.integers(), st.booleans(), st.text(), st.lists(st.text()), st.just("[" * 5_000)))
def test_what_a_device_claims_to_have_seen_of_a_set_may_be_anything(seen: Any):
    """`seen` is not a value to store; nonsense counts as having seen nothing."""
    assert json.loads(merge_set(seen, '["x","x"]', '["y"]')) in (["y", "x"], ["x"], ["y"], [])


def arrive(order: tuple[str, ...], pushes: dict[str, list[dict[str, Any]]]) -> Store:
    """The store after the devices' pushes have arrived in this order."""
    store = make_store()
    for device in order:
        store.push(device, *pushes[device], member=MEMBER_OF[device])
    return store


titles = st.sampled_from(["Clerk", "Buyer", "Owner", "Chef"])
TEXTS = ("name", "job_title", "language", "description")


@given(
    a=st.dictionaries(st.sampled_from(TEXTS[:2]), titles, min_size=1),
    b=st.dictionaries(st.sampled_from(TEXTS[2:]), titles, min_size=1),
)
def test_edits_of_different_fields_commute(a: dict[str, str], b: dict[str, str]):
    """Two devices that edit different fields converge, whichever push arrives first, and nothing is a conflict."""
    pushes = {
        PHONE_A: [mutation(1, edit("contact", CONTACT, **a))],
        PHONE_B: [mutation(1, edit("contact", CONTACT, **b))],
    }

    one, other = (arrive(order, pushes) for order in permutations(pushes))

    assert one.content() == other.content()
    assert one.values("contact", CONTACT) | a | b == one.values("contact", CONTACT)
    assert not one.conflicts
    assert not other.conflicts


@given(a=titles, b=titles, at_a=moments, at_b=moments)
def test_two_edits_of_one_field_converge_with_one_record(a: str, b: str, at_a: int, at_b: int):
    """The later is kept, the other is in exactly one conflict record, whichever push arrives first."""
    pushes = {
        PHONE_A: [mutation(1, edit("contact", CONTACT, job_title=a), captured_at=at_a)],
        PHONE_B: [mutation(1, edit("contact", CONTACT, job_title=b), captured_at=at_b)],
    }

    stores = [arrive(order, pushes) for order in permutations(pushes)]

    winner, loser = (a, b) if (at_a, PHONE_A) > (at_b, PHONE_B) else (b, a)
    for store in stores:
        assert store.values("contact", CONTACT)["job_title"] == winner
        records = [(json.loads(c.values["kept"]), json.loads(c.values["lost"])) for c in store.conflicts]
        assert records == ([(winner, loser)] if a != b else [])


@given(st.lists(st.tuples(st.sampled_from(["Buyer", "Owner"]), moments), min_size=3, max_size=3))
def test_three_devices_converge_in_every_order_of_arrival(typed: list[tuple[str, int]]):
    """Also where two of them typed the same: the third is compared with the later of the two."""
    devices = (PHONE_A, PHONE_B, PHONE_C)
    pushes = {
        device: [mutation(1, edit("contact", CONTACT, job_title=value), captured_at=at)]
        for device, (value, at) in zip(devices, typed, strict=True)
    }

    results = {arrive(order, pushes).values("contact", CONTACT)["job_title"] for order in permutations(devices)}

    assert len(results) == 1


quantities = st.sampled_from(["1", "2", "5", "7"])
whole_lines = st.fixed_dictionaries({
    "unit": st.sampled_from(["box", "case"]),
    "quantity": quantities,
    "list_price": st.sampled_from(["18.00", "200"]),
    "discount": st.sampled_from(["0", "0.05"]),
})  # fmt: skip
parts_of_lines = whole_lines.flatmap(
    lambda line: st.sets(st.sampled_from(sorted(line)), min_size=1).map(lambda names: {n: line[n] for n in names})
)
GROUP = ("unit", "quantity", "list_price", "discount")


@given(a=whole_lines, b=whole_lines, at_a=moments, at_b=moments)
def test_two_whole_groups_converge_to_the_later(a: dict[str, str], b: dict[str, str], at_a: int, at_b: int):
    """Quantity, unit, price and discount are one value."""
    pushes = {
        PHONE_A: [mutation(1, edit("order_line", LINE, **a), captured_at=at_a)],
        PHONE_B: [mutation(1, edit("order_line", LINE, **b), captured_at=at_b)],
    }

    one, other = (arrive(order, pushes) for order in permutations(pushes))

    winner = a if (at_a, PHONE_A) > (at_b, PHONE_B) else b
    for store in (one, other):
        line = store.values("order_line", LINE)
        assert {name: line[name] for name in GROUP} == winner


@given(first=parts_of_lines, second=parts_of_lines, at=st.tuples(moments, moments))
def test_a_group_is_never_mixed_of_two_people(first: dict[str, str], second: dict[str, str], at: tuple[int, int]):
    """A price per case with the other's quantity in boxes would be an order nobody gave."""
    store = make_store()
    before = {name: store.values("order_line", LINE)[name] for name in GROUP}
    store.push(PHONE_A, mutation(1, edit("order_line", LINE, **first), captured_at=at[0]))
    after_first = {name: store.values("order_line", LINE)[name] for name in GROUP}

    store.push(PHONE_B, mutation(1, edit("order_line", LINE, **second), captured_at=at[1]), member=BOB)

    result = {name: store.values("order_line", LINE)[name] for name in GROUP}
    assert result in (after_first, second if after_first != before else before | second)


@given(ours=tags, theirs=tags)
def test_tags_of_two_devices_end_alike_in_either_order(ours: list[str], theirs: list[str]):
    """A set needs no winner, and no conflict record."""
    seen = '["a","b"]'

    def tagging(items: list[str]) -> dict[str, Any]:
        fields = {"tags": {"value": as_text(items), "seen": seen, "base": 10}}
        return {"op": "edit", "entity": "account", "id": SHOP, "fields": fields}

    pushes = {PHONE_A: [mutation(1, tagging(ours))], PHONE_B: [mutation(1, tagging(theirs))]}

    one, other = (arrive(order, pushes) for order in permutations(pushes))

    both = [sorted(json.loads(store.values("account", SHOP)["tags"])) for store in (one, other)]
    assert both[0] == both[1]
    assert not one.conflicts


@given(title=titles, at_a=moments, at_b=moments)
def test_a_delete_against_an_edit_leaves_the_row_and_a_case(title: str, at_a: int, at_b: int):
    """Whichever comes first and whoever is later: it lives, with the edit, until a person decides."""
    assume(title != "Clerk")
    pushes = {
        PHONE_A: [mutation(1, delete("contact", CONTACT), captured_at=at_a)],
        PHONE_B: [mutation(1, edit("contact", CONTACT, job_title=title), captured_at=at_b)],
    }

    for store in (arrive(order, pushes) for order in permutations(pushes)):
        assert not store.rows["contact", CONTACT].deleted
        assert store.values("contact", CONTACT)["job_title"] == title
        assert [(c.values["rule"], c.values["status"]) for c in store.conflicts] == [("case", "open")]


@given(values=st.lists(titles, min_size=1, max_size=5), at=st.lists(moments, min_size=5, max_size=5))
def test_a_device_that_changes_its_mind_is_never_in_conflict_with_itself(values: list[str], at: list[int]):
    """Its later number counts, whatever its clock did in between."""
    store = make_store()

    for number, value in enumerate(values, 1):
        store.push(PHONE_A, mutation(number, edit("contact", CONTACT, job_title=value), captured_at=at[number - 1]))

    assert store.values("contact", CONTACT)["job_title"] == values[-1]
    assert not store.conflicts


@given(first=titles, second=titles, at=st.tuples(moments, moments, moments))
def test_two_losing_edits_of_one_mutation_leave_one_record(first: str, second: str, at: tuple[int, int, int]):
    """A record's id is that of mutation, row and field: two would collide, and the mutation would be poison."""
    store = make_store()
    store.push(PHONE_B, mutation(1, edit("contact", CONTACT, job_title="Chef"), captured_at=at[0]), member=BOB)

    changes = [edit("contact", CONTACT, job_title=value) for value in (first, second)]
    plan = store.push(PHONE_A, mutation(1, *changes, captured_at=at[1]))

    ids = [c.values["id"] for c in plan.conflicts]
    assert len(ids) == len(set(ids))


@given(name=st.sampled_from(["Main St", "Side St"]), at=moments)
def test_who_lost_the_row_learns_nothing_of_what_others_made_of_it(name: str, at: int):
    """Work captured in time is merged; the present owner's value stays theirs to see (S6)."""
    store = make_store()
    store.push(PHONE_B, mutation(1, edit("outlet", OUTLET, name="SECRET"), captured_at=at), member=BOB)
    store.rows["outlet", OUTLET].visible_until = NOW + 2 * DAY  # lost, but after every capture here

    plan = store.push(PHONE_A, mutation(1, edit("outlet", OUTLET, name=name), captured_at=NOW))

    assert plan.outcomes[0]["status"] == "merged"
    assert "SECRET" not in json.dumps(plan.outcomes)
    shown_to_loser = [c.values for c in plan.conflicts if c.values["lost_by"] == ANN]
    assert "SECRET" not in json.dumps(shown_to_loser)
