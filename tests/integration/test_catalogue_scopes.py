"""Who sees which products, prices and stock: assortments, price lists and vans, on devices and over REST (S6)."""

from typing import Any
from uuid import UUID

import pytest

from server.auth.tokens import keys
from server.db import TenantRef
from server.sync.catalogue import CATALOGUE_SCOPE
from server.sync.daily import begin_day
from server.sync.scopes import OFFICE_SCOPE, TENANT_SCOPE
from server.tenants.service import owner_connection
from tests.integration.application import APP
from tests.integration.rest_world import Person
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import World, create, make_world, new_id, order_changes


@pytest.fixture
async def world(tenant: TenantRef) -> World:
    """Ann and Bob share the shop; Ann sells an assortment of tea there, Bob everything, at the café too."""
    world = await make_world(tenant)
    world.ids["teas"] = new_id()
    await world.execute("INSERT INTO assortment (id, name) VALUES ($1, 'Teas')", world.teas)
    await world.execute(
        "INSERT INTO assortment_item (id, assortment_id, product_id) VALUES ($1, $2, $3)",
        new_id(), world.teas, world.tea,
    )  # fmt: skip
    await world.execute("UPDATE assignment SET assortment_id = $2 WHERE id = $1", world.ann_shop, world.teas)
    return world


async def person(world: World, member: str) -> Person:
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.ids[member]), role="rep")
    return Person(APP, world.tenant, UUID(world.ids[member]), "rep", token)


async def test_who_sells_an_assortment_has_its_products_prices_and_stock_alone(world: World):
    """Of a shared outlet each sells what is theirs: the other's products are no business of hers."""
    ann, bob = await world.device("ann"), await world.device("bob")

    await ann.pull()
    await bob.pull()

    assert set(ann.rows["product"]) == {world.tea}
    assert set(ann.rows["price_item"]) == {world.tea_price}
    assert set(ann.rows["stock"]) == {world.tea_stock}
    assert set(bob.rows["product"]) == {world.tea, world.mug}
    await assert_converged(world, ann, bob)


async def test_a_product_out_of_sight_is_nowhere_over_rest(world: World):
    """Get, list, filter and expand answer as if it never was."""
    ann = await person(world, "ann")

    assert (await ann.send("GET", f"/products/{world.mug}")).status_code == 404
    assert [p["id"] for p in (await ann.get("/products"))["items"]] == [world.tea]
    assert (await ann.get("/products", sku="MUG"))["items"] == []
    assert (await ann.get("/price-items", product_id=world.mug))["items"] == []
    assert (await ann.get("/stock", product_id=world.mug))["items"] == []
    assert world.mug not in str(await ann.get("/price-items", expand="product"))


async def test_a_line_for_a_product_out_of_sight_is_refused_like_one_that_never_was(world: World):
    """By push and by REST alike."""
    ann, browser = await world.device("ann"), await person(world, "ann")
    await ann.pull()
    order_id = new_id()
    draft = order_changes(world, order_id, "1")[0]
    await ann.do(draft)

    def line(product_id: str) -> dict[str, Any]:
        return {"order_id": order_id, "product_id": product_id, "unit": "piece", "quantity": "1", "list_price": "4.50"}

    answers = [await ann.do(create("order_line", new_id(), **line(p))) for p in (world.mug, new_id())]
    replies = [await browser.send("POST", "/order-lines", line(p)) for p in (world.mug, new_id())]

    assert [a["code"] for a in answers] == ["parent_missing"] * 2
    assert answers[0]["explanation"] == answers[1]["explanation"]
    assert [r.status_code for r in replies] == [400] * 2
    assert replies[0].json()["errors"] == replies[1].json()["errors"]


async def test_an_order_of_two_who_sell_different_parts_is_judged_whole(world: World):
    """Bob's line of mugs stands in the draft of the shop that Ann submits: it is no reason to refuse her."""
    ann, bob, order_id, mugs = await world.device("ann"), await world.device("bob"), new_id(), new_id()
    draft, tea_line, submit = order_changes(world, order_id, "2")
    await ann.do(draft, tea_line)
    line = {"order_id": order_id, "product_id": world.mug, "unit": "piece", "quantity": "1", "list_price": "4.50"}
    assert (await bob.do(create("order_line", mugs, **line)))["status"] == "applied"
    seen = {"total_minor": 4050, "lines": []}

    outcome = await ann.do(submit | {"seen": seen})

    assert outcome["status"] == "applied"
    assert {v["verdict"] for v in outcome["verdicts"]} == {"accepted"}


async def test_a_price_list_is_for_those_who_have_a_customer_with_it(world: World):
    """What one customer pays is no business of a rep of others; a list that no agreement names is everybody's."""
    special, promised = new_id(), new_id()
    for row_id in (special, promised):
        await world.execute("INSERT INTO price_list (id, name, currency) VALUES ($1, 'Other', 'USD')", row_id)
    await world.execute("UPDATE agreement SET price_list_id = $2 WHERE id = $1", world.cafe_terms, special)
    await world.execute(
        "INSERT INTO price_item (id, price_list_id, product_id, unit, price) VALUES ($1, $2, $3, 'box', 9)",
        new_id(), special, world.tea,
    )  # fmt: skip
    ann, bob = await world.device("ann"), await world.device("bob")
    await ann.pull()
    await bob.pull()

    assert set(ann.rows["price_list"]) == {world.prices, promised}
    assert set(bob.rows["price_list"]) == {world.prices, promised, special}

    await world.execute("UPDATE assignment SET member_id = $2 WHERE id = $1", world.bob_cafe, world.ann)
    await ann.pull()
    await bob.pull()

    assert special in ann.rows["price_list"]
    assert special not in bob.rows["price_list"]
    await assert_converged(world, ann, bob)


async def test_a_van_is_its_keepers_and_a_depot_everybodys(world: World):
    """What another rep has in the car is not for a promise to a customer."""
    van = new_id()
    await world.execute("INSERT INTO warehouse (id, name, member_id) VALUES ($1, 'Van', $2)", van, world.ann)
    for product in (world.tea, world.mug):
        await world.execute(
            "INSERT INTO stock (id, warehouse_id, product_id, quantity) VALUES ($1, $2, $3, 5)",
            new_id(), van, product,
        )  # fmt: skip
    ann, bob = await world.device("ann"), await world.device("bob")
    await ann.pull()
    await bob.pull()

    assert set(ann.rows["warehouse"]) == {world.depot, van}
    assert {s["product_id"] for s in ann.rows["stock"].values()} == {world.tea}
    assert set(bob.rows["warehouse"]) == {world.depot}
    assert len(bob.rows["stock"]) == 2
    await assert_converged(world, ann, bob)


async def test_an_assortment_begins_with_a_day_and_devices_hear_of_it(world: World, owner_urls: dict[str, str]):
    """The daily job writes it; a clock alone would tell no device."""
    ann = await world.device("ann")
    await ann.pull()
    await begin_day(world.tenant)
    await world.execute(
        "UPDATE assortment SET starts_on = current_date + 1, ends_on = current_date + 2 WHERE id = $1", world.teas
    )
    await ann.pull()
    assert "product" not in {entity for entity, rows in ann.rows.items() if rows}

    # As if the days had passed: what the job finds when it comes is what the date says.
    async with owner_connection(owner_urls["main"]) as owner:
        await owner.execute(f'SET search_path = "{world.tenant.schema}"; ALTER TABLE assortment DISABLE TRIGGER USER')
        await owner.execute("UPDATE assortment SET starts_on = current_date")
        await owner.execute(
            "ALTER TABLE assortment ENABLE TRIGGER USER; DELETE FROM setting WHERE key = 'day_of_grants'"
        )
    await begin_day(world.tenant)
    await ann.pull()

    assert set(ann.rows["product"]) == {world.tea}


async def test_who_opens_an_outlet_does_not_widen_what_they_sell(world: World):
    """The assignment that it brings names their assortment: one without would show them all products."""
    ann, browser = await world.device("ann"), await person(world, "ann")
    await ann.pull()

    await ann.do(create("outlet", new_id(), account_id=world.shop, name="Kiosk"))
    await browser.post("/outlets", account_id=world.shop, name="Stall")
    await ann.pull()

    assert len(ann.rows["outlet"]) == 3
    assert set(ann.rows["product"]) == {world.tea}


async def test_s6_an_outlet_cannot_take_the_id_of_another_scope(world: World):
    """Its maker works it, and would see what else is seen by that id: a colleague's route, another's prices."""
    ann = await world.device("ann")
    await ann.pull()
    scopes = [OFFICE_SCOPE, TENANT_SCOPE, CATALOGUE_SCOPE, world.bob, world.prices, world.cafe_outlet]
    pairs = await world.fetch("SELECT DISTINCT scope FROM scope_grant WHERE of_place")

    for taken in [*scopes, *(str(r["scope"]) for r in pairs)]:
        outcome = await ann.do(create("outlet", taken, account_id=world.shop, name="Kiosk"))
        assert outcome["code"] == "already_exists"
