"""Every resource over REST: create, read, change, delete, and who may."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.ids import uuid7

from server.crm.resources import RESOURCES
from server.db import TenantRef
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_rows import PATHS, one_of_each
from tests.integration.rest_world import World, make_world

ALL = pytest.mark.parametrize("name", PATHS)
METHODS = {"create": "POST", "change": "PATCH", "delete": "DELETE"}
ACTS = {r.entity.name: {METHODS[act] for act in r.acts} for r in RESOURCES}
CHILDREN_FIRST = pytest.mark.parametrize("name", [name for name in reversed(ENTITIES) if "DELETE" in ACTS[name]])
BUILT_IN_ROLES = 5

world = rest_world.shared

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
