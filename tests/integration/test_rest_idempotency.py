"""A request that is repeated under its key has one effect, and gets the first reply again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from server.db import TenantRef, connection, tenant_transaction
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import Person, World, make_world

world = rest_world.shared


def keyed(key: str | None = None) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key or str(uuid4())}}


async def count(person: Person, path: str, **filters: str) -> int:
    return len((await person.get(path, limit=200, **filters))["items"])


async def test_a_repeated_create_makes_one_row_and_says_that_it_is_a_replay(world: World):
    """The reply was lost on the way: the integrator sends it again, and no second account appears."""
    key, name = keyed(), f"Shop {uuid4()}"

    first = await world.admin.send("POST", "/accounts", {"name": name}, **key)
    again = await world.admin.send("POST", "/accounts", {"name": name}, **key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.headers["Location"], again.headers["ETag"]) == (first.headers["Location"], first.headers["ETag"])
    assert await count(world.admin, "/accounts", name=name) == 1


async def test_requests_under_one_key_at_once_have_one_effect(world: World):
    """A client that times out repeats while the first is still under way."""
    key, name = keyed(), f"Shop {uuid4()}"

    replies = await asyncio.gather(*(world.admin.send("POST", "/accounts", {"name": name}, **key) for _ in range(6)))

    assert {r.status_code for r in replies} == {201}
    assert len({r.content for r in replies}) == 1
    assert sum("Idempotency-Replayed" in r.headers for r in replies) == 5
    assert await count(world.admin, "/accounts", name=name) == 1


@pytest.mark.parametrize("other", ["body", "path", "method", "query"])
async def test_another_request_under_a_used_key_is_refused(world: World, other: str):
    """A key that was reused by mistake must not swallow the second request."""
    key, body = keyed(), {"name": f"Shop {uuid4()}"}
    made = (await world.admin.send("POST", "/accounts", body, **key)).json()
    method, path = "POST", "/accounts"
    match other:
        case "body":
            body = {"name": "Another"}
        case "path":
            path = "/warehouses"
        case "method":
            method, path = "PATCH", f"/accounts/{made['id']}"
        case "query":
            path = "/accounts?x=1"

    assert await world.admin.refusal(method, path, body, **key) == (422, "idempotency_key_reused", [])


async def test_keys_are_each_members_own(world: World):
    """Two integrations that count from 1 do not hinder, nor read, each other."""
    key = keyed("1")

    first = await world.admin.send("POST", "/accounts", {"name": "A"}, **key)
    other = await world.owner.send("POST", "/accounts", {"name": "A"}, **key)

    assert first.json()["id"] != other.json()["id"]
    assert "Idempotency-Replayed" not in other.headers


async def test_a_refused_request_is_not_remembered(world: World):
    """What was refused wrote nothing; once its cause is gone, the same request succeeds."""
    key, outlet = keyed(), {"name": "Corner", "account_id": None}
    account = await world.admin.post("/accounts", name="Soon gone")
    outlet["account_id"] = str(uuid4())
    assert (await world.admin.refusal("POST", "/outlets", outlet, **key))[0] == 400

    outlet["account_id"] = account["id"]
    reply = await world.admin.send("POST", "/outlets", outlet, **key)

    assert reply.status_code == 201


async def test_a_failed_write_leaves_no_reply_behind(world: World, monkeypatch: pytest.MonkeyPatch):
    """Reply and rows are one transaction: a crash after the write leaves neither."""
    key, name = keyed(), f"Shop {uuid4()}"

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("server.crm.idempotency.store_reply", fail)
        assert (await world.admin.send("POST", "/accounts", {"name": name}, **key)).status_code == 500
    assert await count(world.admin, "/accounts", name=name) == 0

    assert (await world.admin.send("POST", "/accounts", {"name": name}, **key)).status_code == 201


async def test_change_delete_and_acts_heed_the_key(world: World):
    """Cancelling twice would be refused; the repeated cancellation is answered as the first."""
    order = await world.draft()
    await world.line(order, "tea", "1")
    for path in (f"/orders/{order['id']}/submission", f"/orders/{order['id']}/cancellation"):
        key = keyed()
        first, again = [await world.rep.send("POST", path, {}, **key) for _ in range(2)]
        assert (first.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotency-Replayed"] == "true"

    account = await world.admin.post("/accounts", name="Brief")
    path, changed, deleted = f"/accounts/{account['id']}", keyed(), keyed()
    patches = [await world.admin.send("PATCH", path, {"name": "Briefer"}, **changed) for _ in range(2)]
    deletes = [await world.admin.send("DELETE", path, **deleted) for _ in range(2)]

    assert [r.status_code for r in patches] == [200, 200]
    assert patches[0].json()["revision"] == patches[1].json()["revision"]
    assert [r.status_code for r in deletes] == [204, 204]
    assert deletes[1].headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "with space", "ümlaut".encode("latin-1").decode("latin-1"), "x" * 256])
async def test_a_key_that_is_none_is_refused(world: World, key: str):
    """Ignoring it would leave the client without the promise that it asks for."""
    reply = await world.admin.send("POST", "/accounts", {"name": "x"}, headers={"Idempotency-Key": key.encode("utf-8")})

    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


async def test_a_key_is_forgotten_after_a_day(world: World):
    """Then it may be used again, and others' old replies are swept away with the next one."""
    key, name = keyed(), f"Shop {uuid4()}"
    await world.admin.send("POST", "/accounts", {"name": name}, **key)
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("UPDATE idempotent_reply SET at = at - $1::interval", timedelta(hours=24, seconds=1))

    again = await world.admin.send("POST", "/accounts", {"name": name}, **key)

    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    assert await count(world.admin, "/accounts", name=name) == 2
    async with tenant_transaction(world.tenant):
        assert await connection().fetchval("SELECT count(*) FROM idempotent_reply") == 1


async def test_a_key_of_another_tenant_is_nobodys(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Replies lie in the tenant's own schema."""
    other, key = await make_world(APP, await new_tenant()), keyed()
    mine = await world.admin.send("POST", "/accounts", {"name": "Mine"}, **key)

    theirs = await other.admin.send("POST", "/accounts", {"name": "Mine"}, **key)

    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]


async def test_without_a_key_every_request_counts(world: World):
    """Nothing is stored for those who do not ask."""
    name = f"Shop {uuid4()}"
    for _ in range(2):
        await world.admin.post("/accounts", name=name)

    assert await count(world.admin, "/accounts", name=name) == 2
