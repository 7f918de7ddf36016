"""Reading and changing the rows of one entity."""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeAlias, cast

from outrider_sdk import search
from outrider_sdk.errors import InvalidValue, NotFound
from outrider_sdk.kinds import Scalar, id_bytes, id_text, to_python, to_wire
from outrider_sdk.outbox import Derived
from outrider_sdk.overlay import WireRow
from outrider_sdk.protocol.entities import MERGED_ENTITIES, Entity, Field
from outrider_sdk.protocol.tables import quoted
from outrider_sdk.queries import Query, R
from outrider_sdk.rows import ROWS
from outrider_sdk.store import Store
from outrider_sdk.transaction import Transaction, writable_fields

Rows: TypeAlias = list[R]
CHUNK_IDS = 500
"""So many ids are asked for in one statement."""
Begin = Callable[[], AbstractContextManager[Transaction]]


def current_id(store: Store, entity: str, row_id: str) -> str:
    """The id itself, or where its row was merged away, the id that it goes on by.

    A row that is shown is itself: after a restore of the server, own work lies over the replica again, and what it
    makes was merged in history that is lost.
    """
    if entity not in MERGED_ENTITIES:
        return row_id
    sql = (
        "SELECT winner_id FROM merge WHERE loser_id = ?1 AND undone_at IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {quoted(entity)} WHERE id = ?1)"
    )
    with store.read() as conn:
        found = conn.execute(sql, (id_bytes(row_id),)).fetchone()
    return row_id if found is None else id_text(found[0])


class Table(Generic[R]):
    """The rows of an entity that this device shows, and the ways to change them.

    A change outside `with crm.transaction():` is a transaction of its own.
    """

    def __init__(self, store: Store, entity: Entity, begin: Begin) -> None:
        self.entity = entity
        self._store = store
        self._begin = begin

    def find(self, row_id: str) -> R | None:
        """The row, or the one that it was merged into; None where the device shows no such row."""
        with self._store.read() as conn:
            stored = conn.execute(
                f"SELECT * FROM {quoted(self.entity.name)} WHERE id = ?", (id_bytes(self._key(row_id)),)
            ).fetchone()
        return None if stored is None else self._row(stored)

    def get(self, row_id: str) -> R:
        """The row.

        Raises:
            NotFound: the device shows no such row.
        """
        row = self.find(row_id)
        if row is None:
            raise NotFound(self.entity.name, row_id)
        return row

    def list(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | Sequence[str] = "id",
        limit: int | None = None,
    ) -> Rows[R]:
        """Rows whose fields equal those of `where`, in order.

        Args:
            where: per field a value, None for empty, or a list of which any will do. For more,
                use `where`, or `Replica.query`.
            order_by: a field or several; `-name` sorts downward.
            limit: at most so many.
        """
        names = (order_by,) if isinstance(order_by, str) else tuple(order_by)
        return self.where(where).order_by(*names).limit(limit).all()

    def where(self, conditions: Mapping[str, Any] | None = None, /, **fields: Any) -> Query[R]:
        """A query for rows that fulfil conditions; without any, for all. See `Query.where`."""
        return Query(self).where(conditions, **fields)

    def count(self, where: Mapping[str, Any] | None = None) -> int:
        """How many rows `list` would return."""
        return self.where(where).count()

    def search(self, text: str, where: Mapping[str, Any] | None = None, *, limit: int = 20) -> Rows[R]:
        """Rows that have every word, best first; see `Replica.search`.

        Args:
            where: of those, the ones that fulfil conditions, as in `where`.
        """
        found = [row_id for (_, row_id), _ in search.find(self._store, text, (self.entity.name,))]
        rows: Rows[R] = []
        while found and len(rows) < limit:
            ids, found = found[:CHUNK_IDS], found[CHUNK_IDS:]
            known = {row["id"]: row for row in self.where(where).where(id=ids)}
            rows += [known[row_id] for row_id in ids if row_id in known]
        return rows[:limit]

    def select(self, sql: str, parameters: Sequence[Any]) -> Rows[R]:
        """Rows of a SELECT of all columns of this table."""
        with self._store.read() as conn:
            return [self._row(stored) for stored in conn.execute(sql, parameters)]

    def scalar(self, sql: str, parameters: Sequence[Any]) -> Any:
        """The single value of a SELECT."""
        with self._store.read() as conn:
            return conn.execute(sql, parameters).fetchone()[0]

    def create(self, **fields: Any) -> R:
        """Add a row, and return it as shown.

        Raises:
            InvalidValue: a field is missing, not a device's to set, or has a value that can't be.
        """
        if not self.entity.creatable:
            raise InvalidValue(self.entity.name, None, "rows are made by the server alone")
        writable_fields(self.entity, fields, create=True)
        with self._begin() as transaction:
            given = {name: self._wire(name, value) for name, value in fields.items() if value is not None}
            sent, derived = self._completed(transaction, given)
            for field in self.entity.fields:
                required = field.required and field.settable(creating=True)
                if required and sent.get(field.name, derived.get(field.name)) is None:
                    raise InvalidValue(self.entity.name, field.name, "is required")
            return self.get(transaction.create(self.entity, sent, derived))

    def edit(self, row_id: str, **fields: Any) -> R:
        """Change fields of a row, and return it as shown. A value that is there already is no change.

        Of `custom`, the keys that are given change; None takes one away.

        Raises:
            NotFound: the device shows no such row.
            InvalidValue: a field is not a device's to change, or has a value that can't be.
        """
        writable_fields(self.entity, fields, create=False)
        wanted = {name: self._wire(name, value) for name, value in fields.items()}
        key = self._key(row_id)
        with self._begin() as transaction:
            self._check_once(transaction.get(self.entity, key), wanted)
            if "custom" in fields:
                wanted["custom"] = self._merged_custom(transaction.get(self.entity, key), fields["custom"])
            wanted, derived = self._adjusted(transaction, key, wanted)
            transaction.edit(self.entity, key, wanted, derived)
            return self.get(key)

    def _check_once(self, row: WireRow, wanted: WireRow) -> None:
        for name, value in wanted.items():
            if self._field(name).once and row[name] is not None and row[name] != value:
                raise InvalidValue(self.entity.name, name, "was recorded already, and a record stays")

    def _merged_custom(self, row: WireRow, given: Mapping[str, Any]) -> Scalar:
        """Keys that are not given stay; None takes a key away."""
        merged = json.loads(str(row["custom"])) | given
        return self._wire("custom", {key: value for key, value in merged.items() if value is not None})

    def delete(self, row_id: str) -> None:
        """Remove a row.

        Raises:
            NotFound: the device shows no such row.
            InvalidValue: rows of this entity can't be removed from a device.
        """
        if not self.entity.deletable:
            raise InvalidValue(self.entity.name, None, "rows cannot be removed from a device")
        key = self._key(row_id)
        with self._begin() as transaction:
            self._adjusted(transaction, key, {})
            transaction.delete(self.entity, key)

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        """The fields to send, and those that only this device shows until the server has spoken."""
        defaults: dict[str, Scalar] = {**self.entity.defaults, "created_by": self._store.meta("member_id")}
        return given, {name: value for name, value in defaults.items() if name not in given and value is not None}

    def _adjusted(self, transaction: Transaction, row_id: str, wanted: WireRow) -> tuple[WireRow, Derived]:
        """What an edit really sets, and what it derives; where it is not allowed, this raises."""
        return wanted, None

    def _field(self, name: str) -> Field:
        field = self.entity.by_name.get(name)
        if field is None:
            raise InvalidValue(self.entity.name, name, "there is no such field")
        return field

    def _wire(self, name: str, value: Any) -> Scalar:
        field = self._field(name)
        wired = to_wire(self.entity.name, field, value)
        return current_id(self._store, field.refers, str(wired)) if field.refers and wired is not None else wired

    def _key(self, row_id: str) -> str:
        """The id under which the row is known now."""
        return current_id(self._store, self.entity.name, str(self._id(row_id)))

    def _id(self, row_id: str) -> uuid.UUID:
        try:
            return uuid.UUID(str(row_id))
        except ValueError:
            raise InvalidValue(self.entity.name, "id", f"{row_id!r} is not a UUID") from None

    def _row(self, stored: Sequence[Any]) -> R:
        fields = zip(self.entity.all_fields, stored, strict=True)
        return cast(R, ROWS[self.entity.name]((f.name, to_python(f, value)) for f, value in fields))
