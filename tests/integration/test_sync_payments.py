"""Payments that devices take: which debts they pay, what a reversal gives back, what is refused."""

from typing import Any

import pytest

from tests.integration.sync_world import WireDevice, World, add_debts, new_id, payment


async def balances(world: World) -> list[int]:
    rows = await world.fetch("SELECT balance_minor FROM receivable ORDER BY document_number")
    return [row["balance_minor"] for row in rows]


async def test_a_payment_pays_the_oldest_debt_of_its_company_first(world: World, ann: WireDevice):
    """And its device pulls what became of it, in the same transaction's revision."""
    await add_debts(world)
    paid = new_id()

    outcome = await ann.do(payment(world, paid, 1200, "R-1"))
    await ann.pull()

    assert outcome["status"] == "applied", outcome
    assert await balances(world) == [900, 0, 300]
    assert ann.rows["payment"][paid]["allocated_minor"] == 1200
    assert sorted(a["amount_minor"] for a in ann.rows["payment_allocation"].values()) == [200, 1000]
    assert sorted(r["balance_minor"] for r in ann.rows["receivable"].values()) == [0, 300, 900]


async def test_two_payments_of_one_push_share_the_debts(world: World, ann: WireDevice):
    """The second is decided upon what the first left; what is too much stays unallocated."""
    await add_debts(world)
    second = new_id()

    outcomes = await ann.push(
        ann.mutation(payment(world, new_id(), 1400, "R-1")), ann.mutation(payment(world, second, 400, "R-2"))
    )

    assert [o["status"] for o in outcomes] == ["applied", "applied"]
    assert await balances(world) == [900, 0, 0]
    row = (await world.fetch("SELECT allocated_minor FROM payment WHERE id = $1", second))[0]
    assert row["allocated_minor"] == 100


async def test_a_reversal_gives_back_what_was_paid_and_works_once(world: World, ann: WireDevice):
    """Correction is a record of its own; the payment stays."""
    await add_debts(world)
    paid = new_id()
    await ann.do(payment(world, paid, 1200, "R-1"))

    outcome = await ann.do(payment(world, new_id(), 1200, "R-1", reversal_of_id=paid))
    again = await ann.do(payment(world, new_id(), 1200, "R-1", reversal_of_id=paid))

    assert outcome["status"] == "applied", outcome
    assert await balances(world) == [900, 1000, 500]
    assert (again["status"], again["code"], again["field"]) == ("refused", "value_invalid", "reversal_of_id")


async def test_the_second_receipt_of_a_number_waits_for_a_person(world: World, ann: WireDevice, bob: WireDevice):
    """Rule 8: perhaps paid twice, perhaps typed twice. Nothing is lost, and no debt is paid twice meanwhile."""
    await add_debts(world)
    await ann.do(payment(world, new_id(), 1000, "R-7"))
    second = new_id()

    outcome = await bob.do(payment(world, second, 1000, "R-7"))
    await bob.pull()

    assert outcome["status"] == "merged"
    assert [(c["field"], c["yours"]) for c in outcome["conflicts"]] == [("receipt_number", "pending")]
    assert [c["status"] for c in bob.rows["conflict"].values()] == ["open"]
    assert await balances(world) == [900, 0, 500]
    assert bob.rows["payment"][second]["allocated_minor"] == 0


async def test_a_doubled_receipt_that_stands_pays_debts_then(world: World, ann: WireDevice, bob: WireDevice):
    """The person has looked: both were paid."""
    await add_debts(world)
    await ann.do(payment(world, new_id(), 1000, "R-7"))
    second = new_id()
    conflict = (await bob.do(payment(world, second, 300, "R-7")))["conflicts"][0]["id"]

    settled = await bob.do({"op": "intent", "name": "conflict.settle", "id": conflict, "seen": {"choice": "keep"}})
    again = await bob.do({"op": "intent", "name": "conflict.settle", "id": conflict, "seen": {"choice": "keep"}})

    assert [o["status"] for o in (settled, again)] == ["applied", "applied"], settled
    assert await balances(world) == [900, 0, 200]
    row = (await world.fetch("SELECT allocated_minor FROM payment WHERE id = $1", second))[0]
    assert row["allocated_minor"] == 300


async def test_a_payment_is_neither_changed_nor_deleted(world: World, ann: WireDevice):
    """Append-only, whoever asks."""
    paid = new_id()
    await ann.do(payment(world, paid, 100, "R-1"))
    await ann.pull()

    changed = await ann.edit("payment", paid, amount_minor=1)
    deleted = await ann.do({"op": "delete", "entity": "payment", "id": paid, "base": 0})

    assert [o["status"] for o in (changed, deleted)] == ["refused"] * 2
    assert [o["code"] for o in (changed, deleted)] == ["not_permitted", "field_not_writable"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -5}, "amount_minor"),
        ({"currency": "usd"}, "currency"),
        ({"outlet_id": "cafe_outlet"}, "outlet_id"),
        ({"receipt_number": "a\x00b"}, "receipt_number"),
    ],
)
async def test_a_bad_payment_is_refused_by_its_field(world: World, bob: WireDevice, fields: dict[str, Any], field: str):
    """The payload stays on record; the queue goes on."""
    fields = {k: world.ids.get(v, v) if k == "outlet_id" else v for k, v in fields.items()}
    change = payment(world, new_id(), 100, "R-1")
    change["fields"] |= fields

    outcome = await bob.do(change)

    assert (outcome["status"], outcome["code"], outcome["field"]) == ("refused", "value_invalid", field)
