"""A rep's phone while the company has not paid: the real SDK against the real server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from server import clock
from server.sync.held import release_orders
from tests.integration.application import APP
from tests.integration.entitled import entitle
from tests.integration.phones import Bridge, Phone, assert_phones_converged, enrol_phone
from tests.integration.sync_world import World


@pytest.fixture
async def ann(world: World, tmp_path: Path) -> AsyncIterator[Phone]:
    """Ann's phone, enrolled while all was well."""
    await entitle(world.tenant, "active")
    phone = await enrol_phone(world, "ann", Bridge(APP), tmp_path)
    await phone.sync()
    yield phone
    phone.crm.close()


def take_order(phone: Phone, world: World) -> str:
    """An order of five boxes of tea, submitted; its id."""
    with phone.crm.transaction():
        order = phone.crm.orders.create(
            outlet_id=world.shop_outlet, agreement_id=world.shop_terms, warehouse_id=world.depot
        )
        phone.crm.order_lines.create(
            order_id=order.id, product_id=world.tea, unit="box", quantity="5", list_price="18.00"
        )
        phone.crm.orders.submit(order.id)
    return str(order.id)


async def renew(phone: Phone) -> None:
    """As a quarter of an hour later: the token is refreshed, and a lease comes with it."""
    with clock.frozen(clock.now() + timedelta(minutes=20)):
        await phone.sync()


async def test_s1_an_order_of_an_unpaid_month_is_accepted_by_itself_once_it_is_paid(world: World, ann: Phone):
    """The rep sees that it waits and why, does nothing about it, and finds it accepted."""
    await entitle(world.tenant, "restricted")
    order = take_order(ann, world)

    await ann.sync()
    waiting = ann.crm.orders.get(order)
    await entitle(world.tenant, "active")
    await release_orders(world.tenant)
    await ann.sync()

    assert waiting.status == "awaiting"
    assert "judged as soon as it is" in waiting.status_reason
    assert ann.crm.orders.get(order).status == "accepted"
    assert ann.crm.status().needs_attention == 0
    await assert_phones_converged(world, "ann", ann)


async def test_a_phone_says_how_the_plan_stands_and_goes_on(world: World, ann: Phone):
    """What was promised at the last contact is shown; what changed since comes with the next lease."""
    before = ann.crm.status().plan
    await entitle(world.tenant, "restricted")
    await renew(ann)
    order = take_order(ann, world)
    unpaid = ann.crm.status()

    report = await ann.sync()

    assert before is not None
    assert (before.name, before.state, before.message) == ("business", "active", None)
    assert unpaid.plan is not None
    assert (unpaid.plan.state, unpaid.past_lease) == ("restricted", False)
    assert unpaid.plan.message in unpaid.problems
    assert report.pushed == report.applied == 1
    assert ann.crm.orders.get(order).status == "awaiting"
