"""Writes a chunk's plan: a COPY for each table, an UPDATE for each set of changed columns, and what follows."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.crm.tables import COLUMN_TYPES
from server.db import connection
from server.imports.decide import Outcome, Plan
from server.imports.known import Row
from server.imports.rules import RESERVING

_LINE_COLUMNS: Final = (
    "run", "position", "line", "outcome", "row", "column", "reason", "revision", "created", "before", "linked",
)  # fmt: skip


async def write_plan(plan: Plan, system: str) -> None:
    """Write rows, external ids, and the totals, versions and reservations that depend on them."""
    for name in ENTITIES:
        if name in plan.inserts:
            await insert_rows(name, plan.inserts[name])
        if name in plan.updates:
            await update_rows(name, plan.updates[name])
    if plan.links:
        entities, values, rows = zip(*plan.links, strict=True)
        await connection().execute(
            """INSERT INTO external_id (system, entity, value, "row")
            SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[]) ON CONFLICT DO NOTHING""",
            system, list(entities), list(values), list(rows),
        )  # fmt: skip
    await _follow(plan)


async def _follow(plan: Plan) -> None:
    lines = plan.inserts.get("order_line", [])
    if lines:
        await sum_orders({line["order_id"] for line in lines})
        await reserve([line["id"] for line in lines], 1)
    items = [*plan.inserts.get("price_item", []), *plan.updates.get("price_item", {})]
    await raise_versions([item if isinstance(item, UUID) else item["id"] for item in items])


async def sum_orders(ids: set[UUID]) -> None:
    """Make the totals of orders those of their live lines."""
    await connection().execute(
        """UPDATE "order" o SET total_minor = s.total FROM (
            SELECT i.id, coalesce(sum(l.amount_minor), 0)::bigint AS total FROM unnest($1::uuid[]) i (id)
            LEFT JOIN order_line l ON l.order_id = i.id AND l.deleted_at IS NULL GROUP BY i.id
        ) s WHERE o.id = s.id AND o.total_minor <> s.total""",
        list(ids),
    )


async def reserve(line_ids: Sequence[UUID], sign: int) -> None:
    """What orders that are accepted, and not shipped, hold of the stock."""
    await connection().execute(
        """UPDATE stock s SET reserved = greatest(s.reserved + $2 * h.held, 0) FROM (
            SELECT o.warehouse_id, l.product_id, sum(l.quantity_accepted * l.factor) AS held
            FROM order_line l JOIN "order" o ON o.id = l.order_id
            WHERE l.id = ANY ($1::uuid[]) AND o.status = ANY ($3::text[]) GROUP BY 1, 2
        ) h WHERE s.warehouse_id = h.warehouse_id AND s.product_id = h.product_id AND s.deleted_at IS NULL""",
        list(line_ids),
        sign,
        list(RESERVING),
    )


async def raise_versions(item_ids: Sequence[UUID]) -> None:
    """Count changed price items as new versions of their lists."""
    if item_ids:
        await connection().execute(
            """UPDATE price_list SET version = version + 1
            WHERE id IN (SELECT price_list_id FROM price_item WHERE id = ANY ($1::uuid[]))""",
            list(item_ids),
        )


async def insert_rows(name: str, rows: Sequence[Row]) -> None:
    """Insert rows: those that give the same required columns in one COPY; defaults and triggers see to the others."""
    entity = ENTITIES[name]
    required = {field.name for field in entity.fields if field.required}
    every = {key for row in rows for key, value in row.items() if value is not None}
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        columns = tuple(sorted(key for key in every if key not in required or row.get(key) is not None))
        groups.setdefault(columns, []).append(tuple(_stored(entity.by_name.get(key), row.get(key)) for key in columns))
    for columns, records in groups.items():
        await connection().copy_records_to_table(name, records=records, columns=columns)


def _stored(field: Any, value: Any) -> Any:
    if value is not None and field is not None and field.kind is Kind.JSON and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value


async def update_rows(name: str, changes: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Change rows, those with the same columns in one statement."""
    entity = ENTITIES[name]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row_id, values in changes.items():
        groups.setdefault(tuple(sorted(values)), []).append({"id": row_id, **values})
    for columns, rows in groups.items():
        types = {
            column: COLUMN_TYPES[entity.by_name[column].kind] if column in entity.by_name else "text"
            for column in columns
        }
        shapes = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
        sets = ", ".join(f'"{column}" = r."{column}"' for column in columns)
        given = f"jsonb_to_recordset($1::jsonb) AS r (id uuid, {shapes})"
        sql = f'UPDATE "{name}" t SET {sets} FROM {given} WHERE t.id = r.id'  # noqa: S608 - our own names
        await connection().execute(sql, json.dumps(rows, default=as_json, ensure_ascii=False))


def as_json(value: Any) -> Any:
    """A column's value in a JSON document, exactly."""
    match value:
        case UUID():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case datetime() | date():
            return value.isoformat()
        case _:
            raise TypeError(type(value).__name__)


async def write_lines(run: int, position: int, revision: int, outcomes: Sequence[Outcome]) -> None:
    """Record what became of lines, with what it takes to undo them."""
    records = [
        (
            run, position, o.line, o.kind, o.row_id, o.column, o.reason, revision,
            _document(o.created), _document(o.before), o.linked,
        )
        for o in outcomes
        if o.kind != "deferred"
    ]  # fmt: skip
    await connection().copy_records_to_table("import_line", records=records, columns=_LINE_COLUMNS)


def _document(value: Mapping[str, Any]) -> str | None:
    if not value:
        return None
    plain = {
        name: {str(k): v for k, v in rows.items()} if isinstance(rows, dict) else rows for name, rows in value.items()
    }
    return json.dumps(plain, default=as_json, ensure_ascii=False)
