"""Pushing what is pending.

A mutation is marked as sent before it leaves; its outcome is stored before it is acknowledged.
"""

from outrider_sdk import outbox
from outrider_sdk.again import go_back
from outrider_sdk.contact import Contact
from outrider_sdk.errors import ProtocolViolation, Rejected, ReplicaForked
from outrider_sdk.protocol import PROTOCOL_VERSION, PUSH_MUTATIONS_MAX, Mutation, PushReply, PushRequest
from outrider_sdk.report import Progress

GAPS_MAX = 3
"""A push that the server answers this often with a gap is given up."""


class Push:
    """The pushes of one sync; made and used once."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._store = contact.store
        self._report = contact.report
        self._at_most = PUSH_MUTATIONS_MAX  # fewer, where something on the way takes no body of that size

    def run(self) -> None:
        """Hand in everything that the server has not answered."""
        with self._store.read() as conn:
            total = conn.execute("SELECT count(*) FROM sync_outbox WHERE status IS NULL").fetchone()[0]
        start, gaps = self._store.meta_int("again_from", 1), 0
        again = self._store.meta("again_from") is not None
        while True:
            sent_through = self._store.meta_int("sent_through")
            chunk = self._marked_chunk(start, again)
            if not chunk:
                break  # what was answered is acknowledged by the next push, and told to the pull
            acked_through = self._store.meta_int("answered_through")
            try:
                reply = self._push(chunk, acked_through, again=chunk[0]["number"] <= sent_through)
            except Rejected as refusal:
                if refusal.status == 413 and len(chunk) > 1:
                    self._at_most = len(chunk) // 2
                    continue
                start, again = self._filled_gap(refusal, gaps), True
                gaps += 1
                continue
            self._keep_outcomes(chunk, reply, acked_through)
            start = chunk[-1]["number"] + 1
            self._report.pushed += len(chunk)
            self._contact.on_progress(Progress("pushed", self._report.pushed, max(total, self._report.pushed)))
        if again:
            with self._store.write():
                self._store.set_meta(again_from=None)

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

    def _marked_chunk(self, start: int, again: bool) -> list[Mutation]:
        """The next mutations, marked as sent: from now on they may be known to the server, and can't be taken back."""
        with self._store.read() as conn:
            if outbox.is_drained(conn, start, again=again):
                return []
        with self._store.write() as conn:
            chunk = outbox.next_chunk(conn, start, again=again, at_most=self._at_most)
            if again and (not chunk or chunk[0]["number"] != start):
                # The server asks for what this replica no longer has.
                held = chunk[0]["number"] if chunk else self._store.meta_int("last_number") + 1
                raise ReplicaForked(start, lost=(start, held - 1))
            last = chunk[-1]["number"]
            if last > self._store.meta_int("sent_through"):
                self._store.set_meta(sent_through=last)
        return chunk

    def _push(self, chunk: list[Mutation], acked_through: int, *, again: bool) -> PushReply:
        request: PushRequest = {
            "protocol": PROTOCOL_VERSION,
            "incarnation": self._contact.incarnation,
            "acked_through": acked_through,
            "mutations": chunk,
        }
        if again:  # without an answer, whatever the reason: it may be that the server does not survive it
            request["again"] = True
        reply: PushReply = self._contact.request(
            lambda: self._contact.transport.push(request), PushReply.__required_keys__
        )
        return reply

    def _keep_outcomes(self, chunk: list[Mutation], reply: PushReply, acked_through: int) -> None:
        answered = {outcome.get("number") for outcome in reply["outcomes"]}
        missing = [mutation["number"] for mutation in chunk if mutation["number"] not in answered]
        self._contact.erased |= any("erased" in outcome for outcome in reply["outcomes"])
        self._report.parked += sum(outcome.get("status") == outbox.PARKED for outcome in reply["outcomes"])
        with self._store.write():
            self._report.count(outbox.store_outcomes(self._store, reply["outcomes"]))
            outbox.note_durable(self._store, reply.get("durable_through"))
            self._store.set_meta(acked_through=acked_through, skew=self._contact.skew)
        if missing and reply["applied_through"] < missing[0]:
            raise ProtocolViolation(f"The server took mutation {missing[0]} and says nothing of it.")
