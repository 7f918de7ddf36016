"""What is over for long leaves devices and stays in the office: windows of time, moved by the job of each day."""

from uuid import UUID

import pytest

from server.auth.tokens import keys
from server.sync.daily import begin_day
from server.tenants.service import owner_connection
from tests.integration.application import APP
from tests.integration.rest_world import Person
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, cancel, new_id, order_changes


@pytest.fixture
async def bob(world: World) -> WireDevice:
    return await world.device("bob")


async def an_order(bob: WireDevice, world: World) -> tuple[str, str]:
    """An accepted order of one line."""
    order_id, line_id = new_id(), new_id()
    await bob.do(*order_changes(world, order_id, "1", line_id=line_id))
    return order_id, line_id


async def pass_days(world: World, owner_url: str, days: int) -> None:
    """All orders were last touched that long ago; then a day begins."""
    async with owner_connection(owner_url) as owner, owner.transaction():
        await owner.execute(f'SET LOCAL search_path = "{world.tenant.schema}"')
        for table in ("order", "visit", "route"):
            await owner.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
            await owner.execute(f"""UPDATE "{table}" SET updated_at = now() - interval '{days} days'""")
            await owner.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
        await owner.execute("DELETE FROM setting WHERE key = 'day_of_grants'")
    await begin_day(world.tenant)


async def test_an_old_order_leaves_devices_with_its_lines_and_stays_in_the_office(
    world: World, bob: WireDevice, owner_urls: dict[str, str]
):
    """A phone has what a rep still needs; the office has everything."""
    old, line = await an_order(bob, world)
    open_one, _ = await an_order(bob, world)
    comment = new_id()
    await world.execute(
        "INSERT INTO comment (id, entity, row_id, body) VALUES ($1, 'order', $2, 'Thanks')", comment, old
    )
    await world.execute("""UPDATE "order" SET status = 'closed' WHERE id = $1""", old)
    await bob.pull()
    before = bob.cursor

    await pass_days(world, owner_urls["main"], 100)
    await bob.pull()

    assert bob.cursor > before
    assert set(bob.rows["order"]) == {open_one}
    assert line not in bob.rows["order_line"]
    assert not bob.rows["comment"]
    fresh = await world.device("bob")
    await fresh.pull()
    assert {e: set(r) for e, r in fresh.rows.items() if r} == {e: set(r) for e, r in bob.rows.items() if r}
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.bob), role="rep")
    office = Person(APP, world.tenant, UUID(world.bob), "rep", token)
    assert {o["id"] for o in (await office.get("/orders"))["items"]} == {old, open_one}
    assert (await office.send("GET", f"/order-lines/{line}")).status_code == 200


async def test_what_is_not_done_with_stays_however_old(world: World, bob: WireDevice, owner_urls: dict[str, str]):
    """An order that waits for its delivery since spring is what the rep is asked about."""
    order_id, _ = await an_order(bob, world)

    await pass_days(world, owner_urls["main"], 400)
    await bob.pull()

    assert order_id in bob.rows["order"]
    await assert_converged(world, bob)


async def test_an_old_order_that_changes_comes_back_whole(world: World, bob: WireDevice, owner_urls: dict[str, str]):
    """With its lines, to whoever may see it."""
    order_id, line = await an_order(bob, world)
    await world.execute("""UPDATE "order" SET status = 'closed'""")
    await bob.pull()
    await pass_days(world, owner_urls["main"], 100)
    await bob.pull()
    assert not bob.rows["order"]

    await world.execute("""UPDATE "order" SET note = 'Claimed' WHERE id = $1""", order_id)
    await bob.pull()

    assert line in bob.rows["order_line"]
    await assert_converged(world, bob)


async def test_s1_work_on_an_order_that_left_meanwhile_is_judged(
    world: World, bob: WireDevice, owner_urls: dict[str, str]
):
    """The device was away when it left: what it sends is answered by what the order is, not by “unknown”."""
    order_id, _ = await an_order(bob, world)
    await bob.pull()
    await world.execute("""UPDATE "order" SET status = 'closed'""")
    await pass_days(world, owner_urls["main"], 100)

    outcome = await bob.do(cancel(order_id))
    edit = bob.edit_change("order", order_id, note="Called")
    edited = await bob.do(edit)

    assert (outcome["code"], outcome["status_found"]) == ("transition_illegal", "closed")
    assert edited["code"] == "transition_illegal"


async def test_a_tenant_chooses_its_window_and_may_widen_it(world: World, bob: WireDevice, owner_urls: dict[str, str]):
    """By the next day what is within it again is on devices again."""
    order_id, _ = await an_order(bob, world)
    await world.execute("""UPDATE "order" SET status = 'cancelled'""")
    await world.execute("INSERT INTO setting (key, value) VALUES ('order_window_days', '30')")
    await pass_days(world, owner_urls["main"], 40)
    await bob.pull()
    assert not bob.rows.get("order")

    await world.execute("UPDATE setting SET value = '60' WHERE key = 'order_window_days'")
    await pass_days(world, owner_urls["main"], 40)
    await bob.pull()

    assert order_id in bob.rows["order"]


async def test_the_plan_of_a_day_leaves_after_a_week_and_a_visit_with_the_orders(
    world: World, bob: WireDevice, owner_urls: dict[str, str]
):
    """Both are the rep's own; the office keeps them."""
    route, stop, visit = new_id(), new_id(), new_id()
    await world.execute("INSERT INTO route (id, member_id, day) VALUES ($1, $2, current_date - 8)", route, world.bob)
    await world.execute(
        "INSERT INTO route_stop (id, route_id, outlet_id) VALUES ($1, $2, $3)", stop, route, world.shop_outlet
    )
    await world.execute(
        "INSERT INTO visit (id, member_id, outlet_id, checked_in_at) VALUES ($1, $2, $3, now())",
        visit, world.bob, world.shop_outlet,
    )  # fmt: skip
    await bob.pull()
    assert stop in bob.rows["route_stop"]

    await pass_days(world, owner_urls["main"], 9)
    await bob.pull()

    assert not bob.rows["route"]
    assert not bob.rows["route_stop"]
    assert visit in bob.rows["visit"]

    await pass_days(world, owner_urls["main"], 100)
    await bob.pull()

    assert not bob.rows["visit"]


async def test_a_line_taken_before_its_product_went_out_of_sight_is_accepted(world: World, bob: WireDevice):
    """Rule 3: the assortment of the hour of work counts, not that of the hour of contact."""
    teas = new_id()
    await world.execute("INSERT INTO assortment (id, name) VALUES ($1, 'Teas')", teas)
    await world.execute(
        "INSERT INTO assortment_item (id, assortment_id, product_id) VALUES ($1, $2, $3)", new_id(), teas, world.tea
    )
    await world.execute("UPDATE assignment SET assortment_id = $1", teas)
    await bob.pull()
    taken, late = new_id(), new_id()
    work = bob.mutation(*order_changes(world, taken, "1"))
    await world.execute("DELETE FROM assortment_item")

    outcomes = await bob.push(work, bob.mutation(*order_changes(world, late, "1")))

    assert [o["status"] for o in outcomes] == ["applied", "refused"]
