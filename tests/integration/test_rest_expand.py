"""What comes along with a row: in sight only, in few queries, and with names that are right."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from server.crm.expand import EXPANDED_ROWS_MAX, links_of
from server.db import BoundEngine, TenantRef
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world


@pytest.fixture(scope="module")
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    world = await (await make_world(APP, await new_tenant())).trade()
    for number in range(3):
        order = await world.draft(note=f"Order {number}")
        await world.line(order, "tea", "1")
        await world.line(order, "oil", "2")
    return world


@contextmanager
def counted() -> Iterator[list[str]]:
    """The queries that go through Piccolo."""
    seen: list[str] = []
    real = BoundEngine.run_querystring

    async def run(self: BoundEngine, querystring: Any, in_pool: bool = True) -> Any:
        seen.append(str(querystring))
        return await real(self, querystring, in_pool)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BoundEngine, "run_querystring", run)
        yield seen


async def test_references_and_owned_rows_come_along(world: World):
    """A screen of an order is one request."""
    [order, *_] = (await world.rep.get("/orders", expand="account,outlet.territory,maker,lines.product"))["items"]

    assert (order["account"]["id"], order["account"]["name"]) == (world.ids["account"], "Corner Shops")
    assert order["outlet"]["territory"]["name"] == "North"
    assert order["maker"]["name"] == "rep"
    assert [(line["product"]["sku"], line["quantity"]) for line in order["lines"]] == [("tea", "1"), ("oil", "2")]
    one = await world.rep.get(f"/orders/{order['id']}", expand="lines")
    assert [line["id"] for line in one["lines"]] == [line["id"] for line in order["lines"]]


async def test_what_comes_along_looks_as_it_does_alone(world: World):
    """One form of each entity, wherever it is met."""
    outlet = await world.rep.get(f"/outlets/{world.ids['outlet']}", expand="account")

    assert outlet["account"] == await world.rep.get(f"/accounts/{world.ids['account']}")


async def test_a_list_costs_one_query_a_name_however_many_rows_it_has(world: World):
    """No row asks for itself."""
    with counted() as few:
        await world.rep.get("/orders", limit=1, expand="account,lines.product")
    with counted() as many:
        page = await world.rep.get("/orders", expand="account,lines.product")

    assert len(page["items"]) == 3
    assert len(many) == len(few) == 4


async def test_what_is_out_of_sight_reads_like_what_is_not_there(world: World):
    """An id that a row names is no door to what its reader may not see."""
    child = await world.admin.post("/accounts", name="Child", parent_id=world.ids["hidden_account"])
    orphan = await world.admin.post("/accounts", name="Orphan", parent_id=world.ids["account"])
    outlets = [await world.admin.post("/outlets", name="Seen", account_id=account["id"]) for account in (child, orphan)]
    for outlet in outlets:
        await world.admin.post("/assignments", member_id=str(world.rep.id), outlet_id=outlet["id"])
    assert (await world.admin.get(f"/accounts/{child['id']}", expand="parent"))["parent"]["name"] == "Far Shops"

    hidden = await world.rep.get(f"/accounts/{child['id']}", expand="parent")
    seen = await world.rep.get(f"/accounts/{orphan['id']}", expand="parent")

    assert hidden["parent"] is None
    assert "Far Shops" not in str(hidden)
    assert seen["parent"]["name"] == "Corner Shops"


async def test_owned_rows_that_are_deleted_do_not_come_along(world: World):
    """A tombstone is for devices."""
    contact = await world.rep.post("/contacts", name="Ann", account_id=world.ids["account"])
    of_contact = {"contact_id": contact["id"], "channel_kind": "email"}
    kept, gone = [await world.rep.post("/contact-channels", value=f"{n}@x.example", **of_contact) for n in "ab"]
    await world.rep.send("DELETE", f"/contact-channels/{gone['id']}")

    shown = await world.rep.get(f"/contacts/{contact['id']}", expand="channels")

    assert [channel["id"] for channel in shown["channels"]] == [kept["id"]]


async def test_fields_leave_out_what_nobody_asked_for(world: World):
    """Field staff pay for their traffic."""
    page = await world.rep.get("/orders", fields="number,account.name,lines.quantity,id", expand="account,lines")

    order = page["items"][0]
    assert list(order) == ["number", "id", "account", "lines"]
    assert order["account"] == {"name": "Corner Shops"}
    assert order["lines"] == [{"quantity": "1"}, {"quantity": "2"}]
    one = await world.rep.get(f"/orders/{order['id']}", fields="status")
    assert one == {"status": "draft"}


async def test_pages_go_on_after_fields_that_are_not_shown(world: World):
    """The cursor is the server's matter."""
    first = await world.rep.get("/orders", fields="id", sort="number", limit=2)
    second = await world.rep.get("/orders", fields="id", sort="number", limit=2, after=first["next"])

    assert len({row["id"] for row in first["items"] + second["items"]}) == 3


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("expand=colour", "expand", "“colour”"),
        ("expand=account_id", "expand", "Choose from: "),
        ("expand=account,lines.colour", "expand", "“lines.colour”"),
        ("expand=outlet.account.parent", "expand", "too deep"),
        ("expand=", "expand", "“”"),
        ("expand=account&expand=lines", "expand", "once"),
        ("expand=" + "account," * 400, "expand", "characters"),
        ("fields=colour", "fields", "“colour”"),
        ("fields=id,account.name", "fields", "Add it to expand"),
        ("fields=stamps", "fields", "“stamps”"),
        ("fields=deleted_at", "fields", "“deleted_at”"),
        ("expand=account&fields=account.colour", "fields", "“account.colour”"),
    ],
)
async def test_names_that_are_unknown_are_named(world: World, query: str, field: str, says: str):
    """A name that is quietly ignored costs an integrator an afternoon."""
    for path in ("/orders", f"/orders/{(await world.rep.get('/orders', limit=1))['items'][0]['id']}"):
        reply = await world.rep.send("GET", f"{path}?{query}")
        assert reply.status_code == 400, reply.text
        [error] = reply.json()["errors"]
        assert error["field"] == field
        assert says in error["message"]


async def test_a_row_takes_no_other_parameters(world: World):
    """A filter on one row is a mistake that should be heard of."""
    refused = await world.rep.refusal("GET", f"/outlets/{world.ids['outlet']}?limit=5")

    assert refused == (400, "invalid_input", ["limit"])


async def test_more_than_a_reply_can_hold_is_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    """With what to do about it."""
    assert EXPANDED_ROWS_MAX >= 200 * 50
    monkeypatch.setattr("server.crm.expand.EXPANDED_ROWS_MAX", 5)

    assert (await world.rep.refusal("GET", "/orders?expand=lines"))[2] == ["expand"]
    assert len((await world.rep.get("/orders", expand="lines", limit=2))["items"]) == 2


async def test_another_tenants_rows_never_come_along(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Whatever is expanded, and by whom."""
    stranger = await make_world(APP, await new_tenant())

    assert (await stranger.admin.get("/orders", expand="account,lines.product"))["items"] == []
    assert (await stranger.admin.refusal("GET", f"/outlets/{world.ids['outlet']}?expand=account"))[0] == 404


def test_names_to_expand_are_those_that_a_reader_expects():
    """References without their _id, owned rows in the plural."""
    assert {"account", "outlet", "maker", "source_order", "lines"} <= links_of("order").keys()
    assert links_of("account").keys() >= {"parent"}
    assert "channels" in links_of("contact")
