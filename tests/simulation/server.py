"""The server's store in memory: transactions that overlap, scopes and grants, and a pull; deciding is the real code.

What PostgreSQL does by its counter, triggers and queries is done here once more, in the plainest way, so that the
simulator can stop anywhere. Numbers, loading, deciding and refusals are `server.sync`'s own.
"""

import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from outrider_sdk.protocol import GENESIS_DIGEST
from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth.access import access_of
from server.sync.conflicts import withhold
from server.sync.decide import decide
from server.sync.load import Asked, load_state
from server.sync.numbers import check_chain, check_known, split_known
from server.sync.scopes import OFFICE_SCOPE, TENANT_SCOPE
from server.sync.state import ALWAYS, CREATION, NEVER, Device, Facts, Price, Row, WritePlan

VIEW = access_of("rep").view
PRICE_WINDOW = 7 * 86_400_000_000
_CATALOGUE = {
    "office", "team", "territory", "member", "legal_entity",
    "price_list", "product", "product_unit", "price_item", "warehouse", "stock",
}  # fmt: skip


class Locked(Exception):
    """Another transaction holds the tenant's counter."""


@dataclass
class Entry:
    """A row in a scope."""

    entity: str
    revision: int
    gone: bool


@dataclass
class Grant:
    """A scope that a member has, or had."""

    revision: int
    gone: bool
    at: int


@dataclass
class DeviceRecord:
    """What the server keeps of a device."""

    id: str
    member_id: str
    last_number: int = 0
    last_digest: str = GENESIS_DIGEST
    seen_at: int = 0
    outcomes: dict[int, dict[str, Any]] = field(default_factory=dict)
    ever: dict[int, dict[str, Any]] = field(default_factory=dict)
    """All outcomes there ever were: the oracle's, never read by the server."""
    refused: dict[str, int] = field(default_factory=dict)


@dataclass
class Transaction:
    """An open writing transaction: what it will write when it commits."""

    revision: int
    at: int
    rows: list[Row] = field(default_factory=list)
    device: DeviceRecord | None = None
    fresh: list[dict[str, Any]] = field(default_factory=list)
    plan: WritePlan | None = None
    reply: dict[str, Any] = field(default_factory=dict)
    acked_through: int = 0


class MemoryServer:
    """One tenant."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.rows: dict[tuple[str, str], Row] = {}
        self.entries: dict[tuple[str, str], Entry] = {}
        self.grants: dict[tuple[str, str], Grant] = {}
        self.devices: dict[str, DeviceRecord] = {}
        self.price_history: dict[str, list[tuple[int, Decimal]]] = {}
        self.counter = 0
        self.head = 0
        self.holder: Transaction | None = None
        self.on_commit: Callable[[Transaction], None] = lambda transaction: None

    # Writing

    def begin(self) -> Transaction:
        """Take the revision: the lock on the counter lasts until commit or abort."""
        if self.holder is not None:
            raise Locked
        self.counter += 1
        self.holder = Transaction(self.counter, self.clock())
        return self.holder

    def abort(self, transaction: Transaction) -> None:
        """Undo: nothing was written, and the counter is what it was."""
        if self.holder is transaction:
            self.holder = None
            self.counter = transaction.revision - 1

    def commit(self, transaction: Transaction) -> None:
        """Make it visible, all at once."""
        self.on_commit(transaction)
        moved = False
        for row in transaction.rows:
            before = self.rows.get(row.key)
            row.values |= {"revision": transaction.revision, "updated_at": transaction.at}
            row.is_new = row.dirty = False
            self._keep_price(before, row, transaction)
            self.rows[row.key] = row
            moved = moved or before is None or _place(before) != _place(row)
            for (row_id, _), entry in self.entries.items():
                if row_id == row.id and not entry.gone:
                    entry.revision = transaction.revision
        if moved:
            self._refresh(transaction)
        self._keep_outcomes(transaction)
        self.head = max(self.head, transaction.revision)
        if self.holder is transaction:
            self.holder = None

    def _keep_price(self, before: Row | None, row: Row, transaction: Transaction) -> None:
        if row.entity.name == "price_item" and before is not None and before.values["price"] != row.values["price"]:
            self.price_history.setdefault(row.id, []).append((transaction.at, Decimal(before.values["price"])))

    def _keep_outcomes(self, transaction: Transaction) -> None:
        device, plan = transaction.device, transaction.plan
        if device is None:
            return
        if plan is not None:
            device.last_number = transaction.fresh[-1]["number"]
            device.last_digest = transaction.fresh[-1]["digest"]
            fresh = {o["number"]: o for o in plan.outcomes}
            device.outcomes |= fresh
            device.ever |= fresh
            for mutation, _, created in plan.refused:
                device.refused |= dict.fromkeys(created, mutation["number"])
        device.seen_at = transaction.at
        for number in [n for n in device.outcomes if n <= transaction.acked_through]:
            del device.outcomes[number]

    def write(self, transaction: Transaction, entity: str, row_id: str, /, **values: Any) -> None:
        """Plain SQL within an open transaction: insert or update one row; `deleted=True` deletes it."""
        known = self.rows.get((entity, row_id))
        definition = ENTITIES[entity]
        stamp = [transaction.revision, transaction.at, None, None, None]
        if known is None:
            empty: dict[str, Any] = dict.fromkeys(definition.columns)
            empty |= {"id": row_id, "custom": "{}", "created_at": transaction.at}
            row = Row(definition, empty, {CREATION: stamp})
        else:
            row = known.copy()
            row.stamps = row.stamps | {
                name: stamp for name, value in values.items() if name != "deleted" and row.values[name] != value
            }
        row.deleted = values.pop("deleted", row.deleted)
        row.values |= values
        transaction.rows.append(row)

    # Scopes

    def _refresh(self, transaction: Transaction) -> None:
        granted = set(self._granted())
        _reconcile(
            self.grants, granted, lambda key: Grant(transaction.revision, gone=False, at=transaction.at), transaction
        )
        placed = {(row.id, scope) for row in self.rows.values() for scope in self.scopes_of(row)}
        names = {row.id: row.entity.name for row in self.rows.values()}
        _reconcile(
            self.entries, placed, lambda key: Entry(names[key[0]], transaction.revision, gone=False), transaction
        )

    def live(self, entity: str) -> Iterable[Row]:
        """Rows of an entity that are not deleted."""
        return (row for row in self.rows.values() if row.entity.name == entity and not row.deleted)

    def _granted(self) -> Iterable[tuple[str, str]]:
        for member in self.live("member"):
            yield member.id, TENANT_SCOPE
            yield member.id, member.id
        for assignment in self.live("assignment"):
            yield assignment.values["member_id"], assignment.values["outlet_id"]

    def scopes_of(self, row: Row) -> set[str]:
        """The scopes that a row is in, stated anew."""
        if row.deleted:
            return set()
        values = row.values
        match row.entity.name:
            case name if name in _CATALOGUE:
                return {TENANT_SCOPE}
            case "outlet":
                return {row.id}
            case "account":
                return self._scopes_of_account(row.id)
            case "agreement":
                return self._scopes_of_account(values["account_id"])
            case "contact":
                return {values["outlet_id"]} if values["outlet_id"] else self._scopes_of_account(values["account_id"])
            case "contact_channel":
                return self.scopes_of(self.rows["contact", values["contact_id"]])
            case "assignment":
                return {values["member_id"], values["outlet_id"]}
            case "order":
                return {values["outlet_id"]}
            case "order_line":
                return self.scopes_of(self.rows["order", values["order_id"]])
            case _:
                return {values["lost_by"] or OFFICE_SCOPE, values["kept_by"] or OFFICE_SCOPE}

    def _scopes_of_account(self, account_id: str) -> set[str]:
        outlets = {o.id for o in self.live("outlet") if o.values["account_id"] == account_id}
        maker = self.rows["account", account_id].values["created_by"]
        return outlets or ({maker} if maker else set())

    # What the real `load_state` asks

    async def load(self, entity: Entity, column: str, ids: Iterable[str], *, device: Device) -> list[Row]:
        """Copies of rows, with what the member sees of them."""
        wanted = set(ids)
        found = [r for (name, _), r in self.rows.items() if name == entity.name and r.values[column] in wanted]
        copies = [row.copy() for row in found]
        for row in copies:
            row.visible_until = self._visible_until(row, device.member_id)
        return copies

    def _visible_until(self, row: Row, member_id: str) -> int:
        until = NEVER
        for (row_id, scope), entry in self.entries.items():
            grant = self.grants.get((member_id, scope))
            if row_id == row.id and grant and (not entry.gone or row.deleted):
                until = max(until, grant.at if grant.gone else ALWAYS)
        return until

    def _sights(self, conflicts: list[Row]) -> set[tuple[str, str]]:
        sides = [
            (c.values["entity"], c.values["row_id"], c.values[s]) for c in conflicts for s in ("kept_by", "lost_by")
        ]
        return {
            (row_id, member)
            for entity, row_id, member in sides
            if member and self._visible_until(self.rows[entity, row_id], member) == ALWAYS
        }

    async def load_prices(self, lists: Sequence[str], products: Sequence[str]) -> dict[tuple[str, str, str], Price]:
        """Prices of lists, with their history."""
        return {
            (i.values["price_list_id"], i.values["product_id"], i.values["unit"]): Price(
                Decimal(i.values["price"]), tuple(self.price_history.get(i.id, ()))
            )
            for i in self.live("price_item")
            if i.values["price_list_id"] in lists and i.values["product_id"] in products
        }

    async def load_merged(self, ids: Iterable[str]) -> dict[str, str]:
        """Nobody merges here."""
        return {}

    async def load_facts(self, asked: Asked, *, device: Device) -> Facts:
        """Nothing is defined or known here beside rows."""
        return Facts()

    async def load_refused(self, device: Device, ids: Sequence[str]) -> dict[str, int]:
        """Ids that refused mutations of the device would have created."""
        refused = self.devices[device.id].refused
        return {i: refused[i] for i in ids if i in refused}

    async def load_erased(self, ids: Sequence[str]) -> set[str]:
        """Nobody is erased here."""
        return set()

    # Push and pull

    def begin_push(self, device_id: str, request: dict[str, Any]) -> Transaction:
        """Lock, load, decide: what a push does before its commit."""
        record = self.devices[device_id]
        mutations = json.loads(json.dumps(request["mutations"]))  # as over a wire: no shared objects
        transaction = self.begin()
        try:
            known, fresh = split_known(mutations, record.last_number)
            check_known(known, {n: o["digest"] for n, o in record.outcomes.items()})
            check_chain(fresh, last_number=record.last_number, last_digest=record.last_digest)
            device = Device(record.id, record.member_id, 1, record.seen_at)
            outcomes = [record.outcomes[m["number"]] for m in known if m["number"] in record.outcomes]
            transaction.device, transaction.fresh = record, fresh
            transaction.acked_through = min(request["acked_through"], record.last_number)
            if fresh:
                state = run(
                    load_state(
                        fresh, device, revision=transaction.revision, now=transaction.at,
                        price_window=PRICE_WINDOW, source=self,
                    )
                )  # fmt: skip
                transaction.plan = decide(fresh, state)
                withhold(transaction.plan.conflicts, self._sights(transaction.plan.conflicts))
                transaction.rows = self._completed([*state.dirty(), *transaction.plan.conflicts], record, transaction)
                outcomes += transaction.plan.outcomes
        except BaseException:
            self.abort(transaction)
            raise
        last = fresh[-1]["number"] if fresh else record.last_number
        transaction.reply = {"outcomes": outcomes, "applied_through": last, "server_time": transaction.at}
        return transaction

    def _completed(self, rows: list[Row], record: DeviceRecord, transaction: Transaction) -> list[Row]:
        for row in rows:
            if row.is_new:
                row.values |= {"created_at": transaction.at, "created_by": record.member_id}
        return rows

    def pull(self, device_id: str, request: dict[str, Any], page_rows: int) -> dict[str, Any]:
        """One page of the stream of effective revisions."""
        record, cursor = self.devices[device_id], request["cursor"]
        position = tuple(json.loads(request["position"])) if request["position"] else (0, "", 0, "")
        stream = sorted(e for e in self._stream(record.member_id, cursor) if e > position)
        page, complete = stream[:page_rows], len(stream) < page_rows
        puts, drops = self._contents(record.member_id, {e[3] for e in page})
        return {
            "puts": puts,
            "drops": drops,
            "cursor": self.head,
            "view": VIEW,
            "anew": False,
            "complete": complete,
            "position": None if complete else json.dumps(page[-1]),
            "applied_through": record.last_number,
            "incarnation": 1,
            "outcomes": [],
            "server_time": self.clock(),
        }

    def _stream(self, member_id: str, cursor: int) -> Iterable[tuple[int, str, int, str]]:
        for (row_id, scope), entry in self.entries.items():
            grant = self.grants.get((member_id, scope))
            if grant is None:
                continue
            news = entry.revision > cursor
            if grant.gone:
                if grant.revision > cursor and (not entry.gone or news):
                    yield grant.revision, scope, entry.revision, row_id
            elif grant.revision > cursor and entry.revision <= grant.revision:
                if not entry.gone or news:
                    yield grant.revision, scope, entry.revision, row_id
            elif news:
                yield entry.revision, scope, entry.revision, row_id

    def sees(self, member_id: str, row: Row) -> bool:
        """Whether a member sees a row now, by entries and grants."""
        for (row_id, scope), entry in self.entries.items():
            grant = self.grants.get((member_id, scope))
            if row_id == row.id and not entry.gone and grant is not None and not grant.gone:
                return True
        return False

    def _contents(self, member_id: str, ids: set[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
        puts: dict[str, dict[str, list[Any]]] = {}
        drops: dict[str, list[str]] = {}
        for row in self.rows.values():
            if row.id not in ids:
                continue
            name = row.entity.name
            if self.sees(member_id, row):
                columns = puts.setdefault(name, {c: [] for c in row.entity.columns})
                for column in row.entity.columns:
                    columns[column].append(row.values[column])
            else:
                drops.setdefault(name, []).append(row.id)
        return puts, drops


def _place(row: Row) -> tuple[Any, ...]:
    columns = ("account_id", "outlet_id", "member_id", "contact_id", "order_id", "lost_by", "kept_by")
    return row.deleted, *(row.values.get(c) for c in columns)


def _reconcile(
    kept: dict[tuple[str, str], Any], wanted: set[tuple[str, str]], make: Callable[[Any], Any], transaction: Transaction
) -> None:
    for key in wanted:
        if key not in kept or kept[key].gone:
            kept[key] = make(key)
    for key, value in kept.items():
        if key not in wanted and not value.gone:
            value.gone, value.revision = True, transaction.revision
            if isinstance(value, Grant):
                value.at = transaction.at


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("it waited")
