"""Every endpoint, asked with another tenant's token: what is of one tenant is not there for another.

Goes through the OpenAPI document, so that a new endpoint is tried as well, or fails here until it can be.
"""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk.protocol.ids import uuid7

from server.app import create_app
from server.billing.account.commands import enrol_tenant
from server.crm.resources import RESOURCES
from server.db import TenantRef, connection, platform_transaction, tenant_transaction
from tests.integration.endpoints import BODIES, OPERATIONS, QUERIES, fill
from tests.integration.example_rows import insert_examples
from tests.integration.rest_world import Person, World, make_world

STATE_DIR = Path(tempfile.mkdtemp(prefix="outrider-"))
CONFIG = SimpleNamespace(secret_key=b"k" * 32, webhook_networks=(), state_dir=STATE_DIR, base_url="https://crm.example")
APP = create_app(CONFIG, connect=False)  # type: ignore[arg-type]
BILLED = {"email": "billing@acme.example", "language": "en", "currency": "EUR", "timezone": "UTC"}
WEBHOOK = {"url": "https://receiver.example/", "events": ["*"]}


WITH_ID = [(method, path) for method, path in OPERATIONS if "{" in path and not path.startswith("/sync/")]
"""Those for devices want a device's token: `test_snapshot_files.py` tries them."""
# The stream of news is a device's, has no end and names nothing: test_sync_events has a stranger of its own.
LISTS = [path for method, path in OPERATIONS if method == "GET" and "{" not in path and path != "/sync/events"]
PUBLIC = {"/health", "/.well-known/jwks.json", "/billing/webhooks/stripe"}


class Company:
    """A tenant that has one of everything, and an owner of another tenant."""

    def __init__(self, ids: dict[str, UUID | int], owner: Person, stranger: Person) -> None:
        self.ids, self.owner, self.stranger = ids, owner, stranger

    def id_of(self, path: str) -> UUID | int:
        """Of the thing that a path with an id is about."""
        _, first, second, *_ = path.split("/")
        return self.ids.get(f"/{first}/{second}") or self.ids[f"/{first}"]


@pytest.fixture(scope="module")
async def company(new_tenant: Callable[[], Awaitable[TenantRef]]) -> Company:
    world, other = [await make_world(APP, await new_tenant()) for _ in range(2)]
    rows = await insert_examples(world.tenant)
    for each in (world, other):
        await enrol_tenant(each.tenant.slug, BILLED)
    ids = {r.path: rows[r.entity.name] for r in RESOURCES} | {
        "/billing/invoices": await insert_invoice(world),
        "/devices": await insert_device(world),
        "/quarantines": await insert_quarantine(world),
        "/imports": (await upload(world))["number"],
        "/exports": UUID((await world.owner.send("POST", "/exports", {"format": "csv"})).json()["id"]),
        "/webhooks": UUID((await world.owner.post("/webhooks", **WEBHOOK))["webhook"]["id"]),
        "/api-keys": UUID((await world.owner.post("/api-keys", name="x", scopes=["*:read"]))["api_key"]["id"]),
    }
    for name in ("Twin", "Twin"):
        await world.owner.post("/accounts", name=name, tax_id="NL004495445B01")
    [twins] = (await world.owner.get("/duplicates"))["items"]
    ids["/duplicates"] = UUID(twins["id"])
    ids["/billing/seats"] = world.rep.id
    return Company(ids, world.owner, other.owner)


async def upload(world: World) -> Any:
    return (await world.owner.send("POST", "/imports?name=a.csv&target=account", content=b"name\nCorner Shop\n")).json()


async def insert_invoice(world: World) -> UUID:
    invoice_id = uuid7()
    async with platform_transaction():
        await connection().execute(
            """INSERT INTO billing_invoice (id, tenant_id, provider, number, status, currency, subtotal_minor,
                total_minor, created_at) VALUES ($1, $2, 'stripe', 'S-1', 'paid', 'EUR', 1900, 1900, now())""",
            str(invoice_id),
            world.tenant.id,
        )
    return invoice_id


async def insert_quarantine(world: World) -> UUID:
    quarantine_id = uuid7()
    async with tenant_transaction(world.tenant):
        await connection().execute(
            """INSERT INTO quarantine (id, device_id, member_id, state, complete, mutations, size_bytes, last_number,
                last_digest, handed_in_at)
            SELECT $1, id, member_id, 'waiting', true, 0, 0, 0, '', now() FROM device""",
            quarantine_id,
        )
    return quarantine_id


async def insert_device(world: World) -> UUID:
    device_id = uuid7()
    async with tenant_transaction(world.tenant):
        await connection().execute(
            "INSERT INTO device (id, member_id, name, secret_hash, number_prefix, last_digest)"
            " VALUES ($1, $2, 'x', 'x', 'AAAA', 'x')",
            device_id,
            world.owner.id,
        )
    return device_id


@pytest.mark.parametrize(("method", "path"), WITH_ID)
async def test_a_thing_of_one_tenant_is_not_there_for_another(company: Company, method: str, path: str):
    """The owner of another company reads, changes and deletes nothing by its id."""
    row_id = company.id_of(path)
    address = fill(path, row_id)

    body = BODIES.get(path.split("/")[-1], {}) if method in ("POST", "PATCH", "PUT") else None
    reply = await company.stranger.send(method, address, body)

    assert (reply.status_code, reply.json()["code"]) == (404, "not_found"), reply.text
    if isinstance(row_id, UUID):  # of numbers, which one can guess, nothing is learnt either
        assert reply.content == (await company.stranger.send("GET", f"/accounts/{uuid7()}")).content


@pytest.mark.parametrize("path", LISTS)
async def test_no_list_of_another_tenant_names_a_thing_of_this_one(company: Company, path: str):
    """While the tenant's own list does: or this would show nothing."""
    theirs = await company.stranger.send("GET", path, params=QUERIES.get(path))
    own = await company.owner.send("GET", path, params=QUERIES.get(path))

    assert (theirs.status_code, own.status_code) == (200, 200)
    assert not [row_id for row_id in company.ids.values() if isinstance(row_id, UUID) and str(row_id) in theirs.text]
    if path in company.ids:
        assert str(company.ids[path]) in own.text


@pytest.mark.parametrize("path", [path for method, path in OPERATIONS if path.endswith("/bulk")])
async def test_no_bulk_request_reaches_a_thing_of_another_tenant(company: Company, path: str):
    """Operation by operation."""
    row_id = str(company.ids[path.removesuffix("/bulk")])
    operations = [{"op": "change", "id": row_id, "data": {}}, {"op": "delete", "id": row_id}]

    reply = await company.stranger.send("POST", path, {"operations": operations})

    codes = {result["problem"]["code"] for result in reply.json()["results"]}
    assert codes <= {"not_found", "act_missing"}


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each[1] not in PUBLIC])
async def test_nothing_but_what_is_public_answers_without_a_token(method: str, path: str):
    """A route added without a thought for authentication is found here."""
    nobody = Person(APP, None, uuid7(), "", "")  # type: ignore[arg-type]
    nobody.header = {}

    reply = await nobody.send(method, fill(path, 1 if "{number}" in path else uuid7()))

    assert reply.status_code == 401
