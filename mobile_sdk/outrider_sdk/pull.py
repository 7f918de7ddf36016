"""Pulling what is new: each page is stored before the next is asked for; all are shown at once."""

from functools import partial

from outrider_sdk import limits, reveal
from outrider_sdk.contact import Contact
from outrider_sdk.errors import ForeignCredentials, ProtocolViolation, Rejected
from outrider_sdk.protocol import PROTOCOL_VERSION, PullPage, PullRequest
from outrider_sdk.protocol.entities import SCHEMA_VERSION
from outrider_sdk.report import Progress
from outrider_sdk.snapshot import Snapshots, encodings
from outrider_sdk.snapshot_unpacking import Unusable

RESTARTS_MAX = 3
"""A pull whose position the server refuses this often is given up, until the next sync."""


class ServerBehind(Exception):
    """The server has not what it acknowledged: it was restored from a backup."""

    def __init__(self, applied_through: int) -> None:
        super().__init__(applied_through)
        self.applied_through = applied_through


class Pull:
    """The pull of one sync, in pages; made and used once."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._store = contact.store
        self._report = contact.report
        self._snapshots = Snapshots(contact)
        self._encodings = encodings(contact.store, contact.transport)

    def run(self) -> None:
        """Fetch every page, and show them.

        Raises:
            ServerBehind: hand in again what comes after its last number, then pull.
        """
        asked_from = self._store.meta_int("cursor")
        position = self._snapshots.resume(asked_from) or self._resumed_position(asked_from)
        restarts = 0
        while True:
            try:
                page = self._page(asked_from, position)
            except Rejected as refusal:
                restarts += 1
                if position is None or not refusal.code.startswith("position") or restarts > RESTARTS_MAX:
                    raise
                self._begin_again()  # the server, or the user's role, is another than in the page before
                position = None
                continue
            self._count(page)
            if page["puts"] or page.get("snapshot") is not None:
                limits.check_replica(self._store)
            if page.get("snapshot") is not None:
                if position is not None or not self._encodings:
                    raise ProtocolViolation("The server offers a snapshot that nobody asked for.")
                position = self._snapshots.begin(page, asked_from)
                if position is None:
                    self._encodings = []  # it can't be had, or is of no use: pages do
                continue
            self._contact.erased |= bool(page.get("erased")) or any("erased" in outcome for outcome in page["outcomes"])
            if not page["complete"] and page["position"] in (None, position):
                raise ProtocolViolation("The server's pull does not advance.")
            try:
                if self._snapshots.place(asked_from, page, partial(self._take, page, asked_from)):
                    return
            except Unusable:
                self._encodings, position = [], None
                continue
            position = page["position"]

    def _take(self, page: PullPage, asked_from: int) -> bool:
        """Stage a page, or reveal it with those before it; whether the pull has come to its end, or is void."""
        if not page["complete"]:
            return not reveal.stage(self._store, page, asked_from)
        facts = {"skew": self._contact.skew, "last_sync_at": self._contact.clock(), "time_floor": None}
        if not asked_from:
            facts["compared_at"] = facts["last_sync_at"]  # `checksum` has a day until its first
        self._report.count(reveal.reveal(self._store, page, asked_from, **facts))
        return True

    def _begin_again(self) -> None:
        """Throw away what was pulled so far: its position is void."""
        self._snapshots.forget()
        with self._store.write() as conn:
            reveal.discard_staged(self._store, conn)

    def _resumed_position(self, asked_from: int) -> str | None:
        position = self._store.meta("pull_position")
        if position is not None and self._store.meta_int("pull_from", -1) != asked_from:
            with self._store.write() as conn:
                reveal.discard_staged(self._store, conn)
            return None
        return position

    def _page(self, cursor: int, position: str | None) -> PullPage:
        page: PullPage = self._contact.request(
            lambda: self._contact.transport.pull(self._request(cursor, position)),
            PullPage.__required_keys__,
        )
        if page["applied_through"] < self._store.meta_int("answered_through"):
            raise ServerBehind(page["applied_through"])
        if page["incarnation"] != self._contact.incarnation:
            raise ForeignCredentials("The server knows this device under another incarnation: enrol it again.")
        if page["complete"] and page["cursor"] < (0 if page["anew"] else cursor):
            raise ProtocolViolation(
                "The server's revision went back: it was restored from a backup. Nothing was changed."
            )
        return page

    def _request(self, cursor: int, position: str | None) -> PullRequest:
        request: PullRequest = {
            "protocol": PROTOCOL_VERSION,
            "schema": SCHEMA_VERSION,
            "cursor": cursor,
            "position": position,
            "cursor_token": self._store.meta("cursor_token"),
            "view": self._store.meta("view"),
            "acked_through": self._store.meta_int("answered_through"),
        }
        if self._encodings:
            request["snapshots"] = self._encodings
        return request

    def _count(self, page: PullPage) -> None:
        report = self._report
        report.pages += 1
        report.rows_put += sum(len(columns.get("id", ())) for columns in page["puts"].values())
        report.rows_dropped += sum(map(len, page["drops"].values()))
        self._contact.on_progress(Progress("pulled", report.rows_put + report.rows_dropped))
