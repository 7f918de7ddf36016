"""A local transaction: changes that become one mutation, and are in force for the reader at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from outrider_sdk import limits, outbox, overlay
from outrider_sdk.errors import InvalidValue, NotFound, OutriderError
from outrider_sdk.ids import Clock, IdSource
from outrider_sdk.kinds import Scalar, same
from outrider_sdk.lease import LeaseWatch
from outrider_sdk.outbox import Derived
from outrider_sdk.overlay import WireRow
from outrider_sdk.protocol import Change, FieldEdit
from outrider_sdk.protocol.entities import Entity
from outrider_sdk.store import Store


class Transaction:
    """What `with crm.transaction() as transaction:` gives.

    `number` is the mutation's number, once the block has ended and something was changed; else None.
    """

    def __init__(self, store: Store, clock: Clock, new_id: IdSource, lease: LeaseWatch) -> None:
        self.number: int | None = None
        self.captured_at = clock()
        self.failed = False
        self._lease = lease
        self._store = store
        self._new_id = new_id
        self._pending_number = outbox.next_number(store)
        self._changes: list[Change] = []
        self._derived: list[Derived] = []

    @property
    def size(self) -> int:
        """How many changes there are so far."""
        return len(self._changes)

    def create(self, entity: Entity, fields: dict[str, Scalar], derived: WireRow) -> str:
        """Add a row, and return its id. `derived` fields are shown here, and not sent."""
        row_id = self._new_id()
        base = self._store.meta_int("cursor")
        self._apply({"op": "create", "entity": entity.name, "id": row_id, "base": base, "fields": fields}, derived)
        return row_id

    def edit(self, entity: Entity, row_id: str, wanted: Mapping[str, Scalar], derived: Derived = None) -> bool:
        """Change fields of a row to the values that differ from what is shown; whether any did.

        Each field carries what the person saw, and the revision at which it was seen (protocol 4.3).
        """
        row = self.get(entity, row_id)
        changed = {name: value for name, value in wanted.items() if not same(entity.by_name[name], row[name], value)}
        if not changed:
            return False
        revision = row["revision"]
        assert isinstance(revision, int)
        with self._store.read() as conn:
            bases = overlay.pending_edit_base(conn, entity, row_id, changed)
        bases |= overlay.edit_bases(self._changes, entity, row_id)
        fields: dict[str, FieldEdit] = {
            name: {"value": value, "seen": row[name], "base": bases.get(name, revision)}
            for name, value in changed.items()
        }
        self._apply({"op": "edit", "entity": entity.name, "id": row_id, "fields": fields}, derived)
        return True

    def delete(self, entity: Entity, row_id: str) -> None:
        """Remove a row."""
        base = self.get(entity, row_id)["revision"]
        assert isinstance(base, int)
        self._apply({"op": "delete", "entity": entity.name, "id": row_id, "base": base})

    def intend(self, name: str, row_id: str, seen: dict[str, object], effects: Sequence[Change] = ()) -> None:
        """Ask for an act that only the server decides, with what the person saw.

        Args:
            effects: what this device shows of it at once, as changes of rows; they are not sent.
        """
        derived = {overlay.EFFECTS: list(effects)} if effects else None
        self._apply({"op": "intent", "name": name, "id": row_id, "seen": seen}, derived)

    def get(self, entity: Entity, row_id: str) -> WireRow:
        """The row as shown now.

        Raises:
            NotFound: none is.
        """
        with self._store.read() as conn:
            row = overlay.find_row(conn, entity, row_id)
        if row is None:
            raise NotFound(entity.name, row_id)
        return row

    def _apply(self, change: Change, derived: Derived = None) -> None:
        if not self._changes:
            limits.check_outbox(self._store)
        try:
            with self._store.read() as conn:
                overlay.apply_change(conn, self._pending_number, self.captured_at, change, derived)
        except BaseException:
            self.failed = True  # half of it may be in the tables: nothing of this transaction may be kept
            raise
        self._changes.append(change)
        self._derived.append(derived)

    def finish(self) -> int | None:
        """Append the mutation; its number, or None where nothing was changed. Called before the commit."""
        if self.failed:
            raise OutriderError("A part of this transaction failed, so none of it was kept. Repeat it as a whole.")
        if not self._changes:
            return None
        return outbox.append(
            self._store,
            self.captured_at,
            self._changes,
            self._derived,
            past_lease=self._lease.is_past(),
            time_floor=self._lease.now(),
        )


def writable_fields(entity: Entity, given: Mapping[str, Any], *, create: bool) -> None:
    """See that a device may set these fields.

    Raises:
        InvalidValue: one is unknown, or not a device's to set.
    """
    for name in given:
        field = entity.by_name.get(name)
        if field is None:
            raise InvalidValue(entity.name, name, "there is no such field")
        if not field.settable(creating=create):
            reason = "is set once, when the row is made" if field.create_only else "is set by the server alone"
            raise InvalidValue(entity.name, name, reason)
