"""Conflicts settled from devices, against PostgreSQL: both sides see them, and one decision counts."""

import json
from typing import Any

import pytest

from server.clock import now, to_micros
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, create, delete, new_id

MINUTE_US = 60_000_000


def settle(conflict: dict[str, Any], choice: str, **seen: Any) -> dict[str, Any]:
    shown = {"choice": choice, "kept": conflict["kept"], "lost": conflict["lost"]} | seen
    return {"op": "intent", "name": "conflict.settle", "id": conflict["id"], "seen": shown}


async def contest(world: World, ann: WireDevice, bob: WireDevice) -> dict[str, Any]:
    """Bob made the clerk a chef, Ann a buyer, later: the conflict as both have it."""
    await bob.edit("contact", world.clerk, job_title="Chef")
    await ann.edit("contact", world.clerk, job_title="Buyer")
    await ann.pull()
    await bob.pull()
    (conflict,) = ann.rows["conflict"].values()
    assert bob.rows["conflict"] == ann.rows["conflict"]
    return conflict


async def test_either_side_can_take_the_value_that_was_not_kept(world: World, ann: WireDevice, bob: WireDevice):
    """The later entry is not always the better one; both devices then show the same, settled."""
    conflict = await contest(world, ann, bob)

    outcome = await bob.do(settle(conflict, "take"))
    await ann.pull()
    await bob.pull()

    assert outcome["status"] == "applied"
    assert ann.rows["contact"][world.clerk]["job_title"] == "Chef"
    (record,) = ann.rows["conflict"].values()
    assert (record["status"], record["settlement"], record["settled_by"]) == ("settled", "take", world.bob)
    assert record["settled_at"] <= to_micros(now())
    await assert_converged(world, ann, bob)


async def test_the_taken_value_merges_like_any_edit(world: World, ann: WireDevice, bob: WireDevice):
    """An edit of the other side that had not seen it is contested again, and the record says so."""
    conflict = await contest(world, ann, bob)
    await bob.do(settle(conflict, "take"))

    outcome = await ann.edit("contact", world.clerk, job_title="Owner")

    assert (outcome["status"], json.loads(outcome["conflicts"][0]["lost"])) == ("merged", "Chef")


async def test_a_value_that_moved_on_is_told_and_can_then_be_decided_about(
    world: World, ann: WireDevice, bob: WireDevice
):
    """Nobody overwrites what they have not seen; who looks again is not stuck."""
    conflict = await contest(world, ann, bob)
    await ann.edit("contact", world.clerk, job_title="Owner")

    stale = await bob.do(settle(conflict, "take"))
    again = await bob.do(settle(conflict, "take", kept='"Owner"'))

    assert (stale["code"], stale["field"]) == ("conflict_stale", "job_title")
    assert "“Owner” by now" in stale["explanation"]
    assert [choice["code"] for choice in stale["choices"]] == ["again", "discard"]
    assert again["status"] == "applied"


async def test_a_second_choice_is_refused_and_the_same_one_is_not(world: World, ann: WireDevice, bob: WireDevice):
    """Both sides decide in a tunnel."""
    conflict = await contest(world, ann, bob)
    await ann.do(settle(conflict, "keep"))

    same, other = await bob.do(settle(conflict, "keep")), await bob.do(settle(conflict, "take"))

    assert same["status"] == "applied"
    assert other["code"] == "conflict_settled"
    assert "what stood was kept" in other["explanation"]


@pytest.mark.parametrize(("choice", "alive"), [("keep", True), ("delete", False)])
async def test_deleted_against_changed_is_decided(
    world: World, ann: WireDevice, bob: WireDevice, choice: str, alive: bool
):
    """The row lives meanwhile; then one of the two says what it is to be."""
    await bob.edit("contact", world.clerk, job_title="Buyer")
    await ann.do(delete("contact", world.clerk, ann.rows["contact"][world.clerk]["revision"]))
    await bob.pull()
    (conflict,) = bob.rows["conflict"].values()

    outcome = await bob.do(settle(conflict, choice))
    await ann.pull()
    await bob.pull()

    assert outcome["status"] == "applied"
    assert (world.clerk in bob.rows["contact"]) is alive
    assert conflict["id"] in ann.rows["conflict"]
    await assert_converged(world, ann, bob)


async def test_parts_of_a_line_are_settled_together(world: World, ann: WireDevice, bob: WireDevice):
    """Of an order line nobody wants the one's quantity at the other's price."""
    order_id, line_id = new_id(), new_id()
    line = {"product_id": world.tea, "unit": "box", "quantity": "2", "list_price": "18.00", "discount": "0"}
    terms = {"outlet_id": world.shop_outlet, "agreement_id": world.shop_terms, "warehouse_id": world.depot}
    await bob.do(
        create("order", order_id, number="T-1", fulfilment="partial", **terms),
        create("order_line", line_id, order_id=order_id, **line),
    )
    await bob.pull()
    await ann.pull()
    await bob.edit("order_line", line_id, quantity="3", list_price="17.00")
    change = ann.edit_change("order_line", line_id, unit="box", quantity="5", list_price="16.00", discount="0.05")
    await ann.push(ann.mutation(change, skew=None))
    await ann.pull()
    conflicts = {c["field"]: c for c in ann.rows["conflict"].values()}

    outcome = await ann.do(settle(conflicts["quantity"], "take", group={"list_price": '"17"', "discount": '"0.00"'}))
    await ann.pull()

    assert outcome["status"] == "applied", outcome
    shown = ann.rows["order_line"][line_id]
    assert (shown["quantity"], shown["list_price"], shown["discount"]) == ("5", "16.00", "0.05")
    assert shown["amount_minor"] == ann.rows["order"][order_id]["total_minor"] == 7600
    assert {c["status"] for c in ann.rows["conflict"].values()} == {"settled"}


async def test_hidden_is_non_existent(world: World, ann: WireDevice, bob: WireDevice):
    """S6: who is no side of it, and who lost the row, gets the answer of a conflict that never was."""
    conflict = await contest(world, ann, bob)
    stranger = await world.device("mia")
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)

    unknown = await stranger.do(settle(conflict | {"id": new_id()}, "take"))
    foreign = await stranger.do(settle(conflict, "take"))
    lost = await ann.do(settle(conflict, "take"))

    assert [o["code"] for o in (unknown, foreign, lost)] == ["not_found"] * 3
    assert unknown["explanation"] == foreign["explanation"]
    assert (await world.fetch("SELECT job_title FROM contact WHERE id = $1", world.clerk)) == [{"job_title": "Buyer"}]


async def test_a_field_that_devices_may_not_write_cannot_be_settled_by_one(world: World, ann: WireDevice):
    """Rights come first, whatever the record says."""
    conflict = {"id": new_id(), "kept": None, "lost": '"NL1"'}
    await world.execute(
        "INSERT INTO conflict (id, entity, row_id, field, rule, lost, lost_by, status, explanation)"
        " VALUES ($1, 'account', $2, 'tax_id', 'latest', '\"NL1\"', $3, 'open', 'x')",
        conflict["id"], world.shop, world.ann,
    )  # fmt: skip

    outcome = await ann.do(settle(conflict, "take"))

    assert (outcome["code"], outcome["field"]) == ("field_not_writable", "tax_id")


@pytest.mark.parametrize(
    "seen",
    [{}, {"choice": "perhaps"}, {"choice": ["take"]}, {"choice": "take", "kept": "{"}, {"choice": "take", "group": 1}],
)
async def test_a_malformed_settlement_is_refused_alone(
    world: World, ann: WireDevice, bob: WireDevice, seen: dict[str, Any]
):
    """S8: whatever a client sends, the queue drains and says why."""
    conflict = await contest(world, ann, bob)

    bad = await ann.do({"op": "intent", "name": "conflict.settle", "id": conflict["id"], "seen": seen})
    good = await ann.do(settle(conflict, "keep"))

    assert bad["code"] in ("value_invalid", "change_malformed")
    assert good["status"] == "applied"


async def test_s6_a_side_that_lost_the_row_does_not_learn_the_others_value(
    world: World, ann: WireDevice, bob: WireDevice
):
    """Bob gave the customer away; what Ann makes of it is not his to read, in no record either."""
    await bob.edit("outlet", world.shop_outlet, name="Bob's")
    await world.execute("DELETE FROM assignment WHERE id = $1", world.bob_shop)

    outcome = await ann.edit("outlet", world.shop_outlet, name="SECRET")
    await bob.pull()

    assert outcome["conflicts"][0]["yours"] == "kept"
    (record,) = bob.rows["conflict"].values()
    assert (record["kept"], json.loads(record["lost"])) == (None, "Bob's")


async def test_s6_a_winner_who_lost_the_row_is_not_told_at_all(world: World, ann: WireDevice, bob: WireDevice):
    """Bob's value stands; Ann's later attempt at a customer who is no longer Bob's is none of his business."""
    typed_at = to_micros(now()) - MINUTE_US
    for device in (ann, bob):
        await world.execute("UPDATE device SET enrolled_at = now() - interval '1 day' WHERE id = $1", device.id)
    await bob.edit("outlet", world.shop_outlet, name="Bob's")
    await world.execute("DELETE FROM assignment WHERE id = $1", world.bob_shop)

    outcome = await ann.do(ann.edit_change("outlet", world.shop_outlet, name="SECRET"), captured_at=typed_at)
    await bob.pull()

    assert outcome["conflicts"][0]["yours"] == "lost"
    assert "conflict" not in bob.rows


async def test_s6_a_side_whose_role_no_longer_reads_the_row_is_not_told_the_other_value(world: World, ann: WireDevice):
    """A grant that lies farther than the role reads is no sight."""
    mia = await world.device("mia")
    await mia.pull()
    await mia.edit("account", world.shop, name="Mia's")
    own = '{"account": {"read": "own"}}'
    await world.execute("UPDATE role SET permissions = $1 WHERE \"key\" = 'manager'", own)

    await ann.edit("account", world.shop, name="Ann's")

    (record,) = await world.fetch("SELECT kept, lost, lost_by::text FROM conflict")
    assert record == {"kept": None, "lost": '"Mia\'s"', "lost_by": world.mia}
