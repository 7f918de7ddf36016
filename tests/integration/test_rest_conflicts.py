"""Settling a conflict over REST: the rule of devices, within the rights of the person."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.ids import uuid7

from server.db import SYSTEM, TenantRef, connection, tenant_write
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

world = rest_world.trading


async def insert_conflict(world: World, entity: str, row_id: str, field: str, kept: Any, lost: Any, **more: Any) -> str:
    values = {
        "id": uuid7(), "entity": entity, "row_id": row_id, "field": field, "rule": "latest", "status": "open",
        "kept": json.dumps(kept), "lost": json.dumps(lost), "lost_by": world.rep.id, "explanation": "x",
    } | more  # fmt: skip
    names, places = ", ".join(values), ", ".join(f"${n}" for n in range(1, len(values) + 1))
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(f"INSERT INTO conflict ({names}) VALUES ({places})", *values.values())
    return str(values["id"])


@pytest.fixture
async def names(world: World) -> str:
    return await insert_conflict(world, "account", world.ids["account"], "name", "Corner Shops", "Corner Stores")


async def test_a_conflict_is_settled_by_taking_the_other_value(world: World, names: str):
    """One click in the office, and the record says who decided."""
    settled = await world.rep.post(f"/conflicts/{names}/settlement", choice="take")

    assert (settled["status"], settled["settlement"], settled["settled_by"]) == ("settled", "take", str(world.rep.id))
    assert settled["settled_at"] is not None
    assert (await world.admin.get(f"/accounts/{world.ids['account']}"))["name"] == "Corner Stores"


async def test_keep_leaves_the_row_as_it_is(world: World, names: str):
    """Nothing is written that was not decided."""
    before = await world.admin.get(f"/accounts/{world.ids['account']}")

    await world.admin.post(f"/conflicts/{names}/settlement", choice="keep")

    assert await world.admin.get(f"/accounts/{world.ids['account']}") == before


async def test_the_same_choice_again_is_harmless_and_another_is_refused(world: World, names: str):
    """A double click is no second decision."""
    path = f"/conflicts/{names}/settlement"
    first = await world.rep.post(path, choice="keep")

    assert await world.rep.post(path, choice="keep") == first
    assert (await world.rep.refusal("POST", path, {"choice": "take"}))[:2] == (409, "conflict_settled")


async def test_what_moved_on_is_told_and_decided_with_what_is_seen(world: World, names: str):
    """Nobody overwrites what they have not seen."""
    path = f"/conflicts/{names}/settlement"
    await world.admin.patch(f"/accounts/{world.ids['account']}", name="Corner & Co")

    stale = await world.rep.send("POST", path, {"choice": "take"})
    settled = await world.rep.post(path, choice="take", seen={"name": "Corner & Co"})

    assert (stale.status_code, stale.json()["code"]) == (409, "conflict_stale")
    assert "“Corner & Co” by now" in stale.json()["detail"]
    assert settled["status"] == "settled"


async def test_deleted_against_changed_is_settled_by_deleting(world: World):
    """With the channels that hang on the contact."""
    person = await world.rep.post("/contacts", account_id=world.ids["account"], name="Ann")
    await world.rep.post("/contact-channels", contact_id=person["id"], channel_kind="phone", value="050 318 1234")
    case = await insert_conflict(world, "contact", person["id"], "*", None, None, rule="case")

    refused = await world.rep.refusal("POST", f"/conflicts/{case}/settlement", {"choice": "take"})
    await world.rep.post(f"/conflicts/{case}/settlement", choice="delete")

    assert refused == (400, "invalid_input", ["choice"])
    assert (await world.rep.send("GET", f"/contacts/{person['id']}")).status_code == 404
    assert (await world.rep.get("/contact-channels"))["items"] == []


async def test_rights_come_first(world: World):
    """Who may not write the field decides nothing about it; who does not see the row hears that it never was."""
    of_product = await insert_conflict(world, "product", world.ids["tea"], "name", "Tea", "Teas")
    of_tax_id = await insert_conflict(world, "account", world.ids["account"], "tax_id", None, "NL004495445B01")
    hidden = await insert_conflict(world, "account", world.ids["hidden_account"], "name", "Far Shops", "x")
    foreign = await insert_conflict(world, "account", world.ids["account"], "name", "a", "b", lost_by=world.manager.id)

    codes = [
        (await world.rep.refusal("POST", f"/conflicts/{c}/settlement", {"choice": "keep"}))[:2]
        for c in (of_product, of_tax_id, hidden, foreign)
    ]

    assert codes == [(403, "forbidden"), (403, "forbidden"), (404, "not_found"), (404, "not_found")]
    assert (await world.admin.post(f"/conflicts/{of_tax_id}/settlement", choice="take"))["status"] == "settled"


@pytest.mark.parametrize(
    "body", [{}, {"choice": "perhaps"}, {"choice": "keep", "more": 1}, {"choice": "keep", "seen": 1}]
)
async def test_bad_input_is_named(world: World, names: str, body: dict[str, Any]):
    """What is wrong, not a stack trace."""
    status, code, _ = await world.rep.refusal("POST", f"/conflicts/{names}/settlement", body)

    assert (status, code) == (400, "invalid_input")


async def test_a_foreign_tenants_conflict_is_one_that_never_was(
    world: World, names: str, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Nobody can probe for the neighbours' ids."""
    foreign = await make_world(APP, await new_tenant())

    theirs = await foreign.owner.send("POST", f"/conflicts/{names}/settlement", {"choice": "take"})
    nobodys = await foreign.owner.send("POST", f"/conflicts/{uuid7()}/settlement", {"choice": "take"})

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    assert (await world.admin.get(f"/conflicts/{names}"))["status"] == "open"
