"""How messages come in and go out: bodies unfolded within limits, replies in the form that the client asked for.

The forms are the SDK's (`outrider_sdk.protocol.encoding`); this is their server's side, with msgspec at hand.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from outrider_sdk.protocol import PROTOCOL_VERSION
from outrider_sdk.protocol.encoding import (
    JSON,
    PACKED_JSON,
    PACKED_MSGPACK,
    compress,
)

from server.auth.session import Session
from server.auth.unfold import unfold
from server.errors import AppError, FieldError, InvalidInput
from server.sync import schemas
from server.sync.forms import COMPRESSED_BYTES_MIN, Form, beside_the_loop, join

T = TypeVar("T")
SyncRequest = Request[Session, Any, State]


class ClientTooOld(AppError):
    """The client speaks a version that this server no longer understands."""

    status = 426
    code = "client_too_old"


def form_of(request: SyncRequest, *, packed: bool = False) -> Form:
    """The best form that the client names: what it lists, it reads. JSON, and no compression, where it says nothing.

    Args:
        packed: the reply has columns, which may be packed.
    """
    accepted, codings = request.headers.get("accept", ""), request.headers.get("accept-encoding", "")
    media_type = next((t for t in (PACKED_MSGPACK, PACKED_JSON) if packed and t in accepted), JSON)
    return Form(media_type, next((c for c in ("zstd", "gzip") if c in codings), "identity"))


def check_version(protocol: int) -> None:
    """See that the client speaks this version.

    Raises:
        ClientTooOld: it does not.
    """
    if protocol != PROTOCOL_VERSION:
        raise ClientTooOld(f"This server speaks protocol {PROTOCOL_VERSION}. Update the app; what it holds is kept.")


def check_schema(schema: int) -> None:
    """See that rows can be told to a client of this schema.

    Raises:
        InvalidInput: it is of the future.
        ClientTooOld: it is too old to pull.
    """
    if schema > schemas.newest():
        raise InvalidInput([FieldError("schema", f"This server knows schema {schemas.newest()} and below.")])
    if not schemas.is_served(schema):
        raise ClientTooOld("This app is too old for the data of this server. Update it; it can hand in what it holds.")


async def read(request: SyncRequest, body_type: type[T]) -> T:
    """The message of a request.

    Raises:
        EncodingUnsupported, TooLarge, InvalidInput, ClientTooOld: as their names say.
    """
    return decode(await request.body(), request.headers.get("content-encoding", "").lower(), body_type)


def decode(body: bytes, coding: str, body_type: type[T]) -> T:
    """The message that a body under a coding is.

    Raises:
        as `read`; and msgspec's own errors, which name what is malformed.
    """
    raw = unfold(body, coding)
    try:
        return msgspec.json.decode(raw, type=body_type)
    except msgspec.ValidationError:
        check_version(_protocol_of(raw))  # of another version, other fields are no mistake
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


async def reply(form: Form, message: Mapping[str, Any]) -> Response[bytes]:
    """The message as the client asked for it."""
    content, coding = form.encode(message), "identity"
    if len(content) >= COMPRESSED_BYTES_MIN:
        content, coding = await beside_the_loop(compress, content, form.coding), form.coding
    return _response(form, content, coding)


async def reply_page(form: Form, page: dict[str, Any]) -> Response[bytes]:
    """A page, whose rows are encoded already."""
    part = page.pop("part")
    return _response(form, *await join(form, part, page))


def _response(form: Form, content: bytes, coding: str) -> Response[bytes]:
    headers = {"Vary": "Accept, Accept-Encoding"}
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return Response(content, media_type=form.media_type, headers=headers)
