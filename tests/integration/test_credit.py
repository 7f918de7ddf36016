"""Rule 6: credit is judged when an order arrives, payments first; what is over it waits for somebody who may decide."""

from typing import Any

import pytest

from server.db import TenantRef
from tests.integration import rest_world, sync_world
from tests.integration.application import APP
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, cancel, create, new_id, order_changes

AT = 1_795_000_000_000_000


@pytest.fixture
async def field(tenant: TenantRef) -> sync_world.World:
    """Where the shop may owe 100.00; an order of two boxes of tea costs 36.00."""
    world = await sync_world.make_world(tenant)
    await world.execute("UPDATE agreement SET credit_limit_minor = 10000 WHERE id = $1", world.shop_terms)
    return world


@pytest.fixture
async def ann(field: sync_world.World) -> WireDevice:
    return await field.pulled_device("ann")


def payment(world: sync_world.World, amount_minor: int, number: str) -> dict[str, Any]:
    of = {"account_id": world.shop, "outlet_id": world.shop_outlet, "legal_entity_id": world.company}
    return create(
        "payment", new_id(), amount_minor=amount_minor, currency="USD", method="cash", receipt_number=number,
        paid_at=AT, **of,
    )  # fmt: skip


async def owe(world: sync_world.World, amount_minor: int) -> None:
    await world.execute(
        "INSERT INTO receivable (id, account_id, legal_entity_id, document_number, currency, due_on, amount_minor,"
        " balance_minor, as_of) VALUES ($1, $2, $3, $5, 'USD', '2026-12-01', $4, $4, now())",
        new_id(), world.shop, world.company, amount_minor, new_id(),
    )  # fmt: skip


async def statuses(world: sync_world.World, *orders: str) -> list[str]:
    rows = await world.fetch('SELECT id::text, status FROM "order"')
    found = {row["id"]: row["status"] for row in rows}
    return [found[order] for order in orders]


async def test_orders_within_the_credit_are_accepted_and_the_one_beyond_it_waits(
    field: sync_world.World, ann: WireDevice
):
    """In one push as in several: what was accepted before counts."""
    orders = [new_id() for _ in range(4)]
    await ann.push(*(ann.mutation(*order_changes(field, order, "2")) for order in orders[:3]))
    await ann.do(*order_changes(field, orders[3], "1"))
    await ann.pull()

    reserved = await field.fetch("SELECT reserved FROM stock WHERE id = $1", field.tea_stock)
    assert await statuses(field, *orders) == ["accepted", "accepted", "awaiting", "accepted"]
    assert int(reserved[0]["reserved"]) == 5
    assert "over the customer's credit" in ann.rows["order"][orders[2]]["status_reason"]
    await assert_converged(field, ann)


async def test_payments_of_the_same_batch_count_first(field: sync_world.World, ann: WireDevice):
    """Who takes the order and then the money hands in both, in that order."""
    await owe(field, 9000)
    order = new_id()

    await ann.push(ann.mutation(*order_changes(field, order, "2")), ann.mutation(payment(field, 5000, "R-1")))

    assert await statuses(field, order) == ["accepted"]


async def test_debts_count_and_what_was_cancelled_or_paid_ahead_does_not(field: sync_world.World, ann: WireDevice):
    """What the account owes on the whole."""
    await owe(field, 9000)
    first, second, third = new_id(), new_id(), new_id()
    await ann.do(*order_changes(field, first, "2"))
    await ann.do(payment(field, 12000, "R-1"))
    await ann.do(*order_changes(field, second, "7"))
    await ann.push(ann.mutation(cancel(second)), ann.mutation(*order_changes(field, third, "7")))

    assert await statuses(field, first, second, third) == ["awaiting", "cancelled", "accepted"]


async def test_an_account_without_a_limit_is_not_judged(field: sync_world.World, ann: WireDevice):
    """Credit is for those who use it."""
    await field.execute("UPDATE agreement SET credit_limit_minor = NULL")
    await owe(field, 10**9)
    order = new_id()

    await ann.do(*order_changes(field, order, "2"))

    assert await statuses(field, order) == ["accepted"]


@pytest.fixture
async def office(tenant: TenantRef) -> rest_world.World:
    world = await (await rest_world.make_world(APP, tenant)).trade()
    await world.admin.patch(f"/agreements/{world.ids['agreement']}", credit_limit_minor=5000)
    return world


async def test_over_rest_it_waits_too_and_a_manager_approves_it(office: rest_world.World):
    """The rep is told; who looks after others decides, knowing."""
    order = await office.draft()
    await office.line(order, "tea", "6")

    held = await office.rep.post(f"/orders/{order['id']}/submission")
    by_rep = await office.rep.refusal("POST", f"/orders/{order['id']}/submission", {})
    approved = await office.manager.post(f"/orders/{order['id']}/submission")

    assert held["order"]["status"] == "awaiting"
    assert by_rep[:2] == (409, "transition_illegal")
    assert approved["order"]["status"] == "accepted"
    assert float(await office.reserved("tea")) == 6


async def test_a_managers_own_order_waits_as_well(office: rest_world.World):
    """Approving is a second act, and no accident."""
    order = await office.draft()
    await office.line(order, "tea", "6")

    assert (await office.admin.post(f"/orders/{order['id']}/submission"))["order"]["status"] == "awaiting"


async def debt(office: rest_world.World, amount_minor: int, balance_minor: int) -> dict[str, Any]:
    made: dict[str, Any] = await office.admin.post(
        "/receivables", document_number=new_id(), account_id=office.ids["account"], currency="EUR",
        legal_entity_id=office.ids["legal_entity"], due_on="2026-12-01", amount_minor=amount_minor,
        balance_minor=balance_minor,
    )  # fmt: skip
    return made


async def test_what_a_payment_has_left_pays_a_debt_that_comes_later(office: rest_world.World):
    """Money on account is not forgotten; of a debt that comes partly paid, its maker has counted it."""
    of = {"account_id": office.ids["account"], "legal_entity_id": office.ids["legal_entity"], "currency": "EUR"}
    paid = await office.rep.post(
        "/payments", amount_minor=1000, method="cash", receipt_number="R-1", paid_at="2026-11-25T10:00:00Z", **of
    )

    partly = await debt(office, 500, 200)
    first = await debt(office, 700, 700)
    second = await debt(office, 700, 700)

    assert [each["balance_minor"] for each in (partly, first, second)] == [200, 0, 400]
    assert (await office.rep.get(f"/payments/{paid['id']}"))["allocated_minor"] == 1000
    paid_back = {"amount_minor": 1000, "method": "cash", "receipt_number": "R-1R", "paid_at": "2026-11-26T10:00:00Z"}
    await office.rep.post("/payments", reversal_of_id=paid["id"], **paid_back, **of)
    balances = [(await office.admin.get(f"/receivables/{d['id']}"))["balance_minor"] for d in (first, second)]
    assert balances == [700, 700]


async def test_an_accepted_return_brings_what_can_be_sold_again_into_stock(office: rest_world.World):
    """By a movement that names the return; what is damaged does not come back as goods."""
    before = float((await office.admin.get(f"/stock/{office.ids['stock_of_tea']}"))["quantity"])
    head = {name: office.ids[name.removesuffix("_id")] for name in ("outlet_id", "agreement_id", "warehouse_id")}
    draft = await office.rep.post("/return-orders", **head)
    for unit, quantity, reason in (("box", "2", "unsold"), ("pc", "1", "wrong_item"), ("pc", "5", "damaged")):
        goods = {"product_id": office.ids["tea"], "unit": unit, "quantity": quantity, "reason": reason}
        await office.rep.post("/return-lines", return_order_id=draft["id"], price="1", **goods)
    await office.rep.post(f"/return-orders/{draft['id']}/submission")

    await office.admin.patch(f"/return-orders/{draft['id']}", status="accepted")
    await office.admin.patch(f"/return-orders/{draft['id']}", status_reason="Thank you")

    moves = (await office.admin.get("/stock-movements", source_id=draft["id"]))["items"]
    after = float((await office.admin.get(f"/stock/{office.ids['stock_of_tea']}"))["quantity"])
    assert [(m["movement_kind"], float(m["quantity"]), m["reason"]) for m in moves] == [
        ("return", 13.0, "unsold, wrong_item")
    ]
    assert after == before + 13


async def test_a_required_custom_field_left_empty_on_a_device_is_kept_and_asked_for(
    field: sync_world.World, ann: WireDevice
):
    """The customer stood there; what was typed is worth more than what was not."""
    await field.execute(
        "INSERT INTO custom_field (id, entity, key, label, field_type, required)"
        " VALUES ($1, 'account', 'segment', 'Segment', 'text', true)",
        new_id(),
    )
    bare, full = new_id(), new_id()

    flagged = await ann.do(create("account", bare, name="New Shop"))
    fine = await ann.do(create("account", full, name="Other", custom='{"segment":"A"}'))
    await ann.pull()
    emptied = await ann.edit("account", full, custom="{}")

    assert (flagged["status"], fine["status"], emptied["status"]) == ("merged", "applied", "merged")
    assert flagged["conflicts"][0]["field"] == "custom.segment"
    assert "is required" in flagged["explanation"]
    assert ann.rows["account"][bare]["name"] == "New Shop"
    assert ann.rows["account"][full]["custom"] == '{"segment": "A"}'
    assert await field.fetch("SELECT custom::text FROM account WHERE id = $1", full) == [{"custom": "{}"}]
