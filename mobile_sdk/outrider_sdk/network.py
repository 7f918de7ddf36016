"""A replica and its server: enrolment, sync, listening, wipe."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from outrider_sdk import sync, wipe
from outrider_sdk.attachments import AttachmentTable
from outrider_sdk.attention import AttentionItem
from outrider_sdk.credentials import Credentials, CredentialStore
from outrider_sdk.errors import (
    ContentDamaged,
    DeviceRevoked,
    DeviceUnknown,
    NotEnrolled,
    OutriderError,
    ReplicaBusy,
    ReplicaError,
    ReplicaWiped,
    ServerUnavailable,
    SyncError,
    WipeOrdered,
)
from outrider_sdk.events import Events
from outrider_sdk.identity import come_back, enrol, identify, read_enrolment_url
from outrider_sdk.ids import Clock
from outrider_sdk.lease import LeaseWatch
from outrider_sdk.listen import HttpEvents, Listener
from outrider_sdk.report import OnProgress, SyncReport
from outrider_sdk.store import Store
from outrider_sdk.transport import HttpTransport, Transport


class Network:
    """What `Replica` has of the network."""

    events: Events
    attachments: AttachmentTable
    attention: Callable[[], list[AttentionItem]]
    close: Callable[[], None]
    _refuse_inside_transaction: Callable[[str], None]
    _store: Store
    _credentials: CredentialStore
    _server: str | None
    _transport: Transport | None
    _clock: Clock
    _lease: LeaseWatch
    _syncing: threading.Lock
    _listener: Listener | None = None
    _last_error: SyncError | None = None

    def enrol(
        self,
        url: str | None = None,
        *,
        server: str = "",
        tenant: str = "",
        code: str = "",
        name: str = "device",
        again: bool = False,
    ) -> Credentials:
        """Make this device known to the server by a one-time code. Needs the network, once.

        Args:
            url: what the QR code says: server, tenant and code in one.
            again: enrol a replica once more that the server no longer lets in (`DeviceRevoked`, `ReplicaForked`), by
                a code of the same person. Its unsent work stays, and is handed in by the next sync.

        Raises:
            InvalidValue: the URL is none of an enrolment.
            ReplicaError: the replica is of a device already.
            ForeignCredentials: the code is another person's.
            Rejected: the code is used, expired or unknown.
        """
        if url is not None:
            server, tenant, code = read_enrolment_url(url)
        wipe.report(self._store.path)
        was = self._store.meta("device_id")
        if was is not None and not again:
            raise ReplicaError(
                f"{self._store.path} is enrolled already. Name another file for another device, or enrol it again=True."
            )
        enrol(self._store, self._credentials, self._clock, server=server, tenant=tenant, code=code, name=name)
        if was is not None and isinstance(self._transport, HttpTransport):
            self._transport.close()
            self._transport = None
        self._lease.forget()
        made = self._credentials.load()
        assert made is not None
        return made

    def sync(self, on_progress: OnProgress | None = None) -> SyncReport:
        """Push what is pending, pull what is new. The only call that uses the network.

        Whatever it raises, local work is kept, and the next sync goes on where this one broke off.

        Raises:
            Offline, ServerUnavailable: try again later.
            DeviceRevoked, ReplicaForked, ClientTooOld, NotEnrolled: a person must act.
            Rejected, ProtocolViolation: device and server do not understand each other.
        """
        self._refuse_inside_transaction("sync")
        if not self._syncing.acquire(blocking=False):
            raise ReplicaBusy(self._store.path, os.getpid())
        try:
            with self._noted():
                return self._sync(on_progress)
        finally:
            self._syncing.release()

    def _sync(self, on_progress: OnProgress | None) -> SyncReport:
        if self._store.meta("device_id") is None:
            wipe.report(self._store.path)  # of what was here before, where nobody has heard of it yet
        transport = self._reach()
        if self._store.meta("device_id") is None:
            identify(self._store, self._credentials)
        if self._store.meta("device_id") is None:
            raise NotEnrolled("This replica belongs to no device yet. Enrol it with a code.")
        try:
            try:
                report = sync.run(self._store, transport, self._clock, on_progress)
            except DeviceUnknown:
                transport = self._come_back()
                report = sync.run(self._store, transport, self._clock, on_progress)
                report.begun_anew = True
            report.contents_uploaded, report.contents_failed = self.attachments.carry(transport, on_progress)
        except WipeOrdered as ordered:
            if not ordered.now:
                self._require_answered()
                self._bring_contents(on_progress)
            raise self._erase(pushed_first=not ordered.now) from ordered
        except DeviceRevoked as revoked:
            is_kept_nowhere = (
                self._count_pending(revoked.handed_in_through or 0) > 0
                or revoked.kept_nowhere > 0
                or self.attachments.count_unsent() > 0
            )
            if revoked.wipe == "now" or (revoked.wipe and not is_kept_nowhere):
                raise self._erase(pushed_first=revoked.wipe != "now") from revoked
            raise
        self._lease.forget()
        report.needs_attention = self.attention()
        told = ("pushed", "applied", "merged", "refused", "rows_put", "rows_dropped", "bytes_sent", "bytes_received")
        self.events.note("sync_ended", **{name: getattr(report, name) for name in told})
        return report

    def _come_back(self) -> Transport:
        """The server was restored, and lost this device: go on as another one, by the lease.

        Raises:
            DeviceUnknown: it wants a code.
        """
        if not come_back(self._store, self._credentials, self._clock):
            raise DeviceUnknown
        self._lease.forget()
        if isinstance(self._transport, HttpTransport):
            self._transport.close()
            self._transport = None
        return self._reach()

    def wipe(self, *, now: bool = False) -> None:
        """Erase all that this device holds, after it has handed in everything; the server gets a receipt.

        Args:
            now: without handing in first. What was not sent is lost.

        Raises:
            Offline, ServerUnavailable and others of `sync`: nothing was erased; `now` does without them.
        """
        if not now:
            try:
                self.sync()
            except ReplicaWiped:
                return
            self._require_answered()
            self._bring_contents()
        self._refuse_inside_transaction("wipe")
        self._erase(pushed_first=not now)

    def _require_answered(self) -> None:
        """See that nothing would be lost: a restored server does not keep yet what waits for others' rows (parked)."""
        pending = self._count_pending(0)
        if pending:
            raise ServerUnavailable(
                f"{pending} changes wait at a restored server for others' work, and would be lost. Nothing was erased;"
                " sync again later."
            )

    def _bring_contents(self, on_progress: OnProgress | None = None) -> None:
        """Upload what waits, whatever the policy: it is about to be erased. A copy that is damaged is lost already."""
        if self.attachments.count_unsent():
            with suppress(ContentDamaged):
                self.attachments.upload(on_progress, everything=True)

    def _count_pending(self, after: int) -> int:
        """Mutations after a number that the server has not answered."""
        with self._store.read() as conn:
            sql = "SELECT count(*) FROM sync_outbox WHERE status IS NULL AND changes <> '[]' AND number > ?"
            return int(conn.execute(sql, (after,)).fetchone()[0])

    def _erase(self, *, pushed_first: bool) -> ReplicaWiped:
        path, credentials = self._store.path, self._credentials
        lost = 0 if pushed_first else self._count_pending(0)
        facts = {"pushed_first": pushed_first, "erased_at": self._clock(), "lost_mutations": lost}
        wipe.begin(path, credentials.load(), facts)
        self.close()
        credentials.delete()
        wipe.finish(path)
        return ReplicaWiped(reported=wipe.report(path))

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Tell of a sync what happened, and remember what it raised."""
        self.events.note("sync_began")
        try:
            yield
        except OutriderError as error:
            self._last_error = error if isinstance(error, SyncError) else None
            self.events.note("sync_failed", error=type(error).__name__, code=getattr(error, "code", None))
            raise
        self._last_error = None

    def listen(self, on_news: Callable[[], object] | None = None) -> Listener:
        """Listen for news in a thread, as long as this program runs: sync when the server says that there is any.

        It connects anew by itself, and never raises; `Listener.error` says why it ended, if it did. Where no program
        may run in the background, an app does without, and loses nothing: a sync brings the same.

        Args:
            on_news: called in place of `sync`, from the listener's thread.

        Raises:
            NotEnrolled: this replica belongs to no device yet.
        """
        source = HttpEvents(HttpTransport(self._credentials, server=self._server, clock=self._clock))
        if self._listener is not None:
            self._listener.stop()
        self._listener = Listener(source, partial(self._store.meta_int, "cursor"), on_news or self.sync)
        return self._listener

    def _reach(self) -> Transport:
        if self._transport is None:
            self._transport = HttpTransport(self._credentials, server=self._server, clock=self._clock)
        return self._transport
