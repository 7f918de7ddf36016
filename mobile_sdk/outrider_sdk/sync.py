"""One sync: push what is pending, pull what is new, show it at once. The only part that talks to the server.

Each step is durable before the next begins, so a sync that breaks off anywhere is gone on with by the next one: see
`push` and `pull`. Rows, cursor and overlay change together (`reveal`).
"""

import time

from outrider_sdk.contact import Contact
from outrider_sdk.ids import Clock
from outrider_sdk.pull import Pull
from outrider_sdk.push import Push
from outrider_sdk.report import OnProgress, SyncReport
from outrider_sdk.search import index
from outrider_sdk.store import Store
from outrider_sdk.transport import Transport

CHECKPOINT_FROM_ROWS = 1_000


def run(store: Store, transport: Transport, clock: Clock, on_progress: OnProgress | None = None) -> SyncReport:
    """Push, then pull."""
    contact = Contact(store, transport, clock, on_progress)
    report = contact.report
    began = time.perf_counter()
    before = transport.bytes_sent, transport.bytes_received
    try:
        Push(contact).run()
        Pull(contact).run()
    finally:
        report.bytes_sent = transport.bytes_sent - before[0]
        report.bytes_received = transport.bytes_received - before[1]
        report.seconds = time.perf_counter() - began
        report.cursor = store.meta_int("cursor")
    if contact.erased or report.rows_dropped:
        index.scrub(store)
    if contact.erased or report.rows_dropped or report.rows_put >= CHECKPOINT_FROM_ROWS:
        store.checkpoint()
    return report
