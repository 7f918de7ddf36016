"""Log-in, enrolment, tokens and devices over HTTP, as a console and a phone meet them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import uuid4

import httpx2
import pytest

from server import clock
from server.auth.handlers import RateLimits
from server.auth.standings import forget_standings
from server.auth.tokens import ACCESS_TOKEN_TTL_S, keys
from server.db import Actor, TenantRef, connection, platform_transaction, tenant_write
from tests.integration import auth_world
from tests.integration.auth_world import (
    PASSWORD,
    Person,
    Phone,
    add_person,
    bearer,
    connect,
    devices_of,
    draw,
    enrolled,
    make_app,
    refusal,
)

pytestmark = pytest.mark.usefixtures("cheap_hashes")
app = auth_world.app
client = auth_world.client
ann = auth_world.ann


# Log-in and sessions


async def test_a_log_in_gives_a_token_that_opens_the_door(client: httpx2.AsyncClient, ann: Person):
    """What the token is for."""
    body = {"email": ann.email, "password": PASSWORD}
    reply = await client.post(f"/t/{ann.tenant.slug}/login", json=body)

    me = await client.get("/me", headers=bearer(reply.json()["access_token"]))

    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json()["expires_in"] == ACCESS_TOKEN_TTL_S
    assert (reply.json()["member_id"], reply.json()["role"]) == (str(ann.id), "rep")
    assert me.json() == {
        "member_id": str(ann.id), "name": "Rep", "email": ann.email, "role": "rep", "device_id": None,
        "tenant": {"id": str(ann.tenant.id), "slug": ann.tenant.slug}, "plan": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {}, {"email": "a@b.example"}, {"email": "a@b.example", "password": "x", "admin": True},
        {"email": "a" * 300, "password": "x"}, {"email": "a@b.example", "password": "x" * 201},
    ],
)  # fmt: skip
async def test_a_log_in_of_the_wrong_shape_is_refused(client: httpx2.AsyncClient, ann: Person, body: object):
    """Before any hash is computed."""
    reply = await client.post(f"/t/{ann.tenant.slug}/login", json=body)

    assert reply.status_code == 400


@pytest.mark.parametrize("slug", ["nobody-has-this", "UPPER", "%00", "%27", "x" * 500])
async def test_an_address_that_nobody_has_is_a_log_in_that_failed(client: httpx2.AsyncClient, slug: str):
    """Strange ones too: no 500, and no hint which companies are customers."""
    reply = await client.post(f"/t/{slug}/login", json={"email": "a@b.example", "password": PASSWORD})

    assert refusal(reply) == (401, "login_failed")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}])
async def test_without_a_token_every_route_is_shut(client: httpx2.AsyncClient, header: dict[str, str]):
    """The code tells a program to log in."""
    replies = [
        await client.get("/me", headers=header),
        await client.get("/devices", headers=header),
        await client.post("/devices/codes", json={}, headers=header),
        await client.delete(f"/devices/{uuid4()}", headers=header),
    ]

    assert {refusal(reply) for reply in replies} == {(401, "token_missing")}


async def test_a_route_left_open_by_mistake_gives_no_session(client: httpx2.AsyncClient):
    """A handler that asks for a session never runs without one."""
    assert refusal(await client.get("/open")) == (401, "token_missing")


async def test_an_expired_token_says_so(client: httpx2.AsyncClient, ann: Person):
    """The code that asks a device to refresh."""
    with clock.frozen(clock.now() - timedelta(minutes=16)):
        header = await ann.header()

    assert refusal(await client.get("/me", headers=header)) == (401, "token_expired")


async def test_a_token_of_one_tenant_gives_nothing_in_another(
    client: httpx2.AsyncClient, ann: Person, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Neither its rows, nor by naming the other tenant's id, nor by its refresh token."""
    other = await new_tenant()
    bob = await add_person(other, "owner")
    phone = await enrolled(client, ann)
    forged = bearer(await keys.issue(tenant_id=other.id, member_id=ann.id, role="owner"))
    elsewhere = Phone(client, other)
    elsewhere.kept, elsewhere.secret = phone.kept, phone.secret

    seen = (await client.get("/devices", headers=await bob.header())).json()
    revoked = await client.delete(f"/devices/{phone.kept['device_id']}", headers=await bob.header())

    assert seen == []
    assert revoked.status_code == 404
    assert (await draw(client, bob, ann.id)).status_code == 404
    assert refusal(await client.get("/me", headers=forged)) == (401, "token_invalid")
    assert refusal(await elsewhere.refresh(phone.token)) == (401, "token_invalid")
    assert (await phone.refresh(phone.token)).status_code == 200


async def test_a_code_of_one_tenant_enrols_nothing_in_another(
    client: httpx2.AsyncClient, ann: Person, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """And is still good where it was drawn."""
    code = (await draw(client, ann)).json()["code"]

    elsewhere = await Phone(client, await new_tenant()).enrol(code)

    assert refusal(elsewhere) == (403, "code_invalid")
    assert (await Phone(client, ann.tenant).enrol(code)).status_code == 201


async def test_the_role_of_now_counts_and_not_the_tokens(client: httpx2.AsyncClient, tenant: TenantRef):
    """Somebody demoted keeps a token for a quarter of an hour, but not its rights."""
    owner = await add_person(tenant, "owner")
    header = await owner.header()
    welcome = await client.get("/owners-only", headers=header)
    async with tenant_write(tenant, by=Actor()):
        await connection().execute("UPDATE member SET role = 'rep' WHERE id = $1", owner.id)
    forget_standings()

    assert welcome.status_code == 200
    assert refusal(await client.get("/owners-only", headers=header)) == (403, "forbidden")


async def test_a_member_who_left_is_out_on_browser_and_phone(client: httpx2.AsyncClient, ann: Person):
    """With the tokens they still hold, and with the codes drawn for them."""
    phone, header, code = await enrolled(client, ann), await ann.header(), (await draw(client, ann)).json()["code"]
    async with tenant_write(ann.tenant, by=Actor()):
        await connection().execute("UPDATE member SET active = false")
    forget_standings()

    assert refusal(await client.get("/me", headers=header)) == (401, "token_invalid")
    assert refusal(await client.get("/me", headers=phone.header)) == (401, "device_revoked")
    assert refusal(await phone.refresh(phone.token)) == (401, "device_revoked")
    assert refusal(await Phone(client, ann.tenant).enrol(code)) == (403, "code_invalid")


async def test_the_public_keys_are_public(client: httpx2.AsyncClient, ann: Person):
    """At the address where libraries look."""
    await ann.header()

    reply = await client.get("/.well-known/jwks.json")

    assert reply.json()["keys"]
    assert all(entry.keys() == {"kty", "crv", "use", "alg", "kid", "x"} for entry in reply.json()["keys"])


async def test_a_flood_of_log_ins_from_one_address_is_slowed(ann: Person):
    """Each route counts for itself."""
    async with connect(make_app(RateLimits(log_in=2, enrol=1, token=1))) as client:
        body = {"email": ann.email, "password": PASSWORD}

        replies = [await client.post(f"/t/{ann.tenant.slug}/login", json=body) for _ in range(3)]

        assert [reply.status_code for reply in replies] == [200, 200, 429]
        wait_s = int(replies[-1].headers["retry-after"])
        assert 0 < wait_s <= 60
        assert replies[-1].headers["content-type"] == "application/problem+json"
        assert replies[-1].json()["code"] == "too_many_requests"
        assert replies[-1].json()["detail"] == (
            f"Too many tries from your network address. Wait {wait_s} s, then try again."
        )
        assert refusal(await Phone(client, ann.tenant).enrol("0000000000")) == (403, "code_invalid")


async def test_the_routes_describe_themselves(client: httpx2.AsyncClient):
    """The OpenAPI document names the token where one is needed, and there alone."""
    paths = (await client.get("/schema/openapi.json")).json()["paths"]

    assert paths["/me"]["get"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/t/{slug}/login"]["post"]
    assert all(operation["summary"] for path in paths.values() for operation in path.values())


# Codes


# Refresh tokens


# Revocation


async def test_a_revoked_device_gets_nothing_any_more(client: httpx2.AsyncClient, ann: Person):
    """Neither with its access token nor with its refresh token; doing it twice keeps the first moment."""
    phone = await enrolled(client, ann)
    await client.get("/me", headers=phone.header)
    address = f"/devices/{phone.kept['device_id']}"

    first = await client.delete(address, headers=await ann.header())
    moment = (await devices_of(ann.tenant))[0]["revoked_at"]
    second = await client.delete(address, headers=await ann.header())

    assert (first.status_code, second.status_code) == (204, 204)
    assert refusal(await client.get("/me", headers=phone.header)) == (401, "device_revoked")
    assert refusal(await phone.refresh(phone.token)) == (401, "device_revoked")
    assert (await devices_of(ann.tenant))[0]["revoked_at"] == moment


async def test_people_see_their_own_devices_and_managers_all(client: httpx2.AsyncClient, ann: Person):
    """Hidden is the same as not there."""
    manager, bob = await add_person(ann.tenant, "manager"), await add_person(ann.tenant)
    phone, office = await enrolled(client, ann), await enrolled(client, manager)
    address = f"/devices/{phone.kept['device_id']}"

    seen = {
        person: [device["id"] for device in (await client.get("/devices", headers=await person.header())).json()]
        for person in (ann, bob, manager)
    }

    assert seen[ann] == [phone.kept["device_id"]]
    assert seen[bob] == []
    assert seen[manager] == [office.kept["device_id"], phone.kept["device_id"]]
    assert refusal(await client.delete(address, headers=await bob.header())) == (404, "not_found")
    assert (await client.delete(address, headers=await manager.header())).status_code == 204


async def test_a_manager_does_not_revoke_the_owners_device(client: httpx2.AsyncClient, tenant: TenantRef):
    """They see it, and that is all."""
    owner, manager = await add_person(tenant, "owner"), await add_person(tenant, "manager")
    phone = await enrolled(client, owner)

    reply = await client.delete(f"/devices/{phone.kept['device_id']}", headers=await manager.header())

    assert refusal(reply) == (403, "forbidden")


async def test_no_secret_leaves_with_the_list_of_devices(client: httpx2.AsyncClient, ann: Person):
    """The names of all that does leave."""
    await enrolled(client, ann)

    [device] = (await client.get("/devices", headers=await ann.header())).json()

    assert set(device) == {
        "id", "member_id", "name", "number_prefix", "enrolled_at", "last_seen_at", "revoked_at", "origin_id",
        "incarnation", "cause", "lost", "lease_until", "past_lease", "wipe_ordered_at", "wiped_at",
        "wipe_waits_for", "advice",
    }  # fmt: skip
    assert datetime.fromisoformat(device["enrolled_at"]).tzinfo is not None


async def test_a_suspended_tenants_tokens_open_nothing(client: httpx2.AsyncClient, ann: Person):
    """Browsers and devices hear it at the door; what a device holds, it keeps."""
    phone = await enrolled(client, ann)
    async with platform_transaction():
        await connection().execute("UPDATE tenant SET status = 'suspended' WHERE id = $1", ann.tenant.id)
    forget_standings()

    assert refusal(await client.get("/me", headers=await ann.header())) == (401, "token_invalid")
    assert refusal(await client.get("/me", headers=phone.header)) == (401, "token_invalid")
    assert refusal(await phone.refresh(phone.token)) == (401, "token_invalid")
