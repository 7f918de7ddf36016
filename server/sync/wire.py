"""How messages come in and go out: bodies unfolded within limits, replies in the form that the client asked for.

The forms are the SDK's (`outrider_sdk.protocol.encoding`); this is their server's side, with msgspec at hand.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from outrider_sdk.protocol import PROTOCOL_VERSION, PUSH_BYTES_MAX
from outrider_sdk.protocol.encoding import (
    JSON,
    PACKED_JSON,
    PACKED_MSGPACK,
    Cut,
    EncodingError,
    TooLong,
    compress,
    decompress,
)

from server.auth.session import Session
from server.errors import AppError, FieldError, InvalidInput, TooLarge
from server.sync.forms import COMPRESSED_BYTES_MIN, Form, beside_the_loop, join

T = TypeVar("T")
SyncRequest = Request[Session, Any, State]


class ClientTooOld(AppError):
    """The client speaks a version that this server no longer understands."""

    status = 426
    code = "client_too_old"


class EncodingUnsupported(AppError):
    """The body is under a coding that this server does not unfold."""

    status = 415
    code = "encoding_unsupported"


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
    raw = _unfolded(body, coding)
    try:
        return msgspec.json.decode(raw, type=body_type)
    except msgspec.ValidationError:
        check_version(_protocol_of(raw))  # of another version, other fields are no mistake
        raise
    except (UnicodeDecodeError, RecursionError):
        raise InvalidInput([FieldError("body", "It must be JSON in UTF-8, not nested without end.")]) from None


def _unfolded(raw: bytes, coding: str) -> bytes:
    if coding not in {"", "identity", "gzip", "zstd"}:
        raise EncodingUnsupported("Compress a body with gzip or zstd, or not at all.")
    try:
        return decompress(raw, coding, PUSH_BYTES_MAX)
    except TooLong:
        raise TooLarge(
            f"A body is at most {PUSH_BYTES_MAX} bytes when decompressed. Send the outbox in several pushes."
        ) from None
    except Cut:
        raise InvalidInput([FieldError("Content-Encoding", f"The {coding} body is cut off.")]) from None
    except EncodingError:
        raise InvalidInput([FieldError("Content-Encoding", f"The body is not {coding}.")]) from None


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
