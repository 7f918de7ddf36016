"""Pushes of what a rep records beside orders: payments, movements, visits, returns, consents, custom values."""

import json
from typing import Any

import pytest

from tests.integration.sync_oracle import Oracle
from tests.integration.sync_world import WireDevice, World, add_debts, at, create, new_id, payment


async def van_of(world: World, member: str) -> str:
    van = new_id()
    await world.execute(
        "INSERT INTO warehouse (id, name, warehouse_kind, member_id) VALUES ($1, 'Van', 'van', $2)",
        van, world.ids[member],
    )  # fmt: skip
    return van


def movement(van: str, product: str, **fields: Any) -> dict[str, Any]:
    return create("stock_movement", new_id(), warehouse_id=van, product_id=product, moved_at=at(), **fields)


async def test_only_movements_change_a_stock_and_counts_are_observations(world: World, ann: WireDevice):
    """The sum of the ledger is what is there, also when two devices and a count cross."""
    van = await van_of(world, "ann")

    outcomes = await ann.push(
        ann.mutation(movement(van, world.tea, movement_kind="receipt", quantity="10")),
        ann.mutation(movement(van, world.tea, movement_kind="sale", quantity="-3.5")),
        ann.mutation(movement(van, world.tea, movement_kind="count", counted="6")),
    )
    await ann.pull()

    assert [o["status"] for o in outcomes] == ["applied"] * 3, outcomes
    ledger = await world.fetch("SELECT sum(quantity) AS total FROM stock_movement WHERE warehouse_id = $1", van)
    stock = await world.fetch("SELECT quantity FROM stock WHERE warehouse_id = $1", van)
    assert (str(ledger[0]["total"]), str(stock[0]["quantity"])) == ("6.0", "6.0")
    assert sorted(m["quantity"] for m in ann.rows["stock_movement"].values()) == ["-0.5", "-3.5", "10"]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"movement_kind": "sale", "quantity": "3"}, "value_invalid", "quantity"),
        ({"movement_kind": "receipt", "quantity": "0"}, "value_invalid", "quantity"),
        ({"movement_kind": "count"}, "value_invalid", "counted"),
        ({"movement_kind": "sale", "quantity": "-1", "counted": "3"}, "value_invalid", "counted"),
        ({"movement_kind": "receipt", "quantity": "1", "source_entity": "x"}, "value_invalid", "source_entity"),
        ({"movement_kind": "theft", "quantity": "-1"}, "value_invalid", "movement_kind"),
    ],
)
async def test_a_bad_movement_is_refused_by_its_field(
    world: World, ann: WireDevice, fields: dict[str, Any], code: str, field: str
):
    """And the stock stays as it was."""
    van = await van_of(world, "ann")

    outcome = await ann.do(movement(van, world.tea, **fields))

    assert (outcome["status"], outcome["code"], outcome["field"]) == ("refused", code, field)
    assert await world.fetch("SELECT 1 FROM stock WHERE warehouse_id = $1", van) == []


async def test_a_rep_moves_nothing_but_their_own_van(world: World, bob: WireDevice):
    """The depot and other vans are not theirs to empty; nor do they see what moves there."""
    van = await van_of(world, "ann")

    for place, code in ((van, "parent_missing"), (world.depot, "field_not_writable")):
        outcome = await bob.do(movement(place, world.tea, movement_kind="write_off", quantity="-1"))
        assert (outcome["status"], outcome["code"]) == ("refused", code)


async def test_a_visit_is_checked_in_and_completed_once(world: World, ann: WireDevice):
    """Two phones of one rep: the first check-out stays, the other is on record."""
    tablet = await world.device("ann")
    visit = new_id()
    position = json.dumps({"lat": 53.2, "lon": 6.5, "accuracy_m": 12})
    begun = create("visit", visit, outlet_id=world.shop_outlet, checked_in_at=at(), position=position)
    assert (await ann.do(begun))["status"] == "applied"
    await ann.pull()
    await tablet.pull()

    first = await ann.edit("visit", visit, checked_out_at=at(), outcome="order")
    second = await tablet.edit("visit", visit, outcome="nobody there")
    await ann.pull()
    third = await ann.edit("visit", visit, outcome="changed my mind")

    assert first["status"] == "applied", first
    assert (second["status"], second["conflicts"][0]["yours"]) == ("merged", "lost")
    assert (third["status"], third["code"]) == ("refused", "field_not_writable")
    assert ann.rows["visit"][visit]["outcome"] == "order"
    assert ann.rows["visit"][visit]["member_id"] == world.ann


async def test_a_phone_without_gps_stops_no_visit(world: World, ann: WireDevice):
    """The reason stands in its place; a position that is none is refused."""
    visit = new_id()

    outcome = await ann.do(create("visit", visit, outlet_id=world.shop_outlet, checked_in_at=at()))
    bad = create("visit", new_id(), outlet_id=world.shop_outlet, checked_in_at=at(), position='{"lat": 153}')
    refused = await ann.do(bad)
    await ann.pull()

    assert outcome["status"] == "applied"
    assert ann.rows["visit"][visit]["position_absence"] == "unavailable"
    assert (refused["status"], refused["field"]) == ("refused", "position")


async def test_a_visit_its_attachment_and_signature_come_in_one_mutation(world: World, ann: WireDevice):
    """The file names the visit, and the visit the file: both or neither."""
    visit, file = new_id(), new_id()
    changes = [
        create("visit", visit, outlet_id=world.shop_outlet, checked_in_at=at(), position_absence="refused"),
        create("attachment", file, entity="visit", row_id=visit, name="s.png", media_type="image/png",
               size_bytes=10, sha256="0" * 64),
        {"op": "edit", "entity": "visit", "id": visit,
         "fields": {"signature_id": {"value": file, "seen": None, "base": 0}}},
    ]  # fmt: skip

    outcome = await ann.do(*changes)
    await ann.pull()

    assert outcome["status"] == "applied", outcome
    assert ann.rows["visit"][visit]["signature_id"] == file
    assert ann.rows["attachment"][file]["row_id"] == visit


async def test_comments_go_where_their_record_goes(world: World, ann: WireDevice, bob: WireDevice):
    """S6: who loses the record loses what was said about it, and who gains it reads it."""
    comment = new_id()
    about = {"entity": "outlet", "row_id": world.cafe_outlet, "body": "Dog!"}
    unseen = await ann.do(create("comment", new_id(), **about))
    assert (await bob.do(create("comment", comment, **about)))["status"] == "applied"
    await ann.pull()
    await bob.pull()
    assert comment in bob.rows["comment"]
    assert comment not in ann.rows.get("comment", {})

    await world.execute("UPDATE assignment SET member_id = $1 WHERE id = $2", world.ann, world.bob_cafe)
    await ann.pull()
    await bob.pull()

    assert (unseen["status"], unseen["code"]) == ("refused", "parent_missing")
    assert comment in ann.rows["comment"]
    assert comment not in bob.rows["comment"]


async def test_a_route_is_the_members_own_and_they_order_its_stops(world: World, ann: WireDevice, bob: WireDevice):
    """The plan comes from the office; the way through the day is the rep's."""
    route, stop = new_id(), new_id()
    await world.execute("INSERT INTO route (id, member_id, day) VALUES ($1, $2, current_date)", route, world.ann)
    await world.execute(
        "INSERT INTO route_stop (id, route_id, outlet_id, position) VALUES ($1, $2, $3, 1)",
        stop, route, world.shop_outlet,
    )  # fmt: skip
    await ann.pull()
    await bob.pull()

    moved = await ann.edit("route_stop", stop, position=5)
    elsewhere = await ann.edit("route_stop", stop, outlet_id=world.cafe_outlet)
    made = await ann.do(create("route_stop", new_id(), route_id=route, outlet_id=world.shop_outlet, position=1))

    assert moved["status"] == "applied"
    assert [(o["status"], o["code"]) for o in (elsewhere, made)] == [("refused", "field_not_writable")] * 2
    assert "route" not in bob.rows
    assert "route_stop" not in bob.rows


async def test_a_return_is_a_draft_until_it_is_submitted(world: World, ann: WireDevice):
    """Then the office decides; nothing of it changes under their hands."""
    draft, line = new_id(), new_id()
    head = create("return_order", draft, number="T-1", outlet_id=world.shop_outlet, agreement_id=world.shop_terms)
    goods = {"product_id": world.tea, "unit": "box", "quantity": "2", "price": "18.00", "reason": "damaged"}
    empty = await ann.do(head, {"op": "intent", "name": "return_order.submit", "id": draft, "seen": {}})
    ok = await ann.do(
        create("return_order", draft, **head["fields"]),
        create("return_line", line, return_order_id=draft, **goods),
        {"op": "intent", "name": "return_order.submit", "id": draft, "seen": {"total_minor": 3600}},
    )
    await ann.pull()
    late = await ann.edit("return_line", line, quantity="3")

    assert (empty["status"], empty["code"]) == ("refused", "order_empty")
    assert ok["status"] == "applied", ok
    shown = ann.rows["return_order"][draft]
    assert (shown["status"], shown["total_minor"], shown["account_id"]) == ("submitted", 3600, world.shop)
    assert (late["status"], late["code"], late["status_found"]) == ("refused", "transition_illegal", "submitted")


async def test_phones_of_a_push_are_stored_as_over_rest(world: World, ann: WireDevice):
    """One number, one form; what is no number stays as its writer typed it."""
    await world.execute("UPDATE legal_entity SET country = 'NL'")
    number, words = new_id(), new_id()
    of = {"contact_id": world.clerk, "channel_kind": "phone"}

    await ann.do(create("contact_channel", number, value="050 318 1234", **of))
    await ann.do(create("contact_channel", words, value="ask for Ann", **of))
    await ann.pull()
    await ann.edit("contact_channel", words, value="+371 6700 0000")
    await ann.pull()

    assert ann.rows["contact_channel"][number]["value"] == "+31503181234"
    assert ann.rows["contact_channel"][words]["value"] == "+37167000000"


async def test_a_tax_id_that_is_known_or_wrong_is_stored_and_asks_a_person(world: World, ann: WireDevice):
    """Rule 8: a warning, never a block; and whose the other one is stays hidden from who may not see it."""
    await world.execute("UPDATE account SET tax_id = 'NL004495445B01' WHERE id = $1", world.cafe)
    await world.execute("UPDATE account SET tax_id = 'DE 136695976' WHERE id = $1", world.shop)

    hidden = await ann.do(create("account", new_id(), name="Again", tax_id="NL 0044.95.445.B01"))
    seen = await ann.do(create("account", new_id(), name="Again", tax_id="DE136695976"))
    wrong = await ann.do(create("account", new_id(), name="Typo", tax_id="DE136695977"))

    assert [o["status"] for o in (hidden, seen, wrong)] == ["merged"] * 3
    assert "Café" not in json.dumps(hidden, ensure_ascii=False)
    assert "Corner Shop" in seen["explanation"]
    assert "no tax id" in wrong["explanation"]
    stored = await world.fetch("SELECT tax_id FROM account WHERE name = 'Typo'")
    assert stored == [{"tax_id": "DE136695977"}]


async def test_the_same_line_added_on_two_sides_is_kept_twice_and_flagged(
    world: World, ann: WireDevice, bob: WireDevice
):
    """Rule 5. Added by somebody who knew of the other, it is meant."""
    order = new_id()
    await ann.do(create("order", order, number="T-1", outlet_id=world.shop_outlet, agreement_id=world.shop_terms,
                        warehouse_id=world.depot))  # fmt: skip
    await ann.pull()
    await bob.pull()
    tea = {"order_id": order, "product_id": world.tea, "unit": "box", "quantity": "1", "list_price": "18.00"}
    unaware = create("order_line", new_id(), **tea) | {"base": bob.cursor}

    mine = await ann.do(create("order_line", new_id(), **tea) | {"base": ann.cursor})
    theirs = await bob.do(unaware)
    await bob.pull()
    aware = await bob.do(create("order_line", new_id(), **tea) | {"base": bob.cursor})

    assert [o["status"] for o in (mine, theirs, aware)] == ["applied", "merged", "applied"]
    assert theirs["conflicts"][0]["yours"] == "pending"
    lines = await world.fetch("SELECT 1 FROM order_line WHERE order_id = $1 AND deleted_at IS NULL", order)
    assert len(lines) == 3


async def test_a_consent_follows_one_of_the_same_person_and_purpose(world: World, ann: WireDevice):
    """Else a withdrawal could be undone by a record about somebody else."""
    given, other = new_id(), new_id()
    of = {"contact_id": world.clerk, "purpose": "marketing", "at": at()}

    first = await ann.do(create("consent", given, state="granted", **of))
    second = await ann.do(create("consent", other, state="withdrawn", follows_id=given, **of))
    wrong = await ann.do(create("consent", new_id(), state="granted", follows_id=given, **of | {"purpose": "orders"}))

    assert [o["status"] for o in (first, second)] == ["applied", "applied"]
    assert (wrong["status"], wrong["field"]) == ("refused", "follows_id")


async def test_replicas_hold_what_the_plain_tables_say_they_may(world: World, ann: WireDevice, bob: WireDevice):
    """S3, S6, with a row of every new kind, before and after an outlet changes hands."""
    await add_debts(world)
    van = await van_of(world, "bob")
    await bob.do(
        payment(world, new_id(), 100, "R-1", outlet_id=None, account_id=world.cafe),
        movement(van, world.tea, movement_kind="receipt", quantity="2"),
        create("visit", new_id(), outlet_id=world.cafe_outlet, checked_in_at=at()),
        create("consent", new_id(), contact_id=world.clerk, purpose="marketing", state="granted", at=at()),
        create("comment", new_id(), entity="contact", row_id=world.clerk, body="Kind"),
        create("return_order", new_id(), number="T-2", outlet_id=world.cafe_outlet, agreement_id=world.cafe_terms),
    )
    await ann.do(payment(world, new_id(), 100, "R-2"))

    for _ in range(2):
        oracle = await Oracle.look(world)
        for device in (ann, bob):
            await device.pull()
            held = {name: rows for name, rows in device.rows.items() if rows}
            expected = oracle.rows_of(device.member_id)
            assert {n: r.keys() for n, r in held.items()} == {n: r.keys() for n, r in expected.items()}
        await world.execute("UPDATE assignment SET member_id = $1 WHERE id = $2", world.ann, world.bob_cafe)
        await world.execute("UPDATE warehouse SET member_id = $1 WHERE id = $2", world.ann, van)


async def test_a_blank_name_is_refused_as_over_rest(world: World):
    """An account that nobody can find by its name; the SDK, REST and the push have one rule."""
    device = await world.pulled_device("ann")

    renamed = await device.edit("account", world.shop, name=" \t\u3000")
    made = await device.do(create("contact", new_id(), account_id=world.shop, name="  "))

    told = [(outcome["status"], outcome["code"], outcome["field"]) for outcome in (renamed, made)]
    assert told == [("refused", "value_invalid", "name")] * 2
    assert "may not be blank" in made["explanation"]
