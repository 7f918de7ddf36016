"""Bodies that come compressed: unfolded, within limits, before anybody reads them (docs/sync-protocol.md 1.1, 1.5)."""

from typing import Any, Final

from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from outrider_sdk.protocol import PUSH_BYTES_MAX
from outrider_sdk.protocol.encoding import Cut, EncodingError, TooLong, decompress

from server.errors import AppError, FieldError, InvalidInput, TooLarge


class EncodingUnsupported(AppError):
    """The body is under a coding that the server does not unfold."""

    status = 415
    code = "encoding_unsupported"


def unfold(raw: bytes, coding: str, size_max: int = PUSH_BYTES_MAX) -> bytes:
    """The bytes that a body under a coding stands for.

    Raises:
        EncodingUnsupported, TooLarge, InvalidInput: as their names say.
    """
    if coding not in {"", "identity", "gzip", "zstd"}:
        raise EncodingUnsupported("Compress a body with gzip or zstd, or not at all.")
    try:
        return decompress(raw, coding, size_max)
    except TooLong:
        advice = " Send the outbox in several pushes." if size_max == PUSH_BYTES_MAX else ""
        raise TooLarge(f"A body is at most {size_max} bytes when decompressed.{advice}") from None
    except Cut:
        raise InvalidInput([FieldError("Content-Encoding", f"The {coding} body is cut off.")]) from None
    except EncodingError:
        raise InvalidInput([FieldError("Content-Encoding", f"The body is not {coding}.")]) from None


BODY_BYTES_MAX: Final = 64 * 1024
"""What a device says of itself is short; and it says so before anybody knows who it is."""


class UnfoldBodies(ASGIMiddleware):
    """For routes that read their bodies as they come."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Put the unfolded body in the place of a compressed one."""
        headers = MutableScopeHeaders(scope)
        coding = headers.get("content-encoding", "").lower()
        if coding in {"", "identity"}:
            await next_app(scope, receive, send)
            return
        body = unfold(await _read(receive), coding, BODY_BYTES_MAX)
        headers["content-encoding"] = "identity"
        headers["content-length"] = str(len(body))
        is_told = False

        async def unfolded() -> Any:
            nonlocal is_told
            if is_told:
                return await receive()
            is_told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await next_app(scope, unfolded, send)


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message["body"]
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"A body is at most {BODY_BYTES_MAX} bytes.")
        if not message["more_body"]:
            return bytes(body)
