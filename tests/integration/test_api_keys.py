"""API keys: made by admins, known by a hash, restricted by scopes, counted, and named in what they write."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server import clock
from server.auth.api_key_text import new_api_key
from server.auth.standings import forget_standings
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_key, make_world

world = rest_world.shared

ALL_ACCOUNTS = {"account": {"read": "all", "edit": "all"}, "outlet": {"read": "all"}}


async def test_a_key_is_shown_once_and_stored_as_a_hash(world: World):
    """Whoever reads the database, a backup or a list of keys cannot use one."""
    made = await world.admin.post("/api-keys", name="ERP, nightly", scopes=["account:read"])
    text, key = made["key"], made["api_key"]

    assert text.startswith(key["prefix"])
    assert (key["name"], key["scopes"], key["last_used_at"]) == ("ERP, nightly", ["account:read"], None)
    for path in ("/api-keys", f"/api-keys/{key['id']}"):
        assert text not in (await world.admin.send("GET", path)).text
    async with tenant_transaction(world.tenant):
        stored = await connection().fetchval("SELECT api_key::text FROM api_key WHERE prefix = $1", key["prefix"])
    assert text not in stored
    assert text[12:] not in stored


async def test_keys_are_found_by_their_prefix(world: World):
    """Somebody finds `ork_…` in a log, and asks which key that is."""
    _, key = await make_key(world)

    assert await world.admin.get("/api-keys", prefix=key["prefix"]) == [key]
    assert key in await world.admin.get("/api-keys", prefix="ork_")
    assert await world.admin.get("/api-keys", prefix="%") == []
    assert await world.admin.get(f"/api-keys/{key['id']}") == key


async def test_what_a_key_writes_bears_the_name_of_its_own_member(world: World):
    """Who changed this price? The nightly feed, not the admin who once made its key."""
    erp, key = await make_key(world, "account:write")
    account = await erp.post("/accounts", name="From the ERP")

    assert account["created_by"] == key["member_id"]
    async with tenant_transaction(world.tenant):
        stamp = await connection().fetchval("SELECT stamps ->> '*' FROM account WHERE id = $1", account["id"])
        name = await connection().fetchval("SELECT name FROM member WHERE id = $1", key["member_id"])
    assert key["member_id"] in stamp
    assert name == "ERP"


async def test_scopes_hold_on_every_path(world: World):
    """Main entity, what comes along, what is referred to, bulk: an entity without a scope is not there."""
    erp, _ = await make_key(world, "outlet:write", "account:read")
    outlet = f"/outlets/{world.ids['outlet']}"

    shown = await erp.get(outlet, expand="account,territory")
    assert shown["account"]["name"] == "Corner Shops"
    assert shown["territory"] is None
    assert (await erp.refusal("GET", "/orders"))[:2] == (403, "forbidden")
    assert (await erp.refusal("GET", f"/territories/{world.ids['territory']}"))[0] == 403
    assert (await erp.refusal("PATCH", f"/accounts/{world.ids['account']}", {"name": "x"}))[0] == 403
    assert (await erp.refusal("DELETE", f"/accounts/{world.ids['account']}"))[0] == 403
    assert (await erp.refusal("POST", "/accounts/bulk", {"operations": [{"op": "create", "data": {}}]}))[0] == 403
    unseen = {"territory_id": world.ids["territory"]}
    assert await erp.refusal("PATCH", outlet, unseen) == (400, "invalid_input", ["territory_id"])
    assert (await erp.patch(outlet, name="Corner Shop 1"))["name"] == "Corner Shop 1"
    assert "order:read" in (await erp.send("GET", "/orders")).json()["detail"]


async def test_a_key_has_the_rights_of_a_role_of_the_tenants_own(world: World):
    """Fields hidden from its role are hidden from it, also where they would come along."""
    rule = {"account": {"legal_name": "hidden", "parent_id": "hidden"}}
    await world.admin.post("/roles", key="feed", name="Feed", base="manager", fields=rule, permissions=ALL_ACCOUNTS)
    feed, _ = await make_key(world, "*:write", role="feed")
    path = f"/accounts/{world.ids['account']}"

    assert "legal_name" not in await feed.get(path)
    assert "legal_name" not in (await feed.get(f"/outlets/{world.ids['outlet']}", expand="account"))["account"]
    for query in ("fields=legal_name", "expand=parent"):
        reply = await feed.send("GET", f"{path}?{query}")
        assert (reply.status_code, "legal_name, " in reply.text, " parent" in reply.text) == (400, False, False)
    operations = [{"op": "change", "id": world.ids["account"], "data": {"legal_name": "x"}}]
    [result] = (await feed.send("POST", "/accounts/bulk", {"operations": operations})).json()["results"]
    assert result["problem"]["errors"][0]["message"] == "Object contains unknown field legal_name."


async def test_scopes_never_add_to_what_the_keys_member_may(world: World):
    """A rep's key with every scope sees what a rep sees."""
    rep, key = await make_key(world, "*:write", role="rep")
    assert (await rep.get("/outlets"))["items"] == []
    assert (await rep.refusal("POST", "/products", {"name": "x"}))[0] == 403

    await world.admin.post("/assignments", member_id=key["member_id"], outlet_id=world.ids["outlet"])

    assert [o["id"] for o in (await rep.get("/outlets"))["items"]] == [world.ids["outlet"]]


async def test_a_key_opens_nothing_but_the_crm(world: World):
    """No keys, devices, sync, roles, audit, erasure or files: a leaked one must not make itself more."""
    erp, key = await make_key(world)
    for method, path, body in [
        ("GET", "/api-keys", None),
        ("POST", "/api-keys", {"name": "More", "scopes": ["*:write"]}),
        ("DELETE", f"/api-keys/{key['id']}", None),
        ("POST", "/devices/codes", {}),
        ("GET", "/devices", None),
        ("POST", "/sync/pull", {"protocol": 1, "schema": 1, "cursor": 0}),
        ("GET", "/webhooks", None),
        ("GET", "/audit", None),
        ("POST", f"/members/{world.rep.id}/erasure", None),
        ("POST", f"/contacts/{key['id']}/erasure", None),
        ("GET", "/imports", None),
        ("POST", "/exports", {}),
        ("PATCH", f"/members/{world.rep.id}", {"role": "admin"}),
        ("POST", f"/members/{world.rep.id}/handover", {"successor_id": str(world.admin.id)}),
        ("POST", "/roles", {"key": "x", "name": "x", "base": "admin"}),
    ]:
        assert (await erp.refusal(method, path, body))[:2] == (403, "forbidden"), path


async def test_only_admins_and_owners_manage_keys(world: World):
    """Others neither make nor see them."""
    _, key = await make_key(world)
    for person in (world.rep, world.manager, world.billing):
        for method, path, body in [
            ("GET", "/api-keys", None),
            ("GET", f"/api-keys/{key['id']}", None),
            ("DELETE", f"/api-keys/{key['id']}", None),
            ("POST", "/api-keys", {"name": "x", "scopes": ["*:read"]}),
        ]:
            assert (await person.refusal(method, path, body))[0] == 403
    assert (await world.admin.refusal("POST", "/api-keys", {"name": "x", "scopes": ["*:read"], "role": "owner"}))[
        0
    ] == 400


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"scopes": ["account:read", "shop:read", "account"]}, ["scopes", "scopes"]),
        ({"scopes": []}, ["scopes"]),
        ({"expires_at": "2001-01-01T00:00:00Z"}, ["expires_at"]),
        ({"expires_at": "2100-01-01T00:00:00"}, ["expires_at"]),
        ({"name": " "}, ["name"]),
        ({"role": "owner"}, ["role"]),
        ({"role": "nobody"}, ["role"]),
        ({"requests_per_minute": 0}, ["requests_per_minute"]),
        ({"colour": 1}, ["colour"]),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(world: World, body: dict[str, Any], fields: list[str]):
    """Before anybody relies on it."""
    whole = {"name": "ERP", "scopes": ["*:read"]} | body

    assert await world.admin.refusal("POST", "/api-keys", whole) == (400, "invalid_input", fields)


async def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(world: World):
    """Its member is inactive from then on, so that devices show it as gone."""
    erp, key = await make_key(world)
    await erp.get("/accounts")

    for _ in range(2):
        assert (await world.admin.send("DELETE", f"/api-keys/{key['id']}")).status_code == 204

    assert (await erp.refusal("GET", "/accounts"))[:2] == (401, "api_key_invalid")
    [listed] = await world.admin.get("/api-keys", prefix=key["prefix"])
    assert listed["revoked_at"] is not None
    assert listed["last_used_at"] is not None
    async with tenant_transaction(world.tenant):
        assert not await connection().fetchval("SELECT active FROM member WHERE id = $1", key["member_id"])


async def test_a_key_whose_time_is_over_is_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    """Also by a process that remembers it from before."""
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    erp, _ = await make_key(world, expires_at=expires_at.isoformat())
    await erp.get("/accounts")

    monkeypatch.setattr(clock, "now", lambda: expires_at)

    assert (await erp.refusal("GET", "/accounts"))[:2] == (401, "api_key_invalid")
    forget_standings()
    assert (await erp.refusal("GET", "/accounts"))[:2] == (401, "api_key_invalid")


async def test_a_key_whose_member_was_dismissed_is_refused(world: World):
    """An admin who deactivates the member in the list of people means it."""
    erp, key = await make_key(world)
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("UPDATE member SET active = false WHERE id = $1", key["member_id"])

    assert (await erp.refusal("GET", "/accounts"))[0] == 401


async def test_a_key_that_was_never_made_is_refused(world: World):
    """Of this tenant, of one that there is not, or mistyped: in the same words."""
    erp, key = await make_key(world)
    real = erp.header["Authorization"]
    forged = [
        f"Bearer {new_api_key(world.tenant.id)}",
        f"Bearer {new_api_key(UUID(int=9))}",
        real[:-1] + "_",
        "Bearer ork_",
    ]
    said = set()
    for header in forged:
        reply = await erp.send("GET", "/accounts", headers={"Authorization": header})
        assert (reply.status_code, reply.json()["code"]) == (401, "api_key_invalid")
        said.add(reply.json()["detail"])
    assert len(said) == 1
    assert key["revoked_at"] is None


async def test_a_key_of_another_tenant_sees_that_tenant_alone(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """The key itself says which tenant is meant; nothing else in the request does."""
    other = await make_world(APP, await new_tenant())
    theirs, key = await make_key(other)

    assert (await theirs.get("/accounts"))["items"] == []
    assert (await theirs.refusal("GET", f"/accounts/{world.ids['account']}"))[0] == 404
    for method in ("GET", "DELETE"):
        assert (await world.admin.refusal(method, f"/api-keys/{key['id']}"))[0] == 404
    assert await world.admin.get("/api-keys", prefix=key["prefix"]) == []


async def test_too_many_requests_are_429_and_every_reply_says_what_is_left(world: World):
    """An integrator paces itself instead of guessing."""
    erp, _ = await make_key(world, requests_per_minute=3)

    replies = [await erp.send("GET", "/accounts") for _ in range(5)]

    assert [r.status_code for r in replies] == [200, 200, 200, 429, 429]
    assert [r.headers["RateLimit-Remaining"] for r in replies] == ["2", "1", "0", "0", "0"]
    assert {r.headers["RateLimit-Policy"] for r in replies} == {"3; w=60"}
    last = replies[-1]
    assert last.json()["code"] == "too_many_requests"
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert last.headers["content-type"] == "application/problem+json"
    assert "RateLimit-Limit" not in (await world.admin.send("GET", "/accounts")).headers
