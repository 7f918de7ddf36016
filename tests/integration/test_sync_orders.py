"""Orders from devices against real stock and prices: honoured, held or cut, but never quietly another order."""

import asyncio
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from server.clock import now, to_micros
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, cancel, create, new_id, order_changes

DAY_US = 86_400_000_000


@pytest.fixture
async def ann(world: World) -> WireDevice:
    return await ready(world, "ann")


async def ready(world: World, member: str) -> WireDevice:
    device = await world.device(member)
    await world.execute("UPDATE device SET enrolled_at = now() - interval '60 days' WHERE id = $1", device.id)
    await device.pull()
    return device


async def order_row(world: World, order: str) -> dict[str, Any]:
    (row,) = await world.fetch(
        "SELECT o.status, o.status_reason, o.total_minor, l.verdict, l.list_price, l.quantity_accepted::text accepted"
        ' FROM "order" o JOIN order_line l ON l.order_id = o.id WHERE o.id = $1',
        order,
    )
    return row


async def tea_left(world: World) -> Decimal:
    (row,) = await world.fetch("SELECT quantity - reserved AS left FROM stock WHERE id = $1", world.tea_stock)
    return row["left"]


async def test_an_order_within_stock_and_price_is_accepted(world: World, ann: WireDevice):
    """The common case: reserved, confirmed, and the device's own row says so at the next pull."""
    order = new_id()

    outcome = await ann.do(*order_changes(world, order, "12"))
    await ann.pull()

    assert outcome["status"] == "applied"
    assert outcome["verdicts"][0]["verdict"] == "accepted"
    assert ann.rows["order"][order]["status"] == "accepted"
    assert ann.rows["order"][order]["total_minor"] == 21_600
    assert await tea_left(world) == 27
    await assert_converged(world, ann)


async def test_s2_a_number_that_was_printed_before_is_kept_and_somebody_is_told(world: World, ann: WireDevice):
    """A phone that was restored from its backup counts on from there: two papers bear one number."""
    first, second = new_id(), new_id()
    changes = [order_changes(world, order, "1") for order in (first, second)]
    for each in changes:
        each[0]["fields"]["number"] = "J4BQ-00028"

    outcomes = [await ann.do(*each) for each in changes]
    await ann.pull()

    assert [o["status"] for o in outcomes] == ["applied", "merged"]
    [case] = ann.rows["conflict"].values()
    assert (case["row_id"], case["field"], case["rule"], case["status"]) == (second, "number", "duplicate", "open")
    assert {ann.rows["order"][order]["number"] for order in (first, second)} == {"J4BQ-00028"}
    await assert_converged(world, ann)


async def test_s6_nobody_learns_by_trying_which_numbers_others_have(world: World, ann: WireDevice):
    """An order that one may not see does not exist, and its number with it."""
    bob = await ready(world, "bob")
    outcomes = []
    for device in (bob, ann):
        changes = order_changes(world, new_id(), "1")
        changes[0]["fields"]["number"] = "J4BQ-00028"
        outcomes.append(await device.do(*changes))

    assert [o["status"] for o in outcomes] == ["applied", "applied"]


async def test_the_price_of_the_day_of_capture_is_honoured_within_the_window(world: World, ann: WireDevice):
    """What was promised in the shop holds, also when the price went up before the phone had a network."""
    order, taken_at = new_id(), to_micros(now())
    await world.execute("UPDATE price_item SET price = 25 WHERE id = $1", world.tea_price)

    outcome = await ann.do(*order_changes(world, order, "2"), captured_at=taken_at)

    assert outcome["verdicts"][0]["verdict"] == "price_honoured"
    row = await order_row(world, order)
    assert (row["status"], row["total_minor"]) == ("accepted", 3600)


async def test_a_price_is_that_of_the_moment_of_capture_not_an_older_one(world: World, ann: WireDevice):
    """Three prices, and an order between the second and the third."""
    order = new_id()
    await world.execute("UPDATE price_item SET price = 20 WHERE id = $1", world.tea_price)
    taken_at = to_micros(now())
    await world.execute("UPDATE price_item SET price = 25 WHERE id = $1", world.tea_price)

    outcome = await ann.do(*order_changes(world, order, "2", price="20"), captured_at=taken_at)
    old = await ann.do(*order_changes(world, new_id(), "2", price="18.00"), captured_at=taken_at)

    assert outcome["verdicts"][0]["verdict"] == "price_honoured"
    assert old["verdicts"][0]["verdict"] == "price_changed"


async def test_a_price_from_a_least_quantity_on_is_the_price_of_that_many(world: World, ann: WireDevice):
    """Two boxes for less each: the phone charges it, and so does the office."""
    cheaper = str(new_id())
    await world.execute(
        "INSERT INTO price_item (id, price_list_id, product_id, unit, price, minimum_quantity)"
        " SELECT $1, price_list_id, product_id, unit, 15, 2 FROM price_item WHERE id = $2",
        cheaper, world.tea_price,
    )  # fmt: skip
    taken_at = to_micros(now())
    await world.execute("UPDATE price_item SET price = 16 WHERE id = $1", cheaper)

    two = await ann.do(*order_changes(world, new_id(), "2", price="16"))
    one = await ann.do(*order_changes(world, new_id(), "1", price="18"))
    before = await ann.do(*order_changes(world, new_id(), "2", price="15"), captured_at=taken_at)

    verdicts = [each["verdicts"][0]["verdict"] for each in (two, one, before)]
    assert verdicts == ["accepted", "accepted", "price_honoured"]


@pytest.mark.parametrize("price", ["25", "12"])
async def test_outside_the_window_the_price_of_today_counts(world: World, ann: WireDevice, price: str):
    """More needs a yes; less is simply charged."""
    order = new_id()
    await world.execute("INSERT INTO setting (key, value) VALUES ('price_window_days', '3')")
    await world.execute("UPDATE price_item SET price = $2 WHERE id = $1", world.tea_price, Decimal(price))

    await ann.do(*order_changes(world, order, "2"), captured_at=to_micros(now()) - 4 * DAY_US)

    row = await order_row(world, order)
    assert row["verdict"] == "price_changed"
    assert row["list_price"] == Decimal(price)
    assert row["status"] == ("needs_attention" if price == "25" else "accepted")
    assert await tea_left(world) == (39 if price == "25" else 37)


async def test_a_held_order_submitted_again_with_the_new_total_is_accepted(world: World, ann: WireDevice):
    """The confirmation of a higher price is to submit again, having seen it."""
    order = new_id()
    await world.execute("UPDATE price_item SET price = 25 WHERE id = $1", world.tea_price)
    changes = order_changes(world, order, "2", price="20")
    await ann.do(*changes)
    assert (await order_row(world, order))["status"] == "needs_attention"

    seen = {"total_minor": 5000, "lines": []}
    outcome = await ann.do({"op": "intent", "name": "order.submit", "id": order, "seen": seen})

    assert outcome["status"] == "applied"
    row = await order_row(world, order)
    assert (row["status"], row["total_minor"], row["status_reason"]) == ("accepted", 5000, None)


@pytest.mark.parametrize(
    ("fulfilment", "status", "accepted", "total_minor", "left"),
    [
        ("complete", "needs_attention", "0", 72_000, 39),
        ("partial", "partly_accepted", "39", 70_200, 0),
        ("backorder", "partly_accepted", "39", 72_000, 0),
    ],
)
async def test_over_stock_the_policy_of_the_order_decides(
    world: World, ann: WireDevice, fulfilment: str, status: str, accepted: str, total_minor: int, left: int
):
    """40 boxes of 39: all or nothing, what there is, or the rest later."""
    order = new_id()

    outcome = await ann.do(*order_changes(world, order, "40", fulfilment=fulfilment))

    row = await order_row(world, order)
    assert (row["status"], row["accepted"], row["total_minor"]) == (status, accepted, total_minor)
    assert "more than is in stock" in outcome["verdicts"][0]["explanation"]
    assert await tea_left(world) == left


async def test_a_discount_over_the_authority_holds_the_order(world: World, ann: WireDevice):
    """The agreement says 10 %; more is for somebody else to allow."""
    within, over = new_id(), new_id()

    await ann.do(*order_changes(world, within, "2", discount="0.10"))
    outcome = await ann.do(*order_changes(world, over, "2", discount="0.11"))

    assert (await order_row(world, within))["status"] == "accepted"
    assert (await order_row(world, over))["status"] == "needs_attention"
    assert outcome["verdicts"][0]["verdict"] == "discount_over_authority"
    assert await tea_left(world) == 37


async def test_devices_that_compete_for_the_last_stock_never_oversell(world: World):
    """Ten phones at once, seven boxes each, of 39."""
    devices = [await ready(world, name) for name in ("ann", "bob") * 5]
    batches = [device.mutation(*order_changes(world, new_id(), "7")) for device in devices]

    outcomes = await asyncio.gather(*(d.push(b) for d, b in zip(devices, batches, strict=True)))

    accepted = sum(Decimal(o[0]["verdicts"][0]["quantity_accepted"]) for o in outcomes)
    assert accepted == 39
    assert await tea_left(world) == 0


async def test_one_batch_that_orders_more_than_there_is_never_oversells(world: World, ann: WireDevice):
    """Each order is judged upon what those before it left, within one push too."""
    outcomes = await ann.push(*(ann.mutation(*order_changes(world, new_id(), "15")) for _ in range(4)))

    assert [o["verdicts"][0]["quantity_accepted"] for o in outcomes] == ["15", "15", "9", "0"]
    assert await tea_left(world) == 0


async def test_a_cancelled_order_gives_back_what_it_held(world: World, ann: WireDevice):
    """Once, however often it is cancelled."""
    order = new_id()
    await ann.do(*order_changes(world, order, "10"))

    first = await ann.do(cancel(order))
    second = await ann.do(cancel(order))

    assert first["status"] == "applied"
    assert (second["code"], second["status_found"]) == ("transition_illegal", "cancelled")
    assert await tea_left(world) == 39


async def test_a_held_order_that_is_cancelled_gives_back_nothing(world: World, ann: WireDevice):
    """It never held anything."""
    order = new_id()
    await ann.do(*order_changes(world, order, "40", fulfilment="complete"))

    await ann.do(cancel(order))

    assert await tea_left(world) == 39


@pytest.mark.parametrize("status", ["shipped", "delivered", "closed", "cancelled", "refused"])
async def test_what_the_status_does_not_allow_is_refused_with_the_status_found(
    world: World, ann: WireDevice, status: str
):
    """The warehouse was faster: the person learns what is the case, and may revise it."""
    order, line = new_id(), new_id()
    await ann.do(*order_changes(world, order, "1", line_id=line))
    await world.execute('UPDATE "order" SET status = $2 WHERE id = $1', order, status)
    await ann.pull()

    outcomes = [
        await ann.do(cancel(order)),
        await ann.do({"op": "intent", "name": "order.submit", "id": order, "seen": {"total_minor": 1800}}),
        await ann.edit("order", order, note="please hurry"),
        await ann.edit("order_line", line, quantity="5"),
        await ann.do({"op": "delete", "entity": "order_line", "id": line, "base": 1_000_000}),
        await ann.do(create("order_line", new_id(), order_id=order, product_id=world.mug, unit="piece", quantity="1",
                            list_price="4.50")),
    ]  # fmt: skip

    assert {o["code"] for o in outcomes} == {"transition_illegal"}
    assert {o["status_found"] for o in outcomes} == {status}
    assert all({"code": "revise", "label": "Make a new order from this one"} in o["choices"] for o in outcomes)


async def test_lines_of_another_look_hold_the_order(world: World, ann: WireDevice):
    """Bob added a line to the draft that Ann submits: she has not seen this order."""
    order, bob = new_id(), await ready(world, "bob")
    changes = order_changes(world, order, "1")
    await ann.do(*changes[:2])
    await bob.do(
        create(
            "order_line", new_id(), order_id=order, product_id=world.mug, unit="piece", quantity="1", list_price="4.50"
        )
    )

    outcome = await ann.do(changes[2])

    assert outcome["status"] == "applied"
    (row,) = await world.fetch('SELECT status, total_minor FROM "order" WHERE id = $1', order)
    assert row == {"status": "needs_attention", "total_minor": 2250}


async def test_an_order_without_lines_is_refused(world: World, ann: WireDevice):
    """There is nothing to decide."""
    changes = order_changes(world, new_id(), "1")

    outcome = await ann.do(changes[0], changes[2])

    assert (outcome["code"], [c["code"] for c in outcome["choices"]]) == ("order_empty", ["edit", "discard"])


async def test_two_who_change_one_draft_line_keep_one_whole_line(world: World, ann: WireDevice):
    """Ann's quantity with Bob's price would be nobody's order."""
    order, line, bob = new_id(), new_id(), await ready(world, "bob")
    await ann.do(*order_changes(world, order, "1", line_id=line)[:2])
    await ann.pull()
    await bob.pull()
    whole = {"unit": "box", "list_price": "18.00", "discount": "0.05", "quantity": "9"}
    await ann.edit("order_line", line, **(whole | {"quantity": "5", "discount": "0.10"}))

    part = await bob.edit("order_line", line, quantity="7")
    later = await bob.edit("order_line", line, **whole)
    await ann.pull()

    assert part["conflicts"][0]["yours"] == "pending"
    assert {c["yours"] for c in later["conflicts"]} == {"kept"}
    assert {n: ann.rows["order_line"][line][n] for n in whole} == whole
    assert ann.rows["order"][order]["total_minor"] == 15_390
    await assert_converged(world, ann)


async def test_s1_a_position_below_zero_is_refused_with_words_and_the_order_waits_whole(world: World, ann: WireDevice):
    """Another client's line, put before the first: nothing of it is lost, nor is the line put elsewhere quietly."""
    order, line = new_id(), new_id()
    changes = order_changes(world, order, "2", line_id=line)
    changes[1]["fields"]["position"] = -1
    mended = order_changes(world, order, "2", line_id=line)
    mended[1]["fields"]["position"] = 0

    refused = await ann.do(*changes)
    [kept] = await world.fetch("SELECT payload::text AS payload FROM refused_mutation")
    taken = await ann.do(*mended)
    await ann.pull()

    assert (refused["code"], refused["field"]) == ("value_invalid", "position")
    assert refused["explanation"] == "“position” cannot be stored: it may not be negative."
    assert [choice["code"] for choice in refused["choices"]] == ["edit", "discard"]
    assert '"position": -1' in kept["payload"]
    assert (taken["status"], ann.rows["order"][order]["status"]) == ("applied", "accepted")
    await assert_converged(world, ann)


async def test_a_line_that_plain_sql_put_below_zero_can_be_changed_otherwise(world: World, ann: WireDevice):
    """The range is asked of what is typed: an old row does not make its other fields unchangeable."""
    order, line = new_id(), new_id()
    await ann.do(*order_changes(world, order, "2", line_id=line)[:2])
    await world.execute("UPDATE order_line SET position = -5 WHERE id = $1", UUID(line))
    await ann.pull()

    edited = await ann.edit("order_line", line, quantity="3")
    await ann.pull()

    assert edited["status"] == "applied"
    assert (ann.rows["order_line"][line]["quantity"], ann.rows["order_line"][line]["position"]) == ("3", -5)
    await assert_converged(world, ann)


async def test_amounts_that_no_column_holds_are_refused_as_such(world: World, ann: WireDevice):
    """A typing error of the person's, not a poison of ours."""
    order = new_id()
    huge = "999999999999999.999999999"
    changes = order_changes(world, order, huge, price=huge)

    outcome = await ann.do(*changes[:2])

    assert outcome["code"] == "value_invalid"
    assert "amount" in outcome["explanation"]


async def test_exact_decimals_survive_the_whole_way(world: World, ann: WireDevice):
    """15 digits and 9: no float anywhere."""
    order, line, bob = new_id(), new_id(), await ready(world, "bob")
    values = {"list_price": "999999999999.123456789", "quantity": "0.000000001", "discount": "0.123456789"}

    outcome = await ann.do(
        order_changes(world, order, "1")[0],
        create("order_line", line, order_id=order, product_id=world.tea, unit="box", **values),
    )
    await bob.pull()

    assert outcome["status"] == "applied"
    assert {n: bob.rows["order_line"][line][n] for n in values} == values
    assert bob.rows["order_line"][line]["amount_minor"] == 87_654
    assert "E" not in json.dumps({n: bob.rows["order_line"][line][n] for n in values})


async def test_the_new_owner_sees_an_order_taken_before_the_handover(world: World, ann: WireDevice):
    """Rule 3: it is accepted, and whoever works the outlet now finds it."""
    order, taken_at, bob = new_id(), to_micros(now()), await ready(world, "bob")
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)

    await ann.do(*order_changes(world, order, "2"), captured_at=taken_at)
    await ann.pull()
    await bob.pull()

    assert bob.rows["order"][order]["maker_id"] == world.ann
    assert order not in ann.rows.get("order", {})
    await assert_converged(world, ann, bob)
