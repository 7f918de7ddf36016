"""People with passwords, phones that speak the protocol by hand, and the routes of log-in alone."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components

from server.app import _render_app_error
from server.auth.commands import add_member
from server.auth.guards import require_role
from server.auth.handlers import RateLimits, create_auth_router
from server.auth.session import SECURITY_SCHEMES, Session, authentication, provide_session
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.db import TenantRef, connection, tenant_transaction
from server.errors import AppError

PASSWORD = "correct horse battery"
SECRET_KEY = secrets.token_bytes(32)
GENEROUS = RateLimits(log_in=1_000, enrol=1_000, token=1_000)


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
        exception_handlers={AppError: _render_app_error},
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
    """A rep."""
    return await add_person(tenant)
