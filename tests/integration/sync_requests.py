"""What devices send over HTTP, by hand: bodies of push and pull, in the test's own process."""

import json
from typing import Any
from uuid import UUID

import httpx2

from server.auth.tokens import keys
from tests.integration.application import APP
from tests.integration.sync_world import WireDevice

LIMIT = 8 * 1024 * 1024
JSON = {"Content-Type": "application/json"}


async def token_of(device: WireDevice, *, device_id: str | None = "its own") -> str:
    chosen = device.id if device_id == "its own" else device_id
    return await keys.issue(
        tenant_id=device.tenant.id,
        member_id=UUID(device.member_id),
        role="rep",
        device_id=UUID(chosen) if chosen else None,
    )


async def send(
    device: WireDevice, path: str, content: bytes, *, token: str | None = None, **headers: str
) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token or await token_of(device)}", **JSON, **headers}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client:
        return await client.post(path, content=content, headers=headers)


def push_body(*mutations: Any, **changed: Any) -> dict[str, Any]:
    return {"protocol": 1, "incarnation": 1, "acked_through": 0, "mutations": list(mutations)} | changed


def pull_body(**changed: Any) -> dict[str, Any]:
    return {"protocol": 1, "schema": 1, "cursor": 0, "position": None} | changed


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
