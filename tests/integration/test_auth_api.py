"""Log-in, enrolment, tokens and devices over HTTP, as a console and a phone meet them."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from server import clock
from server.auth import credentials, passwords
from server.auth.commands import add_member
from server.auth.credentials import derive_refresh_token
from server.auth.guards import require_role
from server.auth.handlers import RateLimits, create_auth_router
from server.auth.session import SECURITY_SCHEMES, Session, authentication, provide_session
from server.auth.standings import forget_standings
from server.auth.tokens import ACCESS_TOKEN_TTL_S, keys
from server.db import Actor, TenantRef, connection, platform_transaction, tenant_transaction, tenant_write
from server.errors import AppError

PASSWORD = "correct horse battery"
SECRET_KEY = secrets.token_bytes(32)
GENEROUS = RateLimits(log_in=1_000, enrol=1_000, token=1_000)


def render(request: Request[Any, Any, Any], error: AppError) -> Response[dict[str, object]]:
    return Response({"code": error.code, "detail": error.message}, status_code=error.status)


@pytest.fixture(scope="module", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Passwords are not the matter here, and each real hash takes a good part of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=128),)))
        patch.setattr(passwords, "_dummy_hash", lambda: passwords._hasher.hash("nobody's"))
        yield


@get("/owners-only", dependencies={"session": Provide(provide_session, sync_to_thread=False)})
async def owners_only(session: NamedDependency[Session]) -> str:
    require_role(session, "owner")
    return "welcome"


@get(
    "/open",
    exclude_from_auth=True,
    dependencies={"session": Provide(provide_session, sync_to_thread=False)},
)
async def open_by_mistake(session: NamedDependency[Session]) -> str:
    return session.role


def make_app(limits: RateLimits) -> Litestar:
    return Litestar(
        [create_auth_router(limits), owners_only, open_by_mistake],
        middleware=[authentication],
        exception_handlers={AppError: render},
        state=State({"config": SimpleNamespace(secret_key=SECRET_KEY, base_url="https://crm.example")}),
        openapi_config=OpenAPIConfig("Test", "1", components=Components(security_schemes=SECURITY_SCHEMES)),
    )


def connect(app: Litestar) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")


@pytest.fixture(scope="module")
def app() -> Litestar:
    return make_app(GENEROUS)


@pytest.fixture
async def client(app: Litestar, databases: object) -> AsyncIterator[httpx2.AsyncClient]:
    forget_standings()
    async with connect(app) as client:
        yield client


class Person:
    """A member with a password, and the header of one who has logged in."""

    def __init__(self, tenant: TenantRef, member_id: UUID, email: str, role: str) -> None:
        self.tenant, self.id, self.email, self.role = tenant, member_id, email, role

    async def header(self) -> dict[str, str]:
        return bearer(await keys.issue(tenant_id=self.tenant.id, member_id=self.id, role=self.role))


class Phone:
    """A device of the protocol's §2, with no code of the server's."""

    def __init__(self, client: httpx2.AsyncClient, tenant: TenantRef) -> None:
        self.client, self.slug = client, tenant.slug
        self.secret = secrets.token_bytes(32)
        self.kept: dict[str, Any] = {}

    async def enrol(self, code: str) -> httpx2.Response:
        secret = base64.urlsafe_b64encode(self.secret).rstrip(b"=").decode()
        body = {"code": code, "name": "Ann's phone", "secret": secret}
        reply = await self.client.post(f"/t/{self.slug}/devices/enrol", json=body)
        if reply.status_code == 201:
            self.kept = reply.json()
        return reply

    def prove(self, token: str) -> str:
        return hmac.new(hashlib.sha256(self.secret).digest(), token.encode(), "sha256").hexdigest()

    async def refresh(self, token: str, proof: str | None = None) -> httpx2.Response:
        body = {"device_id": self.kept["device_id"], "refresh_token": token, "proof": proof or self.prove(token)}
        return await self.client.post(f"/t/{self.slug}/devices/token", json=body)

    @property
    def token(self) -> str:
        return self.kept["refresh_token"]

    @property
    def header(self) -> dict[str, str]:
        return bearer(self.kept["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def add_person(tenant: TenantRef, role: str = "rep") -> Person:
    email = f"{role}-{uuid4().hex[:10]}@acme.example"
    member_id = await add_member(tenant, email=email, name=role.title(), role=role, password=PASSWORD)
    return Person(tenant, member_id, email, role)


async def draw(client: httpx2.AsyncClient, person: Person, member_id: UUID | None = None) -> httpx2.Response:
    body = {} if member_id is None else {"member_id": str(member_id)}
    return await client.post("/devices/codes", json=body, headers=await person.header())


async def enrolled(client: httpx2.AsyncClient, person: Person) -> Phone:
    phone = Phone(client, person.tenant)
    reply = await phone.enrol((await draw(client, person)).json()["code"])
    assert reply.status_code == 201, reply.text
    return phone


async def devices_of(tenant: TenantRef) -> list[Any]:
    async with tenant_transaction(tenant):
        return await connection().fetch("SELECT * FROM device ORDER BY enrolled_at")


def refusal(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json().get("code")


@pytest.fixture
async def ann(tenant: TenantRef) -> Person:
    return await add_person(tenant)


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

        statuses = [(await client.post(f"/t/{ann.tenant.slug}/login", json=body)).status_code for _ in range(3)]

        assert statuses == [200, 200, 429]
        assert refusal(await Phone(client, ann.tenant).enrol("0000000000")) == (403, "code_invalid")


async def test_the_routes_describe_themselves(client: httpx2.AsyncClient):
    """The OpenAPI document names the token where one is needed, and there alone."""
    paths = (await client.get("/schema/openapi.json")).json()["paths"]

    assert paths["/me"]["get"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/t/{slug}/login"]["post"]
    assert all(operation["summary"] for path in paths.values() for operation in path.values())


# Codes


async def test_an_enrolled_device_has_all_it_needs(client: httpx2.AsyncClient, ann: Person):
    """And what it needs is what the protocol says."""
    phone = await enrolled(client, ann)

    me = (await client.get("/me", headers=phone.header)).json()
    [row] = await devices_of(ann.tenant)

    assert set(phone.kept) == {
        "device_id", "member_id", "incarnation", "number_prefix", "refresh_token", "access_token", "expires_in",
        "server_time", "after", "lease"}  # fmt: skip
    assert (me["member_id"], me["device_id"]) == (str(ann.id), phone.kept["device_id"])
    assert row["secret_hash"] == hashlib.sha256(phone.secret).digest()
    assert (row["incarnation"], row["last_digest"], len(row["number_prefix"])) == (1, "0" * 64, 4)
    assert abs(phone.kept["server_time"] - clock.to_micros(clock.now())) < 60_000_000


async def test_two_devices_never_share_a_number_prefix(
    client: httpx2.AsyncClient, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    """Their documents' numbers begin with it: chance draws the same one twice, and it is drawn again."""
    drawn = iter(["K7M2", "K7M2", "K7M2", "9XWT"])
    monkeypatch.setattr(credentials, "new_number_prefix", lambda: next(drawn))

    phones = [await enrolled(client, ann) for _ in range(2)]

    assert [phone.kept["number_prefix"] for phone in phones] == ["K7M2", "9XWT"]


async def test_a_code_works_once_also_when_ten_try_it_at_once(client: httpx2.AsyncClient, ann: Person):
    """One device for one code, whoever is quick."""
    code = (await draw(client, ann)).json()["code"]

    replies = await asyncio.gather(*(Phone(client, ann.tenant).enrol(code) for _ in range(10)))

    assert sorted(reply.status_code for reply in replies) == [201] + [403] * 9
    assert len(await devices_of(ann.tenant)) == 1


async def test_bad_codes_fail_in_the_same_words(client: httpx2.AsyncClient, ann: Person):
    """Used, expired or unknown: nobody learns which."""
    used, expired = [(await draw(client, ann)).json()["code"] for _ in range(2)]
    await Phone(client, ann.tenant).enrol(used)
    nowhere = Phone(client, TenantRef(uuid4(), "nobody-has-this", "t"))

    replies = [await Phone(client, ann.tenant).enrol(used), await Phone(client, ann.tenant).enrol("ZZZZZ-ZZZZZ")]
    with clock.frozen(clock.now() + timedelta(minutes=15)):
        replies.append(await Phone(client, ann.tenant).enrol(expired))
    replies.append(await nowhere.enrol(expired))

    assert {reply.text for reply in replies} == {replies[0].text}
    assert refusal(replies[0]) == (403, "code_invalid")


async def test_a_code_is_stored_as_its_hash_alone(client: httpx2.AsyncClient, ann: Person):
    """A backup in the wrong hands enrols nobody."""
    code = (await draw(client, ann)).json()["code"].replace("-", "")

    async with tenant_transaction(ann.tenant):
        stored = await connection().fetchrow("SELECT * FROM device_code")

    assert stored is not None
    assert stored["code_hash"] == hashlib.sha256(code.encode()).digest()
    assert code not in str(stored)


@pytest.mark.parametrize(
    ("role", "other", "status"),
    [
        ("rep", "rep", 403), ("billing", "rep", 403), ("manager", "rep", 201), ("manager", "owner", 403),
        ("admin", "manager", 201), ("admin", "owner", 403), ("owner", "owner", 201),
    ],
)  # fmt: skip
async def test_codes_for_others_are_drawn_by_those_who_look_after_them(
    client: httpx2.AsyncClient, tenant: TenantRef, role: str, other: str, status: int
):
    """A device acts with its member's rights, so nobody draws one for somebody above them."""
    drawer, member = await add_person(tenant, role), await add_person(tenant, other)

    assert (await draw(client, drawer, member.id)).status_code == status


async def test_a_code_for_nobody_is_not_found(client: httpx2.AsyncClient, tenant: TenantRef):
    """Not a 500."""
    assert (await draw(client, await add_person(tenant, "owner"), uuid4())).status_code == 404


# Refresh tokens


async def test_a_refresh_replaces_the_token(client: httpx2.AsyncClient, ann: Person):
    """And the new access token is the same device's."""
    phone = await enrolled(client, ann)

    reply = await phone.refresh(phone.token)

    assert reply.status_code == 200
    assert set(reply.json()) == {"refresh_token", "access_token", "expires_in", "server_time", "lease"}
    assert reply.json()["refresh_token"] != phone.token
    me = await client.get("/me", headers=bearer(reply.json()["access_token"]))
    assert me.json()["device_id"] == phone.kept["device_id"]


async def test_a_lost_reply_is_given_again(client: httpx2.AsyncClient, ann: Person):
    """The network took the reply: the same request gets the same successor, and that one goes on."""
    phone = await enrolled(client, ann)
    lost = (await phone.refresh(phone.token)).json()["refresh_token"]

    again = [(await phone.refresh(phone.token)).json()["refresh_token"] for _ in range(3)]

    assert again == [lost] * 3
    assert (await phone.refresh(lost)).status_code == 200


async def test_ten_refreshes_at_once_agree_on_the_successor(client: httpx2.AsyncClient, ann: Person):
    """An impatient client is no thief."""
    phone = await enrolled(client, ann)

    replies = await asyncio.gather(*(phone.refresh(phone.token) for _ in range(10)))

    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1


async def test_an_older_token_revokes_the_device(client: httpx2.AsyncClient, ann: Person):
    """Somebody else has it; and the revocation stays, though the answer is an error."""
    phone = await enrolled(client, ann)
    second = (await phone.refresh(phone.token)).json()["refresh_token"]
    third = (await phone.refresh(second)).json()["refresh_token"]

    reuse = await phone.refresh(phone.token)

    assert refusal(reuse) == (401, "device_revoked")
    assert refusal(await phone.refresh(third)) == (401, "device_revoked")
    assert refusal(await client.get("/me", headers=phone.header)) == (401, "device_revoked")
    assert (await devices_of(ann.tenant))[0]["revoked_at"] is not None


async def test_a_token_without_proof_revokes_the_device(client: httpx2.AsyncClient, ann: Person):
    """Whoever has the token lacks the secret."""
    phone = await enrolled(client, ann)

    stolen = await phone.refresh(phone.token, "0" * 64)

    assert refusal(stolen) == (401, "device_revoked")
    assert refusal(await phone.refresh(phone.token)) == (401, "device_revoked")


async def test_a_token_not_of_our_making_revokes_nothing(client: httpx2.AsyncClient, ann: Person):
    """Or anybody who knows a device's id could shut it out."""
    phone, other = await enrolled(client, ann), await enrolled(client, ann)
    foreign = derive_refresh_token(UUID(phone.kept["device_id"]), 1, b"another installation's key")
    unknown = Phone(client, ann.tenant)
    unknown.kept = phone.kept | {"device_id": str(uuid4())}

    replies = [await phone.refresh(token) for token in ("x", foreign, other.token)]
    replies.append(await unknown.refresh(derive_refresh_token(UUID(unknown.kept["device_id"]), 1, SECRET_KEY)))

    assert {refusal(reply) for reply in replies} == {(401, "token_invalid")}
    assert (await phone.refresh(phone.token)).status_code == 200


async def test_a_device_goes_on_after_the_server_was_restored(client: httpx2.AsyncClient, ann: Person):
    """The backup knows an older generation; the proof vouches for the newer one."""
    phone = await enrolled(client, ann)
    token = phone.token
    for _ in range(3):
        token = (await phone.refresh(token)).json()["refresh_token"]
    async with tenant_transaction(ann.tenant):
        await connection().execute("UPDATE device SET refresh_generation = 2")

    reply = await phone.refresh(token)

    assert reply.status_code == 200
    assert (await phone.refresh(reply.json()["refresh_token"])).status_code == 200


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
