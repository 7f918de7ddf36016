"""One sync: push what is pending, pull what is new, show it at once. The only part that talks to the server.

Each step is durable before the next begins, so a sync that breaks off anywhere is gone on with by the next one:
a mutation is marked as sent before it leaves; its outcome is stored before it is acknowledged; a page is stored before
the next is asked for; rows, cursor and overlay change together.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from outrider_sdk import outbox, reveal
from outrider_sdk.attention import AttentionItem
from outrider_sdk.errors import ForeignCredentials, ProtocolViolation, Rejected, ReplicaForked
from outrider_sdk.ids import Clock
from outrider_sdk.protocol import (
    PROTOCOL_VERSION,
    PUSH_MUTATIONS_MAX,
    Mutation,
    Outcome,
    PullPage,
    PushReply,
    PushRequest,
)
from outrider_sdk.protocol.entities import SCHEMA_VERSION
from outrider_sdk.store import Store
from outrider_sdk.transport import Transport

GAPS_MAX = 3
"""A push that the server answers this often with a gap is given up."""
RESTARTS_MAX = 3
"""A pull whose position the server refuses this often is given up, until the next sync."""
CHECKPOINT_FROM_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: mutations pushed of those to push, or rows pulled (their total is not known before)."""

    phase: str
    done: int
    total: int | None = None

    def __str__(self) -> str:
        return f"{self.phase}: {self.done}" + (f" of {self.total}" if self.total is not None else "")


@dataclass(slots=True)
class SyncReport:
    """What a sync did. `needs_attention` lists everything that waits for a person, also from before."""

    pushed: int = 0
    applied: int = 0
    merged: int = 0
    refused: int = 0
    pages: int = 0
    rows_put: int = 0
    rows_dropped: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0
    cursor: int = 0
    needs_attention: list[AttentionItem] = field(default_factory=list)

    def count(self, outcomes: list[Outcome]) -> None:
        """Add outcomes that were news."""
        for outcome in outcomes:
            setattr(self, outcome["status"], getattr(self, outcome["status"]) + 1)


OnProgress = Callable[[Progress], object]


class Sync:
    """A single run; made and used once."""

    def __init__(self, store: Store, transport: Transport, clock: Clock, on_progress: OnProgress | None) -> None:
        self._store = store
        self._transport = transport
        self._clock = clock
        self._on_progress = on_progress or (lambda progress: None)
        self._incarnation = store.meta_int("incarnation")
        self._at_most = PUSH_MUTATIONS_MAX  # fewer, where something on the way takes no body of that size
        self._skew: int | None = None  # of the last contact
        self._erased = False
        self.report = SyncReport()

    def run(self) -> SyncReport:
        """Push, then pull."""
        began = time.perf_counter()
        before = self._transport.bytes_sent, self._transport.bytes_received
        try:
            self._push_all()
            self._pull_all()
        finally:
            report = self.report
            report.bytes_sent = self._transport.bytes_sent - before[0]
            report.bytes_received = self._transport.bytes_received - before[1]
            report.seconds = time.perf_counter() - began
            report.cursor = self._store.meta_int("cursor")
        if self._erased or report.rows_dropped or report.rows_put >= CHECKPOINT_FROM_ROWS:
            self._store.checkpoint()
        return report

    def _push_all(self) -> None:
        with self._store.read() as conn:
            total = conn.execute("SELECT count(*) FROM sync_outbox WHERE status IS NULL").fetchone()[0]
        start, again, gaps = 1, False, 0
        while True:
            chunk = self._marked_chunk(start, again)
            if not chunk:
                return  # what was answered is acknowledged by the next push, and told to the pull
            acked_through = self._store.meta_int("answered_through")
            try:
                reply = self._push(chunk, acked_through)
            except Rejected as refusal:
                if refusal.status == 413 and len(chunk) > 1:
                    self._at_most = len(chunk) // 2
                    continue
                expected = refusal.problem.get("expected")
                gaps += 1
                if refusal.code != "number_gap" or not isinstance(expected, int) or gaps > GAPS_MAX:
                    raise
                if expected > self._store.meta_int("last_number") + 1:
                    raise ReplicaForked(expected - 1) from refusal
                start, again = expected, True
                continue
            self._keep_outcomes(chunk, reply, acked_through)
            start = chunk[-1]["number"] + 1
            self.report.pushed += len(chunk)
            self._on_progress(Progress("pushed", self.report.pushed, max(total, self.report.pushed)))

    def _marked_chunk(self, start: int, again: bool) -> list[Mutation]:
        """The next mutations, marked as sent: from now on they may be known to the server, and can't be taken back."""
        with self._store.read() as conn:
            if outbox.is_drained(conn, start, again=again):
                return []
        with self._store.write() as conn:
            chunk = outbox.next_chunk(conn, start, again=again, at_most=self._at_most)
            if again and (not chunk or chunk[0]["number"] != start):
                raise ReplicaForked(start)  # the server asks for what this replica never had, or no longer keeps
            last = chunk[-1]["number"]
            if last > self._store.meta_int("sent_through"):
                self._store.set_meta(sent_through=last)
        return chunk

    def _push(self, chunk: list[Mutation], acked_through: int) -> PushReply:
        request: PushRequest = {
            "protocol": PROTOCOL_VERSION,
            "incarnation": self._incarnation,
            "acked_through": acked_through,
            "mutations": chunk,
        }
        reply: PushReply = self._contact(lambda: self._transport.push(request), PushReply.__required_keys__)
        return reply

    def _keep_outcomes(self, chunk: list[Mutation], reply: PushReply, acked_through: int) -> None:
        answered = {outcome.get("number") for outcome in reply["outcomes"]}
        missing = [mutation["number"] for mutation in chunk if mutation["number"] not in answered]
        self._erased |= any("erased" in outcome for outcome in reply["outcomes"])
        with self._store.write():
            self.report.count(outbox.store_outcomes(self._store, reply["outcomes"]))
            self._store.set_meta(acked_through=acked_through, skew=self._skew)
        if missing and reply["applied_through"] < missing[0]:
            raise ProtocolViolation(f"The server took mutation {missing[0]} and says nothing of it.")

    def _pull_all(self) -> None:
        asked_from = self._store.meta_int("cursor")
        position = self._resumed_position(asked_from)
        restarts = 0
        while True:
            try:
                page = self._pull(asked_from, position)
            except Rejected as refusal:
                restarts += 1
                if position is None or not refusal.code.startswith("position") or restarts > RESTARTS_MAX:
                    raise
                with self._store.write() as conn:  # the server, or the user's role, is another than in the page before
                    reveal.discard_staged(self._store, conn)
                position = None
                continue
            self._count(page)
            self._erased |= bool(page.get("erased")) or any("erased" in outcome for outcome in page["outcomes"])
            if page["complete"]:
                news = reveal.reveal(self._store, page, asked_from, skew=self._skew, last_sync_at=self._clock())
                self.report.count(news)
                return
            if page["position"] in (None, position):
                raise ProtocolViolation("The server's pull does not advance.")
            if not reveal.stage(self._store, page, asked_from):
                return
            position = page["position"]

    def _resumed_position(self, asked_from: int) -> str | None:
        position = self._store.meta("pull_position")
        if position is not None and self._store.meta_int("pull_from", -1) != asked_from:
            with self._store.write() as conn:
                reveal.discard_staged(self._store, conn)
            return None
        return position

    def _pull(self, cursor: int, position: str | None) -> PullPage:
        page: PullPage = self._contact(
            lambda: self._transport.pull(
                {
                    "protocol": PROTOCOL_VERSION,
                    "schema": SCHEMA_VERSION,
                    "cursor": cursor,
                    "position": position,
                    "view": self._store.meta("view"),
                    "acked_through": self._store.meta_int("answered_through"),
                }
            ),
            PullPage.__required_keys__,
        )
        if page["incarnation"] != self._incarnation:
            raise ForeignCredentials("The server knows this device under another incarnation: enrol it again.")
        if page["complete"] and page["cursor"] < cursor:
            raise ProtocolViolation(
                "The server's revision went back: it was restored from a backup. Nothing was changed."
            )
        return page

    def _contact(self, call: Callable[[], Any], keys: Any) -> Any:
        """Make a request; see that its reply is whole and of our own past; measure the skew of the clocks."""
        left = self._clock()
        reply = call()
        there = self._clock()
        if not all(key in reply for key in keys):
            raise ProtocolViolation("The server's reply lacks " + ", ".join(sorted(set(keys) - set(reply))))
        if reply["applied_through"] > self._store.meta_int("last_number"):
            raise ReplicaForked(reply["applied_through"])
        left, there = self._transport.contact_time or (left, there)
        self._skew = reply["server_time"] - (left + there) // 2
        return reply

    def _count(self, page: PullPage) -> None:
        report = self.report
        report.pages += 1
        report.rows_put += sum(len(columns.get("id", ())) for columns in page["puts"].values())
        report.rows_dropped += sum(map(len, page["drops"].values()))
        self._on_progress(Progress("pulled", report.rows_put + report.rows_dropped))
