"""`GET /sync/events`: the stream of pokes. Bare ASGI, as what a framework keeps for each open response adds up."""

import asyncio
import contextlib
from typing import Any, Final
from urllib.parse import parse_qs

from litestar import Request, asgi
from litestar.exceptions import MethodNotAllowedException
from litestar.types import Receive, Scope, Send

from server.auth.devices import DeviceRevoked
from server.auth.session import Session, provide_session
from server.db import connection, tenant_transaction
from server.errors import FieldError, Forbidden, InvalidInput
from server.sync.events import Stream, hub

_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_DEVICE: Final = """
SELECT d.revoked_at IS NULL AND m.active AND m.deleted_at IS NULL AS trusted, c.revision AS head
FROM device d JOIN member m ON m.id = d.member_id CROSS JOIN revision_counter c WHERE d.id = $1
"""


@asgi("/sync/events", copy_scope=False)
async def stream_events(scope: Scope, receive: Receive, send: Send) -> None:
    """Listen for news, as a device: the stream tells when there is some, and not what; the device then pulls."""
    request: Request[Session, Any, Any] = Request(scope)
    if request.method != "GET":
        raise MethodNotAllowedException
    session = provide_session(request)
    if session.device_id is None:
        raise Forbidden("Only an enrolled device listens for news.")
    async with tenant_transaction(session.tenant):
        device = await connection().fetchrow(_DEVICE, session.device_id)
    if device is None or not device["trusted"]:
        raise DeviceRevoked
    task = asyncio.current_task()
    assert task is not None
    cursor = _cursor_of(scope)
    told = device["head"] if cursor is None else min(cursor, device["head"])
    stream = Stream(session.tenant, session.device_id, request.auth, request.auth.expires_at, send, task, told)
    await hub.add(stream)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"retry: 5000\n\n", "more_body": True})
        hub.tell(session.tenant, device["head"])
        await _wait_for_its_end(receive, stream)
    finally:
        hub.remove(stream)


async def _wait_for_its_end(receive: Receive, stream: Stream) -> None:
    """Until the device hangs up, or the hub lets go of it."""
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    except asyncio.CancelledError:
        if not stream.over:
            raise


def _cursor_of(scope: Scope) -> int | None:
    given = parse_qs(scope["query_string"]).get(b"cursor", [None])[0]
    if given is None:
        return None
    with contextlib.suppress(ValueError):
        cursor = int(given)
        if 0 <= cursor < 2**63:
            return cursor
    raise InvalidInput([FieldError("cursor", "It is the revision up to which the device has everything.")])
