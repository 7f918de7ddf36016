"""Fields that a tenant adds, over REST: typed by their definition, kept when it goes."""

from typing import Any

import pytest

from tests.integration import rest_world
from tests.integration.rest_world import World

world = rest_world.shared


@pytest.mark.parametrize(
    ("field_type", "good", "bad"),
    [
        ("text", "x", 5),
        ("integer", 5, True),
        ("decimal", "1.5", 1.5),
        ("boolean", False, 0),
        ("date", "2026-02-28", "2026-02-30"),
        ("choice", "b", "c"),
    ],
)
async def test_custom_values_are_of_their_type(world: World, field_type: str, good: Any, bad: Any):
    """Typed once, by the definition; whoever reads them need not guess."""
    key = f"k_{field_type}"
    choices = {"choices": ["a", "b"]} if field_type == "choice" else {}
    await world.admin.post("/custom-fields", entity="warehouse", key=key, label=key, field_type=field_type, **choices)
    path = f"/warehouses/{world.ids['warehouse']}"

    assert (await world.admin.patch(path, custom={key: good}))["custom"][key] == good
    assert await world.admin.refusal("PATCH", path, {"custom": {key: bad}}) == (400, "invalid_input", [f"custom.{key}"])


async def test_a_deleted_custom_field_keeps_its_values_and_takes_no_more(world: World):
    """Data outlives the form in which it was entered."""
    field = await world.admin.post("/custom-fields", entity="product", key="sap", label="SAP", field_type="text")
    path = f"/products/{world.ids['tea']}"
    await world.admin.patch(path, custom={"sap": "1"})
    await world.admin.send("DELETE", f"/custom-fields/{field['id']}")

    kept = await world.admin.patch(path, custom={"sap": "1"}, active=True)

    assert kept["custom"]["sap"] == "1"
    for value in ("2", None):
        refused = await world.admin.refusal("PATCH", path, {"custom": {"sap": value}})
        assert refused == (400, "invalid_input", ["custom.sap"])


async def test_a_required_custom_field_must_be_given(world: World):
    """And may not be emptied."""
    body = {"entity": "territory", "key": "code", "label": "Code", "field_type": "text", "required": True}
    field = await world.admin.post("/custom-fields", **body)

    missing = await world.admin.refusal("POST", "/territories", {"name": "X"})
    made = await world.admin.post("/territories", name="X", custom={"code": "7"})
    emptied = await world.admin.refusal("PATCH", f"/territories/{made['id']}", {"custom": {"code": None}})

    assert missing == emptied == (400, "invalid_input", ["custom.code"])
    await world.admin.send("DELETE", f"/custom-fields/{field['id']}")


async def test_what_is_required_since_must_be_there_when_custom_fields_are_changed(world: World):
    """It is asked for with the next change of such fields, and not with a change of the name."""
    made = await world.admin.post("/territories", name="X")
    path = f"/territories/{made['id']}"
    fields = [
        await world.admin.post(
            "/custom-fields", entity="territory", label=key, field_type="text", key=key, required=need
        )
        for key, need in (("need", True), ("free", False))
    ]

    renamed = await world.admin.patch(path, name="Y")
    refused = await world.admin.refusal("PATCH", path, {"custom": {"free": "1"}})
    both = await world.admin.patch(path, custom={"free": "1", "need": "2"})

    assert (renamed["name"], both["custom"]) == ("Y", {"free": "1", "need": "2"})
    assert refused == (400, "invalid_input", ["custom.need"])
    for field in fields:
        await world.admin.send("DELETE", f"/custom-fields/{field['id']}")
