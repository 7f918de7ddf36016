"""The two doors of a device: push and pull. The token says who; the device is looked at in the transaction."""

import gzip
import zlib
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, Router, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from outrider_sdk.protocol import PROTOCOL_VERSION, PUSH_BYTES_MAX, PUSH_MUTATIONS_MAX
from outrider_sdk.protocol.entities import SCHEMA_VERSION

from server.auth.session import Session
from server.db import Source, tenant_transaction, tenant_write
from server.errors import AppError, FieldError, Forbidden, InvalidInput, TooLarge
from server.sync.pull import Position, pull
from server.sync.push import push

T = TypeVar("T")
GZIP_LEVEL = 1
"""Loopback and 4G alike: level 1 costs a third of level 6 and gives away a tenth."""
GZIP_BYTES_MIN = 1_000


class ClientTooOld(AppError):
    """The client speaks a version that this server no longer understands."""

    status = 426
    code = "client_too_old"


class MutationBody(msgspec.Struct, forbid_unknown_fields=True):
    """One mutation (docs/sync-protocol.md §4.2)."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    captured_at: int
    skew: int | None
    changes: list[dict[str, Any]]
    redacted: bool = False


class PushBody(msgspec.Struct, forbid_unknown_fields=True):
    """A push (docs/sync-protocol.md §4.1)."""

    protocol: int
    incarnation: Annotated[int, msgspec.Meta(ge=1)]
    acked_through: Annotated[int, msgspec.Meta(ge=0)]
    mutations: Annotated[list[MutationBody], msgspec.Meta(max_length=PUSH_MUTATIONS_MAX)]


class PullBody(msgspec.Struct, forbid_unknown_fields=True):
    """A pull (docs/sync-protocol.md §5.1)."""

    protocol: int
    schema: int
    cursor: Annotated[int, msgspec.Meta(ge=0)]
    position: str | None = None
    view: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    acked_through: Annotated[int, msgspec.Meta(ge=0)] = 0


@post("/push", status_code=200)
async def push_mutations(request: Request[Session, Any, State], session: NamedDependency[Session]) -> Response[bytes]:
    """Hand in what the device captured. Each mutation has one effect, however often it is sent."""
    body = await _read(request, PushBody)
    _check_version(body.protocol)
    _require_device(session)
    mutations = [_as_sent(m) for m in body.mutations]
    async with tenant_write(session.tenant, by=session.actor, source=Source.SYNC) as revision:
        reply = await push(mutations, incarnation=body.incarnation, acked_through=body.acked_through, revision=revision)
    return _reply(request, reply)


@post("/pull", status_code=200)
async def pull_page(request: Request[Session, Any, State], session: NamedDependency[Session]) -> Response[bytes]:
    """Ask for what changed after the cursor, in the member's sight."""
    body = await _read(request, PullBody)
    _check_version(body.protocol)
    if body.schema > SCHEMA_VERSION:
        raise InvalidInput([FieldError("schema", f"This server knows schema {SCHEMA_VERSION} and below.")])
    _require_device(session)
    async with tenant_transaction(session.tenant, snapshot=True):
        page = await pull(
            body.cursor,
            Position.parse(body.position),
            actor=session.actor,
            view=body.view,
            acked_through=body.acked_through,
        )
    return _reply(request, page)


def _as_sent(mutation: MutationBody) -> dict[str, Any]:
    sent = msgspec.structs.asdict(mutation)
    if not mutation.redacted:
        del sent["redacted"]
    return sent


def _check_version(protocol: int) -> None:
    if protocol != PROTOCOL_VERSION:
        raise ClientTooOld(f"This server speaks protocol {PROTOCOL_VERSION}. Update the app; what it holds is kept.")


def _require_device(session: Session) -> None:
    if session.actor.device_id is None:
        raise Forbidden("Only an enrolled device syncs. Use the REST API with this token.")


async def _read(request: Request[Session, Any, State], body_type: type[T]) -> T:
    raw = await request.body()
    if request.headers.get("content-encoding", "").lower() == "gzip":
        raw = _gunzip(raw)
    if len(raw) > PUSH_BYTES_MAX:
        raise TooLarge(f"A body is at most {PUSH_BYTES_MAX} bytes. Send the outbox in several pushes.")
    try:
        return msgspec.json.decode(raw, type=body_type)
    except msgspec.ValidationError:
        _check_version(_protocol_of(raw))  # of another version, other fields are no mistake
        raise
    except (UnicodeDecodeError, RecursionError):
        raise InvalidInput([FieldError("body", "It must be JSON in UTF-8, not nested without end.")]) from None


class _Envelope(msgspec.Struct):
    """What every version's message has."""

    protocol: int = PROTOCOL_VERSION


def _protocol_of(raw: bytes) -> int:
    try:
        return msgspec.json.decode(raw, type=_Envelope).protocol
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return PROTOCOL_VERSION


def _gunzip(raw: bytes) -> bytes:
    """Decompress, but never more than a body may hold (zip bombs)."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        data = inflater.decompress(raw, PUSH_BYTES_MAX + 1)
    except zlib.error:
        raise InvalidInput([FieldError("Content-Encoding", "The body is not gzip.")]) from None
    if inflater.unconsumed_tail or len(data) > PUSH_BYTES_MAX:
        raise TooLarge(
            f"A body is at most {PUSH_BYTES_MAX} bytes when decompressed. Send the outbox in several pushes."
        )
    if not inflater.eof:
        raise InvalidInput([FieldError("Content-Encoding", "The gzip body is cut off.")])
    return data


def _reply(request: Request[Session, Any, State], message: dict[str, Any]) -> Response[bytes]:
    content = msgspec.json.encode(message)
    headers = {"Vary": "Accept-Encoding"}
    if len(content) >= GZIP_BYTES_MIN and "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type="application/json", headers=headers)


sync_router = Router("/sync", route_handlers=[push_mutations, pull_page], tags=["sync"])
