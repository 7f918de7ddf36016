"""Ids that other systems give to rows: found again by them, within rights."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.ids import uuid7

from server.db import TenantRef
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

world = rest_world.shared


async def test_a_record_is_found_by_the_id_of_another_system(world: World):
    """By which a re-import updates instead of adding."""
    wanted = {"system": "erp", "entity": "outlet", "value": "C/0 17 ü", "row_id": world.ids["outlet"]}
    query = {name: wanted[name] for name in ("system", "entity", "value")}

    for _ in range(2):
        assert (await world.admin.send("PUT", "/external-ids", wanted)).status_code == 200

    assert (await world.rep.get("/external-ids", **query))["items"] == [wanted]
    assert (await world.rep.get("/external-ids", entity="outlet", row_id=wanted["row_id"]))["items"] == [wanted]
    assert (await world.other_rep.get("/external-ids", **query))["items"] == []
    taken = wanted | {"row_id": world.ids["hidden_outlet"]}
    assert await world.admin.refusal("PUT", "/external-ids", taken) == (409, "already_there", [])
    assert (await world.admin.send("DELETE", "/external-ids", params=query)).status_code == 204
    assert (await world.admin.get("/external-ids", **query))["items"] == []
    assert (await world.admin.send("DELETE", "/external-ids", params=query)).status_code == 404


async def test_external_ids_are_within_rights_and_tenant(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Nobody finds out by a number whose customers are whose."""
    foreign = await make_world(APP, await new_tenant())
    wanted = {"system": "erp", "entity": "outlet", "value": "1", "row_id": world.ids["outlet"]}
    query = {name: wanted[name] for name in ("system", "entity", "value")}
    await world.admin.send("PUT", "/external-ids", wanted)

    assert (await foreign.admin.get("/external-ids", **query))["items"] == []
    assert await foreign.admin.refusal("PUT", "/external-ids", wanted) == (400, "invalid_input", ["row_id"])
    assert (await foreign.admin.send("DELETE", "/external-ids", params=query)).status_code == 404
    assert await world.rep.refusal("PUT", "/external-ids", wanted) == (403, "forbidden", [])
    assert await world.billing.refusal("GET", "/external-ids", params=query) == (403, "forbidden", [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"entity": "ship"}, "entity"),
        ({"row_id": str(uuid7())}, "row_id"),
        ({"value": ""}, "value"),
        ({"value": "a\x00b"}, "value"),
        ({"value": "x" * 201}, "value"),
        ({"system": "ERP 1"}, "system"),
    ],
)
async def test_a_bad_external_id_is_refused_by_its_field(world: World, change: dict[str, Any], field: str):
    """In words that say what to do."""
    wanted = {"system": "erp", "entity": "outlet", "value": "2", "row_id": world.ids["outlet"]} | change

    assert await world.admin.refusal("PUT", "/external-ids", wanted) == (400, "invalid_input", [field])
