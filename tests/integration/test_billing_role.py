"""Who does the billing sees no customer's data: on no route of the API, and on no device.

Goes through the OpenAPI document, so that a new route is tried as well.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.app import create_app
from server.auth.tokens import keys
from server.billing.account.commands import enrol_tenant
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from tests.integration.endpoints import BODIES, OPERATIONS, QUERIES, fill
from tests.integration.example_rows import insert_examples
from tests.integration.rest_world import Person, World, make_world

MARK = "Secret-Customer"
"""Stands in what is stored of customers, wherever there is room for words."""
OPEN: frozenset[str] = frozenset({"/health", "/me", "/.well-known/jwks.json", "/devices"})
"""What everybody who is logged in may ask: of oneself, and of the installation."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    state_dir: Path = tmp_path_factory.mktemp("state")
    config = SimpleNamespace(
        secret_key=b"k" * 32, webhook_networks=(), state_dir=state_dir, base_url="https://crm.example"
    )
    return create_app(config, connect=False)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def filled(app: Any, new_tenant: Callable[[], Awaitable[TenantRef]]) -> tuple[World, dict[str, UUID]]:
    """A tenant with one row of everything, each with the mark."""
    world = await make_world(app, await new_tenant())
    await enrol_tenant(
        world.tenant.slug, {"email": "b@x.example", "language": "en", "currency": "EUR", "timezone": "UTC"}
    )
    rows = await insert_examples(world.tenant)
    async with tenant_write(world.tenant, by=SYSTEM):
        for table in ("account", "outlet", "contact", "product", "legal_entity", "warehouse", "price_list", "team"):
            await connection().execute(f'UPDATE "{table}" SET name = $1', MARK)
        await connection().execute("UPDATE comment SET body = $1", MARK)
    return world, rows


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
async def test_no_route_shows_the_billing_role_anything_of_customers(
    filled: tuple[World, dict[str, UUID]], method: str, path: str
):
    """Refused, or an answer in which no row of the CRM is named; the owner's answers do name them."""
    world, rows = filled
    known = {str(row_id) for name, row_id in rows.items() if name not in ("member", "role")}
    row_id = rows.get(re.sub(r"ies$", "y", path.split("/")[1]).removesuffix("s").replace("-", "_"), uuid4())
    body = BODIES.get(path.split("/")[-1], {}) if method in ("POST", "PATCH", "PUT") else None

    reply = await world.billing.send(
        method, fill(path, 1 if "{number}" in path else row_id), body, params=QUERIES.get(path)
    )

    named = [each for each in known if each in reply.text and each != str(row_id)]
    assert MARK not in reply.text
    assert named == []
    if path not in OPEN and not path.startswith("/billing") and reply.status_code < 400:
        assert reply.json() in ([], {"items": []}, {"items": [], "next": None}), reply.text


async def test_the_owners_answers_do_show_them(filled: tuple[World, dict[str, UUID]]):
    """Or the test above would show nothing."""
    world, rows = filled

    shown = [(await world.owner.send("GET", path)).text for path in ("/accounts", "/contacts", "/outlets", "/products")]

    assert all(MARK in text for text in shown)
    assert str(rows["account"]) in shown[0]


async def test_the_billing_role_enrols_no_device(filled: tuple[World, dict[str, UUID]]):
    """There is nothing that it could take along."""
    world, _ = filled

    own = await world.billing.refusal("POST", "/devices/codes", {})
    by_owner = await world.owner.refusal("POST", "/devices/codes", {"member_id": str(world.billing.id)})

    assert own[:2] == by_owner[:2] == (403, "forbidden")


async def test_a_device_of_somebody_who_does_the_billing_by_now_gets_nothing(
    app: Any, filled: tuple[World, dict[str, UUID]]
):
    """It was enrolled in another role: at its next pull it holds no customer's row, and it writes none."""
    world, _ = filled
    device_id = uuid4()
    async with tenant_transaction(world.tenant):
        await connection().execute(
            """INSERT INTO device (id, member_id, name, secret_hash, number_prefix, last_digest)
            VALUES ($1, $2, 'x', 'x', 'BBBB', 'x')""",
            device_id,
            world.billing.id,
        )
    token = await keys.issue(tenant_id=world.tenant.id, member_id=world.billing.id, role="billing", device_id=device_id)
    phone = Person(app, world.tenant, world.billing.id, "billing", token)

    reply = await phone.send("POST", "/sync/pull", {"protocol": 1, "schema": 1, "cursor": 0})

    assert reply.status_code == 200, reply.text
    page = reply.json()
    assert set(page["puts"]) <= {"member"}, page["puts"].keys()
    assert MARK not in reply.text
