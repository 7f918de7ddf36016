"""Values over REST: what is refused by its field, what is stored in one form, what follows from a change."""

import json
from typing import Any

import pytest

from tests.integration import rest_world
from tests.integration.rest_world import World

world = rest_world.shared


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
