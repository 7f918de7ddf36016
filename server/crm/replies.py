"""How the CRM's routes answer: encoded once, with an entity tag where it is one row, and stored under its key."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response

from server.auth.session import Session
from server.crm import idempotency
from server.crm.conditions import entity_tag, is_unchanged, read_tags
from server.crm.idempotency import Reply
from server.db import Revision, tenant_write

REPLAYED: Final = "Idempotency-Replayed"

AnyRequest = Request[Any, Any, Any]


def reply_row(shown: Any, revision: int, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """One row, with its tag and further headers."""
    body = msgspec.json.encode(shown)
    return Reply(status, body, {"ETag": entity_tag(revision, body), **(headers or {})})


def reply_json(shown: Any, *, status: int = 200, unfinished: bool = False) -> Reply:
    """Anything else."""
    return Reply(status, msgspec.json.encode(shown), {}, unfinished)


def render(reply: Reply, **headers: str) -> Response[Any]:
    """The reply as it goes out."""
    return Response(
        reply.body, status_code=reply.status, headers=reply.headers | headers, media_type="application/json"
    )


def render_read(request: AnyRequest, reply: Reply) -> Response[Any]:
    """A row that was read; 304 without a body where the reader has it already (If-None-Match)."""
    headers = reply.headers | {"Cache-Control": "private, no-cache"}
    if is_unchanged(read_tags("If-None-Match", request.headers.get("if-none-match")), headers["ETag"]):
        return Response(None, status_code=304, headers=headers)
    return Response(reply.body, headers=headers, media_type="application/json")


async def write_once(
    request: AnyRequest, body: bytes, session: Session, act: Callable[[Revision], Awaitable[Reply]]
) -> Response[Any]:
    """Run a write in a transaction of its own; once, where the request bears an Idempotency-Key.

    Raises:
        KeyReused: the key came with another request.
    """
    return await write_parts(request, body, session, lambda revision, _: act(revision))


async def write_parts(
    request: AnyRequest, body: bytes, session: Session, act: Callable[[Revision, Reply | None], Awaitable[Reply]]
) -> Response[Any]:
    """The same for a write that commits in parts: repeated, it goes on where it was broken off.

    Args:
        act: is called in a transaction each time, with the unfinished reply that it gave before, until one is finished.
    """
    key = idempotency.read_key(request.headers.get("idempotency-key"))
    request_hash = idempotency.hash_request(request.method, f"{request.url.path}?{request.url.query}", body)
    reply: Reply | None = None
    while True:
        async with tenant_write(session.tenant, by=session.actor) as revision:
            if key is not None:
                stored = await idempotency.find_reply(session.member_id, key, request_hash)
                if stored is not None and not stored.unfinished:
                    return render(stored, **{REPLAYED: "true"})
                reply = stored
            reply = await act(revision, reply)
            if key is not None:
                await idempotency.store_reply(session.member_id, key, request_hash, reply)
        if not reply.unfinished:
            return render(reply)


def seen_tags(request: AnyRequest) -> frozenset[str] | None:
    """The tags of If-Match."""
    return read_tags("If-Match", request.headers.get("if-match"))
