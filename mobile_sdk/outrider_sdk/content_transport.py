"""Content of attachments over HTTP (protocol 11): how far an upload is, a part of it, a download."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from outrider_sdk.errors import Offline
from outrider_sdk.replies import check_reply

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

READ_BYTES = 64 * 1024
T = TypeVar("T")


@runtime_checkable
class ContentTransport(Protocol):
    """What attachments need of a network; a transport without it leaves contents where they are."""

    def upload_state(self, attachment_id: str) -> dict[str, Any]:
        """`GET …/upload`: `offset_bytes`, `size_bytes`, `receipt`."""

    def upload_part(self, attachment_id: str, offset: int, part: bytes) -> dict[str, Any]:
        """`PATCH …/upload`, once: whether a part whose reply got lost has arrived, `upload_state` says."""

    def download(self, attachment_id: str, start: int, sha256: str) -> tuple[bool, Iterator[bytes]]:
        """`GET …/content` from a byte on: whether it goes on from there (else it begins anew), and the bytes."""


class ContentCalls:
    """The same over an `HttpTransport`, which this is mixed into."""

    with_token: Callable[[Callable[[str], Any]], Any]
    request: Callable[..., "BaseHTTPResponse"]
    bytes_received: int

    def upload_state(self, attachment_id: str) -> dict[str, Any]:
        """See `ContentTransport`."""
        return self._asked("GET", f"/attachments/{attachment_id}/upload", b"", {})

    def upload_part(self, attachment_id: str, offset: int, part: bytes) -> dict[str, Any]:
        """See `ContentTransport`."""
        headers = {"Content-Type": "application/octet-stream", "Upload-Offset": str(offset)}
        return self._asked("PATCH", f"/attachments/{attachment_id}/upload", part, headers)

    def _asked(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        response = self.with_token(lambda token: self.request(method, path, body, headers, token))
        try:
            raw = b"".join(_read(response))
            self.bytes_received += len(raw)
            reply = json.loads(raw)
        except ValueError as error:
            raise Offline("Something on the way answered in the server's place. Your files are kept.") from error
        if not isinstance(reply, dict):
            raise Offline("Something on the way answered in the server's place. Your files are kept.")
        check_reply(reply, ("offset_bytes",))
        return reply

    def download(self, attachment_id: str, start: int, sha256: str) -> tuple[bool, Iterator[bytes]]:
        """See `ContentTransport`."""
        headers = {"Range": f"bytes={start}-", "If-Range": f'"{sha256}"'} if start else {}
        path = f"/attachments/{attachment_id}/content"
        response = self.with_token(lambda token: self.request("GET", path, b"", headers, token))
        return response.status == 206, self._counted(response)

    def _counted(self, response: "BaseHTTPResponse") -> Iterator[bytes]:
        for piece in _read(response):
            self.bytes_received += len(piece)
            yield piece


def _read(response: "BaseHTTPResponse") -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from response.stream(READ_BYTES, decode_content=True)
    except (HTTPError, OSError) as error:
        raise Offline(f"The connection broke off ({type(error).__name__}). What arrived is kept.") from error
    finally:
        response.release_conn()
