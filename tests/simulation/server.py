"""A tenant in memory: transactions that overlap, and what a commit does. Push and pull are `server.sync`'s own code.

What PostgreSQL does by its counter, triggers and queries is done here once more, in the plainest way, so that the
simulator can stop anywhere: the lock on the counter here, tables and queries in `database`, scopes and grants in
`visibility`.
"""

import copy
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES

from server.auth import incarnations
from server.auth.access import Access
from server.auth.devices import DeviceRevoked
from server.clock import from_micros, frozen
from server.db import Actor, Revision
from server.sync import pull as real_pull
from server.sync import push as real_push
from server.sync import wire
from server.sync.cursors import EPOCH_BITS
from server.sync.page_cache import PageCache
from server.sync.position import NIL, Position
from server.sync.snapshots import Snapshot, SnapshotMissing
from server.sync.state import CREATION, Row
from tests.simulation import doors
from tests.simulation.database import bound
from tests.simulation.loop import run
from tests.simulation.records import DeviceRecord, Transaction
from tests.simulation.visibility import Rows, Visibility

MOVING = (
    "account_id", "outlet_id", "member_id", "contact_id", "order_id", "lost_by", "kept_by", "team_id", "territory_id",
    "manager_id", "parent_id", "role", "active", "substitute_id", "winner_id", "permissions", "key", "base",
)  # fmt: skip
"""Columns that say where a row is seen, or who sees what."""


class Locked(Exception):
    """Another transaction holds the tenant's counter."""


KEPT = (
    "rows", "sight", "devices", "price_history", "merged", "erased", "payloads", "accesses", "counter", "head",
    "tokens", "horizon", "epoch", "quarantines", "snapshots",
)  # fmt: skip
"""What a backup holds."""


class MemoryServer:
    """One tenant."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.rows = Rows()
        self.sight = Visibility(self.rows)
        self.devices: dict[str, DeviceRecord] = {}
        self.price_history: dict[str, list[tuple[int, Decimal]]] = {}
        self.merged: dict[str, str] = {}
        """Contact that was merged away → the one that it goes on as."""
        self.erased: dict[str, int] = {}
        """Row of an erased person → revision."""
        self.payloads: dict[str, str] = {}
        """Digest of a refused mutation → its payload."""
        self.accesses: dict[str, list[tuple[int, Access]]] = {}
        """Member → what their access was, and until when."""
        self.quarantines: dict[str, dict[str, Any]] = {}
        """Revoked device → what it handed in, and what was decided of it."""
        self.snapshots: dict[str, Snapshot] = {}
        self.files: dict[str, bytes] = {}
        """Hash → a snapshot's file, in the storage beside the database."""
        self.snapshots_made = 0
        self.schema = 1
        self.pages = PageCache()
        self.id = ""
        self.counter = 0
        self.head = 0
        self.tokens = {0: NIL}
        """Revision → its token; those of a restored database are others than those of the same numbers before."""
        self.epochs = 0
        """So many were begun, as the state folder has it: no backup takes it back."""
        self.devices_made = 0
        """Their ids never come again."""
        self.epoch = 0
        self.horizon = 0
        self.rows_came = False
        """Whether the job was sent that tries what was released, and waits."""
        self.healing = False
        """Whether rows that a restored database lacks are waited for."""
        self.holder: Transaction | None = None
        self.on_commit: Callable[[Transaction], None] = lambda transaction: None

    # Backups

    def back_up(self) -> dict[str, Any]:
        """A copy of everything, consistent."""
        return self._copied({name: getattr(self, name) for name in KEPT})

    def _copied(self, state: dict[str, Any]) -> dict[str, Any]:
        shared = [*ENTITIES.values(), *(access for parts in state["accesses"].values() for _, access in parts)]
        copied: dict[str, Any] = copy.deepcopy(state, {id(each): each for each in shared})
        return copied

    def restore(self, backup: dict[str, Any]) -> None:
        """Go back to a backup, and adopt it: a new epoch begins, and who was revoked since stays so."""
        revoked = {d.id for d in self.devices.values() if d.revoked_at is not None}
        for name, value in self._copied(backup).items():
            setattr(self, name, value)
        for device in self.devices.values():
            if device.id in revoked:
                device.revoked_at = self.clock()
        self.epochs += 1
        self.counter = self.head = self.epochs << EPOCH_BITS
        self.epoch, self.healing = self.epochs, True
        self.rows_came = True  # the backup may hold the job, and the worker looks by itself when it starts
        self.tokens[self.head] = self.token_of(self.head)

    def move_horizon(self, revision: int) -> None:
        """Forget what was removed up to a revision."""
        self.horizon = max(self.horizon, min(revision, self.head))
        self.tokens = {r: token for r, token in self.tokens.items() if r >= self.horizon}
        self.sight.prune(self.horizon)

    def token_of(self, revision: int) -> str:
        """The token of a revision of this epoch."""
        return str(UUID(int=(self.epoch << 100) + revision + 1))

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
        moved, before_it = False, self._accesses(transaction)
        for row in transaction.rows.values():
            before = self.rows.by_key.get(row.key)
            row.values |= {"revision": transaction.revision, "updated_at": transaction.at}
            row.is_new = row.dirty = False
            self._keep_price(before, row, transaction)
            self.rows.put(row)
            moved = moved or before is None or _place(before) != _place(row)
            self.sight.touch(row, transaction.revision, transaction.at)
        if moved:
            self.sight.refresh(transaction.revision, transaction.at)
        for member, access in before_it.items():
            if self.sight.access(member) is not access:
                self.accesses.setdefault(member, []).append((transaction.at, access))
        self._follow_merges(transaction)
        self.erased |= dict.fromkeys(transaction.erased, transaction.revision)
        self._keep_outcomes(transaction)
        self.head = max(self.head, transaction.revision)
        self.tokens[transaction.revision] = self.token_of(transaction.revision)
        self.rows_came = self.rows_came or transaction.rows_came
        if self.holder is transaction:
            self.holder = None

    def _accesses(self, transaction: Transaction) -> dict[str, Access]:
        """What members may do, where the transaction may change that."""
        if not any(entity in ("role", "member") for entity, _ in transaction.rows):
            return {}
        return {member: self.sight.access(member) for member in self.rows.of["member"]}

    def _keep_price(self, before: Row | None, row: Row, transaction: Transaction) -> None:
        if row.entity.name == "price_item" and before is not None and before.values["price"] != row.values["price"]:
            self.price_history.setdefault(row.id, []).append((transaction.at, Decimal(before.values["price"])))

    def _follow_merges(self, transaction: Transaction) -> None:
        for loser, winner in transaction.merged.items():
            self.merged = {old: winner if now == loser else now for old, now in self.merged.items()} | {loser: winner}

    def _keep_outcomes(self, transaction: Transaction) -> None:
        device = transaction.device
        if device is None or transaction.saved is None:
            return
        device.outcomes |= {o["number"]: o for o in [*transaction.recognised, *transaction.outcomes]}
        device.decided |= transaction.decided
        device.decided |= dict.fromkeys((o["number"] for o in transaction.outcomes), transaction.revision)
        device.earlier = device.earlier if transaction.earlier is None else transaction.earlier
        device.refused |= transaction.refused
        self.payloads |= transaction.payloads
        for name, value in transaction.saved.items():
            setattr(device, name, value)
        device.seen_at = transaction.at

    def write(self, transaction: Transaction, entity: str, row_id: str, /, **values: Any) -> None:
        """Plain SQL within an open transaction: insert or update one row; `deleted=True` deletes it."""
        known = transaction.rows.get((entity, row_id)) or self.rows.by_key.get((entity, row_id))
        definition = ENTITIES[entity]
        stamp = [transaction.revision, transaction.at, None, None, None]
        if known is None:
            empty: dict[str, Any] = dict.fromkeys(definition.columns) | definition.defaults
            empty |= {"id": row_id, "custom": "{}", "created_at": transaction.at}
            row = Row(definition, empty, {CREATION: stamp})
        else:
            row = known.copy()
            row.stamps = row.stamps | {
                name: stamp for name, value in values.items() if name != "deleted" and row.values[name] != value
            }
            row.stamps |= {f"custom.{key}": stamp for key in _changed_keys(row, values)}
        row.deleted = values.pop("deleted", row.deleted)
        row.values |= values
        transaction.rows[row.key] = row

    def live(self, entity: str) -> Iterator[Row]:
        """Rows of an entity that are not deleted."""
        return self.rows.live(entity)

    # Push and pull: the real code, up to the commit

    def get_device(self, device_id: str) -> DeviceRecord:
        """The device; one that a restored database does not know is none."""
        if device_id not in self.devices:
            raise DeviceRevoked
        return self.devices[device_id]

    def begin_push(self, device_id: str, request: dict[str, Any]) -> Transaction:
        """What a push does before its commit."""
        record = self.get_device(device_id)
        mutations = json.loads(json.dumps(request["mutations"]))  # as over a wire: no shared objects
        transaction = self.begin()
        transaction.device = record
        revision = Revision(transaction.revision, from_micros(transaction.at), self.actor(record))
        try:
            with bound(self, transaction):
                transaction.reply = run(
                    real_push.push(
                        mutations,
                        incarnation=request["incarnation"],
                        acked_through=request["acked_through"],
                        revision=revision,
                    )
                )
        except BaseException:
            self.abort(transaction)
            raise
        return transaction

    def pull(self, device_id: str, request: dict[str, Any], page_rows: int) -> dict[str, Any]:
        """One page."""
        with bound(self, None), frozen(from_micros(self.clock())):
            wire.check_schema(request["schema"])
            try:
                return self._page(device_id, request, page_rows, may_build=True)
            except SnapshotMissing as missing:
                doors.build(self, missing.wanted)
                return self._page(device_id, request, page_rows, may_build=False)

    def _page(self, device_id: str, request: dict[str, Any], page_rows: int, *, may_build: bool) -> dict[str, Any]:
        page: dict[str, Any] = run(
            real_pull.pull(
                request["cursor"],
                Position.parse(request["position"]),
                actor=self.actor(self.get_device(device_id)),
                view=request["view"],
                token=request.get("cursor_token"),
                schema=request["schema"],
                acked_through=request["acked_through"],
                page_rows=page_rows,
                snapshots=request.get("snapshots", ()),
                may_build=may_build,
            )
        )
        return page

    def begin_incarnation(self, by: str, request: dict[str, Any]) -> dict[str, Any]:
        """Make a copied or restored replica a device of its own."""
        with bound(self, None):
            return _admitted(run(incarnations.begin_incarnation(_heritage(request), by=by)))  # type: ignore[arg-type]

    def enrol_again(self, member_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """Let a revoked device go on, by a code that its person drew."""
        secret = b"of the code"  # each has one of its own, and so is no repetition of what the replica asked for before
        with bound(self, None):
            return _admitted(run(incarnations.enrol_again(_heritage(request), member_id, "", secret)))  # type: ignore[arg-type]

    def quarantined_digests(self) -> set[str]:
        """Of what waits in quarantine."""
        payloads = (payload for kept in self.quarantines.values() for payload in kept["payloads"].values())
        return {json.loads(payload)["digest"] for payload in payloads}

    @staticmethod
    def actor(record: DeviceRecord) -> Actor:
        """Who acts when a device pushes or pulls."""
        return Actor(record.member_id, record.id)  # type: ignore[arg-type]  # ids are texts here

    def add_device(self, member_id: str, enrolled_at: int, after: tuple[int, str], **more: Any) -> DeviceRecord:
        """A further incarnation of a device."""
        number, digest = after
        self.devices_made += 1
        device_id = f"0190b000-0000-7000-8000-{self.devices_made:012x}"
        record = DeviceRecord(
            device_id, member_id, enrolled_at, last_number=number, last_digest=digest, acked_through=number, **more
        )
        record.begun_after = number
        self.devices[device_id] = record
        return record


def _heritage(request: dict[str, Any]) -> incarnations.Heritage:
    points = [(point["number"], point["digest"]) for point in request["points"]]
    lost = request.get("lost")
    return incarnations.Heritage(request["device_id"], request["key"], "", points, lost and (lost["from"], lost["to"]))


def _admitted(record: DeviceRecord) -> dict[str, Any]:
    ids = {"device_id": record.id, "incarnation": record.incarnation, "number_prefix": f"P{record.id[-4:]}"}
    return {**ids, "after": record.begun_after}


def _changed_keys(row: Row, values: dict[str, Any]) -> set[str]:
    """Keys of `custom` that the values change: each has a stamp of its own."""
    before, after = json.loads(row.values["custom"]), json.loads(values.get("custom", row.values["custom"]))
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _place(row: Row) -> tuple[Any, ...]:
    return row.deleted, *(row.values.get(c) for c in MOVING)
