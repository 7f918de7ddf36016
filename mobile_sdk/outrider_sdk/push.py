"""Pushing what is pending.

A mutation is marked as sent before it leaves; its outcome is stored before it is acknowledged. While the server works
on one push, the outcomes of the one before are stored, and the next one is made ready; one at a time is under way.
"""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass

from outrider_sdk import outbox
from outrider_sdk.again import go_back
from outrider_sdk.contact import Contact
from outrider_sdk.errors import OutriderError, ProtocolViolation, Rejected, ReplicaForked
from outrider_sdk.protocol import PROTOCOL_VERSION, PUSH_MUTATIONS_MAX, Mutation, PushReply, PushRequest
from outrider_sdk.report import Progress
from outrider_sdk.transport import PipelinedTransport
from outrider_sdk.under_way import Deferred, UnderWay

GAPS_MAX = 3
"""A push that the server answers this often with a gap is given up."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one push hands in."""

    mutations: list[Mutation]
    is_last: bool
    """Nothing is pending after it, as of when it was made ready."""
    request: PushRequest

    @property
    def first(self) -> int:
        """Its first number."""
        return self.mutations[0]["number"]

    @property
    def last(self) -> int:
        """Its last number."""
        return self.mutations[-1]["number"]


class Push:
    """The pushes of one sync; made and used once."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._store = contact.store
        self._report = contact.report
        self._at_most = PUSH_MUTATIONS_MAX  # fewer, where something on the way takes no body of that size
        self._again = False  # also what was answered before is handed in
        self._sent_through = self._store.meta_int("sent_through")
        self._total = 0
        self._under_way: UnderWay[PushReply] | Deferred[PushReply] | None = None

    def run(self) -> None:
        """Hand in everything that the server has not answered."""
        with self._store.read() as conn:
            self._total = conn.execute("SELECT count(*) FROM sync_outbox WHERE status IS NULL").fetchone()[0]
        self._again = self._store.meta("again_from") is not None
        try:
            self._hand_in(self._store.meta_int("again_from", 1))
        except Exception:
            self._unmark()
            raise
        finally:
            if self._under_way is not None:
                self._under_way.drop()
        # What was answered is acknowledged by the next push, and told to the pull.
        if self._again:
            with self._store.write():
                self._store.set_meta(again_from=None)

    def _hand_in(self, start: int) -> None:
        gaps, chunk = 0, self._marked_chunk(start)
        if chunk is not None:
            self._send(chunk, beside=not chunk.is_last)
        while chunk is not None:
            following = None if chunk.is_last else self._marked_chunk(chunk.last + 1)
            if following is not None and isinstance(self._contact.transport, PipelinedTransport):
                self._contact.transport.make_ready(following.request)
            try:
                reply = self._reply()
            except Rejected as refusal:
                if refusal.status == 413 and len(chunk.mutations) > 1:
                    self._at_most, start = len(chunk.mutations) // 2, chunk.first
                else:
                    start, self._again = self._filled_gap(refusal, gaps), True
                    gaps += 1
                chunk = self._marked_chunk(start)
                if chunk is not None:
                    self._send(chunk, beside=not chunk.is_last)
                continue
            if following is not None:
                self._send(following, beside=True)
            self._keep_outcomes(chunk, reply)
            chunk = following or self._marked_chunk(chunk.last + 1)
            if chunk is not None and following is None:
                self._send(chunk, beside=not chunk.is_last)

    def make_sure(self) -> None:
        """See that the server still has what it has answered, and hand it in again where it was restored since.

        For whoever is about to lose it here, and gets no page that would tell.
        """
        answered_through = self._store.meta_int("answered_through")
        request: PushRequest = {
            "protocol": PROTOCOL_VERSION,
            "incarnation": self._contact.incarnation,
            "acked_through": answered_through,
            "mutations": [],
        }
        reply: PushReply = self._contact.request(
            lambda: self._contact.transport.push(request), PushReply.__required_keys__
        )
        if reply["applied_through"] < answered_through:
            self._report.handed_in_again += go_back(self._store, reply["applied_through"], at=self._contact.clock())
            self.run()

    def _filled_gap(self, refusal: Rejected, gaps: int) -> int:
        """From which number to go on, where the server asks for another one than was sent.

        Raises:
            ReplicaForked: this replica never had it.
            Rejected: it was refused for another reason, or again and again.
        """
        expected = refusal.problem.get("expected")
        if refusal.code == "incarnation_unknown":
            raise ReplicaForked(self._store.meta_int("last_number")) from refusal
        if refusal.code != "number_gap" or not isinstance(expected, int) or gaps >= GAPS_MAX:
            raise refusal
        if expected > self._store.meta_int("last_number") + 1:
            raise ReplicaForked(expected - 1) from refusal
        self._report.handed_in_again += go_back(self._store, expected - 1, at=self._contact.clock())
        return expected

    def _marked_chunk(self, start: int) -> Chunk | None:
        """The next mutations, marked as sent: from now on they may be known to the server, and can't be taken back."""
        again = self._again
        with self._store.read() as conn:
            if outbox.is_drained(conn, start, again=again):
                return None
        with self._store.write() as conn:
            mutations = outbox.next_chunk(conn, start, again=again, at_most=self._at_most)
            if again and (not mutations or mutations[0]["number"] != start):
                # The server asks for what this replica no longer has.
                held = mutations[0]["number"] if mutations else self._store.meta_int("last_number") + 1
                raise ReplicaForked(start, lost=(start, held - 1))
            last = mutations[-1]["number"]
            if last > self._store.meta_int("sent_through"):
                self._store.set_meta(sent_through=last)
            is_last = outbox.is_drained(conn, last + 1, again=again)
        request: PushRequest = {
            "protocol": PROTOCOL_VERSION,
            "incarnation": self._contact.incarnation,
            "acked_through": self._store.meta_int("answered_through"),
            "mutations": mutations,
        }
        if mutations[0]["number"] <= self._sent_through:
            # It left before and had no answer, whatever the reason: it may be that the server does not survive it.
            request["again"] = True
        return Chunk(mutations, is_last, request)

    def _unmark(self) -> None:
        """What was made ready and did not leave can be taken back, as before; where that fails, it can't."""
        with suppress(OutriderError, sqlite3.Error):
            if self._store.meta_int("sent_through") > self._sent_through:
                with self._store.write():
                    self._store.set_meta(sent_through=self._sent_through)

    def _send(self, chunk: Chunk, *, beside: bool) -> None:
        self._sent_through = max(self._sent_through, chunk.last)
        transport, request = self._contact.transport, chunk.request
        if beside and isinstance(transport, PipelinedTransport):
            self._under_way = transport.begin_push(request)
        else:
            self._under_way = Deferred(lambda: transport.push(request))

    def _reply(self) -> PushReply:
        under_way, self._under_way = self._under_way, None
        assert under_way is not None
        reply: PushReply = self._contact.request(under_way.result, PushReply.__required_keys__)
        return reply

    def _keep_outcomes(self, chunk: Chunk, reply: PushReply) -> None:
        answered = {outcome.get("number") for outcome in reply["outcomes"]}
        missing = [mutation["number"] for mutation in chunk.mutations if mutation["number"] not in answered]
        self._contact.erased |= any("erased" in outcome for outcome in reply["outcomes"])
        self._report.parked += sum(outcome.get("status") == outbox.PARKED for outcome in reply["outcomes"])
        with self._store.write():
            self._report.count(outbox.store_outcomes(self._store, reply["outcomes"]))
            outbox.note_durable(self._store, reply.get("durable_through"))
            self._store.set_meta(acked_through=chunk.request["acked_through"], skew=self._contact.skew)
        if missing and reply["applied_through"] < missing[0]:
            raise ProtocolViolation(f"The server took mutation {missing[0]} and says nothing of it.")
        self._report.pushed += len(chunk.mutations)
        self._contact.on_progress(Progress("pushed", self._report.pushed, max(self._total, self._report.pushed)))
