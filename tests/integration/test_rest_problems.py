"""What goes wrong in a request is said the same way everywhere, and never more than the caller may know."""

import asyncio
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context

import asyncpg
import httpx2
import pytest

from server.crm import service
from server.db import SYSTEM, TenantRef, tenant_write
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world


@pytest.fixture(scope="module")
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    return await make_world(APP, await new_tenant())


async def send_bytes(world: World, content: bytes, path: str = "/accounts", method: str = "POST") -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client:
        return await client.request(method, path, content=content, headers=world.admin.header)


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (b"", "body", "truncated"),
        (b"{", "body", "truncated"),
        (b"not json", "body", "malformed"),
        (b"[]", "body", "Expected object, got array."),
        (b'{"name": 5}', "name", "Expected str, got int."),
        (b'{"name": null}', "name", "Expected str, got null."),
        (b"{}", "name", "Object missing required field name."),
        (b'{"name": "x", "colour": 1}', "colour", "Object contains unknown field colour."),
        (b'{"name": "\xff"}', "body", "UTF-8"),
        (b'{"name": "\\ud800\\u0041"}', "body", "malformed"),
        (b'{"name": "x", "custom": {"a": ' + b"[" * 3000 + b"]" * 3000 + b"}}", "body", "nested"),
        (b'{"name": "x", "custom": {"a": 1e999}}', "custom[...]", "range"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_by_its_field(world: World, body: bytes, field: str, says: str):
    """With words that lead to the mistake."""
    reply = await send_bytes(world, body)

    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (400, "invalid_input"), problem
    assert [e["field"] for e in problem["errors"]] == [field], problem
    assert says in problem["errors"][0]["message"], problem


async def test_a_body_that_is_too_large_is_refused(world: World):
    """Before it fills the memory, whether or not it announces its size."""
    large = b'{"name": "' + b"x" * (8 * 1024 * 1024) + b'"}'

    announced = await send_bytes(world, large)
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")

    async def chunks():
        yield large

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client:
        reply = await client.post("/accounts", content=chunks(), headers=world.admin.header)
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")
    assert reply.headers["content-type"] == "application/problem+json"


async def test_what_is_not_there_reads_like_what_may_not_be_seen(world: World):
    """No route, no id, no row: one answer."""
    replies = [
        await world.admin.send("GET", path)
        for path in ("/nowhere", "/accounts/5", "/accounts/00000000-0000-7000-8000-000000000000")
    ]

    assert {r.status_code for r in replies} == {404}
    assert len({r.content for r in replies}) == 1
    assert replies[0].headers["content-type"] == "application/problem+json"


async def test_a_wrong_method_is_405_and_says_which_are_right(world: World):
    """RFC 9110 asks for Allow."""
    reply = await world.admin.send("PUT", "/accounts", {})

    assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in reply.headers["allow"]


async def test_without_a_token_nothing_but_health_and_schema_answers(world: World):
    """Health is for machines that have no token."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client:
        refused = await client.get("/accounts")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await client.get("/health")).json() == {"status": "ok"}
        schema = await client.get("/schema/openapi.json")
        assert schema.json()["openapi"].startswith("3.1")


async def test_busy_writers_are_503_with_a_time_to_come_back(world: World):
    """A lock that lasts is no bug, and no reason to wait for ever."""
    async with tenant_write(world.tenant, by=SYSTEM):
        sending = world.admin.send("POST", "/accounts", {"name": "x"})
        reply = await asyncio.create_task(sending, context=Context())  # a request is no part of this transaction

    assert (reply.status_code, reply.json()["code"]) == (503, "busy")
    assert int(reply.headers["retry-after"]) > 0


async def test_a_bug_says_nothing_of_the_inside_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The traceback is for the operator."""

    async def fail(*_: object) -> None:
        raise asyncpg.UndefinedTableError("secret_table does not exist")

    monkeypatch.setattr(service, "get_row", fail)
    with caplog.at_level(logging.ERROR):
        reply = await world.admin.send("GET", "/accounts/00000000-0000-7000-8000-000000000000")

    assert (reply.status_code, reply.json()["code"]) == (500, "internal")
    assert "secret" not in reply.text
    assert "secret_table" in caplog.text


async def test_long_answers_are_compressed_where_the_client_can(world: World):
    """Field staff pay for their traffic."""
    for number in range(10):
        await world.admin.post("/accounts", name=f"Account {number}")

    headers = world.admin.header | {"Accept-Encoding": "gzip"}
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client,
        client.stream("GET", "/accounts", headers=headers) as reply,
    ):
        raw = b"".join([chunk async for chunk in reply.aiter_raw()])

    assert reply.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(raw))["items"]) >= 10
