"""What reps and managers may write over REST, and to what they may refer."""

import json
from typing import Any

import pytest
from outrider_sdk.protocol.ids import uuid7

from tests.integration import rest_world
from tests.integration.rest_rows import insert_conflict
from tests.integration.rest_world import World

world = rest_world.shared


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


async def test_conflicts_are_read_only(world: World):
    """They are the record of what a push decided."""
    conflict_id = await insert_conflict(world, world.ids["account"])

    assert (await world.rep.get(f"/conflicts/{conflict_id}"))["kept"] == "a"
    assert (await world.other_rep.send("GET", f"/conflicts/{conflict_id}")).status_code == 404
    assert (await world.admin.send("DELETE", f"/conflicts/{conflict_id}")).status_code == 405
