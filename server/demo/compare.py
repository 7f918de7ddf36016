"""Does a replica equal the server, value by value? Asked afresh, as the database's owner, by SQL of its own.

What a member may see is said here once more, from assignments, territories and roles: nothing of the sync's own
bookkeeping, and none of its code, takes part. The replica is read as the SQLite file that it is. (The demo
gives nobody a part of the catalogue.)
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from outrider_sdk.protocol.entities import ENTITIES, Entity, Kind
from psycopg import sql

ABSENT: Final = "(not there)"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Values = dict[str, Any]

_SIGHT: Final = """
WITH RECURSIVE me AS (
    SELECT id, role FROM member WHERE id = %(me)s AND active AND deleted_at IS NULL AND role <> 'billing'
), branch AS (
    SELECT t.id FROM territory t JOIN me ON t.manager_id = me.id AND me.role = 'manager' WHERE t.deleted_at IS NULL
    UNION
    SELECT t.id FROM territory t JOIN branch ON t.parent_id = branch.id WHERE t.deleted_at IS NULL
), my_outlet AS (
    SELECT o.id, o.account_id FROM outlet o CROSS JOIN me WHERE o.deleted_at IS NULL AND (
        me.role IN ('admin', 'owner')
        OR o.territory_id IN (SELECT id FROM branch)
        OR o.id IN (
            SELECT a.outlet_id FROM assignment a WHERE a.member_id = me.id AND a.deleted_at IS NULL
            AND current_date BETWEEN coalesce(a.starts_on, '-infinity') AND coalesce(a.ends_on, 'infinity')))
), my_account AS (
    SELECT a.id FROM account a CROSS JOIN me WHERE a.deleted_at IS NULL AND (
        a.id IN (SELECT account_id FROM my_outlet)
        OR a.created_by = me.id AND NOT EXISTS (
            SELECT FROM outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL))
), my_contact AS (
    SELECT c.id FROM contact c WHERE c.deleted_at IS NULL AND (
        c.outlet_id IN (SELECT id FROM my_outlet)
        OR c.outlet_id IS NULL AND c.account_id IN (SELECT id FROM my_account))
), my_list AS (
    SELECT l.id FROM price_list l CROSS JOIN me WHERE me.role IN ('admin', 'owner')
    OR NOT EXISTS (SELECT FROM agreement g WHERE g.price_list_id = l.id AND g.deleted_at IS NULL)
    OR l.id IN (
        SELECT g.price_list_id FROM agreement g JOIN my_account a ON a.id = g.account_id WHERE g.deleted_at IS NULL)
), my_warehouse AS (
    SELECT w.id FROM warehouse w CROSS JOIN me
    WHERE w.member_id IS NULL OR w.member_id = me.id OR me.role IN ('admin', 'owner')
), my_order AS (
    SELECT o.id FROM "order" o WHERE o.deleted_at IS NULL AND o.outlet_id IN (SELECT id FROM my_outlet)
), my_return AS (
    SELECT o.id FROM return_order o WHERE o.deleted_at IS NULL AND o.outlet_id IN (SELECT id FROM my_outlet)
), my_payment AS (
    SELECT p.id FROM payment p WHERE p.deleted_at IS NULL AND (
        p.outlet_id IN (SELECT id FROM my_outlet)
        OR p.outlet_id IS NULL AND p.account_id IN (SELECT id FROM my_account))
), my_route AS (
    SELECT r.id FROM route r WHERE r.deleted_at IS NULL AND r.member_id IN (SELECT id FROM me)
), my_record AS (
    SELECT id FROM my_outlet UNION ALL SELECT id FROM my_account UNION ALL SELECT id FROM my_contact
    UNION ALL SELECT id FROM my_order UNION ALL SELECT id FROM my_payment UNION ALL SELECT id FROM my_return
    UNION ALL SELECT v.id FROM visit v JOIN me ON v.member_id = me.id WHERE v.deleted_at IS NULL
)
"""

_SEEN_BY_ALL: Final = "EXISTS (SELECT FROM me)"
_CONDITIONS: Final = {
    "outlet": "x.id IN (SELECT id FROM my_outlet)",
    "account": "x.id IN (SELECT id FROM my_account)",
    "agreement": "x.account_id IN (SELECT id FROM my_account)",
    "contact": "x.id IN (SELECT id FROM my_contact)",
    "contact_channel": "x.contact_id IN (SELECT id FROM my_contact)",
    "assignment": "(x.outlet_id IN (SELECT id FROM my_outlet) OR x.member_id IN (SELECT id FROM me))",
    "role": "EXISTS (SELECT FROM me WHERE me.role IN ('admin', 'owner'))",
    "delegation": "EXISTS (SELECT FROM me WHERE me.id IN (x.member_id, x.substitute_id))",
    "price_list": "x.id IN (SELECT id FROM my_list)",
    "price_item": "x.price_list_id IN (SELECT id FROM my_list)",
    "warehouse": "x.id IN (SELECT id FROM my_warehouse)",
    "stock": "x.warehouse_id IN (SELECT id FROM my_warehouse)",
    "order": "x.id IN (SELECT id FROM my_order)",
    "order_line": "x.order_id IN (SELECT id FROM my_order)",
    "merge": "x.winner_id IN (SELECT id FROM my_account UNION ALL SELECT id FROM my_contact)",
    "conflict": "EXISTS (SELECT FROM me WHERE me.id IN (x.lost_by, x.kept_by))",
    "assortment_item": "(x.outlet_id IS NULL AND EXISTS (SELECT FROM me) OR x.outlet_id IN (SELECT id FROM my_outlet))",
    "stock_movement": "x.warehouse_id IN (SELECT w.id FROM warehouse w JOIN me ON w.member_id = me.id)",
    "invoice": "x.account_id IN (SELECT id FROM my_account)",
    "receivable": "x.account_id IN (SELECT id FROM my_account)",
    "consent": "x.contact_id IN (SELECT id FROM my_contact)",
    "return_order": "x.id IN (SELECT id FROM my_return)",
    "return_line": "x.return_order_id IN (SELECT id FROM my_return)",
    "payment": "x.id IN (SELECT id FROM my_payment)",
    "payment_allocation": "x.payment_id IN (SELECT id FROM my_payment)",
    "route": "x.id IN (SELECT id FROM my_route)",
    "route_stop": "x.route_id IN (SELECT id FROM my_route)",
    "visit": "x.member_id IN (SELECT id FROM me)",
    "comment": "x.row_id IN (SELECT id FROM my_record)",
    "attachment": "x.row_id IN (SELECT id FROM my_record)",
}
"""Which rows a member sees; of entities that are not here, all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value in which a replica and the server differ. A row that only one of them has: column `*`."""

    device: str
    entity: str
    id: str
    column: str
    replica: Any
    server: Any

    def __str__(self) -> str:
        where = f"{self.device}: {self.entity} {self.id}, {self.column}"
        return f"{where}: {_shown(self.replica)} on the device, {_shown(self.server)} on the server"


def _shown(value: Any) -> str:
    text = value if value == ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


@dataclass(slots=True)
class Comparison:
    """What was compared, device by device, and what differs."""

    rows: dict[str, int] = field(default_factory=dict)
    """Device → rows that its replica shows."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


class Comparer:
    """Compares replicas with one tenant, in a single snapshot of it.

    Args:
        conn: the owner's, for this alone.
        schema: the tenant's.
    """

    def __init__(self, conn: psycopg.Connection[Any], schema: str) -> None:
        self._conn = conn
        self.result = Comparison()
        conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        conn.execute(sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema)))

    def compare(self, device: str, replica: Path, member_id: UUID) -> None:
        """Add one replica to the result."""
        count = 0
        # closing(): a connection as a context manager ends a transaction, and stays open.
        with closing(sqlite3.connect(f"{replica.absolute().as_uri()}?mode=ro", uri=True)) as file:
            for entity in ENTITIES.values():
                here = _read_replica(file, entity)
                there = self._read_server(entity, member_id)
                self.result.differences += _differences(device, entity, here, there)
                count += len(here)
        self.result.rows[device] = count

    def _read_server(self, entity: Entity, member_id: UUID) -> dict[str, Values]:
        query = sql.SQL(_SIGHT) + sql.SQL("SELECT {} FROM {} x WHERE x.deleted_at IS NULL AND ").format(
            sql.SQL(", ").join(sql.Identifier("x", name) for name in entity.columns), sql.Identifier(entity.name)
        )
        condition = sql.SQL(_CONDITIONS.get(entity.name, _SEEN_BY_ALL))
        found = self._conn.execute(query + condition, {"me": member_id})
        return _by_id(dict(zip(entity.columns, map(_from_server, row), strict=True)) for row in found)


def _by_id(rows: Iterable[Values]) -> dict[str, Values]:
    return {row["id"]: row for row in rows}


def _from_server(value: Any) -> Any:
    """A column's wire value. Documents stay documents: equal ones may be written differently."""
    match value:
        case UUID():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return (value - _EPOCH) // timedelta(microseconds=1)
        case date():
            return value.isoformat()
        case _:
            return value


def _read_replica(file: sqlite3.Connection, entity: Entity) -> dict[str, Values]:
    columns = ", ".join(f'"{name}"' for name in entity.columns)
    found = file.execute(f'SELECT {columns} FROM "{entity.name}"')  # noqa: S608 - names of our own
    kinds = [f.kind for f in entity.all_fields]
    return _by_id(dict(zip(entity.columns, map(_from_replica, kinds, row), strict=True)) for row in found)


def _from_replica(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    match kind:
        case Kind.ID:
            return str(UUID(bytes=value))
        case Kind.BOOLEAN:
            return bool(value)
        case Kind.JSON:
            return json.loads(value)
        case _:
            return value


def _differences(
    device: str, entity: Entity, here: Mapping[str, Values], there: Mapping[str, Values]
) -> list[Difference]:
    found = []
    for row_id in sorted(here.keys() | there.keys()):
        replica, server = here.get(row_id), there.get(row_id)
        if replica is None or server is None:
            values = [ABSENT if row is None else "(there)" for row in (replica, server)]
            found.append(Difference(device, entity.name, row_id, "*", *values))
            continue
        found += [
            Difference(device, entity.name, row_id, name, replica[name], server[name])
            for name in entity.columns
            if not _same(replica[name], server[name])
        ]
    return found


def _same(a: Any, b: Any) -> bool:
    """Equal in type too: to Python, 1 is True and 1.0."""
    return type(a) is type(b) and bool(a == b)
