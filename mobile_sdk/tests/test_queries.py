"""Queries: which rows, in what order, how many."""

from datetime import UTC, datetime

import pytest
from outrider_sdk import InvalidValue, above, at_least, at_most, begins_with, below, holds, other_than, rows


@pytest.fixture
def orders(crm, shop):
    """Three drafts, of 1, 2 and 30 units of tea."""
    made = []
    for quantity in (1, 2, 30):
        with crm.transaction():
            made.append(crm.orders.create(outlet_id=shop["outlet"]))
            crm.order_lines.create(order_id=made[-1].id, product_id=shop["tea"], quantity=quantity)
    return [crm.orders.get(order.id) for order in made]


def test_rows_are_of_their_entitys_own_class(crm, shop):
    """An editor completes their fields, and a type checker knows them."""
    account = crm.accounts.get(shop["account"])

    assert type(account) is rows.Account
    assert (account.name, account["name"], account.entity_name) == ("Wilma", "Wilma", "account")
    with pytest.raises(AttributeError):
        account.nmae  # noqa: B018


def test_conditions_order_and_limit_are_combined(crm, orders):
    """It is what a list on a screen asks for."""
    dear = crm.orders.where(status="draft", total_minor=above(250))

    assert [order.id for order in dear.order_by("-total_minor")] == [orders[2].id, orders[1].id]
    assert dear.order_by("-total_minor").limit(1).all() == [orders[2]]
    assert dear.order_by("total_minor").first() == orders[1]
    assert (dear.count(), dear.limit(1).count()) == (2, 2)
    assert dear.where(total_minor=above(10_000)).first() is None


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (at_least(500), [1, 2]),
        (at_most(500), [0, 1]),
        (below(500), [0]),
        (above(500), [2]),
        (other_than(500), [0, 2]),
        ([250, 500], [0, 1]),
    ],
)
def test_a_field_is_compared(crm, orders, condition, found):
    """A limit is or is not among what it limits, as its name says."""
    result = crm.orders.where(total_minor=condition).order_by("total_minor").all()

    assert [order.id for order in result] == [orders[index].id for index in found]


def test_decimals_compare_by_value_and_instants_as_datetimes(crm, orders, shop):
    """As text, 30 would come before 4, and 2 after 12."""
    by_quantity = crm.order_lines.where(quantity=at_least("2")).order_by("-quantity").all()

    assert [str(line.quantity) for line in by_quantity] == ["30", "2"]
    assert crm.orders.where(created_at=below(datetime(2000, 1, 1, tzinfo=UTC))).count() == 0


def test_texts_and_lists_are_looked_into(crm, shop):
    """Tags are how people sort their customers."""
    crm.accounts.edit(shop["account"], tags=["vip", "north"])

    assert crm.accounts.where(tags=holds("vip"), name=begins_with("Wil")).count() == 1
    assert crm.accounts.where(tags=holds("vi")).count() == 0
    assert crm.accounts.where(name=begins_with("ilma")).count() == 0


def test_a_name_with_a_point_reaches_through_references(crm, orders, shop):
    """An order knows its outlet, and the outlet its account: nobody should have to join."""
    mine = crm.order_lines.where({"order_id.outlet_id.account_id": shop["account"]})

    assert mine.count() == 3
    assert mine.where({"order_id.outlet_id.name": "Elsewhere"}).count() == 0
    assert mine.entities() == {"order_line", "order", "outlet"}


def test_a_row_stands_for_its_id(crm, orders, shop):
    """It is at hand where one asks what belongs to it."""
    account = crm.accounts.get(shop["account"])

    assert [contact.name for contact in crm.contacts.where(account_id=account)] == ["Fred"]
    assert crm.contacts.where(account_id=[account, None]).count() == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda table: table.where(nmae="x"),
        lambda table: table.where({"name.id": "x"}),
        lambda table: table.where({"outlet_id.nmae": "x"}),
        lambda table: table.where().order_by("nmae"),
        lambda table: table.where(outlet_id="no id").all(),
    ],
)
def test_a_mistake_in_a_query_names_entity_and_field(crm, ask):
    """What is misspelt is found where it is written, not as an empty list."""
    with pytest.raises(InvalidValue, match=r"order|outlet"):
        ask(crm.orders)
