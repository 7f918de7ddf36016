"""Roles, teams, substitutes and handover, as an admin sets them up and as the people concerned feel it."""

from collections.abc import Iterator
from typing import Any

import pytest

from server.auth.standings import forget_standings
from server.db import TenantRef, tenant_transaction
from server.sync.daily import begin_day, begin_day_everywhere
from server.tenants.service import owner_connection
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import Person, World, make_world

world = rest_world.trading


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_standings()
    yield
    forget_standings()


async def sees(person: Person, outlet_id: str) -> bool:
    return (await person.send("GET", f"/outlets/{outlet_id}")).status_code == 200


async def role(world: World, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = await world.admin.post("/roles", **{"key": "narrow", "name": "N", "base": "rep"} | fields)
    await world.admin.patch(f"/members/{world.rep.id}", role=made["key"])
    return made


async def test_a_role_widens_what_its_members_see_at_once(world: World):
    """The admin saves, and the rep's next request shows it."""
    assert not await sees(world.rep, world.ids["hidden_outlet"])

    made = await role(world, permissions={"outlet": {"read": "all", "edit": "own"}})

    assert await sees(world.rep, world.ids["hidden_outlet"])
    path = f"/outlets/{world.ids['hidden_outlet']}"
    assert await world.rep.refusal("PATCH", path, {"name": "Mine"}) == (403, "forbidden", [])
    assert (await world.rep.patch(f"/outlets/{world.ids['outlet']}", name="Mine"))["name"] == "Mine"

    await world.admin.patch(f"/roles/{made['id']}", permissions={})

    assert not await sees(world.rep, world.ids["hidden_outlet"])


async def test_a_field_that_is_locked_is_seen_and_not_set(world: World):
    """And says so by its name, as it is no secret."""
    await role(world, fields={"outlet": {"name": "readonly"}})
    path = f"/outlets/{world.ids['outlet']}"

    assert (await world.rep.get(path))["name"] == "Corner Shop 1"
    assert await world.rep.refusal("PATCH", path, {"name": "Mine"}) == (400, "invalid_input", ["name"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"permissions": {"outlet": {"read": "everything"}}}, "permissions"),
        ({"permissions": {"shop": {"read": "all"}}}, "permissions"),
        ({"permissions": {"outlet": "all"}}, "permissions"),
        ({"permissions": {"outlet": {"paint": "all"}}}, "permissions"),
        ({"fields": {"outlet": {"name": "secret"}}}, "fields"),
        ({"fields": {"outlet": {"colour": "hidden"}}}, "fields"),
        ({"fields": {"outlet": {"id": "hidden"}}}, "fields"),
        ({"fields": {"contact": {"account_id": "hidden"}}}, "fields"),
        ({"fields": {"contact": {"name": "hidden"}}}, "fields"),
        ({"base": "emperor"}, "base"),
        ({"base": "owner"}, "base"),
        ({"key": "Rep"}, "key"),
        ({"key": "rep"}, "key"),
    ],
)
async def test_a_role_that_makes_no_sense_is_refused_by_its_field(world: World, body: dict[str, Any], field: str):
    """In words that say which entity, action or field is meant."""
    status, code, named = await world.owner.refusal(
        "POST", "/roles", {"key": "odd", "name": "Odd", "base": "rep"} | body
    )

    assert (status, code) in {(400, "invalid_input"), (409, "already_there")}
    assert named in ([field], [])


async def test_the_last_owner_stays_an_active_owner(world: World):
    """A tenant that nobody can administer would be lost."""
    path = f"/members/{world.owner.id}"

    for change in ({"role": "rep"}, {"active": False}):
        assert await world.owner.refusal("PATCH", path, change) == (409, "last_owner", [])
    await world.owner.patch(f"/members/{world.admin.id}", role="owner")

    assert (await world.owner.patch(path, role="admin"))["role"] == "admin"


async def test_nobody_gives_or_takes_rights_above_their_own(world: World):
    """An admin makes no owners, and a manager no roles at all."""
    rep, owner = f"/members/{world.rep.id}", f"/members/{world.owner.id}"

    assert await world.admin.refusal("PATCH", rep, {"role": "owner"}) == (400, "invalid_input", ["role"])
    assert await world.admin.refusal("PATCH", owner, {"active": False}) == (403, "forbidden", [])
    assert await world.admin.refusal("PATCH", rep, {"role": "nobody"}) == (400, "invalid_input", ["role"])
    body = {"key": "mine", "name": "Mine", "base": "manager"}
    assert await world.manager.refusal("POST", "/roles", body) == (403, "forbidden", [])


async def test_built_in_roles_and_those_in_use_stay(world: World):
    """What people have cannot be pulled from under them."""
    made = await role(world)
    listed = {r["key"]: r for r in (await world.admin.get("/roles"))["items"]}

    assert {"rep", "manager", "admin", "owner", "billing", "narrow"} == set(listed)
    assert (await world.admin.refusal("DELETE", f"/roles/{made['id']}"))[:2] == (409, "in_use")
    assert (await world.owner.refusal("DELETE", f"/roles/{listed['rep']['id']}"))[:2] == (403, "forbidden")
    fixed = await world.owner.refusal(
        "PATCH", f"/roles/{listed['owner']['id']}", {"permissions": {"outlet": {"read": "none"}}}
    )
    assert fixed == (400, "invalid_input", ["permissions"])


async def test_what_is_assigned_to_a_team_is_each_members_own(world: World):
    """And no longer when they leave it."""
    team = await world.admin.post("/teams", name="Vans")
    assignment = {"team_id": team["id"], "outlet_id": world.ids["hidden_outlet"]}
    await world.admin.post("/assignments", **assignment)

    await world.admin.patch(f"/members/{world.other_rep.id}", team_id=team["id"])
    joined = await sees(world.other_rep, world.ids["hidden_outlet"])
    await world.admin.patch(f"/members/{world.other_rep.id}", team_id=None)

    assert joined
    assert not await sees(world.other_rep, world.ids["hidden_outlet"])
    both = assignment | {"member_id": str(world.rep.id)}
    assert await world.admin.refusal("POST", "/assignments", both) == (400, "invalid_input", ["member_id"])


async def test_a_substitute_has_what_is_the_others_own_until_the_day_it_ends(world: World, owner_urls: dict[str, str]):
    """The daily job ends it: a device must hear of it by a revision."""
    stand_in = {"member_id": str(world.rep.id), "substitute_id": str(world.other_rep.id)}
    delegation = await world.admin.post("/delegations", **stand_in)
    during = await sees(world.other_rep, world.ids["outlet"])
    await begin_day(world.tenant)
    async with tenant_transaction(world.tenant) as conn:
        before = await conn.fetchval("SELECT revision FROM revision_counter")
    await _as_if_midnight_had_passed(owner_urls["main"], world.tenant, delegation["id"])

    still = await sees(world.other_rep, world.ids["outlet"])
    begun = await begin_day_everywhere([world.tenant])

    async with tenant_transaction(world.tenant) as conn:
        sql = "SELECT max(revision) FROM scope_grant WHERE gone AND member_id = $1"
        lost = await conn.fetchval(sql, world.other_rep.id)
    assert during
    assert still
    assert begun == 1
    assert not await sees(world.other_rep, world.ids["outlet"])
    assert lost > before
    assert await begin_day(world.tenant) is False


async def _as_if_midnight_had_passed(owner_url: str, tenant: TenantRef, delegation_id: str) -> None:
    """The delegation ended yesterday, while the grants are still those of yesterday: no trigger hears of midnight."""
    async with owner_connection(owner_url) as owner, owner.transaction():
        await owner.execute(f'SET LOCAL search_path = "{tenant.schema}"')
        await owner.execute("ALTER TABLE delegation DISABLE TRIGGER USER")
        await owner.execute("UPDATE delegation SET ends_on = current_date - 1 WHERE id = $1", delegation_id)
        await owner.execute("ALTER TABLE delegation ENABLE TRIGGER USER")
        await owner.execute("UPDATE setting SET value = to_jsonb(current_date - 1) WHERE key = 'day_of_grants'")


async def test_a_handover_gives_everything_in_one_act(world: World):
    """Somebody leaves on Friday; on Monday the other has customers, territories and drafts, and no gap between."""
    draft = await world.draft()
    territory = await world.admin.post("/territories", name="Left", manager_id=str(world.rep.id))
    reply = await world.admin.post(f"/members/{world.rep.id}/handover", successor_id=str(world.other_rep.id))

    assert reply == {"assignments": 1, "territories": 1, "drafts": 1}
    assert await sees(world.other_rep, world.ids["outlet"])
    assert not await sees(world.rep, world.ids["outlet"])
    order = await world.admin.get(f"/orders/{draft['id']}")
    assert (order["owner_id"], order["maker_id"]) == (str(world.other_rep.id), str(world.rep.id))
    assert (await world.admin.get(f"/territories/{territory['id']}"))["manager_id"] == str(world.other_rep.id)


async def test_a_handover_needs_two_people_of_this_tenant(world: World, new_tenant: Any):
    """Nobody hands over to themself, to a leaver, or to the neighbours."""
    foreign = await make_world(APP, await new_tenant())
    path = f"/members/{world.rep.id}/handover"

    for successor in (world.rep.id, foreign.rep.id):
        refused = await world.admin.refusal("POST", path, {"successor_id": str(successor)})
        assert refused == (400, "invalid_input", ["successor_id"])
    theirs = await foreign.owner.send("POST", path, {"successor_id": str(foreign.rep.id)})
    assert theirs.status_code == 404
    assert await world.rep.refusal("POST", path, {"successor_id": str(world.other_rep.id)}) == (403, "forbidden", [])
