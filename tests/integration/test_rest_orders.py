"""Orders over REST: what the server derives, submission and cancellation, and stock that always adds up."""

from typing import Any

import pytest

from server.db import connection, platform_transaction
from tests.integration import rest_world
from tests.integration.rest_world import World

shared = rest_world.shared


@pytest.fixture
async def world(shared: World) -> World:
    """The same company for all tests, with products and stock of each test's own."""
    await shared.stock_up()
    return shared


async def submit(world: World, order: dict[str, Any], **body: Any) -> dict[str, Any]:
    reply: dict[str, Any] = await world.rep.post(f"/orders/{order['id']}/submission", **body)
    return reply


async def test_an_order_takes_its_parties_and_terms_from_outlet_and_agreement(world: World):
    """Nobody types them, so nobody gets them wrong; the address is the one of that day."""
    order = await world.draft(note="ring twice")

    me, ids = str(world.rep.id), world.ids
    assert (order["maker_id"], order["owner_id"], order["credited_id"]) == (me, me, me)
    assert (order["account_id"], order["legal_entity_id"]) == (ids["account"], ids["legal_entity"])
    assert (order["price_list_id"], order["currency"], order["status"]) == (ids["price_list"], "EUR", "draft")
    assert (order["address_snapshot"], order["fulfilment"]) == (
        {"city": "Groningen"},
        "partial",
    )
    assert (await world.draft())["number"] == "W-2"


async def test_an_agreement_of_another_account_is_refused(world: World):
    """Its prices and debts are not this customer's."""
    foreign = await world.agreement(world.ids["hidden_account"])

    body = {"outlet_id": world.ids["outlet"], "warehouse_id": world.ids["warehouse"], "agreement_id": foreign}

    assert await world.rep.refusal("POST", "/orders", body) == (400, "invalid_input", ["agreement_id"])
    assert await world.admin.refusal("POST", "/orders", body) == (400, "invalid_input", ["agreement_id"])


async def test_a_line_has_the_price_of_its_quantity_(world: World):
    """A price from ten on is for who orders ten."""
    await world.admin.post(
        "/price-items", price_list_id=world.ids["price_list"], product_id=world.ids["oil"], unit="pc", price="2.00",
        minimum_quantity="10",
    )  # fmt: skip
    order = await world.draft()

    few, many = await world.line(order, "oil", "9"), await world.line(order, "oil", "10")

    assert (few["list_price"], many["list_price"]) == ("2.50", "2.00")


async def test_lines_are_priced_and_the_total_follows(world: World):
    """What the screen shows is what the server will judge."""
    order = await world.draft()

    tea = await world.line(order, "tea", "2", unit="box", discount="0.1")
    oil = await world.line(order, "oil", "3")

    assert (tea["list_price"], tea["factor"], tea["amount_minor"], tea["position"]) == ("55", "6", 9900, 1)
    assert (oil["amount_minor"], oil["position"]) == (750, 2)
    assert await total(world, order) == 10650
    changed = await world.rep.patch(f"/order-lines/{tea['id']}", unit="pc")
    assert (changed["list_price"], changed["factor"], changed["amount_minor"]) == ("10.00", "1", 1800)
    assert await total(world, order) == 2550
    assert (await world.rep.send("DELETE", f"/order-lines/{oil['id']}")).status_code == 204
    assert await total(world, order) == 1800


async def total(world: World, order: dict[str, Any]) -> int:
    return int((await world.rep.get(f"/orders/{order['id']}"))["total_minor"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"unit": "barrel"}, "unit"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "999999999999999", "list_price": "999999999999999"}, "quantity"),
        ({"discount": "1.01"}, "discount"),
        ({"quantity": 1}, "quantity"),
        ({"product_id": "00000000-0000-7000-8000-000000000000"}, "product_id"),
        ({"factor": "2"}, "factor"),
    ],
)
async def test_a_line_that_cannot_be_priced_is_refused_by_its_field(world: World, change: dict[str, Any], field: str):
    """The form can put its cursor there."""
    order = await world.draft()
    line = {"order_id": order["id"], "product_id": world.ids["tea"], "unit": "pc", "quantity": "1"}

    assert await world.rep.refusal("POST", "/order-lines", line | change) == (400, "invalid_input", [field])
    assert await total(world, order) == 0


async def test_submission_reserves_and_cancellation_gives_back(world: World):
    """Stock is promised once, and comes back whole."""
    order = await world.draft()
    await world.line(order, "tea", "2", unit="box")
    await world.line(order, "oil", "120")

    reply = await submit(world, order)

    assert (reply["order"]["status"], reply["order"]["total_minor"]) == ("partly_accepted", 11000 + 9750)
    assert [v["verdict"] for v in reply["lines"]] == ["accepted", "short_stock"]
    assert reply["lines"][1]["explanation"] == "Ordered 120, more than is in stock: 39 accepted"
    assert (await world.reserved("tea"), await world.reserved("oil")) == ("12", "39")
    cancelled = await world.rep.post(f"/orders/{order['id']}/cancellation")
    assert (cancelled["status"], await world.reserved("tea"), await world.reserved("oil")) == ("cancelled", "0", "0")


async def test_a_second_order_gets_what_the_first_left(world: World):
    """Reserved is not available."""
    first, second = await world.draft(), await world.draft(fulfilment="complete")
    await world.line(first, "oil", "30")
    await world.line(second, "oil", "10")

    await submit(world, first)
    reply = await submit(world, second)

    assert reply["order"]["status"] == "needs_attention"
    assert reply["lines"][0]["quantity_accepted"] == "0"
    assert await world.reserved("oil") == "30"


async def test_a_price_that_rose_since_waits_for_a_second_yes(world: World):
    """The person sees the new total before the order stands."""
    order = await world.draft()
    await world.line(order, "tea", "1")
    await world.admin.patch(f"/price-items/{world.ids['price_of_tea']}", price="12")

    reply = await submit(world, order)

    assert (reply["order"]["status"], reply["order"]["total_minor"]) == ("needs_attention", 1200)
    assert "12.00 EUR, not 10.00 EUR" in reply["order"]["status_reason"]
    assert await world.reserved("tea") == "0"
    assert (await submit(world, order))["order"]["status"] == "accepted"


async def test_a_total_above_the_one_seen_needs_attention(world: World):
    """Somebody else added a line while the person looked at the total."""
    order = await world.draft()
    await world.line(order, "tea", "1")

    assert (await submit(world, order, seen_total_minor=999))["order"]["status"] == "needs_attention"
    assert (await submit(world, order, seen_total_minor=1000))["order"]["status"] == "accepted"


async def test_what_is_submitted_can_no_longer_be_changed(world: World):
    """It is revised by a new draft that names it."""
    order = await world.draft()
    line = await world.line(order, "tea", "1")
    await submit(world, order)

    refused = (409, "transition_illegal", [])
    assert await world.rep.refusal("PATCH", f"/orders/{order['id']}", {"note": "x"}) == refused
    assert await world.rep.refusal("PATCH", f"/order-lines/{line['id']}", {"quantity": "2"}) == refused
    assert await world.rep.refusal("DELETE", f"/order-lines/{line['id']}") == refused
    assert await world.rep.refusal("POST", f"/orders/{order['id']}/submission", {}) == refused
    assert await world.admin.refusal("DELETE", f"/orders/{order['id']}") == refused
    revision = await world.draft(revises_order_id=order["id"])
    assert revision["revises_order_id"] == order["id"]


async def test_an_empty_order_is_not_submitted(world: World):
    """And a cancelled one is not cancelled again."""
    order = await world.draft()

    assert await world.rep.refusal("POST", f"/orders/{order['id']}/submission") == (409, "order_empty", [])
    await world.rep.post(f"/orders/{order['id']}/cancellation")
    assert await world.rep.refusal("POST", f"/orders/{order['id']}/cancellation") == (409, "transition_illegal", [])


async def test_a_deleted_order_takes_its_lines_with_it(world: World):
    """No line without its order, on any screen."""
    order = await world.draft()
    line = await world.line(order, "tea", "1")

    assert await world.rep.refusal("DELETE", f"/orders/{order['id']}") == (403, "forbidden", [])
    assert (await world.admin.send("DELETE", f"/orders/{order['id']}")).status_code == 204

    for path in (f"/orders/{order['id']}", f"/order-lines/{line['id']}"):
        assert (await world.admin.send("GET", path)).status_code == 404


async def test_another_rep_can_neither_submit_nor_cancel_it(world: World):
    """An act on a hidden order reads like one on none."""
    order = await world.draft()
    await world.line(order, "tea", "1")

    for act in ("submission", "cancellation"):
        hidden = await world.other_rep.send("POST", f"/orders/{order['id']}/{act}", {})
        unknown = await world.other_rep.send("POST", f"/orders/{world.ids['tea']}/{act}", {})
        assert (hidden.status_code, hidden.content) == (404, unknown.content)
        assert await world.billing.refusal("POST", f"/orders/{order['id']}/{act}", {}) == (403, "forbidden", [])


async def test_acceptance_sends_a_confirmation_and_attention_sends_none(world: World):
    """The customer hears of what stands, and of nothing else."""
    order = await world.draft()
    await world.line(order, "tea", "1")

    await submit(world, order, seen_total_minor=1)
    assert await jobs_about(order) == 0
    await submit(world, order)

    assert await jobs_about(order) == 1


async def jobs_about(order: dict[str, Any]) -> int:
    sql = """SELECT count(*) FROM dramatiq.queue
        WHERE message ->> 'actor_name' = 'confirm_order' AND message -> 'args' ? $1"""
    async with platform_transaction():
        return int(await connection().fetchval(sql, order["id"]))
