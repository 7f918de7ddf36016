"""Handing in again what was answered before: to a server that was restored, or as another device (protocol 4.13)."""

import json
import sqlite3
from collections.abc import Iterable

from outrider_sdk import incidents, outbox, overlay
from outrider_sdk.protocol import Outcome
from outrider_sdk.store import Store


def hand_in_again(store: Store, conn: sqlite3.Connection, after: int) -> int:
    """Make pending again what was applied or merged after a number, within the caller's transaction; how many.

    They lie over the rows again, so that the person goes on seeing them whatever the server lost. What was refused
    stays refused, and travels without its content, as do changes that are about people who were erased: where nothing
    else is left, what became of them is not asked again either.
    """
    found = outbox.entries(conn, "number > ? AND status IN ('applied', 'merged')", (after,))
    answered = [entry for entry in found if not entry.is_forgotten]
    for entry in answered:
        _cover(conn, entry)
    conn.executemany(
        "UPDATE sync_outbox SET status = NULL, outcome = NULL, overlaid = 1 WHERE number = ?",
        [(entry.number,) for entry in answered],
    )
    known = conn.execute("SELECT 1 FROM sync_outbox WHERE number > ? AND status IS NOT NULL", (after,)).fetchone()
    # Also where nothing comes again: from where an earlier push had to is no concern of this server, or this device.
    store.set_meta(again_from=after + 1 if answered or known else None)
    outbox.recount_answered(store, conn)
    if answered:
        overlay.recompute(conn)  # what others made of it since stands back until it is answered
    return len(answered)


def take_back_changed(conn: sqlite3.Connection, outcomes: Iterable[Outcome]) -> None:
    """Take back, within the caller's transaction, answers that a restored server has given otherwise since.

    A copy of this file, or a push that the network had held, may have handed in the work before this replica could: the
    server then has its number, and another answer, which is the one that counts. What was refused stays
    refused where this replica handed it in again, as it did so without the content; where the push came with it, it has
    taken effect.
    """
    for outcome in outcomes:
        number = outcome.get("number")
        stored = conn.execute("SELECT outcome FROM sync_outbox WHERE number = ?", (number,)).fetchone()
        if stored is None or stored[0] is None or json.loads(stored[0]) == outcome:
            continue
        has_effect = outcome.get("status") in ("applied", "merged")
        where = "number = ? AND (status IN ('applied', 'merged') OR status = 'refused' AND ?)"
        for entry in list(outbox.entries(conn, where, (number, has_effect))):
            if outcome.get("status") == outbox.PARKED:
                _cover(conn, entry)
            conn.execute(
                "UPDATE sync_outbox SET status = NULL, outcome = NULL, overlaid = ? WHERE number = ?",
                (int(outcome.get("status") == outbox.PARKED), entry.number),
            )


def _cover(conn: sqlite3.Connection, entry: outbox.Entry) -> None:
    for change, derived in zip(entry.changes, entry.derived, strict=True):
        if outbox.ERASED not in change:
            overlay.cover(conn, entry.number, change, derived)


def go_back(store: Store, after: int, *, at: int) -> int:
    """The server's last number is lower than what it had acknowledged: it was restored. How many come again."""
    with store.write() as conn:
        count = hand_in_again(store, conn, after)
        store.set_meta(applied_through=min(store.meta_int("applied_through"), after))
        if count:
            incidents.note(store, "server_restored", at, count=count)
    return count
