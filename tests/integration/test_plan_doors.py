"""What a tenant may do by what it pays, at each door and in each state: REST, keys, members, billing, leaving."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from server import clock
from server.auth.seats import follow_members
from server.auth.standings import tenants
from server.billing.entitle import plan_steps
from server.db import after_commit, platform_transaction
from server.tenants.entitlements import get_entitled_tenant, store_entitlements
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.entitled import STATES, WRITING, entitle
from tests.integration.rest_world import Person, World, make_world

world = rest_world.staffed


async def follow(world: World) -> None:
    """Bring the seats in line with the members."""
    async with platform_transaction():
        tenant = await get_entitled_tenant(world.tenant.id)
    await follow_members(tenant)


async def problem_of(person: Person, method: str, path: str, body: Any = None) -> dict[str, Any]:
    reply = await person.send(method, path, body)
    assert reply.status_code == 402, reply.text
    found: dict[str, Any] = reply.json()
    return found


@pytest.mark.parametrize("state", STATES)
async def test_rest_writes_and_keeps_reading_as_far_as_is_paid(world: World, state: str):
    """An unpaid bill never hides a customer's own data; it only stops the changing of it, in the end."""
    account = await world.admin.post("/accounts", name="Corner Shops")
    await entitle(world.tenant, state)

    created = await world.admin.send("POST", "/accounts", {"name": "Tea Rooms"})
    changed = await world.admin.send("PATCH", f"/accounts/{account['id']}", {"name": "Corner Shops 2"})
    deleted = await world.admin.send("DELETE", f"/accounts/{account['id']}", headers={"If-Match": '"0"'})
    read = await world.admin.get(f"/accounts/{account['id']}")

    expected = (201, 200, 412) if state in WRITING else (402, 402, 402)
    assert (created.status_code, changed.status_code, deleted.status_code) == expected
    assert read["name"].startswith("Corner Shops")
    if state not in WRITING:
        assert (created.json()["code"], created.json()["state"]) == ("restricted", state)


async def test_each_is_told_the_way_out_that_is_theirs(world: World):
    """An owner can pay; a rep can only ask."""
    await entitle(world.tenant, "restricted")

    owner = await problem_of(world.owner, "POST", "/accounts", {"name": "Tea Rooms"})
    rep = await problem_of(world.rep, "POST", "/accounts", {"name": "Tea Rooms"})

    assert owner["way_out"] == "To go on, pay it under Billing."
    assert rep["way_out"] == "Ask your administrator."
    assert "go on" in rep["detail"]


@pytest.mark.parametrize("state", ["restricted", "cancelled"])
async def test_leaving_and_security_stay_open_whatever_is_paid(world: World, state: str):
    """Nobody's data is held hostage, and whoever was dismissed is locked out today."""
    key = (await world.admin.post("/api-keys", name="ERP", scopes=["*:write"]))["api_key"]
    await entitle(world.tenant, state)

    exported = await world.owner.send("POST", "/exports", {"format": "csv"})
    revoked = await world.admin.send("DELETE", f"/api-keys/{key['id']}")
    dismissed = await world.admin.send("PATCH", f"/members/{world.other_rep.id}", {"active": False})
    renamed = await world.admin.send("PATCH", f"/members/{world.rep.id}", {"name": "Ann"})
    imported = await world.admin.send("POST", "/imports?name=a.csv&target=account")

    assert (exported.status_code, revoked.status_code, dismissed.status_code) == (202, 204, 200)
    assert (renamed.status_code, imported.status_code) == (402, 402)


async def test_everybody_sees_how_the_plan_stands_for_them(world: World):
    """So that a console shows what is closed, and why, before somebody has typed a page."""
    assert (await world.rep.get("/me"))["plan"] is None
    await entitle(world.tenant, "grace", seats_max=0)

    rep, clerk = (await world.rep.get("/me"))["plan"], (await world.billing.get("/me"))["plan"]

    assert rep == {"plan": "business", "state": "grace", "may_write": True, "seated": False}
    assert clerk["state"] == "grace"


async def test_the_clock_alone_moves_a_tenant_on(world: World):
    """A trial ends at its moment, though no job ran and no provider answered; reading costs no look-up."""
    now = clock.now()
    async with platform_transaction():
        await store_entitlements(world.tenant.id, plan_steps(now + timedelta(days=1), None, now))
    assert (await world.admin.send("POST", "/api-keys", {"name": "a", "scopes": ["*:read"]})).status_code == 201

    with clock.frozen(now + timedelta(days=2)):
        entitled = tenants.get(world.tenant.id)
        assert entitled is not None
        assert (entitled.entitlement.state, entitled.entitlement.plan) == ("active", "free")


async def test_a_process_in_which_billing_writes_forgets_at_once(world: World):
    """Who has just paid does not wait half a minute to go on."""
    await entitle(world.tenant, "restricted")
    await problem_of(world.admin, "POST", "/accounts", {"name": "Tea Rooms"})
    await entitle(world.tenant, "active")

    await world.admin.post("/accounts", name="Tea Rooms")


async def test_what_failed_to_be_stored_is_not_heard_of(world: World):
    """A process forgets after the commit: before, it would remember the old state again for half a minute."""
    heard: list[str] = []
    with suppress(ZeroDivisionError):
        async with platform_transaction():
            after_commit(lambda: heard.append("failed"))
            heard.append(str(1 / len(heard)))
    async with platform_transaction():
        after_commit(lambda: heard.append("committed"))
        assert heard == []

    assert heard == ["committed"]


@pytest.mark.parametrize(
    ("path", "body", "feature"),
    [
        (
            "/custom-fields",
            {"entity": "account", "key": "size", "label": "Size", "field_type": "text"},
            "custom_fields",
        ),
        ("/api-keys", {"name": "ERP", "scopes": ["*:read"]}, "api_access"),
        ("/webhooks", {"url": "https://x.example/hook", "events": ["order.*"]}, "automation"),
    ],
)
async def test_what_the_plan_does_not_have_is_not_made_anew(world: World, path: str, body: Any, feature: str):
    """What was made with it before goes on; the refusal names the plan and the way to more."""
    await entitle(world.tenant, "active", plan="free", seats=50, seats_max=None)

    refused = await problem_of(world.admin, "POST", path, body)

    assert (refused["code"], refused["feature"], refused["plan"]) == ("not_in_plan", feature, "free")
    assert "larger one under Billing" in refused["way_out"]


async def test_an_entitlement_is_its_tenants_alone(world: World, new_tenant: Any):
    """What one company owes is no other's concern."""
    other = await make_world(APP, await new_tenant())
    await entitle(world.tenant, "restricted")

    await problem_of(world.admin, "POST", "/accounts", {"name": "Tea Rooms"})
    await other.admin.post("/accounts", name="Tea Rooms")


async def test_those_who_came_last_read_only_where_there_are_too_few_seats(world: World):
    """After a downgrade nobody is thrown out: the latest read on, and their devices' work is taken."""
    await entitle(world.tenant, "active", seats=10)
    await follow(world)
    await entitle(world.tenant, "active", seats=3)
    in_turn = sorted((p for p in world.people.values() if p.role != "billing"), key=lambda person: person.id)

    codes = [(await p.send("POST", "/accounts", {"name": "x"})).json().get("code") for p in in_turn]
    read = [(await p.send("GET", "/accounts")).status_code for p in in_turn]
    refused = await problem_of(in_turn[-1], "POST", "/accounts", {"name": "x"})

    assert codes == [None, None, None, "seat_missing", "seat_missing"]
    assert read == [200] * 5
    assert refused["maximum"] == 3


async def test_a_leavers_seat_goes_to_whoever_comes_next(world: World):
    """A team of five buys five seats, whoever comes and goes."""
    await entitle(world.tenant, "active", seats=4)
    await follow(world)
    in_turn = sorted((p for p in world.people.values() if p.role != "billing"), key=lambda person: person.id)
    leaver = next(person for person in in_turn if person.role == "manager" or person.role == "rep")
    await problem_of(in_turn[-1], "POST", "/accounts", {"name": "x"})

    await world.owner.patch(f"/members/{leaver.id}", active=False)
    for person in in_turn:
        if person is not leaver:
            await person.post("/accounts", name="x")
    back = await problem_of(world.owner, "PATCH", f"/members/{leaver.id}", {"active": True})

    assert (back["code"], back["limit"], back["used"], back["maximum"]) == ("limit_reached", "seats", 4, 4)
    assert "deactivate somebody" in back["way_out"]


async def test_nobody_joins_while_a_payment_is_overdue_and_all_go_on(world: World):
    """From day 7 on: what is there works, and no new seats."""
    await world.owner.patch(f"/members/{world.rep.id}", active=False)
    await entitle(world.tenant, "grace")

    refused = await problem_of(world.owner, "PATCH", f"/members/{world.rep.id}", {"active": True})
    await world.owner.patch(f"/members/{world.other_rep.id}", name="Bob")

    assert refused["code"] == "growth_paused"


async def test_a_billing_clerk_needs_no_seat_until_they_become_a_rep(world: World):
    """Who only pays the bills is not counted; a role that works with customers is."""
    await entitle(world.tenant, "active", seats=5)
    await follow(world)

    refused = await problem_of(world.owner, "PATCH", f"/members/{world.billing.id}", {"role": "rep"})

    assert (refused["code"], refused["used"]) == ("limit_reached", 5)


async def test_api_keys_only_read_where_the_plan_has_none(world: World):
    """A key of the trial does not outlive it as a free way in; nor does the ERP's report break overnight."""
    made = await world.admin.post("/api-keys", name="ERP", scopes=["*:write"])
    key = Person(APP, world.tenant, made["api_key"]["member_id"], "admin", made["key"])
    await entitle(world.tenant, "active", plan="team", seats=20)

    refused = await problem_of(key, "POST", "/accounts", {"name": "Tea Rooms"})
    await key.get("/accounts")

    assert (refused["code"], refused["feature"], refused["plan"]) == ("not_in_plan", "api_access", "team")
