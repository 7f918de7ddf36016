"""The chain of digests over the outbox: mended where a copy or a damage has broken it, begun anew, looked through."""

import sqlite3
from typing import Any, cast

from outrider_sdk.outbox import ERASED, Entry, entries, forgettable_through
from outrider_sdk.protocol import GENESIS_DIGEST, chain_digest
from outrider_sdk.store import Store


def mend(store: Store, conn: sqlite3.Connection) -> None:
    """Chain mutations anew from the first unanswered one on whose digest does not follow, if there is any.

    The digest of an answered one stands, also where its content was forgotten since: a server knows it by that.
    """
    digest: str | None = None
    for entry in entries(conn, "number >= ?", (store.meta_int("answered_through"),)):
        is_whole = entry.status is None and not any(ERASED in change for change in entry.changes)
        if digest is not None and is_whole and chain_digest(digest, cast(dict[str, Any], entry.wire())) != entry.digest:
            begin_anew(store, conn, entry.number, digest)
            return
        digest = entry.digest


def begin_anew(store: Store, conn: sqlite3.Connection, number: int, digest: str) -> None:
    """Give the mutations from a number on digests that follow on this one, within the caller's transaction.

    Only for what no server knows under this device's identity.
    """
    chained = []
    for entry in entries(conn, "number >= ?", (number,)):
        digest = chain_digest(digest, cast(dict[str, Any], entry.wire()))
        chained.append((digest, entry.number))
    conn.executemany("UPDATE sync_outbox SET digest = ? WHERE number = ?", chained)
    store.set_meta(last_digest=digest)


def broken_links(store: Store, conn: sqlite3.Connection) -> list[str]:
    """What is wrong with numbers and digests; empty where all is well."""
    last_number, forgettable = store.meta_int("last_number"), forgettable_through(store)
    problems = []
    previous: Entry | None = None
    for entry in entries(conn, "true"):
        before = previous.digest if previous else GENESIS_DIGEST if entry.number == 1 else None
        if previous and entry.number != previous.number + 1 and entry.number > forgettable + 1:
            problems.append(f"mutation {previous.number} is followed by {entry.number}")
        elif (
            before is not None
            and (previous is None or entry.number == previous.number + 1)
            and not any(ERASED in change for change in entry.changes)
            and chain_digest(before, cast(dict[str, Any], entry.wire())) != entry.digest
        ):
            problems.append(f"mutation {entry.number} does not continue the chain of digests")
        previous = entry
    if previous and previous.number != last_number:
        problems.append(f"the last mutation is {previous.number}, not {last_number}")
    return problems
