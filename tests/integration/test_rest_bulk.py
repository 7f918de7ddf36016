"""Many operations in one request: each with a result, or all or none."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from server.crm import bulk, replies
from server.crm.bulk import OPERATIONS_MAX
from server.db import TenantRef, connection, tenant_transaction
from server.errors import Busy
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import Person, World, make_world

world = rest_world.shared


def create(**data: Any) -> dict[str, Any]:
    return {"op": "create", "data": data}


def change(row: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {"op": "change", "id": row["id"], "data": data}


def delete(row: dict[str, Any]) -> dict[str, Any]:
    return {"op": "delete", "id": row["id"]}


async def send(person: Person, path: str, *operations: Any, **more: Any) -> dict[str, Any]:
    """What a bulk request that was carried out answers."""
    headers = more.pop("headers", {})
    reply = await person.send("POST", f"{path}/bulk", {"operations": operations, **more}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def statuses(reply: dict[str, Any]) -> list[int]:
    return [result["status"] for result in reply["results"]]


async def revision_of(tenant: TenantRef) -> int:
    async with tenant_transaction(tenant):
        return await connection().fetchval("SELECT revision FROM revision_counter")


async def test_each_operation_has_a_result_in_its_place(world: World):
    """What fails says why, and does not take the others with it."""
    one, two = [await world.admin.post("/accounts", name=name) for name in ("One", "Two")]

    reply = await send(
        world.admin, "/accounts",
        create(name="New"), change(one, name="Changed"), create(name=5), delete(two),
        change({"id": str(uuid4())}, name="x"), create(name="Last", colour=1),
    )  # fmt: skip

    assert statuses(reply) == [201, 200, 400, 204, 404, 400]
    assert (reply["succeeded"], reply["failed"]) == (3, 3)
    assert [r.get("row", {}).get("name") for r in reply["results"]] == ["New", "Changed", None, None, None, None]
    problems = [r["problem"]["code"] for r in reply["results"] if "problem" in r]
    assert problems == ["invalid_input", "not_found", "invalid_input"]
    assert reply["results"][2]["problem"]["errors"] == [{"field": "name", "message": "Expected str, got int."}]
    created = await world.admin.get(f"/accounts/{reply['results'][0]['row']['id']}")
    assert created == reply["results"][0]["row"]


async def test_atomic_is_all_or_none_and_names_every_failure(world: World):
    """An import that half succeeds is worse than one that fails."""
    name = f"Shop {uuid4()}"
    operations = [create(name=name), create(name=5), create(name=name), create()]

    reply = await world.admin.send("POST", "/accounts/bulk", {"operations": operations, "atomic": True})

    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (409, "bulk_refused")
    assert [(r["index"], r["problem"]["status"]) for r in problem["results"]] == [(1, 400), (3, 400)]
    assert (await world.admin.get("/accounts", name=name))["items"] == []

    carried_out = await send(world.admin, "/accounts", create(name=name), create(name=name), atomic=True)
    assert statuses(carried_out) == [201, 201]


async def test_an_operation_that_fails_leaves_nothing_of_itself(world: World):
    """Part of a row's rule may have been written before another part refused."""
    order = await world.draft()
    line = await world.line(order, "tea", "1")
    total = (await world.rep.get(f"/orders/{order['id']}"))["total_minor"]

    reply = await send(world.rep, "/order-lines", change(line, quantity="2"), change(line, quantity="nought"))

    assert statuses(reply) == [200, 400]
    assert (await world.rep.get(f"/orders/{order['id']}"))["total_minor"] == 2 * total


async def test_operations_see_those_before_them(world: World):
    """They are carried out in their order."""
    account = await world.admin.post("/accounts", name="Parent")
    reply = await send(
        world.admin, "/accounts", change(account, name="A"), delete(account), create(name="x", parent_id=account["id"])
    )

    assert statuses(reply) == [200, 204, 400]


async def test_the_revision_that_was_seen_is_checked_for_each(world: World):
    """If-Match, row by row."""
    one = await world.admin.post("/accounts", name="One")
    two = await world.admin.post("/accounts", name="Two")
    await world.admin.patch(f"/accounts/{two['id']}", name="Two!")

    reply = await send(
        world.admin, "/accounts",
        change(one, name="New") | {"revision": one["revision"]},
        change(two, name="New") | {"revision": two["revision"]},
        delete(two) | {"revision": two["revision"]},
    )  # fmt: skip

    assert statuses(reply) == [200, 412, 412]
    assert reply["results"][1]["problem"]["revision"] > two["revision"]


async def test_a_thousand_rows_of_a_plain_resource_are_one_revision(world: World):
    """And come back in the order in which they were sent; one more is refused."""
    before = await revision_of(world.tenant)
    operations = [create(name=f"Tea {n}", sku=f"T{n}", base_unit="pc") for n in range(OPERATIONS_MAX)]

    reply = await send(world.admin, "/products", *operations)

    assert reply["succeeded"] == OPERATIONS_MAX
    assert [r["row"]["sku"] for r in reply["results"]] == [f"T{n}" for n in range(OPERATIONS_MAX)]
    assert {r["row"]["revision"] for r in reply["results"]} == {before + 1}
    too_many = {"operations": [*operations, operations[0]]}
    assert (await world.admin.refusal("POST", "/products/bulk", too_many))[0] == 400


async def test_one_bad_row_of_a_plain_resource_is_found_and_the_others_kept(world: World):
    """Together or alone, the results are the same."""
    good = {"base_unit": "pc"}
    reply = await send(
        world.admin, "/products",
        create(name="A", sku="a", **good), create(name="\x00", sku="b", **good), create(sku="c", **good),
        create(name="D", sku="d", description="with a description", **good),
    )  # fmt: skip

    assert statuses(reply) == [201, 400, 400, 201]
    assert [r["row"]["description"] for r in reply["results"] if "row" in r] == [None, "with a description"]


async def test_rights_are_those_of_single_requests(world: World):
    """Bulk is no way around."""
    hidden = {"id": world.ids["hidden_account"]}
    reply = await send(world.rep, "/accounts", change(hidden, name="Mine"), create(name="x", parent_id=hidden["id"]))
    assert statuses(reply) == [404, 400]
    assert (await world.rep.refusal("POST", "/products/bulk", {"operations": [create(name="x")]}))[0] == 403
    assert (await world.billing.refusal("POST", "/accounts/bulk", {"operations": [create(name="x")]}))[0] == 403


async def test_another_tenants_rows_are_not_found(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Nor changed, deleted or referred to."""
    stranger = await make_world(APP, await new_tenant())
    account = {"id": world.ids["account"]}

    reply = await send(
        stranger.admin,
        "/accounts",
        change(account, name="x"),
        delete(account),
        create(name="x", parent_id=account["id"]),
    )

    assert statuses(reply) == [404, 404, 400]
    assert (await world.admin.get(f"/accounts/{account['id']}"))["name"] == "Corner Shops"


async def test_a_repeated_bulk_request_is_one(world: World):
    """Idempotent as a whole, failures included."""
    name, key = f"Shop {uuid4()}", {"Idempotency-Key": str(uuid4())}
    operations = [create(name=name), create(name=5)]

    first = await send(world.admin, "/accounts", *operations, headers=key)
    again = await send(world.admin, "/accounts", *operations, headers=key)

    assert first == again
    assert statuses(first) == [201, 400]
    assert len((await world.admin.get("/accounts", name=name))["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "operations"),
        ({"operations": []}, "operations"),
        ({"operations": [{}]}, "operations[0].op"),
        ({"operations": [{"op": "upsert"}]}, "operations[0].op"),
        ({"operations": [{"op": "create"}]}, "operations[0].data"),
        ({"operations": [{"op": "delete", "id": "5"}]}, "operations[0].id"),
        (
            {"operations": [{"op": "delete", "id": "0197a1b2-0000-7000-8000-000000000001", "data": {}}]},
            "operations[0].data",
        ),
        ({"operations": [create(name="x")], "atomic": "yes"}, "atomic"),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_whole(world: World, body: dict[str, Any], field: str):
    """Nothing of it is carried out."""
    assert await world.admin.refusal("POST", "/accounts/bulk", body) == (400, "invalid_input", [field])


async def test_a_long_request_commits_in_parts_and_goes_on_where_it_was_broken_off(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Others write in between; repeated after a crash, no operation is carried out twice, and none is left out."""
    name, key = f"Shop {uuid4()}", {"Idempotency-Key": str(uuid4())}
    operations = [create(name=name, legal_name=str(n)) for n in range(4)]
    monkeypatch.setattr("server.crm.bulk.PART_S", -1)
    real, carried_out = bulk._carry_out, []

    async def carry_out(*args: Any) -> Any:
        carried_out.append(args)
        if len(carried_out) == 3:
            raise RuntimeError("the process dies")
        return await real(*args)

    monkeypatch.setattr("server.crm.bulk._carry_out", carry_out)
    request = {"operations": operations}

    assert (await world.admin.send("POST", "/accounts/bulk", request, headers=key)).status_code == 500
    assert len((await world.admin.get("/accounts", name=name))["items"]) == 2
    reply = await send(world.admin, "/accounts", *operations, headers=key)
    again = await send(world.admin, "/accounts", *operations, headers=key)

    assert statuses(reply) == [201] * 4
    assert reply == again
    rows = (await world.admin.get("/accounts", name=name))["items"]
    assert sorted(row["legal_name"] for row in rows) == ["0", "1", "2", "3"]
    assert len({row["revision"] for row in rows}) == 4


async def test_what_others_kept_from_being_carried_out_says_so(world: World, monkeypatch: pytest.MonkeyPatch):
    """The first parts are committed: their results must not be lost with an error of the whole."""
    monkeypatch.setattr("server.crm.bulk.PART_S", -1)
    real, parts = replies.tenant_write, []

    @asynccontextmanager
    async def write(*args: Any, **more: Any) -> AsyncIterator[Any]:
        parts.append(args)
        if len(parts) == 2:
            raise Busy
        async with real(*args, **more) as revision:
            yield revision

    monkeypatch.setattr("server.crm.replies.tenant_write", write)

    reply = await send(world.admin, "/accounts", create(name="A"), create(name="B"), create(name="C"))

    assert statuses(reply) == [201, 503, 503]
    assert reply["results"][1]["problem"]["code"] == "busy"
