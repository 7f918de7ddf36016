"""Every resource over REST: create, read, change, delete, and who may."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.ids import uuid7

from server.crm.resources import RESOURCES
from server.db import SYSTEM, TenantRef, connection, tenant_write
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

PATHS = {r.entity.name: r.path for r in RESOURCES}
ALL = pytest.mark.parametrize("name", PATHS)
METHODS = {"create": "POST", "change": "PATCH", "delete": "DELETE"}
ACTS = {r.entity.name: {METHODS[act] for act in r.acts} for r in RESOURCES}
CHILDREN_FIRST = pytest.mark.parametrize("name", [name for name in reversed(ENTITIES) if "DELETE" in ACTS[name]])
BUILT_IN_ROLES = 5

CHANGES: dict[str, dict[str, Any]] = {
    "role": {"fields": {"agreement": {"credit_limit_minor": "hidden"}}},
    "office": {"address": {"city": "Riga"}},
    "team": {"name": "Vans"},
    "member": {"name": "Rose"},
    "delegation": {"ends_on": "2031-01-31"},
    "territory": {"name": "South"},
    "assignment": {"ends_on": "2031-01-31"},
    "legal_entity": {"tax_id": "NL004495445B01"},
    "account": {"tags": ["key", "sweet"]},
    "agreement": {"payment_terms_days": 30},
    "outlet": {"position": {"lat": 53.2, "lon": 6.5}},
    "contact": {"job_title": "Owner"},
    "contact_channel": {"preferred": True},
    "product": {"names": {"lv": "Tēja"}},
    "product_unit": {"barcode": "4006381333931"},
    "price_list": {"starts_on": "2031-01-31"},
    "price_item": {"price": "10.50"},
    "warehouse": {"warehouse_kind": "van"},
    "stock": {"quantity": "99.5"},
    "order": {"delivery_date": "2031-01-31"},
    "order_line": {"quantity": "2"},
    "category": {"names": {"lv": "Dzērieni"}},
    "tax_category": {"name": "Reduced"},
    "tax_rate": {"rate": "0.09"},
    "assortment": {"ends_on": "2031-01-31"},
    "assortment_item": {"effect": "ban"},
    "promotion": {"priority": 5},
    "return_order": {"note": "Collect on Monday"},
    "return_line": {"quantity": "2"},
    "invoice": {"due_on": "2031-01-31"},
    "receivable": {"balance_minor": 900},
    "route": {"name": "Centre"},
    "route_stop": {"position": 7},
    "visit": {"outcome": "order"},
    "custom_field": {"label": "Shelf space, m"},
    "field_master": {"system": "webshop"},
}


@pytest.fixture(scope="module")
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    """One for all tests here: each leaves alone what others look at."""
    return await (await make_world(APP, await new_tenant())).trade()


@pytest.fixture(scope="module")
async def rows(world: World) -> dict[str, str]:
    return await one_of_each(world)


@pytest.fixture(scope="module")
async def doomed(new_tenant: Callable[[], Awaitable[TenantRef]]) -> tuple[World, dict[str, str]]:
    """Another, whose rows are changed and deleted."""
    world = await (await make_world(APP, await new_tenant())).trade()
    return world, await one_of_each(world)


@pytest.fixture(scope="module")
async def foreign(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    return await make_world(APP, await new_tenant())


async def one_of_each(world: World) -> dict[str, str]:
    """An id of each entity, with rows added that `trade` does not make."""
    ids = dict(world.ids)
    ids |= {"product": ids["tea"], "price_item": ids["price_of_tea"], "stock": ids["stock_of_tea"]}
    order = await world.draft()
    ids["order"], ids["order_line"] = order["id"], (await world.line(order, "tea", "1"))["id"]
    person = {"account_id": ids["account"], "outlet_id": ids["outlet"], "name": "Ann"}
    ids["contact"] = (await world.rep.post("/contacts", **person))["id"]
    channel = {"contact_id": ids["contact"], "channel_kind": "phone", "value": "050 318 1234"}
    ids["contact_channel"] = (await world.rep.post("/contact-channels", **channel))["id"]
    ids["role"] = (await world.admin.post("/roles", key="key-rep", name="Key rep", base="rep"))["id"]
    ids["office"] = (await world.admin.post("/offices", name="Riga"))["id"]
    ids["team"] = (await world.admin.post("/teams", name="North", office_id=ids["office"]))["id"]
    ids["member"] = str(world.rep.id)
    stand_in = {"member_id": str(world.rep.id), "substitute_id": str(world.other_rep.id), "ends_on": "2000-01-01"}
    ids["delegation"] = (await world.admin.post("/delegations", **stand_in))["id"]
    ids["conflict"] = await insert_conflict(world, ids["account"])
    twins = [(await world.rep.post("/contacts", **person | {"name": name}))["id"] for name in ("Bo", "Bob")]
    merge = {"entity": "contact", "winner_id": twins[0], "loser_id": twins[1]}
    ids["merge"] = (await world.admin.post("/merges", **merge))["id"]
    await add_catalogue(world, ids)
    await add_money(world, ids)
    await add_field_work(world, ids)
    return {name: ids[name] for name in PATHS}


async def add_catalogue(world: World, ids: dict[str, str]) -> None:
    async def add(name: str, /, **fields: Any) -> None:
        ids[name] = (await world.admin.post(PATHS[name], **fields))["id"]

    await add("category", name="Drinks")
    await add("tax_category", name="Standard")
    await add("tax_rate", tax_category_id=ids["tax_category"], country="NL", rate="0.21")
    await add("assortment", name="Kiosks")
    await add("assortment_item", assortment_id=ids["assortment"], category_id=ids["category"], channel="kiosk")
    await add("promotion", name="Ten for nine", conditions={"minimum_quantity": "10"},
              effects=[{"kind": "discount", "fraction": "0.1"}])  # fmt: skip
    await add("custom_field", entity="outlet", key="shelf", label="Shelf space", field_type="decimal")
    await add("field_master", entity="invoice", field="number", system="erp")
    movement = {"warehouse_id": ids["warehouse"], "product_id": ids["tea"], "moved_at": "2031-01-01T08:00:00Z"}
    await add("stock_movement", movement_kind="receipt", quantity="5", **movement)


async def add_money(world: World, ids: dict[str, str]) -> None:
    of = {"account_id": ids["account"], "legal_entity_id": ids["legal_entity"], "currency": "EUR"}
    invoice = await world.admin.post("/invoices", number="F-1", issued_on="2031-01-01", total_minor=1000, **of)
    receivable = {"document_number": "F-1", "due_on": "2031-01-15", "amount_minor": 1000, "balance_minor": 1000}
    debt = await world.admin.post("/receivables", invoice_id=invoice["id"], **receivable, **of)
    paid = {"amount_minor": 300, "method": "cash", "receipt_number": "Q-1", "paid_at": "2031-01-02T08:00:00Z"}
    payment = await world.rep.post("/payments", outlet_id=ids["outlet"], **paid, **of)
    allocations = await world.rep.get("/payment-allocations", payment_id=payment["id"])
    ids |= {"invoice": invoice["id"], "receivable": debt["id"], "payment": payment["id"]}
    ids["payment_allocation"] = allocations["items"][0]["id"]


async def add_field_work(world: World, ids: dict[str, str]) -> None:
    rep, at = world.rep, "2031-01-01T08:00:00Z"
    draft = await rep.post("/return-orders", outlet_id=ids["outlet"], agreement_id=ids["agreement"])
    line = {"product_id": ids["tea"], "unit": "pc", "quantity": "1", "price": "10", "reason": "damaged"}
    ids["return_order"] = draft["id"]
    ids["return_line"] = (await rep.post("/return-lines", return_order_id=draft["id"], **line))["id"]
    consent = {"contact_id": ids["contact"], "purpose": "marketing", "state": "granted", "at": at}
    ids["consent"] = (await rep.post("/consents", **consent))["id"]
    ids["route"] = (await world.admin.post("/routes", member_id=str(rep.id), day="2031-01-01"))["id"]
    stop = {"route_id": ids["route"], "outlet_id": ids["outlet"], "position": 1}
    ids["route_stop"] = (await world.admin.post("/route-stops", **stop))["id"]
    visit = {"outlet_id": ids["outlet"], "checked_in_at": at, "position_absence": "refused"}
    ids["visit"] = (await rep.post("/visits", route_stop_id=ids["route_stop"], **visit))["id"]
    about = {"entity": "outlet", "row_id": ids["outlet"]}
    ids["comment"] = (await rep.post("/comments", body="Ask for Ann", **about))["id"]
    file = {"name": "front.jpg", "media_type": "image/jpeg", "size_bytes": 1024, "sha256": "ab" * 32}
    ids["attachment"] = (await rep.post("/attachments", **about, **file))["id"]


async def insert_conflict(world: World, row_id: str) -> str:
    conflict_id = uuid7()
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(
            """INSERT INTO conflict (id, entity, row_id, field, rule, kept, lost, lost_by, status, explanation)
            VALUES ($1, 'account', $2, 'name', 'latest', '"a"', '"b"', $3, 'recorded', 'Somebody was later.')""",
            conflict_id,
            row_id,
            world.rep.id,
        )
    return str(conflict_id)


@ALL
async def test_a_foreign_tenants_row_is_a_row_that_never_was(
    world: World, rows: dict[str, str], foreign: World, name: str
):
    """Byte for byte, whatever is tried: nobody can probe for the neighbours' ids."""
    row_id, unknown_id = rows[name], uuid7()

    for method in ("GET", *ACTS[name] - {"POST"}):
        body = CHANGES.get(name) if method == "PATCH" else None
        theirs = await foreign.owner.send(method, f"{PATHS[name]}/{row_id}", body)
        nobodys = await foreign.owner.send(method, f"{PATHS[name]}/{unknown_id}", body)
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    theirs = await foreign.owner.get(PATHS[name])
    own = {"role": BUILT_IN_ROLES, "member": len(foreign.people)}
    assert (len(theirs["items"]), theirs["next"]) == (own.get(name, 0), None)
    assert row_id not in json.dumps(theirs)
    assert (await world.owner.send("GET", f"{PATHS[name]}/{row_id}")).status_code == 200


@CHILDREN_FIRST
async def test_what_is_changed_reads_back_and_what_is_deleted_is_gone(doomed: tuple[World, dict[str, str]], name: str):
    """And a deleted row answers like one that never was, also to those who deleted it."""
    world, rows = doomed
    path = f"{PATHS[name]}/{rows[name]}"
    before = await world.admin.get(path)

    changed = await world.admin.patch(path, **CHANGES[name])

    for field, value in CHANGES[name].items():
        assert changed[field] == value
    assert changed["revision"] > before["revision"]
    assert await world.admin.get(path) == changed
    assert changed in (await world.admin.get(PATHS[name]))["items"]
    reply = await world.admin.send("DELETE", path)
    if reply.status_code == 409:  # others refer to it
        assert reply.json()["code"] == "in_use"
        assert await world.admin.get(path) == changed
    else:
        assert reply.status_code == 204, reply.text
        gone = await world.admin.send("GET", path)
        never = await world.admin.send("GET", f"{PATHS[name]}/{uuid7()}")
        assert (gone.status_code, gone.content) == (404, never.content)
        assert changed not in (await world.admin.get(PATHS[name]))["items"]


@ALL
@pytest.mark.parametrize("field", ["colour", "id", "revision", "created_at", "stamps", "deleted_at"])
async def test_a_field_that_nobody_may_set_is_named(world: World, rows: dict[str, str], name: str, field: str):
    """Also the ones that are there, but are the server's."""
    path = f"{PATHS[name]}/{rows[name]}"

    for method in ACTS[name] & {"PATCH", "POST"}:
        where = path if method == "PATCH" else PATHS[name]
        assert await world.owner.refusal(method, where, {field: None}) == (400, "invalid_input", [field])


@ALL
async def test_billing_sees_nothing(world: World, rows: dict[str, str], name: str):
    """Customers are none of its business."""
    path = f"{PATHS[name]}/{rows[name]}"

    tried = [("GET", path), ("GET", PATHS[name]), ("DELETE", path), ("POST", PATHS[name]), ("PATCH", path)]
    for method, where in tried:
        if method in {"GET", *ACTS[name]}:
            assert await world.billing.refusal(method, where, {}) == (403, "forbidden", [])


@pytest.mark.parametrize(
    "name",
    [
        *("account", "outlet", "contact", "contact_channel", "order", "order_line", "agreement", "consent"),
        *("return_order", "return_line", "invoice", "receivable", "payment", "payment_allocation", "comment"),
        *("attachment", "route", "route_stop", "visit"),
    ],
)
async def test_a_rep_sees_what_is_theirs_alone(world: World, rows: dict[str, str], name: str):
    """The other rep's customers read like nobody's."""
    row_id = rows[name]
    path = f"{PATHS[name]}/{row_id}"

    assert (await world.rep.get(path))["id"] == row_id
    assert row_id in [row["id"] for row in (await world.rep.get(PATHS[name]))["items"]]
    assert row_id not in [row["id"] for row in (await world.other_rep.get(PATHS[name]))["items"]]
    for method in ("GET", "PATCH") if ENTITIES[name].editable else ("GET",):
        hidden = await world.other_rep.send(method, path, {})
        unknown = await world.other_rep.send(method, f"{PATHS[name]}/{uuid7()}", {})
        assert (hidden.status_code, hidden.content) == (404, unknown.content)


async def test_a_rep_cannot_refer_to_what_they_do_not_see(world: World):
    """A contact at a hidden account would prove that the account is there."""
    for account_id in (world.ids["hidden_account"], str(uuid7())):
        body = {"name": "Spy", "account_id": account_id}
        reply = await world.rep.send("POST", "/contacts", body)
        assert (reply.status_code, json.loads(reply.content)["errors"]) == (
            400,
            [{"field": "account_id", "message": "There is no such account."}],
        )


@pytest.mark.parametrize(
    ("path", "body"),
    [("/products", {}), ("/stock", {}), ("/territories", {"name": "Mine"}), ("/assignments", {}), ("/agreements", {})],
)
async def test_a_rep_may_not_write_what_is_the_companys(world: World, path: str, body: dict[str, Any]):
    """Rights come before anything else that may be wrong."""
    assert await world.rep.refusal("POST", path, body) == (403, "forbidden", [])


async def test_a_rep_sets_only_what_a_device_may_set(world: World):
    """The territory of an outlet decides who sees it."""
    outlet, account = f"/outlets/{world.ids['outlet']}", f"/accounts/{world.ids['account']}"

    assert await world.rep.refusal("PATCH", outlet, {"territory_id": None}) == (400, "invalid_input", ["territory_id"])
    assert await world.rep.refusal("PATCH", account, {"tax_id": "x"}) == (400, "invalid_input", ["tax_id"])
    assert await world.rep.refusal("DELETE", outlet) == (403, "forbidden", [])
    assert (await world.rep.patch(outlet, name="Corner Shop One"))["name"] == "Corner Shop One"


async def test_a_rep_who_makes_an_outlet_sees_it(world: World):
    """It is assigned to them in the same transaction; to an admin it is not."""
    account = await world.other_rep.post("/accounts", name="New Shops")
    outlet = await world.other_rep.post("/outlets", name="New Shop", account_id=account["id"])

    assert (await world.other_rep.get(f"/outlets/{outlet['id']}"))["name"] == "New Shop"
    mine = (await world.other_rep.get("/assignments"))["items"]
    assert [(a["outlet_id"], a["member_id"]) for a in mine] == [(outlet["id"], str(world.other_rep.id))]
    assert (await world.rep.send("GET", f"/accounts/{account['id']}")).status_code == 404
    assert (await world.admin.get("/assignments", outlet_id=world.ids["hidden_outlet"]))["items"] == []


async def test_a_manager_hands_outlets_of_their_branch_to_reps(world: World):
    """And not those of others, nor more territory to themselves."""
    manager, ids = world.manager, world.ids
    body = {"member_id": str(world.other_rep.id), "outlet_id": ids["outlet"]}

    assignment = await manager.post("/assignments", **body)

    assert (await world.other_rep.get(f"/outlets/{ids['outlet']}"))["id"] == ids["outlet"]
    assert (await manager.send("DELETE", f"/assignments/{assignment['id']}")).status_code == 204
    assert (await world.other_rep.send("GET", f"/outlets/{ids['outlet']}")).status_code == 404
    hidden = body | {"outlet_id": ids["hidden_outlet"]}
    assert await manager.refusal("POST", "/assignments", hidden) == (400, "invalid_input", ["outlet_id"])
    south = await world.admin.post("/territories", name="South")
    take = {"manager_id": str(manager.id)}
    assert await manager.refusal("PATCH", f"/territories/{south['id']}", take) == (403, "forbidden", [])
    moved = await manager.refusal("PATCH", f"/territories/{ids['territory']}", {"parent_id": south["id"]})
    assert moved == (403, "forbidden", [])
    below = await manager.post("/territories", name="North by east", parent_id=ids["territory"])
    assert (await manager.patch(f"/territories/{below['id']}", name="North-east"))["name"] == "North-east"
    refused = await manager.refusal("PATCH", f"/territories/{below['id']}", {"parent_id": south["id"]})
    assert refused == (400, "invalid_input", ["parent_id"])


async def test_trees_stay_trees(world: World):
    """A circle of territories would make everybody's sight undefined."""
    below = await world.admin.post("/territories", name="Below", parent_id=world.ids["territory"])

    for parent_id in (below["id"], world.ids["territory"]):
        refused = await world.admin.refusal("PATCH", f"/territories/{world.ids['territory']}", {"parent_id": parent_id})
        assert refused == (400, "invalid_input", ["parent_id"])


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("050 318 1234", "+31503181234"),
        ("+371 6700 0000", "+37167000000"),
        ("ask for Ann", "ask for Ann"),
        ("050-3181234 ext. 5", "050-3181234 ext. 5"),
    ],
)
async def test_phones_are_stored_as_e164_where_they_can_be_read(world: World, typed: str, stored: str):
    """One number, one form; what is no number stays as its writer typed it."""
    contact = await world.rep.post("/contacts", name="Ann", account_id=world.ids["account"])

    channel = await world.rep.post("/contact-channels", contact_id=contact["id"], channel_kind="phone", value=typed)

    assert channel["value"] == stored
    assert (await world.rep.patch(f"/contact-channels/{channel['id']}", value=typed))["value"] == stored


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/legal-entities", {"name": "X", "currency": "EUR", "country": "NL", "tax_id": "NL123"}, "tax_id"),
        ("/legal-entities", {"name": "X", "currency": "euro"}, "currency"),
        ("/accounts", {"name": "X", "tax_id": "DE136695977"}, "tax_id"),
        ("/accounts", {"name": "  "}, "name"),
        ("/accounts", {"name": "x" * 201}, "name"),
        ("/accounts", {"name": "a\x00b"}, "name"),
        ("/accounts", {"name": "X", "custom": {"k": "a\x00b"}}, "custom"),
        ("/accounts", {"name": "X", "custom": {"k": json.loads("[" * 50 + "]" * 50)}}, "custom"),
        ("/accounts", {"name": "X", "tags": ["a", 5]}, "tags[1]"),
        ("/stock", {"warehouse_id": "$warehouse", "product_id": "$tea", "quantity": "1",
                    "as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ("/outlets", {"name": "X", "time_zone": "Mars/Base", "account_id": "$account"}, "time_zone"),
        ("/outlets", {"name": "X", "address": {"x": "y" * 17_000}, "account_id": "$account"}, "address"),
        ("/agreements", {"account_id": "$account", "legal_entity_id": "$legal_entity", "price_list_id": "$price_list",
                         "currency": "USD"}, "currency"),
        ("/product-units", {"product_id": "$tea", "unit": "crate", "factor": "0"}, "factor"),
        ("/product-units", {"product_id": "$tea", "unit": "pc", "factor": "1"}, "unit"),
        ("/product-units", {"product_id": "$tea", "unit": "x", "factor": "2", "barcode": "4006381333930"}, "barcode"),
        ("/price-items", {"price_list_id": "$price_list", "product_id": "$tea", "unit": "pc", "price": "1,5"}, "price"),
        ("/price-lists", {"name": "X", "currency": "EUR", "starts_on": "2031-02-01", "ends_on": "2031-01-01"},
         "ends_on"),
        ("/warehouses", {"name": "X", "warehouse_kind": "ship"}, "warehouse_kind"),
        ("/contacts", {"name": "X", "account_id": "$account", "outlet_id": "$hidden_outlet"}, "outlet_id"),
        ("/stock", {"warehouse_id": "$warehouse", "product_id": "$tea", "quantity": "1e3"}, "quantity"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_by_its_field(world: World, path: str, body: dict[str, Any], field: str):
    """In words that say what to do."""
    filled = {k: world.ids[v[1:]] if isinstance(v, str) and v.startswith("$") else v for k, v in body.items()}

    assert await world.admin.refusal("POST", path, filled) == (400, "invalid_input", [field])


async def test_a_second_figure_for_the_same_stock_is_refused(world: World):
    """Which of the two would an order take from?"""
    body = {"warehouse_id": world.ids["warehouse"], "product_id": world.ids["tea"], "quantity": "1"}

    assert await world.admin.refusal("POST", "/stock", body) == (409, "already_there", [])


async def test_custom_fields_merge_key_by_key(world: World):
    """Two integrations that keep their own keys never wipe out each other's."""
    path = f"/accounts/{world.ids['account']}"
    for key in ("erp", "crm", "web"):
        await world.admin.post("/custom-fields", entity="account", key=key, label=key, field_type="integer")
    await world.admin.patch(path, custom={"erp": 1, "crm": 2})

    changed = await world.admin.patch(path, custom={"crm": None, "web": 3})

    assert changed["custom"] == {"erp": 1, "web": 3}
    assert changed["tags"] == []


async def test_changing_a_price_counts_up_the_version_of_its_list(world: World):
    """Orders remember by which version they were made."""
    before = (await world.admin.get(f"/price-lists/{world.ids['price_list']}"))["version"]

    await world.admin.patch(f"/price-items/{world.ids['price_of_tea']}", price="11")

    assert (await world.admin.get(f"/price-lists/{world.ids['price_list']}"))["version"] == before + 1


async def test_conflicts_are_read_only(world: World):
    """They are the record of what a push decided."""
    conflict_id = await insert_conflict(world, world.ids["account"])

    assert (await world.rep.get(f"/conflicts/{conflict_id}"))["kept"] == "a"
    assert (await world.other_rep.send("GET", f"/conflicts/{conflict_id}")).status_code == 404
    assert (await world.admin.send("DELETE", f"/conflicts/{conflict_id}")).status_code == 405
