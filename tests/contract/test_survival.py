"""Every endpoint survives what its own description allows, and what it forbids: no 5xx, and nothing undocumented.

Schemathesis makes requests from the OpenAPI document, right and wrong ones. The same ones each time: a run that fails
here fails again.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from itertools import count
from types import SimpleNamespace

import httpx2
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from outrider_sdk.protocol.ids import uuid7
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.api_document import describe_api
from server.app import create_app
from server.crm.resources import RESOURCES
from server.db import SYSTEM, TenantRef, tenant_write
from tests.integration.example_rows import insert_example
from tests.integration.rest_world import World, make_world

EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 2}
"""Of each operation; there are hundreds."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BASE_URL = "http://test"
_callers = count()

CONFIG = SimpleNamespace(
    secret_key=b"k" * 32, webhook_networks=(), base_url="https://crm.example", stripe_webhook_secret="whsec_1"
)
APP = create_app(CONFIG, connect=False)  # type: ignore[arg-type]
SCHEMA = schemathesis.openapi.from_dict(msgspec.json.decode(msgspec.json.encode(describe_api(APP))))
OPERATIONS = [operation.ok() for operation in SCHEMA.get_all_operations()]


def takes(operation: schemathesis.APIOperation) -> tuple[bool, bool]:
    """Whether there is anything to send that could be wrong, and anything beside the path."""
    beside = bool(operation.body) or bool(operation.query) or bool(operation.headers)
    in_path = [parameter.definition.get("schema", {}) for parameter in operation.path_parameters]
    return beside or any(schema.keys() - {"type", "title", "description", "examples"} for schema in in_path), beside


CASES = [
    (operation, mode)
    for operation in OPERATIONS
    for mode in EXAMPLES
    if mode is GenerationMode.POSITIVE or takes(operation)[0]
]
ENTITIES = {resource.path: resource.entity.name for resource in RESOURCES}


@pytest.fixture(scope="module")
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    return await make_world(APP, await new_tenant())


async def path_ids(world: World, path: str) -> dict[str, str]:
    """Ids for the path of things that are there, as far as they can be made."""
    row_id = uuid7()
    name = ENTITIES.get("/" + path.split("/")[1])
    if name is not None and "{row_id}" in path:
        async with tenant_write(world.tenant, by=SYSTEM):
            row_id = await insert_example(name)
    return {name: str(row_id) for name in ("row_id", "webhook_id", "key_id", "device_id") if "{" + name in path}


def caller() -> httpx2.ASGITransport:
    """From an address of its own: how often one may ask is another test's matter."""
    return httpx2.ASGITransport(APP, client=(f"client-{next(_callers)}", 1))


async def send(world: World, case: schemathesis.Case) -> httpx2.Response:
    prepared = requests.Request(**case.as_transport_kwargs(base_url=BASE_URL)).prepare()
    headers = {name: str(value).encode("latin-1") for name, value in prepared.headers.items()}
    headers |= {} if "/t/" in case.path else {"Authorization": world.owner.header["Authorization"].encode()}
    async with httpx2.AsyncClient(transport=caller()) as client:
        return await client.request(case.method, prepared.url or "", content=prepared.body, headers=headers)


@pytest.mark.parametrize(
    ("operation", "mode"), CASES, ids=lambda each: each.label if hasattr(each, "label") else each.value
)
async def test_an_endpoint_survives(world: World, operation: schemathesis.APIOperation, mode: GenerationMode):
    """An integrator's mistakes are answered with a problem that is described, and never with our failure."""
    loop = asyncio.get_running_loop()
    ids = {}
    if mode is GenerationMode.POSITIVE or takes(operation)[1]:
        ids = await path_ids(world, operation.path)
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids or None)

    @settings(
        max_examples=EXAMPLES[mode],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def survive(case: schemathesis.Case) -> None:
        sent: Future[httpx2.Response] = asyncio.run_coroutine_threadsafe(send(world, case), loop)
        case.validate_response(sent.result(timeout=30), checks=CHECKS)

    await asyncio.to_thread(survive)


NOT_JSON = {
    "empty": b"",
    "cut off": b"{",
    "no JSON": b"<xml/>",
    "no UTF-8": b'{"name": "\xff"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "endless": b"[" * 100_000,
    "no object": b"[]",
    "another type": b'"text"',
    "unknown field": b'{"colour": 1}',
    "a name twice": b'{"colour": 1, "colour": 2}',
    "a number without end": b'{"n": ' + b"9" * 10_000 + b"}",
}
WITH_BODY = [
    operation
    for operation in OPERATIONS
    if [each.media_type for each in operation.body] == ["application/json"] and "/t/" not in operation.path
]


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.label)
async def test_a_body_that_is_none_is_refused_as_a_problem(world: World, operation: schemathesis.APIOperation):
    """Whatever comes over the line: 400 with words, and nothing is written."""
    path = re.sub(r"\{[^}]*\}", "1" if "{number}" in operation.path else str(uuid7()), operation.path)
    for what, body in NOT_JSON.items():
        reply = await send_bytes(world, operation.method, path, body)

        allowed = {400} if body else {400, 404, 201}  # acts take nothing for an empty object
        assert reply.status_code in allowed, (what, reply.text)
        assert reply.status_code == 201 or reply.headers["content-type"] == "application/problem+json"
    assert (await send_bytes(world, operation.method, path, b" " * (8 * 1024 * 1024 + 1))).status_code == 413


async def send_bytes(world: World, method: str, path: str, body: bytes) -> httpx2.Response:
    headers = world.owner.header | {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(transport=caller(), base_url=BASE_URL) as client:
        return await client.request(method, path, content=body, headers=headers)
