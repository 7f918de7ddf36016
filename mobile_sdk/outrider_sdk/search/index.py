"""The index of a search: made when first searched, and from then on in step with what is shown.

Triggers on the visible tables, within whatever transaction changes them, take a changed row's document away and note
the row as dirty; the next search indexes it. So a search is exact at any time, a search by somebody who cannot write
included, which compares dirty rows one by one; and no index speaks of a row that the device no longer has.

A table that a first pull replaces loses its triggers: where one is missing, its entity is indexed anew. A replica that
nobody searches has none of this, and pays nothing.
"""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress

from outrider_sdk.protocol.tables import quoted
from outrider_sdk.search.documents import SOURCES, Document, Source, read_documents
from outrider_sdk.store import Store

VERSION = "1"
"""Of what documents contain and how words are folded: another one is built anew."""
CHUNK_ROWS = 2_000
"""So many rows are indexed in one transaction; others get in between."""
SECURE_DELETE_FROM = (3, 42)
"""Since this SQLite, FTS5 itself forgets what is deleted."""

FULL_TEXT = "sync_search_fts_delete"
"""The trigger that keeps full text in step; it is there where full text is in use."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS sync_search (doc INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, entity TEXT NOT NULL,"
    " name TEXT NOT NULL, words TEXT NOT NULL, codes TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sync_search_dirty (entity TEXT NOT NULL, id BLOB NOT NULL, PRIMARY KEY (entity, id))"
    " WITHOUT ROWID",
)
_FULL_TEXT = (
    "CREATE VIRTUAL TABLE sync_search_fts USING fts5(name, words, codes, content='sync_search', content_rowid='doc',"
    " tokenize='unicode61 remove_diacritics 0')",
    f"CREATE TRIGGER {FULL_TEXT} AFTER DELETE ON sync_search BEGIN"
    " INSERT INTO sync_search_fts (sync_search_fts, rowid, name, words, codes)"
    " VALUES ('delete', OLD.doc, OLD.name, OLD.words, OLD.codes); END",
)


def has_full_text(conn: sqlite3.Connection) -> bool:
    """Whether this SQLite has FTS5."""
    return ("ENABLE_FTS5",) in conn.execute("PRAGMA compile_options").fetchall()


def names(conn: sqlite3.Connection) -> set[str]:
    """Tables and triggers of the index that are there."""
    found = conn.execute("SELECT name FROM sqlite_master WHERE name LIKE 'sync\\_search%' ESCAPE '\\'")
    return {name for (name,) in found}


def is_in_step(store: Store, there: set[str], source: Source) -> bool:
    """Whether all rows of an entity are indexed or noted as dirty."""
    return store.meta(_mark(source)) == VERSION and all(name in there for name in _triggers(source))


def update(store: Store, entities: Iterable[str], on_progress: Callable[[int], object] | None = None) -> None:
    """Index what is not indexed, in transactions of `CHUNK_ROWS`; not within one."""
    with store.read() as conn:
        there = names(conn)
    done = 0
    for source in (SOURCES[name] for name in entities):
        if not is_in_step(store, there, source):
            for count in _build(store, source):
                done += count
                if on_progress is not None:
                    on_progress(done)
    while _index_dirty(store):
        pass


def _build(store: Store, source: Source) -> Iterable[int]:
    at = store.meta(_mark(source)) or ""
    with store.write() as conn:
        _create_tables(conn)
        missing = [sql for name, sql in _triggers(source).items() if name not in names(conn)]
        if missing or not at.startswith("at:"):
            for name in _triggers(source):
                conn.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")
            for sql in _triggers(source).values():
                conn.execute(sql)
            conn.execute("DELETE FROM sync_search WHERE entity = ?", (source.entity,))
            conn.execute("DELETE FROM sync_search_dirty WHERE entity = ?", (source.entity,))
            at = "at:"
            store.set_meta(**{_mark(source): at})
    while at != VERSION:
        with store.write() as conn:
            after = bytes.fromhex(at.removeprefix("at:"))
            ids = f"(SELECT id FROM {quoted(source.entity)} WHERE id > ? ORDER BY id LIMIT {CHUNK_ROWS})"
            documents = list(read_documents(conn, source, ids, (after,)))
            _put(conn, documents)
            at = f"at:{documents[-1].id.hex()}" if len(documents) == CHUNK_ROWS else VERSION
            store.set_meta(**{_mark(source): at})
        yield len(documents)


def _index_dirty(store: Store) -> bool:
    with store.read() as conn:
        if conn.execute("SELECT 1 FROM sync_search_dirty LIMIT 1").fetchone() is None:
            return False
    with store.write() as conn:
        for source in SOURCES.values():
            dirty = f"(SELECT id FROM sync_search_dirty WHERE entity = ? ORDER BY id LIMIT {CHUNK_ROWS})"
            of = (source.entity,)
            documents = list(read_documents(conn, source, dirty, of))
            conn.execute(f"DELETE FROM sync_search WHERE id IN {dirty}", of)
            conn.execute(f"DELETE FROM sync_search_dirty WHERE entity = ? AND id IN {dirty}", of * 2)
            _put(conn, documents)
    return True


def _put(conn: sqlite3.Connection, documents: Iterable[Document]) -> None:
    last = conn.execute("SELECT coalesce(max(doc), 0) FROM sync_search").fetchone()
    insert = "INSERT INTO sync_search (id, entity, name, words, codes) VALUES (?, ?, ?, ?, ?)"
    conn.executemany(insert, documents)
    if FULL_TEXT in names(conn):  # all at once: by a trigger, each row would be written by itself
        columns = "doc, name, words, codes FROM sync_search WHERE doc > ?"
        conn.execute(f"INSERT INTO sync_search_fts (rowid, name, words, codes) SELECT {columns}", last)


def _create_tables(conn: sqlite3.Connection) -> None:
    for sql in _TABLES:
        conn.execute(sql)
    if has_full_text(conn) and "sync_search_fts" not in names(conn):
        for sql in _FULL_TEXT:
            conn.execute(sql)
        if sqlite3.sqlite_version_info >= SECURE_DELETE_FROM:
            conn.execute("INSERT INTO sync_search_fts (sync_search_fts, rank) VALUES ('secure-delete', 1)")


def _mark(source: Source) -> str:
    return f"search_{source.entity}"


def _triggers(source: Source) -> dict[str, str]:
    """Per trigger that keeps an entity's documents in step, the statement that makes it."""
    made = {}
    for table, key, columns in source.watched:
        of = ", ".join(map(quoted, columns))
        changed = " OR ".join(f"OLD.{quoted(name)} IS NOT NEW.{quoted(name)}" for name in columns)
        events = {
            "insert": (f"INSERT ON {quoted(table)}", ("NEW",)),
            "update": (f"UPDATE OF {of} ON {quoted(table)} WHEN {changed}", ("OLD", "NEW")),
            "delete": (f"DELETE ON {quoted(table)}", ("OLD",)),
        }
        for event, (when, rows) in events.items():
            acts = "".join(_noted(source.entity, f"{row}.{quoted(key)}") for row in rows)
            name = f"sync_search_{table}_{event}"
            made[name] = f"CREATE TRIGGER {quoted(name)} AFTER {when} BEGIN{acts} END"
    return made


def _noted(entity: str, row_id: str) -> str:
    # No ON CONFLICT here: that of the statement that fires the trigger would take its place.
    known = f"EXISTS (SELECT 1 FROM sync_search_dirty WHERE entity = '{entity}' AND id = {row_id})"
    return (
        f" DELETE FROM sync_search WHERE id = {row_id};"
        f" INSERT INTO sync_search_dirty SELECT '{entity}', {row_id} WHERE {row_id} IS NOT NULL AND NOT {known};"
    )


def adapt(store: Store) -> None:
    """Do without full text in a file that another SQLite has given one; called as a writer opens it."""
    with store.read() as conn:
        if FULL_TEXT in names(conn) and not has_full_text(conn):
            with store.write():
                conn.execute(f"DROP TRIGGER {FULL_TEXT}")


def scrub(store: Store) -> None:
    """Let the index forget what was deleted, where its SQLite only marks it. Best effort."""
    if sqlite3.sqlite_version_info >= SECURE_DELETE_FROM:
        return
    with suppress(sqlite3.OperationalError), store.read() as conn:
        if FULL_TEXT in names(conn):
            with store.write():
                conn.execute("INSERT INTO sync_search_fts (sync_search_fts) VALUES ('optimize')")
