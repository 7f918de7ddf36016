"""SQL for wire rows: reads them from a tenant's tables, and writes decided ones set-based.

All SQL is generated from the entities' definitions, once; data travels as bound parameters alone.
"""

import json
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import asyncpg
import msgspec
from outrider_sdk.protocol.entities import ENTITIES, Entity, Field, Kind

from server.auth.service import ACCESS_COLUMNS, ROLE_OF_MEMBER, access_from
from server.crm.contact.service import find_home_country
from server.crm.custom.service import load_custom_fields
from server.crm.master.rules import MASTERED
from server.crm.master.service import load_masters
from server.crm.merge.resolution import list_winners
from server.crm.order.credit import load_credits as load_credits  # of the source that this module is
from server.crm.outlet.service import find_own_assortment
from server.db import connection
from server.sync.load import Asked, Past
from server.sync.state import ALWAYS, NEVER, Device, Facts, Price, PriceKey, PriceSteps, Row

_SET_BY_TRIGGERS = {"revision", "created_at", "created_by", "updated_at"}


def wire_expression(field: Field, alias: str = "t") -> str:
    """SQL that turns a column into its wire value."""
    column = f'{alias}."{field.name}"'
    match field.kind:
        case Kind.INSTANT:
            return f"(extract(epoch FROM {column}) * 1000000)::bigint"
        case Kind.ID | Kind.DECIMAL | Kind.DATE | Kind.JSON:
            return f"{column}::text"
        case _:
            return column


_SENT = {Kind.ID: "uuid_send", Kind.INSTANT: "timestamptz_send"}
"""What gives a value's bytes as PostgreSQL has them: a tenth of the work that a number or text of it is."""


@cache
def wire_columns(entity: Entity, hidden: frozenset[str] = frozenset(), *, packed: bool = False) -> str:
    """The select list of an entity's wire values, in the order of `entity.columns`, without those that are hidden.

    Args:
        packed: ids as they are packed, 16 bytes each; and instants for `instants_of`.
    """
    shown = [f for f in entity.all_fields if f.name not in hidden]
    return ", ".join(
        f'{_SENT[f.kind]}(t."{f.name}")' if packed and f.kind in _SENT else wire_expression(f) for f in shown
    )


_YEAR_2000_US = 946_684_800_000_000


def instants_of(sent: Sequence[bytes | None]) -> list[int | None]:
    """Microseconds since 1970 of a column of instants as PostgreSQL sends them: since 2000, in eight bytes each."""
    told = [value for value in sent if value is not None]
    instants: list[int | None] = [since + _YEAR_2000_US for since in struct.unpack(f">{len(told)}q", b"".join(told))]
    if len(told) == len(sent):
        return instants
    following = iter(instants)
    return [None if value is None else next(following) for value in sent]


# Until when the member sees the row within their reach: for ever, until the grant was lost or the row went from the
# scope, or never. With a deleted row its entries went; who saw it until then may still hand in what builds on it.
# Outer joins, as they have the planner look up a row's few scopes first: from the member's grants, of which there may
# be thousands, it would look up each. A subquery for each row takes twice as long.
_UNTIL = "CASE WHEN t.deleted_at IS NULL OR e.gone_at < t.deleted_at THEN e.gone_at END"
_SEEN = f"""
    coalesce(max(coalesce(
        (extract(epoch FROM least({_UNTIL}, CASE WHEN g.gone THEN g.at END)) * 1000000)::bigint, {ALWAYS}
    )) FILTER (WHERE g.scope IS NOT NULL), {NEVER}),
    coalesce(min(g.level) FILTER (WHERE NOT g.gone AND {_UNTIL} IS NULL), min(g.level), 0)"""
_SCOPES = f"""LEFT JOIN scope_entry e ON e."row" = t.id
    LEFT JOIN scope_grant g ON g.scope = e.scope AND g.member_id = $2 AND g.level <= $3
        AND (g.gone OR {_UNTIL} IS NULL OR g.at < {_UNTIL})"""


@cache
def _select(entity: Entity) -> str:
    return (
        f"SELECT {_SEEN}, t.deleted_at IS NOT NULL, t.stamps::text, {wire_columns(entity)}"
        f' FROM "{entity.name}" t {_SCOPES} WHERE t."{{column}}" = ANY ($1::{{array}}) GROUP BY t.id'
    )


async def load(entity: Entity, column: str, ids: Iterable[str], *, device: Device) -> list[Row]:
    """Rows whose id column has one of the values, with what the device's member sees of them."""
    wanted = list(ids)
    if not wanted:
        return []
    array = "text[]" if entity.by_name[column].kind is Kind.TEXT else "uuid[]"
    reach = device.access.right(entity.name).read
    select = _select(entity).format(column=column, array=array)
    records = await connection().fetch(select, wanted, device.member_id, int(reach))
    columns = entity.columns
    return [_row(entity, dict(zip(columns, record[4:], strict=True)), record, device) for record in records]


def _row(entity: Entity, values: dict[str, Any], record: asyncpg.Record, device: Device) -> Row:
    until, level, deleted, stamps = record[:4]
    if until == ALWAYS and device.access_until is not None and level > device.sight.right(entity.name).read:
        until = device.access_until  # the scope is still theirs, but by now they read such rows less far
    return Row(
        entity, values, msgspec.json.decode(stamps), deleted=deleted, visible_until=until, level=level, loaded=values
    )


async def load_past(device: Device) -> Past:
    """What there is to ask for at all of merges, erasures and the device's refusals."""
    record = await connection().fetchrow(
        'SELECT EXISTS (SELECT FROM "merge"), EXISTS (SELECT FROM erasure),'
        " EXISTS (SELECT FROM refused_mutation WHERE device_id = ANY ($1::uuid[]))",
        [device.id, *device.earlier],
    )
    assert record is not None
    return Past(*record)


async def load_merged(ids: Iterable[str]) -> dict[str, str]:
    """Those of the ids that were merged away → the ids of the rows that they go on as."""
    return {str(loser): str(winner) for loser, winner in (await list_winners(ids)).items()}


# With the level at which each member holds a scope of the row, and what their role lets them read.
_SIGHTS = f"""
SELECT DISTINCT e."row"::text AS row, g.member_id::text AS member, e.entity, g.level, {ACCESS_COLUMNS}
FROM scope_entry e JOIN scope_grant g ON g.scope = e.scope AND NOT g.gone
JOIN member m ON m.id = g.member_id LEFT JOIN {ROLE_OF_MEMBER}
WHERE e."row" = ANY ($1::uuid[]) AND g.member_id = ANY ($2::uuid[]) AND NOT e.gone
"""
_NAMES = {e.code: e.name for e in ENTITIES.values()}


async def load_sights(conflicts: Sequence[Row]) -> set[tuple[str, str]]:
    """(row, member) for each side of the conflicts that sees their row now, as far as their role reads it."""
    rows = {c.values["row_id"] for c in conflicts}
    members = {c.values[side] for c in conflicts for side in ("kept_by", "lost_by") if c.values[side]}
    records = await connection().fetch(_SIGHTS, rows, members)
    return {(r["row"], r["member"]) for r in records if r["level"] <= access_from(r).right(_NAMES[r["entity"]]).read}


async def list_visible(entity: str, ids: Sequence[str], device: Device) -> set[str]:
    """Those of an entity's rows that the device's member sees now."""
    if not ids:
        return set()
    records = await connection().fetch(
        """SELECT DISTINCT e."row"::text FROM scope_entry e
        JOIN scope_grant g ON g.scope = e.scope AND NOT g.gone AND g.member_id = $2
        WHERE e."row" = ANY ($1::uuid[]) AND NOT e.gone AND g.level <= $3""",
        ids,
        device.member_id,
        int(device.sight.right(entity).read),
    )
    return {r[0] for r in records}


_ACCOUNTS_BY_TAX_ID = """
SELECT typed.tax_id, array_agg(a.id::text ORDER BY a.id) FROM unnest($1::text[]) AS typed (tax_id)
JOIN account a ON tax_id_key(a.tax_id) = tax_id_key(typed.tax_id) AND a.deleted_at IS NULL GROUP BY 1
"""


# An outlet's id is its scope: one that is a scope already would let its maker see what is in that.
_TAKEN = """
SELECT o.id::text FROM unnest($1::uuid[]) AS o (id)
WHERE substring(o.id::text FROM 15 FOR 1) = '8'
OR EXISTS (SELECT FROM scope_entry e WHERE e.scope = o.id) OR EXISTS (SELECT FROM scope_grant g WHERE g.scope = o.id)
"""


async def load_facts(asked: Asked, *, device: Device) -> Facts:
    """What is asked of the tenant beside rows."""
    outlets, conn = list(asked.new_outlets), connection()
    assortment = await find_own_assortment(device.member_id) if outlets else None
    accounts = await connection().fetch(_ACCOUNTS_BY_TAX_ID, list(asked.tax_ids)) if asked.tax_ids else ()
    return Facts(
        await load_custom_fields(asked.custom_of),
        await find_home_country() if asked.phones else None,
        {r[0]: r[1] for r in accounts},
        str(assortment) if assortment else None,
        {r[0] for r in await conn.fetch(_TAKEN, outlets)} if outlets else frozenset(),
        await load_masters(asked.edited & MASTERED),
    )


async def load_refused(device: Device, ids: Sequence[str]) -> dict[str, int]:
    """Ids that the device's refused mutations would have created → the number of the mutation."""
    records = await connection().fetch(
        """SELECT c.id::text, r.number FROM refused_mutation r CROSS JOIN LATERAL unnest(r.created) AS c (id)
        WHERE r.device_id = ANY ($1::uuid[]) AND r.created && $2::uuid[]""",
        [device.id, *device.earlier],
        ids,
    )
    return {r[0]: r[1] for r in records}


async def load_erased(ids: Sequence[str]) -> set[str]:
    """Those of the ids that are rows of people who were erased."""
    records = await connection().fetch('SELECT "row"::text FROM erasure WHERE "row" = ANY ($1::uuid[])', ids)
    return {record[0] for record in records}


_PRICES = """
SELECT i.price_list_id::text, i.product_id::text, i.unit, i.minimum_quantity, i.price,
    coalesce((
        SELECT json_agg(json_build_array(
            (extract(epoch FROM c.until) * 1000000)::bigint, c.price::text) ORDER BY c.until)
        FROM price_change c WHERE c.price_item_id = i.id)::text, '[]')
FROM price_item i
WHERE i.price_list_id = ANY ($1::uuid[]) AND i.product_id = ANY ($2::uuid[]) AND i.deleted_at IS NULL
AND (i.starts_on IS NULL OR i.starts_on <= current_date) AND (i.ends_on IS NULL OR i.ends_on >= current_date)
ORDER BY i.starts_on NULLS FIRST, i.id DESC
"""


async def load_prices(lists: Sequence[str], products: Sequence[str]) -> dict[PriceKey, PriceSteps]:
    """The prices of products in lists, with their history. Of several for a quantity, the one that began last."""
    prices: defaultdict[PriceKey, PriceSteps] = defaultdict(dict)
    for of, product, unit, least, price, history in await connection().fetch(_PRICES, lists, products):
        before = tuple((until, Decimal(was)) for until, was in json.loads(history))
        prices[of, product, unit][least] = Price(price, before)
    return dict(prices)


def _source(field: Field) -> tuple[str, str]:
    """How a field stands in the JSON of a write: (its type there, the expression that makes the column of it)."""
    column = f'r."{field.name}"'
    match field.kind:
        case Kind.ID:
            return "uuid", column
        case Kind.DECIMAL:
            return "numeric", column
        case Kind.BOOLEAN:
            return "boolean", column
        case Kind.DATE:
            return "date", column
        case Kind.INTEGER:
            return "bigint", column
        case Kind.INSTANT:
            return "bigint", f"'epoch'::timestamptz + {column} * interval '1 microsecond'"
        case Kind.JSON:
            return "text", f"{column}::jsonb"
        case Kind.TEXT:
            return "text", column


def _written(entity: Entity) -> list[Field]:
    return [f for f in entity.all_fields if f.name not in _SET_BY_TRIGGERS]


@cache
def _insert(entity: Entity) -> str:
    fields = _written(entity)
    names = ", ".join(f'"{f.name}"' for f in fields)
    values = ", ".join(_source(f)[1] for f in fields)
    return (
        f'INSERT INTO "{entity.name}" ({names}, stamps, deleted_at)'
        f" SELECT {values}, r.stamps, CASE WHEN r.deleted THEN now() END {_record(fields)}"
    )


@lru_cache(maxsize=1_000)
def _update(entity: Entity, names: frozenset[str]) -> str:
    fields = [f for f in _written(entity) if f.name in names]
    values = "".join(f'"{f.name}" = {_source(f)[1]}, ' for f in fields)
    return (
        f'UPDATE "{entity.name}" t SET {values}stamps = r.stamps,'
        f" deleted_at = CASE WHEN r.deleted THEN coalesce(t.deleted_at, now()) END"
        f" {_record([entity.by_name['id'], *fields])} WHERE t.id = r.id"
    )


def _record(fields: list[Field]) -> str:
    types = ", ".join(f'"{f.name}" {_source(f)[0]}' for f in fields)
    return f"FROM jsonb_to_recordset($1::jsonb) AS r ({types}, stamps jsonb, deleted boolean)"


async def write(rows: Iterable[Row]) -> None:
    """Write decided rows: a statement for the new ones and one for the changed ones of each entity, parents first."""
    by_entity: dict[str, tuple[list[Row], list[Row]]] = {}
    for row in rows:
        new, changed = by_entity.setdefault(row.entity.name, ([], []))
        (new if row.is_new and row.loaded is None else changed).append(row)
    for name, entity in ENTITIES.items():
        new, changed = by_entity.get(name, ([], []))
        if new:
            written = [row.values | {"stamps": row.stamps, "deleted": row.deleted} for row in new]
            await connection().execute(_insert(entity), to_json(written))
        if changed:
            await _write_changed(entity, changed)


async def _write_changed(entity: Entity, rows: list[Row]) -> None:
    """Write the columns of which any changed in any row: half the cost of writing all."""
    names = frozenset[str]().union(*map(_changed, rows))
    written = [
        {"id": row.id, "stamps": row.stamps, "deleted": row.deleted} | {name: row.values[name] for name in names}
        for row in rows
    ]
    await connection().execute(_update(entity, names), to_json(written))


def _changed(row: Row) -> Iterable[str]:
    if row.loaded is None:
        return row.values
    return [name for name, value in row.values.items() if row.loaded[name] is not value]


def to_json(decided: Any) -> str:
    """Decided values as JSON for a bound parameter; they are checked, so that it holds them."""
    return msgspec.json.encode(decided).decode()
