"""One sync: push what is pending, pull what is new, show it at once. The only part that talks to the server.

What a step builds on is durable before it begins, so a sync that breaks off anywhere is gone on with by the next one:
see `push` and `pull`. Rows, cursor and overlay change together (`reveal`).
"""

import time

from outrider_sdk import checksum, incarnation, quarantine
from outrider_sdk.again import go_back
from outrider_sdk.contact import Contact
from outrider_sdk.errors import DeviceRevoked, DeviceUnknown, ReplicaForked, ServerUnavailable, WipeOrdered
from outrider_sdk.ids import Clock
from outrider_sdk.pull import Pull, ServerBehind
from outrider_sdk.push import Push
from outrider_sdk.quarantine import QuarantineTransport
from outrider_sdk.report import OnProgress, SyncReport
from outrider_sdk.search import index
from outrider_sdk.store import Store
from outrider_sdk.transport import Transport

CHECKPOINT_FROM_ROWS = 1_000


INCARNATIONS_MAX = 2
"""So often a sync lets the replica go on as another device, before it gives up."""


def run(store: Store, transport: Transport, clock: Clock, on_progress: OnProgress | None = None) -> SyncReport:
    """Push, then pull; once a day, compare."""
    contact = Contact(store, transport, clock, on_progress)
    report = contact.report
    began = time.perf_counter()
    before = transport.bytes_sent, transport.bytes_received
    try:
        _exchange(contact)
        checksum.run(contact)
    except DeviceUnknown:
        raise
    except WipeOrdered as ordered:
        if not ordered.now:
            Push(contact).make_sure()
        raise
    except DeviceRevoked as revoked:
        if revoked.wipe is None and isinstance(transport, QuarantineTransport):
            revoked.wipe = transport.wanted_wipe()
        if revoked.wipe == "now":
            raise
        handed = quarantine.hand_in(store, transport, clock)
        told = DeviceRevoked(handed_in_through=handed.through)
        told.wipe, told.kept_nowhere = revoked.wipe, handed.kept_nowhere
        raise told from revoked
    finally:
        report.bytes_sent = transport.bytes_sent - before[0]
        report.bytes_received = transport.bytes_received - before[1]
        report.seconds = time.perf_counter() - began
    report.cursor = store.meta_int("cursor")
    if contact.erased or report.rows_dropped:
        index.scrub(store)
    if contact.erased:
        store.rewrite()
    if contact.erased or report.rows_dropped or report.rows_put >= CHECKPOINT_FROM_ROWS:
        store.checkpoint()
    return report


def _exchange(contact: Contact) -> None:
    """Push and pull; where the server turns out to know another past than this file's, heal that first."""
    for left in reversed(range(INCARNATIONS_MAX + 1)):
        try:
            if incarnation.is_due(contact.store):
                incarnation.begin(contact)
            Push(contact).run()
            try:
                Pull(contact).run()
            except ServerBehind as behind:
                again = go_back(contact.store, behind.applied_through, at=contact.clock())
                contact.report.handed_in_again += again
                Push(contact).run()
                _pull_again(contact)
            return
        except ReplicaForked as fork:
            if not left or incarnation.is_due(contact.store):
                raise
            incarnation.prepare(contact.store, fork.lost)


def _pull_again(contact: Contact) -> None:
    try:
        Pull(contact).run()
    except ServerBehind as twice:
        raise ServerUnavailable("The server was set back while we synced. Nothing is lost: sync again.") from twice
