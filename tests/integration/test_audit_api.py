"""The audit over REST: the history of a row, and the search for admins and owners."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.ids import uuid7

from server.crm.audit import service
from server.crm.resources import RESOURCES
from server.db import SYSTEM, Source, TenantRef, connection, tenant_write
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

world = rest_world.trading

NOT_FOUND = (404, "not_found", [])


async def told(world: World, path: str, role: str = "admin", **query: Any) -> list[tuple[Any, ...]]:
    """(kind, field, old, new, who) of the changes on a page."""
    page = await world.people[role].get(path, **query)
    return [(i["kind"], i["field"], i["old"], i["new"], i["by"]["member"]) for i in page["items"]]


async def test_the_history_of_a_row_is_told_newest_first(world: World):
    """Who moved the outlet, from where, and what was it called when we opened it?"""
    outlet = f"/outlets/{world.ids['outlet']}"
    await world.rep.patch(outlet, name="Corner Shop One", address={"city": "Assen"})
    await world.admin.patch(outlet, name="Corner Shop I")

    page = await world.rep.get(f"{outlet}/history")

    seen = [(i["kind"], i["field"], i["old"], i["new"], i["by"]["member"], i["source"]) for i in page["items"]]
    assert seen == [
        ("edit", "name", "Corner Shop One", "Corner Shop I", "admin", "rest"),
        ("edit", "address", {"city": "Groningen"}, {"city": "Assen"}, "rep", "rest"),
        ("edit", "name", "Corner Shop 1", "Corner Shop One", "rep", "rest"),
        ("create", None, None, None, "admin", "rest"),
    ]
    first = page["items"][-1]["first"]
    assert first["name"] == "Corner Shop 1"
    assert first["address"] == {"city": "Groningen"}
    assert first["account_id"] == world.ids["account"]
    assert page["next"] is None


async def test_values_look_as_they_do_everywhere_on_rest(world: World):
    """Decimals as strings, instants with their zone, numbers as numbers."""
    stock, agreement = f"/stock/{world.ids['stock_of_tea']}", f"/agreements/{world.ids['agreement']}"
    await world.admin.patch(stock, quantity="99.50", as_of="2030-01-31T12:00:00+02:00")
    await world.admin.patch(agreement, credit_limit_minor=500, discount_max="0.15")

    of_stock = {i["field"]: (i["old"], i["new"]) for i in (await world.admin.get(f"{stock}/history"))["items"]}
    of_agreement = {i["field"]: (i["old"], i["new"]) for i in (await world.admin.get(f"{agreement}/history"))["items"]}

    assert of_stock["quantity"] == ("100", "99.50")
    assert of_stock["as_of"][1] == "2030-01-31T10:00:00Z"
    assert of_agreement["credit_limit_minor"] == (None, 500)
    assert of_agreement["discount_max"] == ("0.1", "0.15")


async def test_history_comes_in_pages_without_gap_or_repetition(world: World, monkeypatch: pytest.MonkeyPatch):
    """Also where most writes changed nothing that is shown."""
    path = f"/accounts/{world.ids['account']}"
    for i in range(12):
        await world.admin.patch(path, name=f"Name {i // 2}", legal_name=f"Legal {i // 4}")
    whole = await told(world, f"{path}/history", limit=200)

    monkeypatch.setattr(service, "HISTORY_REVISIONS_MAX", 3)
    paged, query = [], {"limit": 2}
    for _ in range(50):
        page = await world.admin.get(f"{path}/history", **query)
        assert len(page["items"]) <= 2
        paged += [(i["kind"], i["field"], i["old"], i["new"], i["by"]["member"]) for i in page["items"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]

    assert paged == whole
    assert [w[0] for w in whole] == ["edit"] * 9 + ["create"]


async def test_several_statements_of_one_transaction_are_all_told(world: World):
    """A job may write a row twice."""
    row = uuid7()
    async with tenant_write(world.tenant, by=SYSTEM, source=Source.IMPORT):
        await connection().execute("INSERT INTO account (id, name) VALUES ($1, 'One')", row)
        await connection().execute("UPDATE account SET name = 'Two' WHERE id = $1", row)
        await connection().execute("UPDATE account SET name = 'Three' WHERE id = $1", row)
    await world.admin.patch(f"/accounts/{row}", name="Four")

    page = await world.admin.get(f"/accounts/{row}/history")

    assert [(i["old"], i["new"]) for i in page["items"]] == [
        ("Three", "Four"), ("Two", "Three"), ("One", "Two"), (None, None),
    ]  # fmt: skip
    assert page["items"][-1]["first"]["name"] == "One"
    assert {(i["source"], i["by"]["member"]) for i in page["items"]} == {("rest", "admin"), ("import", None)}


async def test_deleted_rows_keep_their_history_for_those_who_see_all(world: World):
    """“Who deleted our contact?”"""
    contact = await world.rep.post("/contacts", account_id=world.ids["account"], name="Carla")
    await world.rep.send("DELETE", f"/contacts/{contact['id']}")

    assert [t[0] for t in await told(world, f"/contacts/{contact['id']}/history")] == ["delete", "create"]
    assert await world.rep.refusal("GET", f"/contacts/{contact['id']}/history") == NOT_FOUND


async def test_a_field_that_is_hidden_from_a_role_is_not_in_its_history(world: World):
    """Not its changes, not its first value, not even that there were some."""
    outlet = f"/outlets/{world.ids['outlet']}"
    await world.admin.patch(outlet, description="Pays late", name="Corner")
    await world.admin.patch(outlet, description="Pays on time")
    [role] = (await world.admin.get("/roles", key="rep"))["items"]
    await world.admin.patch(f"/roles/{role['id']}", fields={"outlet": {"description": "hidden", "address": "hidden"}})

    for_rep, for_admin = [await world.people[who].get(f"{outlet}/history") for who in ("rep", "admin")]

    assert [i["field"] for i in for_rep["items"]] == ["name", None]
    assert not {"description", "address"} & for_rep["items"][-1]["first"].keys()
    assert "Pays" not in str(for_rep)
    assert [i["field"] for i in for_admin["items"]].count("description") == 2


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.entity.name)
async def test_the_history_of_what_one_may_not_see_is_the_404_of_what_never_was(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]], resource: Any
):
    """Nobody can probe, within the tenant or from another one."""
    other = await make_world(APP, await new_tenant())
    ids = {"account": world.ids["hidden_account"], "outlet": world.ids["hidden_outlet"]}
    row = ids.get(resource.entity.name) or world.ids.get(resource.entity.name) or str(uuid7())

    from_elsewhere = await other.admin.send("GET", f"{resource.path}/{row}/history")
    never = await world.admin.send("GET", f"{resource.path}/{uuid7()}/history")
    assert (from_elsewhere.status_code, from_elsewhere.content) == (404, never.content)
    if resource.entity.name in ids:
        hidden = await world.rep.send("GET", f"{resource.path}/{row}/history")
        assert (hidden.status_code, hidden.content) == (404, never.content)
    assert (await world.billing.refusal("GET", f"{resource.path}/{row}/history"))[:2] == (403, "forbidden")


async def test_admins_search_by_who_what_when_and_text(world: World):
    """“What did the rep change last week?”"""
    account, outlet = world.ids["account"], world.ids["outlet"]
    await world.rep.patch(f"/accounts/{account}", name="Zwolle Shops", legal_name="Zwolle BV")
    await world.rep.patch(f"/outlets/{outlet}", name="In Zwolle")
    await world.admin.patch(f"/accounts/{account}", legal_name="Else")
    first = (await world.admin.get("/audit", limit=1))["items"][0]["at"]

    async def fields(**query: Any) -> list[tuple[str, str | None]]:
        return sorted((i["entity"], i["field"]) for i in (await world.admin.get("/audit", **query))["items"])

    rep = str(world.rep.id)
    assert await fields(member_id=rep) == [("account", "legal_name"), ("account", "name"), ("outlet", "name")]
    assert await fields(member_id=rep, entity="outlet") == [("outlet", "name")]
    assert await fields(row_id=account, field="legal_name") == [("account", "legal_name")] * 2
    assert await fields(text="zwolle") == [
        ("account", "legal_name"), ("account", "legal_name"), ("account", "name"), ("outlet", "name"),
    ]  # fmt: skip
    assert await fields(source="import") == []
    assert await fields(source="job", entity="member") == [("member", None)] * len(world.people)
    assert await fields(**{"from": first}) == [("account", "legal_name")]
    assert ("account", "name") in await fields(until=first, member_id=rep)
    assert await fields(until="2000-01-01T00:00:00Z") == await fields(**{"from": "2100-01-01T00:00:00Z"}) == []


async def test_the_search_comes_in_pages_even_where_it_may_look_at_little(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """A search for a rare word must not read a year's record in one request."""
    whole = (await world.admin.get("/audit", limit=200))["items"]
    monkeypatch.setattr(service, "ENTRIES_SCANNED_MAX", 3)

    paged, query = [], {"limit": 4}
    while True:
        page = await world.admin.get("/audit", **query)
        paged += page["items"]
        if page["next"] is None:
            break
        query["after"] = page["next"]

    assert paged == whole
    assert len({(i["revision"], i["row_id"], i["field"]) for i in paged}) == len(paged) > 20


@pytest.mark.parametrize("role", ["manager", "rep", "billing"])
async def test_only_admins_and_owners_search(world: World, role: str):
    """What everybody did, and to whom, is more than a rep or manager may see."""
    assert await world.people[role].refusal("GET", "/audit") == (403, "forbidden", [])
    assert (await world.owner.send("GET", "/audit")).status_code == 200


async def test_another_tenants_changes_are_never_found(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Neither by row, nor by words, nor by who it was."""
    other = await make_world(APP, await new_tenant())

    assert (await other.admin.get("/audit", row_id=world.ids["account"]))["items"] == []
    assert (await other.admin.get("/audit", text="Corner"))["items"] == []
    assert (await other.admin.get("/audit", member_id=str(world.admin.id)))["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"after": "WzEsMl0="}, "after"),
        ({"after": "nonsense"}, "after"),
        ({"member_id": "ann"}, "member_id"),
        ({"entity": "pg_class"}, "entity"),
        ({"source": "psql"}, "source"),
        ({"from": "yesterday"}, "from"),
        ({"until": "2030-01-31T12:00:00"}, "until"),
        ({"text": "a\x00b"}, "text"),
        ({"order": "name"}, "order"),
    ],
)
async def test_a_bad_parameter_is_named(world: World, query: dict[str, str], field: str):
    """A filter that was mistyped and passed over would show too much, and be believed."""
    assert await world.admin.refusal("GET", "/audit", params=query) == (400, "invalid_input", [field])
