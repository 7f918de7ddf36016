"""Mistakes of the device's side, each planted at one place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from outrider_sdk import outbox, overlay, reveal, store, transaction
from outrider_sdk.errors import Offline
from outrider_sdk.push import Push
from outrider_sdk.schema import make_staged, staged
from outrider_sdk.store import Store


@contextmanager
def save_the_cursor_before_the_rows() -> Iterator[None]:
    """How far the device is, is stored in one transaction, and what it got in the next (replication checkpoints that
    run ahead of the documents)."""
    shown = reveal.reveal

    def early(opened: Store, page: Any, asked_from: int, **facts: Any) -> Any:
        with opened.write():
            opened.set_meta(cursor=page["cursor"], cursor_token=page["cursor_token"])
        return shown(opened, page, page["cursor"], **facts)

    with patch.object(reveal, "reveal", early):
        yield


@contextmanager
def move_the_cursor_by_a_push() -> Iterator[None]:
    """The revision of one's own push becomes the cursor: what others wrote before is never pulled (arkade's sync)."""
    kept = Push._keep_outcomes

    def moved(pushed: Push, chunk: Any, reply: Any) -> None:
        kept(pushed, chunk, reply)
        with pushed._store.write():
            pushed._store.set_meta(cursor=reply["revision"], cursor_token=reply["token"])

    from tests.simulation.server import MemoryServer

    begin = MemoryServer.begin_push

    def telling(server: MemoryServer, device_id: str, request: Any) -> Any:
        begun = begin(server, device_id, request)
        begun.reply |= {"revision": begun.revision, "token": server.token_of(begun.revision)}
        return begun

    with patch.object(Push, "_keep_outcomes", moved), patch.object(MemoryServer, "begin_push", telling):
        yield


@contextmanager
def show_pages_as_they_come() -> Iterator[None]:
    """Each page of a pull is shown at once: half of a transaction is seen (sync by batch, as in PouchDB)."""
    shown = reveal.reveal

    def partly(opened: Store, page: Any, asked_from: int) -> bool:
        shown(opened, page | {"cursor": asked_from, "applied_through": 0, "anew": False}, asked_from)
        with opened.write():
            opened.set_meta(pull_from=asked_from, pull_position=page["position"])
        return True

    with patch.object(reveal, "stage", partly):
        yield


@contextmanager
def skip_a_drop() -> Iterator[None]:
    """The device puts what comes, and forgets to remove what goes (feeds without tombstones)."""
    with patch.object(reveal, "_drop", lambda conn, entity: None):
        yield


@contextmanager
def drop_after_the_newer_put() -> Iterator[None]:
    """Of a row that left and came back in one pull, the drop is applied last (deletes in a batch of their own, after
    the upserts)."""
    keep, put, drop = reveal._keep, reveal._put, reveal._drop

    def keep_all(conn: Any, page: Any) -> None:
        dropped = conn.execute("SELECT entity, id FROM sync_dropped").fetchall()
        keep(conn, page)
        conn.executemany("INSERT OR IGNORE INTO sync_dropped (entity, id) VALUES (?, ?)", dropped)

    def put_then_drop(conn: Any, entity: Any, *, anew: bool) -> None:
        put(conn, entity, anew=anew)
        drop(conn, entity)

    def drop_now(conn: Any, entity: Any) -> None:
        make_staged(conn, entity)
        if conn.execute(f'SELECT 1 FROM "{staged(entity)}" LIMIT 1').fetchone() is None:
            drop(conn, entity)

    with (
        patch.object(reveal, "_keep", keep_all),
        patch.object(reveal, "_put", put_then_drop),
        patch.object(reveal, "_drop", drop_now),
    ):
        yield


@contextmanager
def keep_a_lost_row_under_its_edit() -> Iterator[None]:
    """A row with pending work stays when its scope is lost (caches that skip dirty records)."""

    def drop(conn: Any, entity: Any) -> None:
        conn.execute(
            f'DELETE FROM "{entity.name}" WHERE id IN (SELECT id FROM sync_dropped WHERE entity = ?)'
            " AND id NOT IN (SELECT id FROM sync_shadow WHERE entity = ?)",
            (entity.name, entity.name),
        )

    with patch.object(reveal, "_drop", drop):
        yield


@contextmanager
def trim_the_outbox_on_send() -> Iterator[None]:
    """What was sent leaves the outbox, whether or not it arrived (fire and forget, service workers' queues)."""
    send, wait = Push._send, Push._reply
    sent: list[Any] = []

    def noted(push: Push, chunk: Any, *, beside: bool) -> None:
        sent[:] = [chunk]
        send(push, chunk, beside=beside)

    def trimmed(push: Push) -> Any:
        try:
            return wait(push)
        except Offline:
            with push._store.write() as conn:
                numbers = [(mutation["number"],) for mutation in sent[0].mutations]
                conn.executemany("DELETE FROM sync_outbox WHERE number = ?", numbers)
            raise

    with patch.object(Push, "_send", noted), patch.object(Push, "_reply", trimmed):
        yield


@contextmanager
def go_on_numbering_orders() -> Iterator[None]:
    """A restored phone prints order numbers that it had printed before (cash registers after a restore)."""
    with patch.object(Store, "begin_series", lambda *_: None):
        yield


@contextmanager
def leave_the_overlay_on_acknowledgement() -> Iterator[None]:
    """One's own write vanishes between the reply to the push and the pull that brings it (optimistic updates dropped
    too early: Apollo, Relay)."""
    kept = Push._keep_outcomes

    def dropped(push: Push, chunk: Any, reply: Any) -> None:
        kept(push, chunk, reply)
        with push._store.write() as conn:
            outbox.leave_overlay(push._store, reply["applied_through"])
            overlay.restore(conn)
            overlay.recompute(conn)

    with patch.object(Push, "_keep_outcomes", dropped):
        yield


@contextmanager
def rebase_the_base() -> Iterator[None]:
    """A further edit over a pending one is based on what the server has now, which nobody saw (rebasing clients that
    drop the original version)."""
    with (
        patch.object(transaction.overlay, "pending_edit_base", lambda *_: {}),
        patch.object(transaction.overlay, "edit_bases", lambda *_: {}),
    ):
        yield


@contextmanager
def take_back_what_was_sent() -> Iterator[None]:
    """What may have arrived can still be taken back: device and server number on differently (undo over a queue)."""
    mark = Push._marked_chunk

    def unmarked(push: Push, start: int) -> Any:
        before = push._store.meta_int("sent_through")
        chunk = mark(push, start)
        if chunk is not None:
            with push._store.write():
                push._store.set_meta(sent_through=before)
        return chunk

    with patch.object(Push, "_marked_chunk", unmarked):
        yield


@contextmanager
def remember_the_erased() -> Iterator[None]:
    """The row of an erased person goes, and the outbox still quotes it (histories and logs outside of the erasure)."""
    with patch.object(outbox, "forget", lambda conn, ids: None):
        yield


@contextmanager
def leave_words_in_free_pages() -> Iterator[None]:
    """Deleted content stays in the file's free pages (SQLite without `secure_delete`, the default, and without
    `VACUUM`)."""
    settings = tuple(s for s in store._SETTINGS if "secure_delete" not in s)
    with (
        patch.object(store, "_SETTINGS", (*settings, "PRAGMA secure_delete=OFF")),
        patch.object(Store, "rewrite", lambda _: None),
    ):
        yield


BUGS = (
    save_the_cursor_before_the_rows, move_the_cursor_by_a_push, show_pages_as_they_come, skip_a_drop,
    drop_after_the_newer_put, keep_a_lost_row_under_its_edit, trim_the_outbox_on_send, go_on_numbering_orders,
    leave_the_overlay_on_acknowledgement, rebase_the_base, take_back_what_was_sent, remember_the_erased,
    leave_words_in_free_pages,
)  # fmt: skip
