"""Taking back what was captured and not sent: a mutation becomes a noop, with what builds on it (protocol 4.11)."""

import sqlite3

from outrider_sdk import chain, outbox
from outrider_sdk.errors import BuiltOn, NotDiscardable
from outrider_sdk.protocol import GENESIS_DIGEST
from outrider_sdk.store import Store


def discard(store: Store, number: int, *, cascade: bool) -> list[int]:
    """Make an unsent mutation (and with `cascade` those that build on it) a noop, within the caller's transaction.

    The numbers stay, so that they have no gap; the digests from there on are chained anew, which nobody has seen yet.

    Raises:
        NotDiscardable: it does not exist, or may have reached the server.
        BuiltOn: others build on it, and `cascade` is off.
    """
    with store.read() as conn:
        row = conn.execute("SELECT overlaid, changes FROM sync_outbox WHERE number = ?", (number,)).fetchone()
        if row is None or row[1] == "[]":
            raise NotDiscardable(f"There is no unsent mutation {number}.")
        if number <= store.meta_int("sent_through"):
            raise NotDiscardable(f"Mutation {number} may have reached the server: sync, then change what it did.")
        others = dependents(conn, number)
        if others and not cascade:
            raise BuiltOn(number, others)
        discarded = [number, *others]
        conn.executemany(
            "UPDATE sync_outbox SET changes = '[]', derived = '[]', overlaid = 0 WHERE number = ?",
            [(each,) for each in discarded],
        )
        chain.begin_anew(store, conn, number, outbox.digest_of(conn, number - 1) or GENESIS_DIGEST)
    return discarded


def dependents(conn: sqlite3.Connection, number: int) -> list[int]:
    """Later mutations that build on rows which mutation `number` created, directly or through each other."""
    created: set[str] = set()
    found = []
    for entry in outbox.entries(conn, "number >= ?", (number,)):
        builds = any(created & outbox.mentioned(change) for change in entry.changes)
        if builds:
            found.append(entry.number)
        if builds or entry.number == number:
            created |= {change["id"] for change in entry.changes if change["op"] == "create"}
    return found
