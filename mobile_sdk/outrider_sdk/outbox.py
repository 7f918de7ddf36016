"""The outbox: every local transaction as a numbered mutation, its chained digest, and what became of it.

A mutation's way: appended (`overlaid`, no status) → answered (it has its outcome, and is still overlaid) → revealed
(a pull contains it: no longer overlaid). An applied or merged one is then history, of which `HISTORY_KEPT` are
kept; a refused one stays until a person has resolved it.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple, cast

from outrider_sdk.errors import InvalidValue, ProtocolViolation, ReplicaForked
from outrider_sdk.protocol import (
    GENESIS_DIGEST,
    PUSH_BYTES_MAX,
    PUSH_MUTATIONS_MAX,
    Change,
    Mutation,
    Outcome,
    canonical_json,
    chain_digest,
    encoding,
)
from outrider_sdk.store import Store

CHUNK_BYTES_MAX = PUSH_BYTES_MAX // 2
"""A push is closed before it gets larger than this; a single mutation may be larger, up to `MUTATION_BYTES_MAX`."""
MUTATION_CHANGES_MAX = 1_000
"""Changes of one mutation (protocol 4.9)."""
MUTATION_BYTES_MAX = PUSH_BYTES_MAX - 64 * 1024
BATCH_MAX = 100
"""So many mutations are parsed at once, or fewer from this size on:"""
BATCH_BYTES_MIN = 64 * 1024
HISTORY_KEPT = 10_000
"""So many of the last mutations stay in the file after their reveal, where the server does not say which are durable.

They are handed in again to a server that was restored from a backup."""

PARKED = "parked"
"""Status of an outcome that is none yet: a restored server waits for what other devices hand in again."""

UNANSWERED = "status IS NULL AND resolved = 0"
"""In these words an index has them in the order of their numbers: no push looks at, or sorts, the whole outbox.

What was resolved had been refused, and is never pending again."""

FORGOTTEN = "Why this was refused is no longer known: it was about a person whose data were erased."
ERASED = "erased"
"""Marks a change of which nothing but its row is left: it was about a person who was erased."""

Derived = dict[str, Any] | None
"""Fields that the device filled in for its own view, and does not send; parallel to the changes."""


class Entry(NamedTuple):
    """A mutation in the outbox."""

    number: int
    digest: str
    captured_at: int
    skew: int | None
    changes: list[Change]
    derived: list[Derived]
    size_bytes: int
    status: str | None = None
    past_lease: bool = False

    @property
    def is_forgotten(self) -> bool:
        """Whether it was about people who were erased, and nothing else."""
        return bool(self.changes) and all(ERASED in change for change in self.changes)

    def wire(self) -> Mutation:
        """As it is digested, and pushed."""
        wired: Mutation = {
            "number": self.number,
            "digest": self.digest,
            "captured_at": self.captured_at,
            "skew": self.skew,
            "changes": self.changes,
        }
        if self.past_lease:
            wired["past_lease"] = True
        return wired

    def wire_again(self, previous: str | None) -> Mutation:
        """As it is pushed once more: without what was refused, or is about people who were erased.

        Args:
            previous: the digest of the number before it, by which a server sees that it follows, where it is known.
        """
        kept = [c for c in self.changes if ERASED not in c] if self.status != "refused" else []
        if len(kept) == len(self.changes):
            return self.wire()
        wired: Mutation = {**self.wire(), "changes": kept, "redacted": True}
        return {**wired, "previous": previous} if previous else wired


_SELECT = """
SELECT number, digest, captured_at, skew, changes, derived, length(CAST(changes AS BLOB)), status, past_lease
FROM sync_outbox """


def entries(
    conn: sqlite3.Connection,
    where: str,
    parameters: Sequence[object] = (),
    *,
    newest_first: bool = False,
    derived: bool = True,
) -> Iterator[Entry]:
    """Mutations of the outbox that fulfil an SQL condition, in order of their numbers.

    Args:
        derived: with what the device filled in for its own view; left out, `Entry.derived` is empty.
    """
    found = conn.execute(f"{_SELECT} WHERE {where} ORDER BY number {'DESC' if newest_first else ''}", parameters)
    for batch in _batches(found):
        _, _, _, _, changes, filled, _, _, _ = zip(*batch, strict=True)
        told = _loaded(changes), _loaded(filled) if derived else repeat([])
        for row, made, shown in zip(batch, *told, strict=False):
            number, digest, captured_at, skew, _, _, size_bytes, status, past_lease = row
            yield Entry(number, digest, captured_at, skew, made, shown, size_bytes, status, bool(past_lease))


def _batches(found: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of `_SELECT`, a hundred at a time, or as many as are not much to hold."""
    batch: list[tuple[Any, ...]] = []
    size_bytes = 0
    for row in found:
        batch.append(row)
        size_bytes += row[6]
        if len(batch) == BATCH_MAX or size_bytes >= BATCH_BYTES_MIN:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _loaded(documents: Iterable[str]) -> list[Any]:
    """Documents, all parsed at once: that takes half the time."""
    loaded: list[Any] = json.loads(f"[{','.join(documents)}]")
    return loaded


def next_number(store: Store) -> int:
    """The number that the next mutation will have."""
    return store.meta_int("last_number") + 1


def append(
    store: Store,
    captured_at: int,
    changes: list[Change],
    derived: list[Derived],
    *,
    past_lease: bool = False,
    time_floor: int | None = None,
) -> int:
    """Add a mutation at the end, within the caller's transaction.

    Args:
        past_lease: the device's lease had ended.
        time_floor: no later capture was earlier than this (`lease`).

    Raises:
        InvalidValue: it is too large to travel.
    """
    number, skew = next_number(store), store.meta("skew")
    body: dict[str, Any] = {
        "number": number,
        "captured_at": captured_at,
        "skew": None if skew is None else int(skew),
        "changes": changes,
    }
    if past_lease:
        body["past_lease"] = True
    text = canonical_json(changes)
    if len(changes) > MUTATION_CHANGES_MAX or len(text.encode()) > MUTATION_BYTES_MAX:
        raise InvalidValue("transaction", None, f"is too large to travel ({len(changes)} changes); make several of it")
    digest = chain_digest(store.meta("last_digest") or GENESIS_DIGEST, body)
    with store.read() as conn:
        conn.execute(
            "INSERT INTO sync_outbox "
            "(number, digest, captured_at, skew, changes, derived, past_lease, overlaid, resolved) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0)",
            (number, digest, captured_at, body["skew"], text, canonical_json(derived), int(past_lease)),
        )
    store.set_meta(last_number=number, last_digest=digest, time_floor=time_floor)
    return number


def next_chunk(
    conn: sqlite3.Connection, start: int, *, again: bool = False, at_most: int = PUSH_MUTATIONS_MAX
) -> list[Mutation]:
    """The mutations to push next, from `start` on: unanswered ones, or `again` all, within the limits of a push."""
    chunk: list[Mutation] = []
    size = 0
    where = "number >= ?" if again else f"{UNANSWERED} AND number >= ?"
    previous = digest_of(conn, start - 1) if again else None
    for entry in entries(conn, where, (start,), derived=False):
        size += entry.size_bytes + 256
        if len(chunk) == min(at_most, PUSH_MUTATIONS_MAX) or (chunk and size > CHUNK_BYTES_MAX):
            break
        if chunk and entry.number != chunk[-1]["number"] + 1 and _is_hole(conn, chunk[-1]["number"], entry.number):
            break  # what is missing must be stated as lost before anything that follows it
        chunk.append(entry.wire_again(previous) if again else entry.wire())
        previous = entry.digest
    return chunk


def chunk_of(conn: sqlite3.Connection, numbers: Collection[int]) -> list[Mutation]:
    """The first of these mutations, as they are handed in once more, within the limits of a push."""
    chunk: list[Mutation] = []
    size, wanted = 0, set(numbers)
    for entry in entries(conn, "number BETWEEN ? AND ?", (min(wanted), max(wanted)), derived=False):
        if entry.number not in wanted:
            continue
        size += entry.size_bytes + 256
        if len(chunk) == PUSH_MUTATIONS_MAX or (chunk and size > CHUNK_BYTES_MAX):
            break
        chunk.append(entry.wire_again(digest_of(conn, entry.number - 1)))
    return chunk


def digest_of(conn: sqlite3.Connection, number: int) -> str | None:
    """The digest of a number, where it is in the file."""
    found = conn.execute("SELECT digest FROM sync_outbox WHERE number = ?", (number,)).fetchone()
    return GENESIS_DIGEST if number == 0 else found and found[0]


def _is_hole(conn: sqlite3.Connection, before: int, after: int) -> bool:
    """Whether a number between these two is not in the file."""
    sql = "SELECT count(*) FROM sync_outbox WHERE number > ? AND number < ?"
    return bool(conn.execute(sql, (before, after)).fetchone()[0] != after - before - 1)


def is_drained(conn: sqlite3.Connection, start: int, *, again: bool = False) -> bool:
    """Whether nothing is left to push from `start` on."""
    sql = "SELECT NOT EXISTS (SELECT 1 FROM sync_outbox WHERE number >= ? AND (? OR status IS NULL))"
    return bool(conn.execute(sql, (start, again)).fetchone()[0])


def store_outcomes(store: Store, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Keep what became of mutations, within the caller's transaction; those that were news are returned.

    An outcome that is known already changes nothing, so that repeated replies have one effect.

    Raises:
        ReplicaForked: an outcome belongs to another mutation under the same number.
        ProtocolViolation: it is no outcome, or of a number that this device never gave.
    """
    told: dict[int, Outcome] = {}
    for outcome in outcomes:
        number = outcome.get("number")
        if outcome.get("status") not in ("applied", "merged", "refused", PARKED) or not isinstance(number, int):
            raise ProtocolViolation(f"The server sent an outcome that this SDK can't read: {outcome!r}")
        told.setdefault(number, outcome)
    if not told:
        return []
    with store.read() as conn:
        known = conn.execute(
            "SELECT number, digest, status FROM sync_outbox WHERE number BETWEEN ? AND ?", (min(told), max(told))
        )
        # Of what is not in the file, history is no longer kept.
        held = {number: (digest, status) for number, digest, status in known if number in told}
        for number, (digest, _) in held.items():
            if told[number].get("digest") not in (None, digest):
                raise ReplicaForked(number)
        fresh = [told[number] for number, (_, status) in held.items() if status is None]
        news = [outcome for outcome in fresh if outcome["status"] != PARKED]
        # What is parked is not answered yet: it is sent again until it is.
        conn.executemany(
            "UPDATE sync_outbox SET status = nullif(?, ?), outcome = ? WHERE number = ?",
            [(o["status"], PARKED, encoding.dumps(o).decode(), o["number"]) for o in fresh],
        )
        for outcome in news:
            forget(conn, outcome.get("erased", []))
        recount_answered(store, conn)
    return news


def recount_answered(store: Store, conn: sqlite3.Connection) -> None:
    """Note up to which number everything is answered, within the caller's transaction."""
    sql = f"SELECT number FROM sync_outbox WHERE {UNANSWERED} ORDER BY number LIMIT 1"  # noqa: S608 - a text of ours
    first = conn.execute(sql).fetchone()
    store.set_meta(answered_through=store.meta_int("last_number") if first is None else first[0] - 1)


def leave_overlay(store: Store, applied_through: int) -> None:
    """Take what a pull contains, and what was refused, out of the overlay, within the caller's transaction."""
    with store.read() as conn:
        conn.execute(
            "UPDATE sync_outbox SET overlaid = 0 WHERE overlaid = 1 AND (number <= ? OR status = 'refused')"
            " AND (status IS NOT NULL OR outcome IS NULL)",  # what is parked is in no pull yet
            (applied_through,),
        )
        conn.execute(
            "DELETE FROM sync_outbox WHERE number <= ? AND number < ? AND overlaid = 0"
            " AND (status <> 'refused' OR resolved = 1)",
            (forgettable_through(store), store.meta_int("answered_through")),
        )


def forgettable_through(store: Store) -> int:
    """Up to which number the server will never ask again; without its word, all but the last `HISTORY_KEPT`."""
    durable = store.meta("durable_through")
    return store.meta_int("last_number") - HISTORY_KEPT if durable is None else int(durable)


def note_durable(store: Store, through: int | None) -> None:
    """Note up to which number a backup of the server has everything, within the caller's transaction."""
    if through is not None:
        store.set_meta(durable_through=max(through, store.meta_int("durable_through")))


def forget(conn: sqlite3.Connection, ids: Collection[str]) -> None:
    """Take out of answered mutations what they say of erased rows, within the caller's transaction.

    What is not answered yet must travel as it was digested; the server refuses it, and names the rows again.
    """
    for row_id in ids:
        found = conn.execute(
            "SELECT number, changes, derived, outcome FROM sync_outbox WHERE status IS NOT NULL"
            " AND (instr(changes, ?1) OR instr(outcome, ?1))",
            (row_id,),
        ).fetchall()
        for number, changes, derived, outcome in found:
            pairs = list(zip(json.loads(changes), json.loads(derived), strict=True))
            kept = [_forgotten(change) if row_id in mentioned(change) else change for change, _ in pairs]
            also = [None if row_id in mentioned(change) else filled for change, filled in pairs]
            told = _without_values(outcome, row_id, is_about=any(ERASED in change for change in kept))
            conn.execute(
                "UPDATE sync_outbox SET changes = ?, derived = ?, outcome = ? WHERE number = ?",
                (canonical_json(kept), canonical_json(also), told, number),
            )


def _forgotten(change: Change) -> dict[str, Any]:
    kept = {name: value for name, value in change.items() if name in ("op", "entity", "id", "name", "base")}
    return kept | {"fields": {}, ERASED: True}


def _without_values(outcome: str, row_id: str, *, is_about: bool) -> str:
    told = json.loads(outcome)
    if is_about and told["status"] == "refused" and told.get("code") != ERASED:
        told["explanation"] = FORGOTTEN  # it may quote what stood in the row
    for conflict in told.get("conflicts", []):
        if conflict["row_id"] == row_id:
            conflict |= {"kept": None, "lost": None}
    return canonical_json(told)


def mentioned(change: Change) -> set[str]:
    """Ids of the rows that a change is about, or refers to."""
    ids = {change["id"], str(cast(dict[str, Any], change).get("seen", {}).get("row_id"))}
    for value in cast(dict[str, Any], change).get("fields", {}).values():
        plain = value["value"] if isinstance(value, dict) else value
        if isinstance(plain, str):
            ids.add(plain)
    return ids
