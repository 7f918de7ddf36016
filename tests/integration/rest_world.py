"""A tenant with members of every role, and what a request of one of them looks like."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from litestar import Litestar
from outrider_sdk.protocol.ids import uuid7

from server.auth.tokens import keys
from server.db import SYSTEM, TenantRef, connection, tenant_write
from tests.integration.application import APP
from tests.integration.tenant_pool import TenantPool

ROLES = ("owner", "admin", "manager", "rep", "other_rep", "billing")


class Person:
    """A member, and the requests they send."""

    def __init__(self, app: Litestar, tenant: TenantRef, member_id: UUID, role: str, token: str) -> None:
        self.app, self.tenant, self.id, self.role = app, tenant, member_id, role
        self.header = {"Authorization": f"Bearer {token}"}

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        """Send one request; `body` becomes JSON."""
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            headers = self.header | more.pop("headers", {})
            return await client.request(method, path, json=body, headers=headers, **more)

    async def get(self, path: str, **params: Any) -> Any:
        """What a successful GET answers."""
        reply = await self.send("GET", path, params=params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def post(self, path: str, **body: Any) -> Any:
        """What a successful POST answers."""
        reply = await self.send("POST", path, body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def patch(self, path: str, **body: Any) -> Any:
        """What a successful PATCH answers."""
        reply = await self.send("PATCH", path, body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str, list[str]]:
        """Status, code and named fields of a request that must fail."""
        reply = await self.send(method, path, body, **more)
        assert reply.status_code >= 400, reply.text
        assert reply.headers["content-type"].startswith("application/problem+json"), reply.text
        problem = reply.json()
        assert problem["status"] == reply.status_code
        return reply.status_code, problem["code"], [e["field"] for e in problem.get("errors", [])]


class World:
    """One tenant's people, by role, and a small trading company that the admin set up."""

    def __init__(self, tenant: TenantRef, people: dict[str, Person], ids: dict[str, str]) -> None:
        self.tenant, self.people, self.ids = tenant, people, ids

    def __getattr__(self, role: str) -> Person:
        try:
            return self.people[role]
        except KeyError:
            raise AttributeError(role) from None

    async def trade(self) -> "World":
        """A company, an account with an outlet of the rep's and one that is not, a product, a price, and stock."""
        admin, ids = self.admin, self.ids
        ids["legal_entity"] = (await admin.post("/legal-entities", name="Outrider BV", currency="EUR", country="NL"))[
            "id"
        ]
        ids["price_list"] = (await admin.post("/price-lists", name="Retail", currency="EUR"))["id"]
        ids["warehouse"] = (await admin.post("/warehouses", name="Depot"))["id"]
        ids["account"] = (await admin.post("/accounts", name="Corner Shops"))["id"]
        ids["agreement"] = await self.agreement(ids["account"])
        ids["territory"] = (await admin.post("/territories", name="North", manager_id=str(self.manager.id)))["id"]
        outlet = {"account_id": ids["account"], "territory_id": ids["territory"], "address": {"city": "Groningen"}}
        ids["outlet"] = (await admin.post("/outlets", name="Corner Shop 1", **outlet))["id"]
        assignment = {"member_id": str(self.rep.id), "outlet_id": ids["outlet"]}
        ids["assignment"] = (await admin.post("/assignments", **assignment))["id"]
        ids["hidden_account"] = (await admin.post("/accounts", name="Far Shops"))["id"]
        far = {"name": "Far Shop", "account_id": ids["hidden_account"]}
        ids["hidden_outlet"] = (await admin.post("/outlets", **far))["id"]
        await self.stock_up()
        return self

    async def stock_up(self) -> None:
        """New products: tea, by the piece and the box of six, and oil."""
        admin, ids = self.admin, self.ids
        for name, price, quantity in (("tea", "10.00", "100"), ("oil", "2.50", "39")):
            ids[name] = await self.product(name, price, quantity)
        box = {"product_id": ids["tea"], "unit": "box"}
        ids["product_unit"] = (await admin.post("/product-units", factor="6", **box))["id"]
        await admin.post("/price-items", price_list_id=ids["price_list"], price="55", **box)

    async def agreement(self, account_id: str) -> str:
        """An agreement of an account, with an authority of 10 %."""
        terms = {"legal_entity_id": self.ids["legal_entity"], "price_list_id": self.ids["price_list"]}
        agreed = await self.admin.post(
            "/agreements", account_id=account_id, currency="EUR", discount_max="0.1", **terms
        )
        return str(agreed["id"])

    async def product(self, name: str, price: str, quantity: str) -> str:
        """A product with a price per piece, and stock."""
        product = await self.admin.post("/products", name=name.title(), sku=name, base_unit="pc")
        of_product = {"product_id": product["id"]}
        item = await self.admin.post(
            "/price-items", price_list_id=self.ids["price_list"], unit="pc", price=price, **of_product
        )
        self.ids[f"price_of_{name}"] = item["id"]
        stock = await self.admin.post("/stock", warehouse_id=self.ids["warehouse"], quantity=quantity, **of_product)
        self.ids[f"stock_of_{name}"] = stock["id"]
        return str(product["id"])

    async def draft(self, **fields: Any) -> dict[str, Any]:
        """A draft of the rep's for the outlet."""
        of = {
            "outlet_id": self.ids["outlet"],
            "agreement_id": self.ids["agreement"],
            "warehouse_id": self.ids["warehouse"],
        }
        order: dict[str, Any] = await self.rep.post("/orders", **of | fields)
        return order

    async def line(self, order: dict[str, Any], product: str, quantity: str, **fields: Any) -> dict[str, Any]:
        """A line of the order, by the rep."""
        of = {"order_id": order["id"], "product_id": self.ids[product], "unit": "pc", "quantity": quantity}
        line: dict[str, Any] = await self.rep.post("/order-lines", **of | fields)
        return line

    async def reserved(self, product: str) -> str:
        """Base units of the product that orders hold."""
        stock = await self.admin.get(f"/stock/{self.ids[f'stock_of_{product}']}")
        return str(stock["reserved"])


async def make_world(app: Litestar, tenant: TenantRef) -> World:
    """Members of every role, each with a token."""
    return await _of(app, tenant, await _hire(tenant))


@pytest.fixture
async def staffed(tenant: TenantRef, tenant_pool: TenantPool) -> World:
    """The test's tenant with members of every role."""
    return await staff(tenant, tenant_pool)


@pytest.fixture
async def trading(tenant: TenantRef, tenant_pool: TenantPool) -> World:
    """The test's tenant with members of every role, and what they trade with."""
    return await _of(APP, tenant, await tenant_pool.fill(tenant, _hire_and_trade))


@pytest.fixture(scope="module")
async def shared(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    """The same for all tests of a file, each of which leaves alone what others look at."""
    return await (await make_world(APP, await new_tenant())).trade()


async def staff(tenant: TenantRef, tenant_pool: TenantPool) -> World:
    """Members of every role in a tenant of the pool."""
    return await _of(APP, tenant, await tenant_pool.fill(tenant, _hire))


async def _hire(tenant: TenantRef) -> dict[str, str]:
    ids = {role: uuid7() for role in ROLES}
    async with tenant_write(tenant, by=SYSTEM):
        await connection().executemany(
            'INSERT INTO "member" (id, name, role) VALUES ($1, $2, $3)',
            [(ids[role], role, role.removeprefix("other_")) for role in ROLES],
        )
    return {role: str(member_id) for role, member_id in ids.items()}


async def _hire_and_trade(tenant: TenantRef) -> dict[str, str]:
    members = await _hire(tenant)
    world = await _of(APP, tenant, members)
    return members | (await world.trade()).ids


async def _of(app: Litestar, tenant: TenantRef, ids: dict[str, str]) -> World:
    people = {}
    for role in ROLES:
        member_id, plain = UUID(ids[role]), role.removeprefix("other_")
        token = await keys.issue(tenant_id=tenant.id, member_id=member_id, role=plain)
        people[role] = Person(app, tenant, member_id, plain, token)
    return World(tenant, people, {name: row_id for name, row_id in ids.items() if name not in ROLES})


async def make_key(world: World, *scopes: str, **more: Any) -> tuple[Person, dict[str, Any]]:
    """Somebody who sends requests with a new key, and the key as people see it."""
    made = await world.admin.post("/api-keys", name="ERP", scopes=scopes or ("*:write",), **more)
    key = made["api_key"]
    return Person(APP, world.tenant, key["member_id"], more.get("role", "admin"), made["key"]), key
