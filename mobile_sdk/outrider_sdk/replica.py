"""The replica: what an application on the device works with."""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from outrider_sdk import attention, discards, incidents, overlay, search, wipe
from outrider_sdk.attention import AttentionItem
from outrider_sdk.credentials import CredentialStore, FileCredentials
from outrider_sdk.encrypted_credentials import EncryptedCredentials
from outrider_sdk.encryption import encrypted_connection
from outrider_sdk.entity_tables import EntityTables
from outrider_sdk.errors import InvalidValue, ReplicaError
from outrider_sdk.events import Events, OnEvent
from outrider_sdk.http import device_clock
from outrider_sdk.identity import identify
from outrider_sdk.ids import Clock, Entropy, IdSource
from outrider_sdk.lease import LeaseWatch
from outrider_sdk.limits import Limits
from outrider_sdk.live import Deliver, LiveQueries, Subscription
from outrider_sdk.network import Network
from outrider_sdk.operation import Operation
from outrider_sdk.queries import Query, R
from outrider_sdk.reopen import Reopened, reopen
from outrider_sdk.search import Hit, index
from outrider_sdk.store import Store
from outrider_sdk.transaction import Transaction
from outrider_sdk.transport import Transport


class Replica(EntityTables, Network, Operation):
    """A local copy of what its user may see, that can be changed offline; made by `Replica.open`.

    Any thread may use it, one at a time is inside; `sync` holds it only while it writes.

    >>> with crm.transaction():
    ...     order = crm.orders.create(outlet_id=outlet.id)
    ...     line = crm.order_lines.create(order_id=order.id, product_id=tea.id, quantity=12)
    ...     order = crm.orders.submit(order.id)
    >>> order.number, order.status, order.total_minor
    ('W7-00001', 'submitted', 3000)
    """

    def __init__(
        self,
        opened: Store,
        *,
        credentials: CredentialStore,
        server: str | None,
        transport: Transport | None,
        clock: Clock,
        entropy: Entropy,
        limits: Limits,
        on_event: OnEvent | None,
    ) -> None:
        self._store = opened
        self._credentials = credentials
        self._server = server
        self._transport = transport
        self._clock = clock
        self._new_id = IdSource(clock, entropy)
        self._lease = LeaseWatch(opened, credentials, clock)
        self._current: Transaction | None = None
        self._syncing = threading.Lock()
        self.events = Events(clock, on_event)
        opened.limits = limits
        self._live = LiveQueries(opened)
        self._make_tables(opened, self.transaction)
        self.attachments.bind(self._reach, clock)
        if not opened.read_only:
            index.adapt(opened)
            identify(self._store, self._credentials)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        server: str | None = None,
        credentials: CredentialStore | None = None,
        read_only: bool = False,
        key: bytes | None = None,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        on_event: OnEvent | None = None,
        transport: Transport | None = None,
        clock: Clock = device_clock,
        entropy: Entropy = os.urandom,
        connection_factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> Self:
        """Open the replica at `path`; a file that is not there is made.

        Args:
            server: its address, where it is no longer that of the credentials.
            credentials: where they are kept; without it, in `<path>.credentials.json`, or, under the key, in
                `<path>.credentials`.
            read_only: read beside a writer, which may be another process.
            key: 32 random bytes, from the platform's key store, that encrypt the file (the extra `encryption`).
            limits: how much the device may hold.
            on_event: called with what the SDK does, by name, with counts and codes and nothing personal; without it,
                the logger `outrider_sdk` has it at level DEBUG.
            transport: stands in for HTTP; for tests and simulations, as are all that follow.
            clock: microseconds since 1970 as the device believes them.
            entropy: random bytes for ids.
            connection_factory: the class of the SQLite connection, through whose `execute` and `executemany` every
                statement goes, so that a test can break off at each.

        Raises:
            ForeignFile: the file is something else; it was not touched.
            ReplicaBroken: the file is damaged; it was not touched.
            EncryptionUnavailable: there is a key, and SQLCipher is not installed.
            WrongKey: the file can't be read with this key.
            ReplicaTooNew: a newer SDK made it.
            ReplicaBusy: another writer has it open.
            ReplicaMissing: there is nothing to read, with `read_only`.
            StorageFailed: the device has no room; nothing was lost, and the next opening goes on.
            ForeignCredentials: the credentials are of another device.
        """
        if key is not None:
            connection_factory = encrypted_connection(key)
        if not read_only:
            wipe.finish(Path(path))  # of a wipe that a crash broke off
        opened = Store(Path(path), read_only=read_only, connection_factory=connection_factory)
        try:
            return cls(
                opened,
                credentials=credentials or _credentials_beside(path, key),
                server=server,
                transport=transport,
                clock=clock,
                entropy=entropy,
                limits=limits,
                on_event=on_event,
            )
        except BaseException:
            opened.close()
            raise

    def close(self) -> None:
        """Close the file; an open transaction is undone. A second call does nothing."""
        if self._listener is not None:
            self._listener.stop()
        self._live.close()
        self._store.close()
        if self._transport is not None:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Changes that belong together: one mutation, whole or not at all, and safe when the block has ended.

        An exception undoes everything in the block. A transaction within another one is a part of it; where it
        fails after it changed something, the outer one can't be kept.
        """
        with self._store.read():
            if self._current is not None:
                with self._part_of(self._current) as current:
                    yield current
                return
            with self._store.write():
                self._current = Transaction(self._store, self._clock, self._new_id, self._lease)
                current = self._current
                try:
                    yield current
                    number = current.finish()
                finally:
                    self._current = None
            current.number = number

    @contextmanager
    def _part_of(self, current: Transaction) -> Iterator[Transaction]:
        before = current.size
        try:
            yield current
        except BaseException:
            current.failed = current.failed or current.size != before
            raise

    def search(self, text: str, *, entities: Collection[str] = search.ENTITIES, limit: int = 20) -> list[Hit]:
        """Accounts, outlets, contacts and products that have every word, pending changes included; best first.

        Each word may be the beginning of one. Case and accents don't matter, nor ё for е, nor Russian letters in place
        of Kazakh ones. Names, addresses, job titles, tags and translations are searched; SKUs, barcodes, tax ids,
        phones and e-mail addresses also as a whole, and numbers by any four of their digits that stand together.

        The first search after a first pull makes the index (about a second per 40,000 rows); `prepare_search` does it
        before.
        """
        hits = []
        for (entity, row_id), exact in islice(search.find(self._store, text, entities), limit):
            row = self.table(entity).find(row_id)
            if row is not None:
                hits.append(Hit(entity, row, exact))
        return hits

    def live(
        self,
        query: Query[R] | Callable[[], list[R]],
        callback: Callable[[list[R]], object],
        *,
        deliver: Deliver | None = None,
    ) -> Subscription:
        """Call with the rows of a query now, and again whenever they have changed, by whomever: here or by a sync.

        Calls come one after another, from a thread of the replica's own, never inside a transaction. A replica that is
        open for reading looks each second whether its writer has written.

        Args:
            query: of a table, or a function such as `lambda: crm.search("tea")`.
            callback: an exception of its is logged, and the query goes on.
            deliver: hands a call over to another thread: `loop.call_soon_threadsafe` for asyncio.
        """
        return self._live.subscribe(query, callback, deliver)

    def prepare_search(self, on_progress: Callable[[int], object] | None = None) -> None:
        """Bring the index of `search` up to date, while nobody waits for it. Can be broken off, and is gone on with."""
        self._refuse_inside_transaction("prepare_search")
        index.update(self._store, search.ENTITIES, on_progress)

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of a SELECT over the visible tables, as stored: ids are 16 bytes, instants microseconds, decimals text.

        A statement that would write fails.
        """
        with self._store.read() as conn:
            conn.execute("PRAGMA query_only=ON")
            try:
                cursor = conn.execute(sql, parameters)
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor]
            finally:
                conn.execute("PRAGMA query_only=OFF")

    def _refuse_inside_transaction(self, call: str) -> None:
        with self._store.read():  # waits for another thread's transaction; one seen here is this thread's own
            if self._current is not None:
                raise ReplicaError(f"{call}() can't run inside a transaction. End the transaction first.")

    def attention(self) -> list[AttentionItem]:
        """What waits for a person: refused mutations, open conflicts, orders that need a decision."""
        return attention.list_attention(self._store)

    def resolve(self, item: AttentionItem | int | str, choice: str) -> None:
        """Deal with an item of `attention`, by one of its choices.

        A refused mutation leaves the list, whichever of its choices it is: `discard` drops it, `edit` and `revise` say
        that the person makes a new mutation (`reopen` makes one of it). A conflict is settled. An order is handed in
        again (`submit`) or cancelled (`cancel`).

        Args:
            item: the item itself, its number, or the id of the conflict or order that it is about.

        Raises:
            InvalidValue: nothing of this name waits, several do, or it has no such choice.
        """
        if not isinstance(item, AttentionItem):
            item = attention.find(self.attention(), item, choice)
        offered = {each["code"] for each in item.choices}
        if choice not in offered:
            raise InvalidValue("attention", None, f"it offers {', '.join(sorted(offered))}; not {choice!r}")
        match item.code:
            case attention.CONFLICT_CODE:
                self.conflicts.settle(item.conflicts[0]["id"], choice)
            case attention.ORDER_CODE:
                (self.orders.submit if choice == "submit" else self.orders.cancel)(item.row_id)
            case code if code in incidents.TITLES:
                incidents.forget(self._store, item.row_id)
            case _:
                with self._store.write() as conn:
                    conn.execute("UPDATE sync_outbox SET resolved = 1 WHERE number = ?", (item.number,))

    def reopen(self, number: int) -> Reopened:
        """Take a refused mutation up again, as far as that is possible; it then leaves `attention`.

        Where it offers `revise`, a new draft has the lines that the order was meant to have, and names the order that
        it revises. Where it offers `edit`, its changes are made anew, upon the rows as they are now; until the next
        sync the person can correct them.

        Raises:
            InvalidValue: there is no such refused mutation, or it offers neither.
        """
        self._refuse_inside_transaction("reopen")
        return reopen(self, self._store, number)

    def discard(self, number: int, *, cascade: bool = False) -> list[int]:
        """Take back an unsent mutation, and with `cascade` those that build on rows it created; which ones it was.

        Raises:
            NotDiscardable: it does not exist, or may have reached the server.
            BuiltOn: others build on it, and `cascade` is off.
        """
        self._refuse_inside_transaction("discard")
        with self._store.write() as conn:
            discarded = discards.discard(self._store, number, cascade=cascade)
            overlay.restore(conn)
            overlay.recompute(conn)
        return discarded


def _credentials_beside(path: str | Path, key: bytes | None) -> CredentialStore:
    return FileCredentials.beside(path) if key is None else EncryptedCredentials.beside(path, key)
