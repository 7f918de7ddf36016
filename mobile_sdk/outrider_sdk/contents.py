"""Which contents a device has, which wait for the server, and how they get there and back.

`sync_content` has one row an attachment: `waiting` until the server's receipt is stored, `kept` from then on, `fetched`
where it came from the server. A file that a waiting row names is never removed.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

from outrider_sdk.content_folder import ContentFolder
from outrider_sdk.content_transport import ContentTransport
from outrider_sdk.errors import (
    ContentDamaged,
    ContentMissing,
    Offline,
    ProtocolViolation,
    Rejected,
    ServerUnavailable,
)
from outrider_sdk.kinds import id_bytes, id_text
from outrider_sdk.report import OnProgress, Progress
from outrider_sdk.store import Store

PART_BYTES = 1024 * 1024
"""What a broken line costs at most; the protocol allows eight times as much."""
TRIES_MAX = 4
"""Failures in a row after which an upload is left to the next sync."""
PAUSE_S = 0.5

_NOT_ANSWERED = """
SELECT 1 FROM sync_outbox WHERE (status IS NULL OR (status = 'refused' AND resolved = 0)) AND instr(changes, ?)
"""
_ERASED = """
SELECT 1 FROM sync_outbox WHERE status = 'refused' AND instr(changes, ?) AND instr(outcome, '"code":"erased"')
"""


def wait_for_upload(store: Store, attachment_id: str, sha256: str, size_bytes: int) -> None:
    """Note a content whose file is kept, within the transaction of its row."""
    with store.read() as conn:
        conn.execute(
            "INSERT INTO sync_content (id, sha256, size_bytes, state, used_at) VALUES (?, ?, ?, 'waiting', 0)",
            (id_bytes(attachment_id), sha256, size_bytes),
        )


def list_waiting(store: Store) -> list[tuple[str, int]]:
    """Ids and sizes of what the server does not have, in the order of their making."""
    with store.read() as conn:
        found = conn.execute("SELECT id, size_bytes FROM sync_content WHERE state = 'waiting' ORDER BY id").fetchall()
    return [(id_text(row_id), size) for row_id, size in found]


def adopt_reopened(store: Store) -> None:
    """An attachment that was taken up again after a refusal has another id, and the same file."""
    with store.write() as conn:
        conn.execute(
            """INSERT INTO sync_content (id, sha256, size_bytes, state, used_at)
            SELECT a.id, a.sha256, a.size_bytes, 'waiting', 0 FROM attachment a
            WHERE a.id NOT IN (SELECT id FROM sync_content)
            AND a.sha256 IN (SELECT sha256 FROM sync_content WHERE state = 'waiting')"""
        )


def upload(
    store: Store,
    folder: ContentFolder,
    transport: ContentTransport,
    chosen: Sequence[str],
    on_progress: OnProgress | None = None,
) -> int:
    """Upload waiting contents, as far as the server has their rows; how many arrived.

    Raises:
        Offline, ServerUnavailable: it goes on from there.
        ContentDamaged: the device's own copy has changed; the others are uploaded all the same.
    """
    arrived, damaged = 0, None
    for attachment_id in chosen:
        with store.read() as conn:
            row = conn.execute(
                "SELECT sha256, size_bytes FROM sync_content WHERE id = ? AND state = 'waiting'",
                (id_bytes(attachment_id),),
            ).fetchone()
            is_early = conn.execute(_NOT_ANSWERED, (attachment_id,)).fetchone() is not None
        if row is None or is_early:
            continue
        try:
            sha256, size_bytes = row
            arrived += _upload_one(store, folder, transport, attachment_id, sha256, size_bytes, on_progress)
        except ContentDamaged as error:
            damaged = error
    if damaged is not None:
        raise damaged
    return arrived


def _upload_one(
    store: Store,
    folder: ContentFolder,
    transport: ContentTransport,
    attachment_id: str,
    sha256: str,
    size_bytes: int,
    on_progress: OnProgress | None,
) -> bool:
    for state in _states(folder, transport, attachment_id, sha256):
        if state is None:  # no such attachment: refused and dealt with, discarded, or erased
            _forget(store, folder, attachment_id, sha256)
            return False
        if on_progress is not None:
            on_progress(Progress("uploaded", state["offset_bytes"], size_bytes))
        receipt = state.get("receipt")
        if receipt is not None:
            if receipt.get("sha256") != sha256 or receipt.get("size_bytes") != size_bytes:
                raise ProtocolViolation("The server's receipt is for another content. It is kept here.")
            with store.write() as conn:
                conn.execute(
                    "UPDATE sync_content SET state = 'kept', receipt = ? WHERE id = ?",
                    (json.dumps(receipt), id_bytes(attachment_id)),
                )
            return True
    return False


def _states(
    folder: ContentFolder, transport: ContentTransport, attachment_id: str, sha256: str
) -> Iterator[dict[str, Any] | None]:
    """How far the upload is, after each step; None where the server knows no such attachment. Ends with the receipt."""
    failures, mismatches = 0, 0
    state = None
    while True:
        try:
            if state is None:
                state = transport.upload_state(attachment_id)
            else:
                state = transport.upload_part(
                    attachment_id, state["offset_bytes"], _part(folder, sha256, state["offset_bytes"])
                )
                failures = 0  # a server that answers and takes nothing is as good as none
        except Rejected as refusal:
            if refusal.code == "not_found":
                yield None
                return
            if refusal.code == "content_mismatch":
                mismatches += 1
                _see_that_own_is_right(folder, sha256, mismatches)
            elif refusal.code != "offset_mismatch":
                raise
            failures += 1
            state = None
        except (Offline, ServerUnavailable):
            failures += 1
            state = None
            if failures == TRIES_MAX:
                raise
            time.sleep(PAUSE_S * failures)
        if failures > TRIES_MAX:
            raise ServerUnavailable("The server does not take this file now. It is kept; try again later.")
        if state is not None:
            yield state
            if state.get("receipt") is not None:
                return


def _part(folder: ContentFolder, sha256: str, offset: int) -> bytes:
    try:
        with folder.open(sha256) as file:
            file.seek(offset)
            return file.read(PART_BYTES)
    except FileNotFoundError:
        raise ContentDamaged(folder.file(sha256)) from None


def _see_that_own_is_right(folder: ContentFolder, sha256: str, mismatches: int) -> None:
    if not folder.is_sound(sha256):
        raise ContentDamaged(folder.file(sha256))
    if mismatches > 1:
        raise ServerUnavailable("The file does not arrive as it was sent. It is kept; try again later, or elsewhere.")


def fetch(folder: ContentFolder, transport: ContentTransport, attachment_id: str, sha256: str) -> None:
    """Bring a content onto the device, going on from what has arrived before.

    Raises:
        ContentMissing: the server does not have it yet.
        ProtocolViolation: what came is something else.
        Offline: the line broke off; what arrived is kept.
        StorageFailed: there is no room.
    """
    start = folder.part_size(sha256)
    try:
        goes_on, pieces = transport.download(attachment_id, start, sha256)
        folder.append(sha256, pieces, from_start=not goes_on)
    except Rejected as refusal:
        if refusal.code == "content_missing":
            raise ContentMissing from None
        if refusal.code != "range_unsatisfiable":  # all of it had arrived before
            raise
    if not folder.finish(sha256):
        raise ProtocolViolation("What the server sent is not the file that its row names. It was thrown away.")


def is_waiting(store: Store, sha256: str) -> bool:
    """Whether the server may lack a content, so that this device's copy is the only one."""
    with store.read() as conn:
        sql = "SELECT 1 FROM sync_content WHERE sha256 = ? AND state = 'waiting'"
        return conn.execute(sql, (sha256,)).fetchone() is not None


def note_use(store: Store, attachment_id: str, sha256: str, size_bytes: int, now: int) -> None:
    """Remember when a content was last used, so that it is not the first to go."""
    with store.write() as conn:
        conn.execute(
            "INSERT INTO sync_content (id, sha256, size_bytes, state, used_at) VALUES (?, ?, ?, 'fetched', ?) "
            "ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at",
            (id_bytes(attachment_id), sha256, size_bytes, now),
        )


def evict(store: Store, folder: ContentFolder, bytes_max: int) -> None:
    """Remove contents that the server has, the longest unused first, until the others fit."""
    with store.read() as conn:
        found = conn.execute(
            "SELECT sha256, max(size_bytes), max(used_at) FROM sync_content GROUP BY sha256 "
            "HAVING sum(state = 'waiting') = 0 ORDER BY max(used_at) DESC"
        ).fetchall()
        total = 0
        for sha256, size, _ in found:
            if folder.has(sha256):
                total += size
                if total > bytes_max:
                    folder.remove(sha256)


def tidy(store: Store, folder: ContentFolder) -> None:
    """Remove contents whose rows this device no longer shows, those of people who were erased, and leftovers."""
    with store.write() as conn:
        conn.execute(
            "DELETE FROM sync_content WHERE state <> 'waiting' AND NOT EXISTS "
            "(SELECT 1 FROM attachment a WHERE a.id = sync_content.id AND a.sha256 = sync_content.sha256)"
        )
        waiting = conn.execute("SELECT id FROM sync_content WHERE state = 'waiting'").fetchall()
        erased = [(row_id,) for (row_id,) in waiting if conn.execute(_ERASED, (id_text(row_id),)).fetchone()]
        conn.executemany("DELETE FROM sync_content WHERE id = ?", erased)
        _remove_unnamed(conn, folder)


def _forget(store: Store, folder: ContentFolder, attachment_id: str, sha256: str) -> None:
    with store.write() as conn:
        conn.execute("DELETE FROM sync_content WHERE id = ?", (id_bytes(attachment_id),))
        _remove_unnamed(conn, folder)


def _remove_unnamed(conn: sqlite3.Connection, folder: ContentFolder) -> None:
    """Files that no row names any more; a part of a row that is shown may be gone on with."""
    named = {sha256 for (sha256,) in conn.execute("SELECT sha256 FROM sync_content")}
    folder.remove_others(named, parts={sha256 for (sha256,) in conn.execute("SELECT sha256 FROM attachment")})
