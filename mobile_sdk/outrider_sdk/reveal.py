"""Pulled pages: kept aside as they come, shown all at once.

Where a crash falls, the next sync goes on: before a page is staged, it is asked for again from the position stored
with the pages before it; after that, from the next one; in the reveal, SQLite undoes it, and the last page is asked for
again. A pull whose cursor is no longer the replica's is thrown away.
"""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain, islice, repeat
from typing import Any

from outrider_sdk import again, outbox, overlay
from outrider_sdk.errors import ProtocolViolation
from outrider_sdk.kinds import column_to_stored
from outrider_sdk.protocol import Outcome, PullPage
from outrider_sdk.protocol.entities import ENTITIES, Entity
from outrider_sdk.protocol.tables import create_entity_indexes, entity_indexes, quoted
from outrider_sdk.schema import has_staged, list_staged, make_staged, staged
from outrider_sdk.store import Store

PARAMETERS_MAX = 990
"""Parameters of one statement; SQLite before 3.32 takes 999."""
ROWS_TOGETHER_MAX = 20
"""Rows of one statement: more gain nothing, and leave more over that go one by one."""
ADOPT_FROM_ROWS = 2_000
"""So many rows for an empty table are adopted instead of copied; for fewer, the change of schema costs more."""


_STORABLE = {str, int, bytes, bool, type(None)}


def stage(store: Store, page: PullPage, asked_from: int) -> bool:
    """Keep a page that is not the last, and the position after it, durably; False where its pull is void."""
    with store.write() as conn:
        if store.meta_int("cursor") != asked_from:
            discard_staged(store, conn)
            return False
        _keep(conn, page)
        store.set_meta(pull_from=asked_from, pull_position=page["position"])
    return True


def reveal(store: Store, page: PullPage, asked_from: int, **facts: int | None) -> list[Outcome]:
    """Show the last page and those staged before it, in one transaction; where their pull is void, throw them away.

    In it mutations that these rows contain leave the overlay, what is still pending is laid over the new rows, and the
    cursor moves; `facts` are stored with it. Outcomes that were news are returned.
    """
    with store.write(flushed=not _comes_again(store, page)) as conn:
        if store.meta_int("cursor") != asked_from:
            discard_staged(store, conn)
            return []
        at_once = _is_small(store, conn, page)
        if not at_once:
            _keep(conn, page)
        if page.get("epoch") != store.meta("epoch"):
            again.take_back_changed(conn, page["outcomes"])
        news = outbox.store_outcomes(store, page["outcomes"])
        outbox.note_durable(store, page.get("durable_through"))
        outbox.leave_overlay(store, page["applied_through"])
        outbox.forget(conn, page.get("erased", []))
        overlay.restore(conn, pulled=not at_once)
        if at_once:
            _put_at_once(conn, page)
        else:
            _put_staged(conn, anew=page["anew"])
        applied_through = max(page["applied_through"], store.meta_int("applied_through"))
        store.set_meta(
            cursor=page["cursor"],
            view=page["view"],
            applied_through=applied_through,
            cursor_token=page.get("cursor_token"),
            epoch=page.get("epoch"),
            pull_from=None,
            pull_position=None,
            **facts,
        )
    return news


def _put_staged(conn: sqlite3.Connection, *, anew: bool) -> None:
    """Show what was staged, with what is pending over it."""
    dropped = {name for (name,) in conn.execute("SELECT DISTINCT entity FROM sync_dropped")}
    put = {
        entity.name
        for entity in list_staged(conn)
        if conn.execute(f"SELECT 1 FROM {quoted(staged(entity))} LIMIT 1").fetchone()
    }
    for entity in ENTITIES.values():
        if anew:
            _clear(conn, entity)
        if entity.name in dropped:
            _drop(conn, entity)
        if entity.name in put:
            _put(conn, entity, anew=anew)
    settle_indexes(conn)
    overlay.recompute(conn)
    conn.execute("DELETE FROM sync_dropped")


def _is_alone(store: Store, page: PullPage) -> bool:
    """Whether the page is a pull of its own that only adds to what is here: no drops, no other view, no other epoch."""
    is_continued = store.meta("pull_position") is not None or page.get("epoch") != store.meta("epoch")
    return not (is_continued or page["anew"] or page["drops"])


def _comes_again(store: Store, page: PullPage) -> bool:
    """Whether a loss of power may take the reveal back: the next pull, from the cursor of before, would bring the same.

    Not outcomes, which the next pull acknowledges, and the server then forgets; nor what is to be gone from here.
    """
    return _is_alone(store, page) and not page["outcomes"] and not page.get("erased")


def _is_small(store: Store, conn: sqlite3.Connection, page: PullPage) -> bool:
    """Whether the page is a pull of its own, of few rows and no drops, and nothing is pending: it needs no staging."""
    count = sum(len(columns.get("id", ())) for columns in page["puts"].values())
    if count >= ADOPT_FROM_ROWS or not _is_alone(store, page):
        return False
    return conn.execute("SELECT 1 FROM sync_shadow LIMIT 1").fetchone() is None


def _put_at_once(conn: sqlite3.Connection, page: PullPage) -> None:
    for name, columns in page["puts"].items():
        entity = ENTITIES.get(name)
        if entity is not None and columns.get("id"):
            with _read_as(name):
                values = _stored_columns(entity, columns)
                _overwrite(entity, len(values[0]), partial(_insert, conn, entity.name, values))


def _overwrite(entity: Entity, count: int, put: Callable[[str], int]) -> None:
    """Put so many rows; of those that are there, what is not older overwrites them.

    SQLite takes a row out of every index that a statement sets a column of, and puts it in again, each time on another
    page, also where the value stays. So what is indexed is set only where it is another one, which is seldom.

    Args:
        put: does it, given what becomes of a row that is there; returns how many were put.
    """
    indexed = tuple(entity_indexes(entity).values())
    if put(_newer(entity, kept=indexed)) < count and indexed:
        put(_newer(entity, changed=indexed))


@cache
def _newer(entity: Entity, *, kept: Sequence[str] = (), changed: Sequence[str] = ()) -> str:
    """What becomes of a row that is there.

    Args:
        kept: only where all these columns stay as they are.
        changed: only where any of these changes.
    """
    old, new = f"{quoted(entity.name)}.{{}}".format, "excluded.{}".format
    names = [quoted(name) for name in entity.columns if name != "id" and name not in kept]
    settings = ", ".join(f"{name} = {new(name)}" for name in names)
    conditions = [f"{new('revision')} >= {old('revision')}"]
    conditions += [f"{old(quoted(name))} IS {new(quoted(name))}" for name in kept]
    if changed:
        differ = " OR ".join(f"{old(quoted(name))} IS NOT {new(quoted(name))}" for name in changed)
        conditions.append(f"({differ})")
    return f"ON CONFLICT (id) DO UPDATE SET {settings} WHERE {' AND '.join(conditions)}"


def discard_staged(store: Store, conn: sqlite3.Connection) -> None:
    """Throw away the pages of a pull that can't be completed, within the caller's transaction."""
    for entity in list_staged(conn):
        conn.execute(f"DELETE FROM {quoted(staged(entity))}")
    conn.execute("DELETE FROM sync_dropped")
    settle_indexes(conn)
    store.set_meta(pull_from=None, pull_position=None)


def settle_indexes(conn: sqlite3.Connection) -> None:
    """Give the visible tables the indexes that came with staged ones which did not become them."""
    strayed = conn.execute(
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name LIKE 'sync\\_staged\\_%' ESCAPE '\\'"
    ).fetchall()
    for index, _ in strayed:
        conn.execute(f"DROP INDEX {quoted(index)}")
    for name in {table.removeprefix("sync_staged_") for _, table in strayed}:
        create_entity_indexes(conn.execute, ENTITIES[name])


def _keep(conn: sqlite3.Connection, page: PullPage) -> None:
    drops_before = conn.execute("SELECT 1 FROM sync_dropped LIMIT 1").fetchone() is not None
    for name, columns in page["puts"].items():
        entity = ENTITIES.get(name)
        if entity is None or not columns.get("id"):
            continue  # of a newer server, or without rows
        with _read_as(name):
            values = _stored_columns(entity, columns)
            make_staged(conn, entity)
            _insert(conn, staged(entity), values)
            if drops_before:
                pairs = zip(repeat(name), values[0], strict=False)
                conn.executemany("DELETE FROM sync_dropped WHERE entity = ? AND id = ?", pairs)
    for name, ids in page["drops"].items():
        entity = ENTITIES.get(name)
        if entity is not None:
            stored_ids = _stored_ids(ids)
            if has_staged(conn, entity):
                conn.executemany(f"DELETE FROM {quoted(staged(entity))} WHERE id = ?", zip(stored_ids, strict=True))
            pairs = zip(repeat(name), stored_ids, strict=False)
            conn.executemany("INSERT OR IGNORE INTO sync_dropped (entity, id) VALUES (?, ?)", pairs)


@contextmanager
def _read_as(name: str) -> Iterator[None]:
    """Names what is wrong with rows that a server sent."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, OverflowError, sqlite3.ProgrammingError) as error:
        raise ProtocolViolation(f"The server sent rows of {name} that can't be read: {error}") from error


def _insert(conn: sqlite3.Connection, table: str, columns: Sequence[Sequence[Any]], otherwise: str = "") -> int:
    """Put rows, given as columns, into a table: several a statement, which takes a third less time than one.

    Args:
        otherwise: what becomes of rows that are there; without, the new ones take their place.

    Returns:
        How many rows were put.
    """
    width, count = len(columns), len(columns[0])
    together = max(1, min(ROWS_TOGETHER_MAX, PARAMETERS_MAX // width))
    whole = count - count % together
    row = f"({', '.join('?' * width)})"
    insert = f"INSERT {'' if otherwise else 'OR REPLACE '}INTO {quoted(table)} VALUES "
    values = chain.from_iterable(islice(zip(*columns, strict=True), whole))
    several = f"{insert}{', '.join([row] * together)} {otherwise}"
    put = conn.executemany(several, zip(*[values] * (width * together), strict=True)).rowcount if whole else 0
    rest = islice(zip(*columns, strict=True), whole, None)
    return put + (conn.executemany(f"{insert}{row} {otherwise}", rest).rowcount if whole < count else 0)


def _stored_ids(ids: list[str]) -> list[bytes]:
    try:
        if bytes in set(map(type, ids)):  # they were packed
            return [uuid.UUID(bytes=row_id).bytes for row_id in ids]  # type: ignore[arg-type]
        return [uuid.UUID(row_id).bytes for row_id in ids]
    except (ValueError, AttributeError, TypeError) as error:
        raise ProtocolViolation(f"The server sent a drop that can't be read: {error}") from error


def _stored_columns(entity: Entity, columns: dict[str, list[Any]]) -> list[Sequence[Any]]:
    count = len(columns["id"])
    if any(len(values) != count for values in columns.values()):
        raise ValueError("columns are not equally long")
    if None in columns["id"] or not all(type(revision) is int for revision in columns["revision"]):
        raise ValueError("a row has no id or no revision")
    empty = [None] * count
    stored = [column_to_stored(f, columns.get(f.name, empty)) for f in entity.all_fields]
    # SQLite would refuse others, unless another library of the process has taught it to take them.
    if not all(set(map(type, values)) <= _STORABLE for values in stored):
        raise ValueError("a value is no scalar")
    return stored


def _clear(conn: sqlite3.Connection, entity: Entity) -> None:
    """Remove all rows, shown ones and those under the overlay: the pull replaces them, whatever revisions they had.

    After the server was restored from a backup, what it brings may be older than what is here.
    """
    conn.execute("UPDATE sync_shadow SET base = NULL WHERE entity = ?", (entity.name,))
    conn.execute(f"DELETE FROM {quoted(entity.name)}")


def _drop(conn: sqlite3.Connection, entity: Entity) -> None:
    dropped = "SELECT id FROM sync_dropped WHERE entity = ?"
    shadowed = "SELECT id FROM sync_shadow WHERE entity = ?"
    conn.execute(
        f"DELETE FROM {quoted(entity.name)} WHERE id IN ({dropped}) AND id NOT IN ({shadowed})",
        (entity.name, entity.name),
    )
    conn.execute(
        f"UPDATE sync_shadow SET base = NULL WHERE entity = ? AND id IN ({dropped})", (entity.name, entity.name)
    )


def _put(conn: sqlite3.Connection, entity: Entity, *, anew: bool) -> None:
    source, visible = quoted(staged(entity)), quoted(entity.name)
    _put_under_overlay(conn, entity)
    if _is_large(conn, entity) and (_is_empty(conn, entity) or (anew and not _is_watched(conn, entity))):
        _adopt(conn, entity)
        return
    names = ", ".join(map(quoted, entity.columns))
    copy = f"INSERT INTO {visible} ({names}) SELECT {names} FROM {source} WHERE true ORDER BY id"
    count = conn.execute(f"SELECT count(*) FROM {source}").fetchone()[0]
    _overwrite(entity, count, lambda otherwise: conn.execute(f"{copy} {otherwise}").rowcount)
    conn.execute(f"DELETE FROM {source}")


def _put_under_overlay(conn: sqlite3.Connection, entity: Entity) -> None:
    source = quoted(staged(entity))
    found = conn.execute(
        f"SELECT h.base, s.* FROM {source} s JOIN sync_shadow h ON h.entity = ? AND h.id = s.id", (entity.name,)
    ).fetchall()
    updates = []
    for base, *stored in found:
        row = overlay.wire_row(entity, stored)
        if base is None or json.loads(base)["revision"] <= row["revision"]:
            updates.append((json.dumps(row), entity.name, stored[0]))
    if found:
        conn.executemany("UPDATE sync_shadow SET base = ? WHERE entity = ? AND id = ?", updates)
        conn.execute(f"DELETE FROM {source} WHERE id IN (SELECT id FROM sync_shadow WHERE entity = ?)", (entity.name,))


def _is_large(conn: sqlite3.Connection, entity: Entity) -> bool:
    found = conn.execute(f"SELECT 1 FROM {quoted(staged(entity))} LIMIT 1 OFFSET ?", (ADOPT_FROM_ROWS - 1,))
    return found.fetchone() is not None


def _is_empty(conn: sqlite3.Connection, entity: Entity) -> bool:
    """Whether the visible table shows nothing but what the overlay will lay over it again."""
    visible = conn.execute(
        f"SELECT 1 FROM {quoted(entity.name)} WHERE id NOT IN (SELECT id FROM sync_shadow WHERE entity = ?) LIMIT 1",
        (entity.name,),
    )
    return visible.fetchone() is None


def _is_watched(conn: sqlite3.Connection, entity: Entity) -> bool:
    """Whether triggers must see each row that goes (those of a search's index)."""
    trigger = conn.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (entity.name,))
    return trigger.fetchone() is not None


def _adopt(conn: sqlite3.Connection, entity: Entity) -> None:
    """Let the staged table become the visible one, whose rows all are in it or under the overlay.

    A pull that brings everything thus writes its rows once, not twice.
    """
    conn.execute(f"DROP TABLE {quoted(entity.name)}")
    conn.execute(f"ALTER TABLE {quoted(staged(entity))} RENAME TO {quoted(entity.name)}")
    create_entity_indexes(conn.execute, entity)
