"""Requests over HTTPS, repeated while they get lost: what goes out, what comes back, and what a problem is called."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from outrider_sdk.errors import (
    ClientTooOld,
    DeviceRevoked,
    DeviceUnknown,
    NotEnrolled,
    Offline,
    ProtocolViolation,
    Rejected,
    ReplicaForked,
    ServerUnavailable,
    SyncError,
    WipeOrdered,
)
from outrider_sdk.ids import Clock
from outrider_sdk.protocol import encoding
from outrider_sdk.protocol.columns import ColumnMalformed, unpack_page

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

ATTEMPTS_MAX = 5
TOTAL_MAX_S = 60.0
"""No further attempt begins later than this after the first one."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 20.0
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
REPLY_BYTES_MAX = 256 * 1024 * 1024
COMPRESSED_FROM_BYTES = 1_024
WIPE_ORDERS = ("after_hand_in", "now")
"""What is none of these erases nothing."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def device_clock() -> int:
    """The device's clock: microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class _Lost(Exception):
    """A reply that did not arrive whole."""


class Body(NamedTuple):
    """A message as it goes out."""

    content: bytes
    coding: str
    """Empty where it is not compressed."""


class Http:
    """JSON requests over HTTPS, repeated with growing, jittered pauses while the network or the server fails.

    All requests of the protocol but the enrolment may be repeated without harm.
    """

    def __init__(
        self,
        server: str,
        *,
        clock: Clock = device_clock,
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] | None = None,
        attempts_max: int = ATTEMPTS_MAX,
        total_max_s: float = TOTAL_MAX_S,
    ) -> None:
        parts = urlsplit(server)
        if parts.scheme != "https" and not (parts.scheme == "http" and (parts.hostname or "") in LOOPBACK):
            raise NotEnrolled(f"{server} is not an https:// address. Tokens do not travel in the open.")
        self.server = server.rstrip("/")
        self.bytes_sent = 0
        self.bytes_received = 0
        self.contact_time: tuple[int, int] | None = None
        self._clock, self._sleep, self._timer = clock, sleep, timer
        self._jitter = jitter or secrets.SystemRandom().uniform
        self._attempts_max, self._total_max_s = attempts_max, total_max_s
        self._pool: PoolManager | None = None
        self._coding = "gzip" if encoding.zstd() is None else "zstd"

    def post(
        self,
        path: str,
        message: Mapping[str, Any],
        token: str | None = None,
        *,
        again: Mapping[str, Any] | None = None,
        ready: Body | None = None,
    ) -> dict[str, Any]:
        """Send a message, and return the reply's.

        Args:
            again: what the message says beside, when it is sent for another time.
            ready: the message as `pack` made it, where that was done ahead.

        Raises:
            Offline: no answer, after repeated tries.
            ServerUnavailable: 5xx or 429, after repeated tries, or with a Retry-After beyond our patience.
            Rejected: the server said no; DeviceRevoked, ReplicaForked and ClientTooOld have classes of their own.
        """
        body = ready or self.pack(message)
        began = self._timer()
        for attempt in range(1, self._attempts_max + 1):
            wait_s = self._jitter(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2**attempt))
            try:
                return self._once(path, body, token)
            except ServerUnavailable as error:
                failure: SyncError = error
                wait_s = wait_s if error.retry_after_s is None else error.retry_after_s
            except Offline as error:
                failure = error
            except Rejected as refusal:
                if refusal.status != 415 or body.coding != "zstd":
                    raise
                self._coding, failure, wait_s = "gzip", refusal, 0.0  # a server without zstd
                body = self.pack(message)
            if attempt == self._attempts_max or self._timer() - began + wait_s > self._total_max_s:
                raise failure
            self._sleep(wait_s)
            if again is not None:
                message, again = {**message, **again}, None
                body = self.pack(message)
        raise AssertionError("unreachable")

    def pack(self, message: Mapping[str, Any]) -> Body:
        """The message as it goes out."""
        content = encoding.dumps(message)
        if len(content) < COMPRESSED_FROM_BYTES:
            return Body(content, "")
        return Body(encoding.compress(content, self._coding), self._coding)

    def _once(self, path: str, body: Body, token: str | None) -> dict[str, Any]:
        from urllib3.exceptions import HTTPError

        headers = {
            "Content-Type": encoding.JSON,
            "Accept": encoding.accepted_types(),
            "Accept-Encoding": encoding.accepted_codings(),
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body.coding:
            headers["Content-Encoding"] = body.coding
        left = self._clock()
        try:
            response = self._send("POST", path, body.content, headers)
            raw = _read(response)
            self.bytes_received += len(raw)
            reply = _decoded(response, raw)
        except (HTTPError, OSError, _Lost) as error:
            raise Offline(
                f"{self.server} can't be reached now ({type(error).__name__}). Your work is kept on this device."
            ) from error
        if response.status >= 300:
            raise _refusal(response, reply)
        self.contact_time = (left, self._clock())
        return reply

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> "BaseHTTPResponse":
        self.bytes_sent += len(body)
        return self._connections().request(
            method,
            self.server + path,
            body=body,
            headers=headers,
            preload_content=False,
            retries=False,
            redirect=False,
        )

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], token: str
    ) -> "BaseHTTPResponse":
        """Make one request of bytes, once; the reply is to be read, and its connection released.

        Raises:
            Offline: no answer. ServerUnavailable, Rejected, DeviceRevoked: one that is a problem.
        """
        from urllib3.exceptions import HTTPError

        try:
            response = self._send(method, path, body, {**headers, "Authorization": f"Bearer {token}"})
            if response.status < 300:
                return response
            problem = _decoded(response, _read(response))
        except (HTTPError, OSError, _Lost) as error:
            raise Offline(
                f"{self.server} can't be reached now ({type(error).__name__}). Your work is kept on this device."
            ) from error
        raise _refusal(response, problem)

    def _connections(self) -> "PoolManager":
        if self._pool is None:
            import urllib3

            timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
            self._pool = urllib3.PoolManager(num_pools=2, timeout=timeout)
        return self._pool

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._pool is not None:
            self._pool.clear()


def _read(response: "BaseHTTPResponse") -> bytes:
    """All of a reply as it came; its connection is free again, whatever happens."""
    try:
        return response.read(decode_content=False)
    finally:
        response.release_conn()


def _decoded(response: "BaseHTTPResponse", raw: bytes) -> dict[str, Any]:
    content_type = response.headers.get("Content-Type", "")
    try:
        raw = encoding.decompress(raw, response.headers.get("Content-Encoding", ""), REPLY_BYTES_MAX)
        reply = encoding.loads(raw, content_type)
    except encoding.TooLong as error:
        raise ProtocolViolation("The server's reply is too large.") from error
    except encoding.EncodingError as error:
        if response.status >= 500 or response.status == 429:
            return {}
        raise _Lost("cut off, damaged, or answered by something on the way: a captive portal, a proxy") from error
    if content_type.startswith((encoding.PACKED_JSON, encoding.PACKED_MSGPACK)):
        try:
            unpack_page(reply)
        except ColumnMalformed as error:
            raise ProtocolViolation(f"The server sent a page that can't be read: {error}.") from error
    return reply


def _refusal(response: "BaseHTTPResponse", problem: dict[str, Any]) -> SyncError:
    code, detail = str(problem.get("code", "")), str(problem.get("detail") or problem.get("title") or "no reason given")
    if response.status >= 500 or response.status == 429:
        after = response.headers.get("Retry-After", "")
        return ServerUnavailable(
            f"The server can't serve now ({response.status} {code}). Your work is kept; try again later.",
            float(after) if after.isdigit() else None,
        )
    if code == "device_revoked":
        revoked = DeviceRevoked()
        revoked.wipe = next((order for order in WIPE_ORDERS if problem.get("wipe") == order), None)
        return revoked
    if code == "device_unknown":
        return DeviceUnknown()
    if code == "wipe_ordered":
        return WipeOrdered(now=problem.get("now") is True)
    if code == "forked":
        number = problem.get("number")
        return ReplicaForked(number if isinstance(number, int) else 0)
    if code == "client_too_old" or response.status == 426:
        return ClientTooOld(f"The server asks for a newer version of this app: {detail} Unsent work is kept.")
    return Rejected(response.status, code, detail, problem)
