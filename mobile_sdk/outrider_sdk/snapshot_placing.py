"""Putting the rows of a snapshot where a pull's staged rows stand, in one step, with the position after them.

Into a replica that shows nothing yet, the snapshot's file itself: it gets what the replica holds (outbox, settings,
overlay: little) and the page after it, and takes its place by a rename. Where that page is the last, and nothing is
pending, no row is staged: all are shown in the moment of the rename. Into any other, row by row, by one statement a
table.
"""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES and from the replica's own schema)

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from outrider_sdk import reveal
from outrider_sdk.errors import ReplicaBroken
from outrider_sdk.protocol import PullPage
from outrider_sdk.protocol.entities import ENTITIES, Entity
from outrider_sdk.protocol.tables import (
    SNAPSHOT_APPLICATION_ID,
    SNAPSHOT_FORMAT,
    entity_indexes,
    entity_table,
    quoted,
)
from outrider_sdk.schema import APPLICATION_ID, FORMAT_VERSION, make_staged, staged
from outrider_sdk.snapshot_unpacking import Settling
from outrider_sdk.store import Store

T = TypeVar("T")


class ForeignSnapshot(Exception):
    """The file is no snapshot of this replica's tables."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A snapshot's file, on its way to the disk, and the position after it."""

    file: Path
    position: str
    settling: Settling


def place(store: Store, unpacked: Unpacked, asked_from: int, following: PullPage, then: Callable[[], T]) -> T:
    """Stage all rows of the file, and the position after it, durably and at once; then what belongs to it.

    Args:
        following: the page after the file.
        then: stages or reveals that page. Where the file becomes the replica, the two are one step.

    Raises:
        ForeignSnapshot: it is no snapshot of this replica's tables, or can't be read; nothing was changed.
    """
    with store.read() as conn:  # no other thread writes meanwhile; a process is kept out by the replica's lock
        try:
            with closing(store.open_beside(unpacked.file)) as draft:
                tables = inspect(draft)
                objects = _objects(conn) if asked_from == 0 and _shows_nothing(store, conn) else None
                if objects is not None:
                    with store.without_log() as is_alone:
                        if is_alone:
                            return _become(store, unpacked, draft, tables, objects, following, then)
            unpacked.settling.result()
            _copy(store, unpacked, tables, asked_from)
        except sqlite3.DatabaseError as error:
            if type(error) is sqlite3.DatabaseError:
                raise ForeignSnapshot(str(error)) from error
            raise
        return then()


def inspect(conn: sqlite3.Connection) -> list[Entity]:
    """The entities of which a file has rows.

    Raises:
        ForeignSnapshot: it is no snapshot of this replica's tables, or none that can be read.
    """
    try:
        return _entities_of(conn)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # not even its names
        raise ForeignSnapshot(str(error)) from error


def _entities_of(conn: sqlite3.Connection) -> list[Entity]:
    found = conn.execute("PRAGMA application_id").fetchone()[0], conn.execute("PRAGMA user_version").fetchone()[0]
    if found != (SNAPSHOT_APPLICATION_ID, SNAPSHOT_FORMAT):
        raise ForeignSnapshot("another format")
    made_by = dict(conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    entities = [entity for name, entity in ENTITIES.items() if name in made_by]
    for entity in entities:
        if made_by[entity.name] != entity_table(entity.name, entity):
            raise ForeignSnapshot(f"another table of {entity.name}")
    return entities


def _has_pending(conn: sqlite3.Connection) -> bool:
    """Whether anything that is captured here lies over rows."""
    return conn.execute("SELECT 1 FROM sync_shadow LIMIT 1").fetchone() is not None


def _shows_nothing(store: Store, conn: sqlite3.Connection) -> bool:
    """Whether the replica has never shown a row of the server's."""
    return store.meta_int("cursor") == 0 and not any(
        conn.execute(
            f"SELECT 1 FROM {quoted(name)} WHERE id NOT IN (SELECT id FROM sync_shadow WHERE entity = ?) LIMIT 1",
            (name,),
        ).fetchone()
        for name in ENTITIES
    )


def _copy(store: Store, unpacked: Unpacked, tables: list[Entity], asked_from: int) -> None:
    with store.read() as conn:
        conn.execute("ATTACH ? AS snapshot", (unpacked.file.absolute().as_uri() + "?mode=ro&immutable=1",))
        try:
            with store.write():
                reveal.discard_staged(store, conn)
                for entity in tables:
                    make_staged(conn, entity)
                    names = ", ".join(map(quoted, entity.columns))
                    conn.execute(
                        f"INSERT INTO {quoted(staged(entity))} ({names})"
                        f" SELECT {names} FROM snapshot.{quoted(entity.name)} ORDER BY id"
                    )
                facts = {"snapshot": None, "snapshot_from": None}
                store.set_meta(pull_from=asked_from, pull_position=unpacked.position, **facts)
        finally:
            conn.execute("DETACH snapshot")


def _objects(live: sqlite3.Connection) -> list[tuple[str, str, str]] | None:
    """What the replica consists of, tables first; None where it can't be taken along.

    A virtual table is an index of its own, which is made together with the rows that it is of.
    """
    objects = live.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid"
    ).fetchall()
    return None if any(sql.upper().startswith("CREATE VIRTUAL") for _, _, sql in objects) else objects


def _become(
    store: Store,
    unpacked: Unpacked,
    draft: sqlite3.Connection,
    tables: list[Entity],
    objects: list[tuple[str, str, str]],
    following: PullPage,
    then: Callable[[], T],
) -> T:
    """Let the file become the replica. Until its last step it is a draft, which a crash leaves to the next sync.

    Where the page after it is the last, and nothing is pending, its rows stand where they are shown: `then` reveals it.
    """
    with store.read() as live:
        is_last = following["complete"] and not following["anew"]
        comes_again = _comes_again(live, following)
        for setting in ("journal_mode=MEMORY", "synchronous=OFF", "secure_delete=ON", "legacy_alter_table=ON"):
            draft.execute(f"PRAGMA {setting}").fetchall()
        draft.execute("BEGIN")
        if is_last and not _has_pending(live):
            _take_along(live, draft, objects)
        else:
            _stage(live, draft, tables, objects, unpacked.position)
    draft.execute("DELETE FROM sync_meta WHERE key IN ('snapshot', 'snapshot_from')")
    draft.execute(f"PRAGMA application_id={APPLICATION_ID}")
    draft.execute(f"PRAGMA user_version={FORMAT_VERSION}")
    draft.execute("COMMIT")
    try:
        with store.drafted(draft):
            result = then()
    except ReplicaBroken as error:
        raise ForeignSnapshot(str(error)) from error
    draft.execute("PRAGMA journal_mode=WAL").fetchall()  # here it costs nothing
    draft.close()
    unpacked.settling.result()  # that a page could not be written is told once, and may have been told there
    _settle(unpacked.file)
    store.become(unpacked.file, comes_again=comes_again)
    return result


def _comes_again(live: sqlite3.Connection, following: PullPage) -> bool:
    """Whether the next pull would bring all that the file has and the replica lacks.

    Not outcomes: the next request acknowledges them, and the server then forgets. Nor what is to be gone from here.
    """
    is_told_once = following["anew"] or following["outcomes"] or following.get("erased")
    return not is_told_once and live.execute("SELECT 1 FROM sync_outbox LIMIT 1").fetchone() is None


def _stage(
    live: sqlite3.Connection,
    draft: sqlite3.Connection,
    tables: list[Entity],
    objects: list[tuple[str, str, str]],
    position: str,
) -> None:
    """Make the rows of the file the staged ones, beside what the replica has."""
    filled = [e for e in tables if draft.execute(f"SELECT 1 FROM {quoted(e.name)} LIMIT 1").fetchone()]
    small = [entity for entity in filled if not _stage_whole(draft, entity)]
    _take_along(live, draft, objects)
    for entity in small:
        _stage_rows(draft, entity)
    draft.execute("INSERT OR REPLACE INTO sync_meta (key, value) VALUES ('pull_position', ?)", (position,))
    draft.execute("INSERT OR REPLACE INTO sync_meta (key, value) VALUES ('pull_from', '0')")


def _stage_whole(draft: sqlite3.Connection, entity: Entity) -> bool:
    """Let a large table be the staged one as it is, indexes and all; False where it is small, and set aside."""
    found = draft.execute(f"SELECT 1 FROM {quoted(entity.name)} LIMIT 1 OFFSET ?", (reveal.ADOPT_FROM_ROWS - 1,))
    is_large = found.fetchone() is not None
    name = staged(entity) if is_large else _aside(entity)
    draft.execute(f"ALTER TABLE {quoted(entity.name)} RENAME TO {quoted(name)}")
    if not is_large:
        for index in entity_indexes(entity):
            draft.execute(f"DROP INDEX {quoted(index)}")
    return is_large


def _stage_rows(draft: sqlite3.Connection, entity: Entity) -> None:
    """Stage the rows of a small table."""
    aside = quoted(_aside(entity))
    make_staged(draft, entity)
    draft.execute(f"INSERT INTO {quoted(staged(entity))} SELECT * FROM {aside} ORDER BY id")
    draft.execute(f"DROP TABLE {aside}")


def _aside(entity: Entity) -> str:
    return f"snapshot_{entity.name}"


def _take_along(live: sqlite3.Connection, draft: sqlite3.Connection, objects: list[tuple[str, str, str]]) -> None:
    """Everything that the replica has: its tables and what is in them, its indexes, whatever else was made in it."""
    present = {row[0] for row in draft.execute("SELECT name FROM sqlite_master")}
    staged_names = {staged(entity) for entity in ENTITIES.values()}
    for kind, name, sql in objects:
        if name not in present:
            draft.execute(sql)
        if kind == "table" and name not in staged_names:
            rows = live.execute(f"SELECT * FROM {quoted(name)}").fetchall()
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                draft.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", rows)


def _settle(file: Path) -> None:
    """Make the file safe from power loss, before it takes the place of one that is."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
