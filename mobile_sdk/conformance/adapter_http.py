"""The SDK's own HTTP under the runner: urllib3 is left out, and each request is a line."""

import base64
import io
import json
import sys
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

from outrider_sdk import content_transport, contents, http, listen
from outrider_sdk.protocol import encoding
from urllib3 import HTTPResponse

REQUEST_BYTES_MAX = 1024 * 1024
_ONE_AT_A_TIME = RLock()


class _Cut(io.BytesIO):
    """Bytes after which the connection breaks off."""

    def read(self, *args: Any) -> bytes:
        found = super().read(*args)
        if not found:
            raise ConnectionResetError("the connection broke off")
        return found


class Lines:
    """In the place of a pool of connections: a request goes out as a line, and its answer comes back as one."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self._say = say

    def request(
        self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, **_: Any
    ) -> HTTPResponse:
        """See `urllib3.PoolManager.request`."""
        parts = urlsplit(url)
        named = {name.lower(): value for name, value in (headers or {}).items()}
        line: dict[str, Any] = {"request": f"{method} {parts.path}{'?' + parts.query if parts.query else ''}"}
        line["headers"] = named
        if named.get("content-type") == encoding.JSON:
            plain = encoding.decompress(body, named.get("content-encoding", ""), REQUEST_BYTES_MAX)
            line["body"] = json.loads(plain)
        elif method != "GET":
            line["bytes"] = base64.b64encode(body).decode()
        with _ONE_AT_A_TIME:
            self._say(line)
            answer = json.loads(sys.stdin.readline())
        if answer.get("lost"):
            raise ConnectionResetError("nothing came back")
        content = json.dumps(answer["body"]).encode() if "body" in answer else base64.b64decode(answer["bytes"])
        stream = _Cut(content) if answer.get("cut") else io.BytesIO(content)
        return HTTPResponse(stream, answer["headers"], answer["status"], preload_content=False)

    def clear(self) -> None:
        """There is nothing to close."""


def install(say: Callable[[dict[str, Any]], None]) -> None:
    """From now on the SDK's network is the runner, and nobody waits."""
    lines = Lines(say)
    http.Http._connections = lambda self: lines
    http.Http.__init__.__kwdefaults__["sleep"] = lambda seconds: None
    contents.PAUSE_S = 0
    content_transport.READ_BYTES = 4  # so that a few bytes that arrived are some
    listen.BACKOFF_MAX_S = 0
