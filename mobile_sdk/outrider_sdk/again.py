"""Handing in again what was answered before: to a server that was restored, or as another device (protocol 4.13)."""

import sqlite3

from outrider_sdk import incidents, outbox, overlay
from outrider_sdk.store import Store


def hand_in_again(store: Store, conn: sqlite3.Connection, after: int) -> int:
    """Make pending again what was applied or merged after a number, within the caller's transaction; how many.

    They lie over the rows again, so that the person goes on seeing them whatever the server lost. What was refused
    stays refused, and travels without its content, as do changes that are about people who were erased.
    """
    answered = list(outbox.entries(conn, "number > ? AND status IN ('applied', 'merged')", (after,)))
    for entry in answered:
        for change, derived in zip(entry.changes, entry.derived, strict=True):
            if outbox.ERASED not in change:
                overlay.cover(conn, entry.number, change, derived)
    conn.execute(
        "UPDATE sync_outbox SET status = NULL, outcome = NULL, overlaid = 1"
        " WHERE number > ? AND status IN ('applied', 'merged')",
        (after,),
    )
    known = conn.execute("SELECT 1 FROM sync_outbox WHERE number > ? AND status IS NOT NULL", (after,)).fetchone()
    if answered or known:
        store.set_meta(again_from=after + 1)
    outbox.recount_answered(store, conn)
    if answered:
        overlay.recompute(conn)  # what others made of it since stands back until it is answered
    return len(answered)


def go_back(store: Store, after: int, *, at: int) -> int:
    """The server's last number is lower than what it had acknowledged: it was restored. How many come again."""
    with store.write() as conn:
        count = hand_in_again(store, conn, after)
        store.set_meta(applied_through=min(store.meta_int("applied_through"), after))
        if count:
            incidents.note(store, "server_restored", at, count=count)
    return count
