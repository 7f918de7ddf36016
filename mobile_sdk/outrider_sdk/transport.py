"""The way to the server: HTTP with tokens, gzip, repetition of what got lost. Nothing here touches the replica."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable
from urllib.parse import urlsplit

from outrider_sdk.content_transport import ContentCalls
from outrider_sdk.credentials import Credentials, CredentialStore
from outrider_sdk.errors import (
    ClientTooOld,
    DeviceRevoked,
    DeviceUnknown,
    ForeignCredentials,
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
from outrider_sdk.protocol import (
    PROTOCOL_VERSION,
    IncarnationReply,
    IncarnationRequest,
    Mutation,
    PullPage,
    PullRequest,
    PushReply,
    PushRequest,
    encoding,
    lean,
)
from outrider_sdk.protocol.checksum import ChecksumReply, ChecksumRequest
from outrider_sdk.protocol.columns import ColumnMalformed, unpack_page
from outrider_sdk.snapshot_transport import SnapshotCalls
from outrider_sdk.under_way import UnderWay

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

T = TypeVar("T")

ATTEMPTS_MAX = 5
TOTAL_MAX_S = 60.0
"""No further attempt begins later than this after the first one."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 20.0
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
REPLY_BYTES_MAX = 256 * 1024 * 1024
COMPRESSED_FROM_BYTES = 1_024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def device_clock() -> int:
    """The device's clock: microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class Transport(Protocol):
    """What `sync` needs of a network. A simulator implements it without one.

    Both calls raise a `SyncError` where there is no answer that counts: `Offline`, `ServerUnavailable`, `Rejected`
    (with the problem's code), `DeviceRevoked`, `ReplicaForked`. They may have reached the server all the same.
    """

    contact_time: tuple[int, int] | None
    """By the device's clock, when the last successful request left and when its reply was there; None: not measured."""
    bytes_sent: int
    bytes_received: int

    def push(self, request: PushRequest) -> PushReply:
        """`POST /sync/push` (protocol 4)."""

    def pull(self, request: PullRequest) -> PullPage:
        """`POST /sync/pull` (protocol 5)."""

    def begin_incarnation(self, request: IncarnationRequest) -> IncarnationReply:
        """`POST /devices/incarnations` (protocol 2.7): adds the proof, and keeps the new credentials."""

    def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class PipelinedTransport(Protocol):
    """A `Transport` that sends a push while its caller goes on with other things."""

    def begin_push(self, request: PushRequest) -> UnderWay[PushReply]:
        """`push`, in a thread; until that is done, nothing else is asked of the transport."""


class _Lost(Exception):
    """A reply that did not arrive whole."""


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
    ) -> dict[str, Any]:
        """Send a message, and return the reply's.

        Args:
            again: what the message says beside, when it is sent for another time.

        Raises:
            Offline: no answer, after repeated tries.
            ServerUnavailable: 5xx or 429, after repeated tries, or with a Retry-After beyond our patience.
            Rejected: the server said no; DeviceRevoked, ReplicaForked and ClientTooOld have classes of their own.
        """
        body = encoding.dumps(message)
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
                if refusal.status != 415 or self._coding == "gzip":
                    raise
                self._coding, failure, wait_s = "gzip", refusal, 0.0  # a server without zstd
            if attempt == self._attempts_max or self._timer() - began + wait_s > self._total_max_s:
                raise failure
            self._sleep(wait_s)
            if again is not None:
                body, again = encoding.dumps({**message, **again}), None
        raise AssertionError("unreachable")

    def _once(self, path: str, body: bytes, token: str | None) -> dict[str, Any]:
        from urllib3.exceptions import HTTPError

        headers = {
            "Content-Type": encoding.JSON,
            "Accept": encoding.accepted_types(),
            "Accept-Encoding": encoding.accepted_codings(),
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if len(body) >= COMPRESSED_FROM_BYTES:
            headers["Content-Encoding"] = self._coding
            body = encoding.compress(body, self._coding)
        self.bytes_sent += len(body)
        left = self._clock()
        try:
            response = self._connections().request(
                "POST",
                self.server + path,
                body=body,
                headers=headers,
                preload_content=False,
                retries=False,
                redirect=False,
            )
            try:
                raw = response.read(decode_content=False)
            finally:
                response.release_conn()
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

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], token: str
    ) -> "BaseHTTPResponse":
        """Make one request of bytes, once; the reply is to be read, and its connection released.

        Raises:
            Offline: no answer. ServerUnavailable, Rejected, DeviceRevoked: one that is a problem.
        """
        from urllib3.exceptions import HTTPError

        self.bytes_sent += len(body)
        headers = {**headers, "Authorization": f"Bearer {token}"}
        try:
            response = self._connections().request(
                method,
                self.server + path,
                body=body,
                headers=headers,
                preload_content=False,
                retries=False,
                redirect=False,
            )
            if response.status < 300:
                return response
            try:
                raw = response.read(decode_content=False)
            finally:
                response.release_conn()
            problem = _decoded(response, raw)
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
        revoked.wipe = str(problem["wipe"]) if "wipe" in problem else None
        return revoked
    if code == "device_unknown":
        return DeviceUnknown()
    if code == "wipe_ordered":
        return WipeOrdered(now=bool(problem.get("now")))
    if code == "forked":
        return ReplicaForked(int(problem.get("number") or 0))
    if code == "client_too_old" or response.status == 426:
        return ClientTooOld(f"The server asks for a newer version of this app: {detail} Unsent work is kept.")
    return Rejected(response.status, code, detail, problem)


class HttpTransport(ContentCalls, SnapshotCalls, Http):
    """The server of a device's credentials, with a token that is renewed when it expires."""

    def __init__(self, credentials: CredentialStore, *, server: str | None = None, **options: Any) -> None:
        self._store = credentials
        self._credentials = _loaded(credentials)
        super().__init__(server or self._credentials.server, **options)
        self._ahead: _PageAhead | None = None
        self._options = options

    def push(self, request: PushRequest) -> PushReply:
        """`POST /sync/push` (protocol 4)."""
        message = {**request, "mutations": lean(request["mutations"])}
        return cast(PushReply, self._authorised("/sync/push", message, again={"again": True}))

    def begin_push(self, request: PushRequest) -> UnderWay[PushReply]:
        """See `PipelinedTransport`."""
        return UnderWay(lambda: self.push(request))

    def pull(self, request: PullRequest) -> PullPage:
        """`POST /sync/pull` (protocol 5).

        Where a page is not the last, the next is asked for at once, in a thread: the server makes it while the device
        stores this one. A page ahead that failed is asked for again; one that nobody wants is dropped.
        """
        ahead, self._ahead = self._ahead, None
        page = ahead.page(request, self) if ahead is not None else None
        if page is None:
            page = cast(PullPage, self._authorised("/sync/pull", request))
        if page.get("complete") is False and page.get("position"):
            following: PullRequest = {**request, "position": page["position"]}
            self._ahead = _PageAhead(Http(self.server, **self._options), following, self._credentials.access_token)
        return page

    def checksum(self, request: ChecksumRequest) -> ChecksumReply:
        """`POST /sync/checksum` (protocol 17)."""
        return cast(ChecksumReply, self._authorised("/sync/checksum", request))

    def begin_incarnation(self, request: IncarnationRequest) -> IncarnationReply:
        """`POST /devices/incarnations` (protocol 2.7). From then on the transport speaks as the new device."""
        held = self._credentials
        reply = self._authorised("/devices/incarnations", {**request, "proof": held.proof(request["key"])})
        self._credentials = _admitted(reply, held.server, held.slug, held.secret, origin_id=held.origin)
        self._store.save(self._credentials)
        return cast(IncarnationReply, reply)

    def wanted_wipe(self) -> str | None:
        """What the server says to a revoked device that asks for a token."""
        try:
            self._renew()
        except DeviceRevoked as revoked:
            return revoked.wipe
        except SyncError:
            pass
        return None

    def hand_in(self, incarnation: int, mutations: list[Mutation], *, complete: bool) -> int:
        """`POST /t/{slug}/devices/quarantine` (protocol 14)."""
        held = self._credentials
        text = f"quarantine/{held.device_id}/{mutations[-1]['digest']}/{str(complete).lower()}"
        message = {
            "protocol": PROTOCOL_VERSION, "device_id": held.device_id, "proof": held.proof(text),
            "incarnation": incarnation, "complete": complete, "mutations": mutations,
        }  # fmt: skip
        reply = self.post(f"/t/{held.slug}/devices/quarantine", message)
        return int(reply["quarantined_through"])

    def close(self) -> None:
        """Close the connections; a page that is on its way is dropped."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.drop()
        super().close()

    def _authorised(self, path: str, message: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return self.with_token(lambda token: self.post(path, message, token, **options))

    def with_token(self, call: Callable[[str], T]) -> T:
        """Call with an access token, and once more with a new one where that has expired."""
        if not self._credentials.access_token:
            self._renew()
        try:
            return call(self._credentials.access_token)
        except Rejected as refusal:
            if refusal.code != "token_expired":
                raise
        self._renew()
        return call(self._credentials.access_token)

    def _renew(self) -> None:
        """Trade the refresh token for its successor, which is kept before anything uses it.

        A lost reply is repeated with the token that is kept, here or after a restart: the server gives the same
        successor to whoever proves the secret (protocol 2.3).
        """
        held = self._credentials = _loaded(self._store)
        message = {"device_id": held.device_id, "refresh_token": held.refresh_token, "proof": held.proof()}
        reply = self.post(f"/t/{held.slug}/devices/token", message)
        try:
            renewed = replace(
                held,
                refresh_token=str(reply["refresh_token"]),
                access_token=str(reply["access_token"]),
                lease=_lease_of(reply)[0],
                lease_key=_lease_of(reply)[1],
            )
        except KeyError as error:
            raise ProtocolViolation(f"The reply of the token request has no {error}.") from error
        self._store.save(renewed)
        self._credentials = renewed


class _PageAhead:
    """The next page of a pull, on its way in a thread with a connection of its own."""

    def __init__(self, http: Http, request: PullRequest, token: str) -> None:
        self._http, self._request, self._token = http, request, token
        self._page: dict[str, Any] | None = None
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._thread.start()

    def _fetch(self) -> None:
        with suppress(SyncError):  # asked for again, with the patience and the errors of the ordinary way
            self._page = self._http.post("/sync/pull", self._request, self._token)

    def page(self, request: PullRequest, owner: Http) -> PullPage | None:
        """The page, if it is the one asked for and arrived; its contact becomes the owner's."""
        self.drop()
        if self._page is None or request != self._request:
            return None
        owner.contact_time = self._http.contact_time
        owner.bytes_sent += self._http.bytes_sent
        owner.bytes_received += self._http.bytes_received
        return cast(PullPage, self._page)

    def drop(self) -> None:
        """Wait for the thread, and let go of the connection."""
        self._thread.join()
        self._http.close()


def _loaded(store: CredentialStore) -> Credentials:
    credentials = store.load()
    if credentials is None:
        raise NotEnrolled("This device is not enrolled. Ask your administrator for a code, and enrol it.")
    return credentials


def enrol(
    credentials: CredentialStore,
    *,
    server: str,
    tenant: str,
    code: str | None = None,
    lease: str | None = None,
    secret: str | None = None,
    name: str = "device",
    previous: Mapping[str, Any] | None = None,
    member_id: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Make this device known to the server by a one-time code, keep what it answers, and return that (protocol 2.1).

    Args:
        lease: in place of a code, at a server that was restored; with the `secret` that the device has.
        previous: what a replica that was enrolled before goes on from (`incarnation.request_of`, with its proof).
        member_id: whose the replica is; another person's code is of no use to it.

    Raises:
        Rejected: the code is used, expired or unknown.
        Offline: no answer came; where it was the answer that got lost, the code is used up, and another is needed.
        NotEnrolled: the server's address is not https.
        ForeignCredentials: the code was drawn for another person. It is used up.
    """
    http = Http(server, **({"attempts_max": 1} if lease is None else {}) | options)  # a code works once
    secret = secret or secrets.token_urlsafe(32)
    admission = {"code": code} if lease is None else {"lease": lease}
    message = {"name": name, "secret": secret, **admission, **({"previous": previous} if previous else {})}
    try:
        reply = http.post(f"/t/{tenant}/devices/enrol", message)
    finally:
        http.close()
    made = _admitted(reply, http.server, tenant, secret)
    if member_id not in (None, made.member_id):
        raise ForeignCredentials("This code is another person's, and the work on this device is not theirs.")
    credentials.save(made)
    return reply


def _admitted(reply: Mapping[str, Any], server: str, slug: str, secret: str, origin_id: str = "") -> Credentials:
    """The credentials of a device that the server has just made."""
    try:
        return Credentials(
            server=server,
            slug=slug,
            device_id=str(reply["device_id"]),
            member_id=str(reply["member_id"]),
            incarnation=int(reply["incarnation"]),
            number_prefix=str(reply["number_prefix"]),
            secret=secret,
            refresh_token=str(reply["refresh_token"]),
            access_token=str(reply["access_token"]),
            origin_id=origin_id,
            lease=_lease_of(reply)[0],
            lease_key=_lease_of(reply)[1],
        )
    except KeyError as error:
        raise ProtocolViolation(f"The reply of the enrolment has no {error}.") from error


def _lease_of(reply: Mapping[str, Any]) -> tuple[str, str]:
    """The lease of a reply, and the key that verifies it."""
    lease = reply.get("lease") or {"token": "", "key": ""}
    return str(lease["token"]), str(lease["key"])
