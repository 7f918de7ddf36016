"""The replica: what an application on the device works with."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from outrider_sdk import attention, outbox, overlay, store
from outrider_sdk.attention import AttentionItem
from outrider_sdk.conflicts import ConflictTable
from outrider_sdk.credentials import Credentials, CredentialStore, FileCredentials
from outrider_sdk.errors import ForeignCredentials, InvalidValue, NotEnrolled, ReplicaBusy, ReplicaError
from outrider_sdk.ids import Clock, Entropy, IdSource
from outrider_sdk.kinds import moment
from outrider_sdk.orders import OrderLineTable, OrderTable
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.records import (
    CapturedTable,
    ConsentTable,
    PaymentTable,
    ReturnLineTable,
    ReturnOrderTable,
    VisitTable,
)
from outrider_sdk.reopen import Reopened, reopen
from outrider_sdk.store import Store
from outrider_sdk.sync import OnProgress, Sync, SyncReport
from outrider_sdk.tables import Table
from outrider_sdk.transaction import Transaction
from outrider_sdk.transport import HttpTransport, Transport, device_clock

_KINDS: dict[str, type[Table]] = {
    "conflict": ConflictTable,
    "order": OrderTable,
    "order_line": OrderLineTable,
    "return_order": ReturnOrderTable,
    "return_line": ReturnLineTable,
    "payment": PaymentTable,
    "visit": VisitTable,
    "consent": ConsentTable,
    "stock_movement": CapturedTable,
}


@dataclass(frozen=True, slots=True)
class Status:
    """How the replica stands, without contact."""

    pending: int
    """Mutations that the server has not answered."""
    oldest_pending_at: datetime | None
    needs_attention: int
    cursor: int
    last_sync_at: datetime | None
    size_bytes: int
    device_id: str | None
    incarnation: int
    last_number: int
    applied_through: int
    skew_us: int | None
    """Server clock minus device clock as last measured."""


class Replica:
    """A local copy of what its user may see, that can be changed offline; made by `Replica.open`.

    Any thread may use it, one at a time is inside; `sync` holds it only while it writes.

    >>> crm = Replica.open("crm.db")  # doctest: +SKIP
    >>> with crm.transaction():  # doctest: +SKIP
    ...     order = crm.orders.create(outlet_id=outlet.id)
    ...     crm.order_lines.create(order_id=order.id, product_id=tea.id, quantity=12)
    ...     crm.orders.submit(order.id)
    """

    custom_fields: Table
    territories: Table
    members: Table
    legal_entities: Table
    categories: Table
    tax_categories: Table
    tax_rates: Table
    price_lists: Table
    products: Table
    product_units: Table
    price_items: Table
    assortments: Table
    promotions: Table
    warehouses: Table
    stocks: Table
    stock_movements: CapturedTable
    accounts: Table
    agreements: Table
    outlets: Table
    assortment_items: Table
    contacts: Table
    contact_channels: Table
    consents: ConsentTable
    assignments: Table
    orders: OrderTable
    order_lines: OrderLineTable
    conflicts: ConflictTable
    return_orders: ReturnOrderTable
    return_lines: ReturnLineTable
    invoices: Table
    receivables: Table
    payments: PaymentTable
    payment_allocations: Table
    comments: Table
    attachments: Table
    routes: Table
    route_stops: Table
    visits: VisitTable
    merges: Table

    def __init__(
        self,
        opened: Store,
        *,
        credentials: CredentialStore,
        server: str | None,
        transport: Transport | None,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = opened
        self._credentials = credentials
        self._server = server
        self._transport = transport
        self._clock = clock
        self._new_id = IdSource(clock, entropy)
        self._current: Transaction | None = None
        self._syncing = threading.Lock()
        self._tables: dict[str, Table] = {}
        for name, entity in ENTITIES.items():
            self._tables[name] = _KINDS.get(name, Table)(opened, entity, self.transaction)
            setattr(self, _plural(name), self._tables[name])
        if not opened.read_only:
            self._identify()

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        server: str | None = None,
        credentials: CredentialStore | None = None,
        read_only: bool = False,
        transport: Transport | None = None,
        clock: Clock = device_clock,
        entropy: Entropy = os.urandom,
        connection_factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> Self:
        """Open the replica at `path`; a file that is not there is made.

        Args:
            server: its address, where it is no longer that of the credentials.
            credentials: where they are kept; without it, in `<path>.credentials.json`.
            read_only: read beside a writer, which may be another process.
            transport: stands in for HTTP; for tests and simulations, as are all that follow.
            clock: microseconds since 1970 as the device believes them.
            entropy: random bytes for ids.
            connection_factory: the class of the SQLite connection, through whose `execute` and `executemany` every
                statement goes, so that a test can break off at each.

        Raises:
            ForeignFile: the file is something else; it was not touched.
            ReplicaBroken: the file is damaged; it was not touched.
            ReplicaTooNew: a newer SDK made it.
            ReplicaBusy: another writer has it open.
            ReplicaMissing: there is nothing to read, with `read_only`.
            ForeignCredentials: the credentials are of another device.
        """
        opened = Store(Path(path), read_only=read_only, connection_factory=connection_factory)
        try:
            return cls(
                opened,
                credentials=credentials or FileCredentials.beside(path),
                server=server,
                transport=transport,
                clock=clock,
                entropy=entropy,
            )
        except BaseException:
            opened.close()
            raise

    def _identify(self) -> None:
        """Write into a new replica whose it is; see that an older one is the same device's."""
        known = self._credentials.load()
        if known is None:
            return
        identity: dict[str, str | int] = {"device_id": known.device_id, "incarnation": known.incarnation}
        mine = {key: self._store.meta(key) for key in identity}
        if mine["device_id"] is None:
            with self._store.write():
                self._store.set_meta(**identity, member_id=known.member_id, number_prefix=known.number_prefix)
        elif any(mine[key] != str(value) for key, value in identity.items()):
            raise ForeignCredentials(
                f"{self._store.path} belongs to another enrolment ({mine['device_id']}) than its credentials "
                f"({known.device_id}). Open it with its own, or name a new file."
            )

    def enrol(self, *, server: str, tenant: str, code: str, name: str = "device") -> Credentials:
        """Make this device known to the server by a one-time code. Needs the network, once.

        Raises:
            ReplicaError: the replica is of a device already.
            Rejected: the code is used, expired or unknown.
        """
        from outrider_sdk.transport import enrol

        if self._store.meta("device_id") is not None:
            raise ReplicaError(f"{self._store.path} is enrolled already. Name another file for another device.")
        made = enrol(self._credentials, server=server, tenant=tenant, code=code, name=name, clock=self._clock)
        self._identify()
        return made

    def close(self) -> None:
        """Close the file; an open transaction is undone. A second call does nothing."""
        self._store.close()
        if self._transport is not None:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def table(self, entity: str) -> Table:
        """The rows of an entity, by its name: `crm.table("account")` is `crm.accounts`.

        Raises:
            InvalidValue: no such entity replicates.
        """
        try:
            return self._tables[entity]
        except KeyError:
            raise InvalidValue(entity, None, "there is no such entity") from None

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
                self._current = Transaction(self._store, self._clock, self._new_id)
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

    def sync(self, on_progress: OnProgress | None = None) -> SyncReport:
        """Push what is pending, pull what is new. The only call that uses the network.

        Whatever it raises, local work is kept, and the next sync goes on where this one broke off.

        Raises:
            Offline, ServerUnavailable: try again later.
            DeviceRevoked, ReplicaForked, ClientTooOld, NotEnrolled: a person must act.
            Rejected, ProtocolViolation: device and server do not understand each other.
        """
        self._refuse_inside_transaction("sync")
        if not self._syncing.acquire(blocking=False):
            raise ReplicaBusy(self._store.path, os.getpid())
        try:
            if self._transport is None:
                self._transport = HttpTransport(self._credentials, server=self._server, clock=self._clock)
            if self._store.meta("device_id") is None:
                self._identify()
            if self._store.meta("device_id") is None:
                raise NotEnrolled("This replica belongs to no device yet. Enrol it with a code.")
            report = Sync(self._store, self._transport, self._clock, on_progress).run()
            report.needs_attention = self.attention()
            return report
        finally:
            self._syncing.release()

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
            discarded = outbox.discard(self._store, number, cascade=cascade)
            overlay.restore(conn)
            overlay.recompute(conn)
        return discarded

    def status(self) -> Status:
        """How the replica stands, without contact."""
        get = self._store.meta_int
        with self._store.read() as conn:
            pending, oldest = conn.execute(
                "SELECT count(*), min(captured_at) FROM sync_outbox WHERE status IS NULL"
            ).fetchone()
            synced, skew = self._store.meta("last_sync_at"), self._store.meta("skew")
            return Status(
                pending=pending,
                oldest_pending_at=None if oldest is None else moment(oldest),
                needs_attention=len(self.attention()),
                cursor=get("cursor"),
                last_sync_at=None if synced is None else moment(int(synced)),
                size_bytes=self._store.size_bytes(),
                device_id=self._store.meta("device_id"),
                incarnation=get("incarnation"),
                last_number=get("last_number"),
                applied_through=get("applied_through"),
                skew_us=None if skew is None else int(skew),
            )

    def verify(self) -> list[str]:
        """What is wrong with the replica; empty where all is well. Reads everything, changes nothing.

        Checks the file's structure, the numbers and digests of the outbox, and that what is shown equals base plus
        overlay.
        """
        self._refuse_inside_transaction("verify")
        with self._store.read() as conn:
            damage = store.check(conn)
            problems = [damage] if damage else []
            problems += outbox.broken_links(conn, self._store.meta_int("last_number"))
            conn.execute("BEGIN IMMEDIATE")
            try:
                shown = overlay.visible_of_shadowed(conn)
                overlay.recompute(conn)
                computed = overlay.visible_of_shadowed(conn)
            finally:
                conn.execute("ROLLBACK")
        wrong = [key for key, row in computed.items() if shown[key] != row]
        return problems + [f"{entity} {row_id} is not base plus overlay" for entity, row_id in wrong]


def _plural(entity: str) -> str:
    return entity[:-1] + "ies" if entity.endswith("y") else entity + "s"
