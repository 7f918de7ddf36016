"""The way to the server: what a sync needs of a network, and that over HTTP with tokens."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from outrider_sdk.content_transport import ContentCalls
from outrider_sdk.credentials import CredentialStore
from outrider_sdk.enrolment import admitted, lease_of, loaded
from outrider_sdk.errors import (
    DeviceRevoked,
    Rejected,
    SyncError,
)
from outrider_sdk.http import Body, Http
from outrider_sdk.protocol import (
    PROTOCOL_VERSION,
    HandInReply,
    IncarnationReply,
    IncarnationRequest,
    Mutation,
    PullPage,
    PullRequest,
    PushReply,
    PushRequest,
    lean,
)
from outrider_sdk.protocol.checksum import ChecksumReply, ChecksumRequest
from outrider_sdk.replies import check_reply
from outrider_sdk.snapshot_transport import SnapshotCalls
from outrider_sdk.under_way import UnderWay

T = TypeVar("T")


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

    def make_ready(self, request: PushRequest) -> None:
        """Do what can be done for the next push while the one before is under way."""

    def begin_push(self, request: PushRequest) -> UnderWay[PushReply]:
        """`push`, in a thread; until that is done, nothing but `make_ready` is asked of the transport."""


class HttpTransport(ContentCalls, SnapshotCalls, Http):
    """The server of a device's credentials, with a token that is renewed when it expires."""

    def __init__(self, credentials: CredentialStore, *, server: str | None = None, **options: Any) -> None:
        self._store = credentials
        self._credentials = loaded(credentials)
        super().__init__(server or self._credentials.server, **options)
        self._following: PullRequest | None = None
        self._ahead: _PageAhead | None = None
        self._options = options
        self._ready: tuple[PushRequest, dict[str, Any], Body] | None = None

    def push(self, request: PushRequest) -> PushReply:
        """`POST /sync/push` (protocol 4)."""
        return self._push(*self._packed(request))

    def _push(self, message: dict[str, Any], body: Body) -> PushReply:
        again = {"again": True} if message["mutations"] else None
        return cast(PushReply, self._authorised("/sync/push", message, again=again, ready=body))

    def _packed(self, request: PushRequest) -> tuple[dict[str, Any], Body]:
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] is request:
            return ready[1:]
        message = {**request, "mutations": lean(request["mutations"])}
        return message, self.pack(message)

    def make_ready(self, request: PushRequest) -> None:
        """See `PipelinedTransport`."""
        self._ready = (request, *self._packed(request))

    def begin_push(self, request: PushRequest) -> UnderWay[PushReply]:
        """See `PipelinedTransport`."""
        packed = self._packed(request)
        return UnderWay(lambda: self._push(*packed))

    def pull(self, request: PullRequest) -> PullPage:
        """`POST /sync/pull` (protocol 5).

        Where a page is not the last, the next is asked for at once, in a thread: the server makes it while the device
        stores this one; after a snapshot's first bytes, where the page offers one: the server is asked for those first.
        A page ahead that failed is asked for again; one that nobody wants is dropped.
        """
        ahead, self._ahead, self._following = self._ahead, None, None
        page = ahead.page(request, self) if ahead is not None else None
        if page is None:
            page = cast(PullPage, self._authorised("/sync/pull", request))
        if page.get("complete") is False and page.get("position"):
            self._following = {**request, "position": page["position"]}
            if page.get("snapshot") is None:
                self.ask_ahead()
        return page

    def ask_ahead(self) -> None:
        """Ask for the page after the last one, where nobody did."""
        following, self._following = self._following, None
        if following is not None:
            self._ahead = _PageAhead(Http(self.server, **self._options), following, self._credentials.access_token)

    def checksum(self, request: ChecksumRequest) -> ChecksumReply:
        """`POST /sync/checksum` (protocol 17)."""
        reply = self._authorised("/sync/checksum", request)
        check_reply(reply, ChecksumReply.__required_keys__)
        return cast(ChecksumReply, reply)

    def begin_incarnation(self, request: IncarnationRequest) -> IncarnationReply:
        """`POST /devices/incarnations` (protocol 2.7). From then on the transport speaks as the new device."""
        self._drop_ahead()  # it is of the device that this one no longer is
        held = self._credentials
        reply = self._authorised("/devices/incarnations", {**request, "proof": held.proof(request["key"])})
        made = admitted(reply, held.server, held.slug, held.secret, origin_id=held.origin)
        check_reply(reply, IncarnationReply.__required_keys__)
        self._credentials = made
        self._store.save(made)
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

    def hand_in(self, incarnation: int, mutations: list[Mutation], *, complete: bool) -> HandInReply:
        """`POST /t/{slug}/devices/quarantine` (protocol 14)."""
        held = self._credentials
        last = mutations[-1]["digest"] if mutations else ""
        text = f"quarantine/{held.device_id}/{last}/{str(complete).lower()}"
        message = {
            "protocol": PROTOCOL_VERSION, "device_id": held.device_id, "proof": held.proof(text),
            "incarnation": incarnation, "complete": complete, "mutations": mutations,
        }  # fmt: skip
        reply = self.post(f"/t/{held.slug}/devices/quarantine", message)
        check_reply(reply, HandInReply.__required_keys__)
        return {name: reply[name] for name in HandInReply.__required_keys__}  # type: ignore[return-value]

    def close(self) -> None:
        """Close the connections; a page that is on its way is dropped."""
        self._drop_ahead()
        super().close()

    def _drop_ahead(self) -> None:
        ahead, self._ahead, self._following = self._ahead, None, None
        if ahead is not None:
            ahead.drop()

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
        held = self._credentials = loaded(self._store)
        message = {"device_id": held.device_id, "refresh_token": held.refresh_token, "proof": held.proof()}
        reply = self.post(f"/t/{held.slug}/devices/token", message)
        check_reply(reply, ("refresh_token", "access_token"))
        lease, lease_key = lease_of(reply)
        renewed = replace(
            held,
            refresh_token=reply["refresh_token"],
            access_token=reply["access_token"],
            lease=lease,
            lease_key=lease_key,
        )
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
