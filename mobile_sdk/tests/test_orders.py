"""The rep's order, offline: what is filled in, what it costs, what is handed in, what is not allowed."""

from decimal import Decimal

import pytest
from outrider_sdk import IllegalStatus, InvalidValue, NotFound
from sdk_fakes import mutations, stock_shop


def line(crm, order, shop, **fields):
    return crm.order_lines.create(**{"order_id": order.id, "product_id": shop["tea"], "quantity": 4} | fields)


def test_an_outlet_is_enough_for_an_order(crm, shop):
    """Agreement, depot, owner and number follow from it; only what a device may set is sent."""
    order = crm.orders.create(outlet_id=shop["outlet"])

    assert (order.number, order.status, order.currency, order.total_minor) == ("W7-00001", "draft", "EUR", 0)
    assert order.agreement_id == shop["agreement"]
    assert order.warehouse_id == shop["depot"]
    assert order.owner_id == order.maker_id == order.created_by
    assert order.address_snapshot == {"city": "Ulm"}
    sent = mutations(crm)[0]["changes"][0]["fields"]
    assert set(sent) == {"number", "outlet_id", "agreement_id", "warehouse_id", "fulfilment"}


def test_a_line_is_priced_from_the_agreement(crm, shop):
    """The price of the quantity's own tier; the total is the sum of rounded lines."""
    order = crm.orders.create(outlet_id=shop["outlet"])
    few = line(crm, order, shop)
    many = line(crm, order, shop, quantity=100, discount="0.05")

    assert (few.unit, few.list_price, few.amount_minor, few.position) == ("pc", Decimal("2.50"), 1000, 1)
    assert (many.list_price, many.amount_minor, many.position) == (Decimal("2.00"), 19_000, 2)
    assert crm.orders.get(order.id).total_minor == 20_000


def test_a_unit_without_its_own_price_costs_its_factor(crm, shop):
    """A box of twelve is twelve pieces, also for the tier."""
    order = crm.orders.create(outlet_id=shop["outlet"])

    box = line(crm, order, shop, unit="box", quantity=2)
    boxes = line(crm, order, shop, unit="box", quantity=9)

    assert (box.list_price, box.factor) == (Decimal("30.00"), Decimal(12))
    assert boxes.list_price == Decimal("24.00")


def test_a_line_that_changes_unit_is_priced_anew(crm, shop):
    """Unit and price mean something only together."""
    order = crm.orders.create(outlet_id=shop["outlet"])
    row = line(crm, order, shop)

    changed = crm.order_lines.edit(row.id, unit="box")

    assert (changed.list_price, changed.factor, changed.amount_minor) == (Decimal("30.00"), Decimal(12), 12_000)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quantity": 0}, "more than 0"),
        ({"discount": "1.5"}, "fraction"),
        ({"unit": "pallet"}, "not sold by"),
        ({"quantity": 1.5}, "exact decimal"),
        ({"list_price": "-1"}, "exact decimal"),
        ({"quantity": 10**14}, "more than can be counted"),
        ({"quantity": 10**14, "list_price": "999999999999999.999999999"}, "more than can be counted"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(crm, shop, fields, message):
    """While the rep still stands in the shop."""
    order = crm.orders.create(outlet_id=shop["outlet"])

    with pytest.raises(InvalidValue, match=message):
        line(crm, order, shop, **fields)


def test_a_price_out_of_its_dates_does_not_count(crm, shop):
    """An expired price is no price; the rep may give one."""
    order = crm.orders.create(outlet_id=shop["outlet"])

    with pytest.raises(InvalidValue, match="no price of Jam"):
        line(crm, order, shop, product_id=shop["jam"])
    assert line(crm, order, shop, product_id=shop["jam"], list_price="1.10").amount_minor == 440


def test_total_follows_lines_that_change_and_go(crm, shop):
    """The screen shows the sum at any moment."""
    order = crm.orders.create(outlet_id=shop["outlet"])
    first, second = line(crm, order, shop), line(crm, order, shop)
    crm.order_lines.edit(first.id, quantity=10)
    crm.order_lines.delete(second.id)

    assert crm.orders.get(order.id).total_minor == 2_500
    assert crm.verify() == []


def test_submit_carries_what_the_person_saw(crm, shop):
    """The server judges by it, and never makes another order of it quietly."""
    order = crm.orders.create(outlet_id=shop["outlet"])
    row = line(crm, order, shop)

    submitted = crm.orders.submit(order.id)

    (intent,) = mutations(crm)[-1]["changes"]
    assert submitted.status == "submitted"
    assert intent["name"] == "order.submit"
    assert intent["seen"] == {
        "total_minor": 1000,
        "lines": [
            {
                "id": row.id,
                "product_id": shop["tea"],
                "unit": "pc",
                "quantity": "4",
                "list_price": "2.50",
                "discount": "0",
                "amount_minor": 1000,
            }
        ],
    }


def test_what_the_status_forbids_is_refused_at_once(crm, shop):
    """The rules are the server's own; there is no use in asking it."""
    order = crm.orders.create(outlet_id=shop["outlet"])
    with pytest.raises(InvalidValue, match="no lines"):
        crm.orders.submit(order.id)
    row = line(crm, order, shop)
    crm.orders.submit(order.id)

    with pytest.raises(IllegalStatus, match="submitted cannot be submitted"):
        crm.orders.submit(order.id)
    with pytest.raises(IllegalStatus, match="submitted cannot be changed"):
        crm.order_lines.edit(row.id, quantity=5)
    with pytest.raises(IllegalStatus):
        crm.order_lines.delete(row.id)
    with pytest.raises(IllegalStatus):
        crm.orders.edit(order.id, note="x")
    assert crm.orders.cancel(order.id).status == "cancelled"
    with pytest.raises(IllegalStatus, match="cancelled"):
        crm.orders.cancel(order.id)


def test_a_number_is_never_given_twice(crm, shop, open_replica):
    """Not after a failed transaction, not after a discarded order, not after a restart."""

    def failing():
        with crm.transaction():
            crm.orders.create(outlet_id=shop["outlet"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    second = crm.orders.create(outlet_id=shop["outlet"])
    crm.discard(1)
    crm.close()
    third = open_replica().orders.create(outlet_id=shop["outlet"])

    assert (second.number, third.number) == ("W7-00002", "W7-00003")


def test_an_order_without_its_surroundings_says_what_is_missing(crm, server):
    """Before the first sync there is nothing to order by."""
    with pytest.raises(NotFound, match="outlet"):
        crm.orders.create(outlet_id="0190a000-0000-7000-8000-000000000001")
    shop = stock_shop(server)
    server.remove("agreement", shop["agreement"])
    crm.sync()
    with pytest.raises(InvalidValue, match="no agreement"):
        crm.orders.create(outlet_id=shop["outlet"])
