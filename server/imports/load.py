"""Loads what lines leave out: the rows that a chunk of them names, a query each kind."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from outrider_sdk.protocol.entities import MERGED_ENTITIES

from server.crm.merge.resolution import list_winners
from server.db import connection
from server.imports.known import AMBIGUOUS, NAMED_BY, Facts, Fresh
from server.imports.pieces import Reference

_BY_NAME: Final = 'SELECT id, "{0}" AS name FROM "{1}" WHERE "{0}" = ANY ($1::text[]) AND deleted_at IS NULL'


async def resolve(references: Collection[Reference], system: str, fresh: Fresh) -> dict[Reference, UUID | str]:
    """Which rows are named: by external id, then by id, then by what people call them."""
    found: dict[Reference, UUID | str] = {}
    for entity in {reference.entity for reference in references}:
        texts = {reference.text for reference in references if reference.entity == entity}
        named = await _resolve(entity, texts, system, fresh)
        found |= {Reference(entity, text): row for text, row in named.items()}
    return found


async def _resolve(entity: str, texts: set[str], system: str, fresh: Fresh) -> dict[str, UUID | str]:
    found: dict[str, UUID | str] = {t: fresh.external[entity, t] for t in texts if (entity, t) in fresh.external}
    external = await find_external(entity, texts - found.keys(), system)
    named = external | own_ids(texts - found.keys() - external.keys())
    # What was merged away is what it was merged into; what is in the trash is not there.
    winners = await list_winners(named.values()) if named and entity in MERGED_ENTITIES else {}
    live = await _live(entity, {winners.get(row_id, row_id) for row_id in named.values()})
    found |= {t: winners.get(i, i) for t, i in named.items() if winners.get(i, i) in live}
    for name in NAMED_BY.get(entity, ()):
        missing = texts - found.keys()
        if not missing:
            break
        found |= {t: fresh.named[entity, name, t] for t in missing if (entity, name, t) in fresh.named}
        sql = _BY_NAME.format(name, entity)
        for record in await connection().fetch(sql, list(missing)):
            text = record["name"]
            found[text] = AMBIGUOUS if text in found and found[text] != record["id"] else record["id"]
    return found


async def find_external(entity: str, values: Collection[str], system: str) -> dict[str, UUID]:
    """External id → row, also where the row is in the trash."""
    if not values:
        return {}
    records = await connection().fetch(
        'SELECT value, "row" FROM external_id WHERE system = $1 AND entity = $2 AND value = ANY ($3::text[])',
        system,
        entity,
        list(values),
    )
    return {record["value"]: record["row"] for record in records}


async def _live(entity: str, ids: Collection[UUID]) -> set[UUID]:
    if not ids:
        return set()
    sql = f'SELECT id FROM "{entity}" WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL'  # noqa: S608 - our own name
    return {record["id"] for record in await connection().fetch(sql, list(ids))}


def own_ids(texts: Iterable[str]) -> dict[str, UUID]:
    """Those of the texts that have the form of an id of ours."""
    return {text: UUID(text) for text in texts if _is_uuid(text)}


def _is_uuid(text: str) -> bool:
    if len(text) != 36 or text.count("-") != 4:
        return False
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def load_shared(facts: Facts, fresh: Fresh) -> None:
    """Price lists, warehouses and own companies: few, and named by default."""
    lists = await connection().fetch("SELECT id, currency, version FROM price_list WHERE deleted_at IS NULL")
    facts.price_lists = {row["id"]: row for row in lists} | fresh.rows.get("price_list", {})
    companies = await connection().fetch("SELECT id, currency FROM legal_entity WHERE deleted_at IS NULL")
    facts.legal_entities = {row["id"]: row for row in companies} | fresh.rows.get("legal_entity", {})
    depots = await connection().fetch("SELECT id FROM warehouse WHERE deleted_at IS NULL ORDER BY id LIMIT 2")
    facts.warehouses = [row["id"] for row in depots] + list(fresh.rows.get("warehouse", {}))


async def load_roles(facts: Facts) -> None:
    """The tenant's own roles."""
    sql = "SELECT key, name FROM role WHERE base <> 'owner' AND deleted_at IS NULL"
    for row in await connection().fetch(sql):
        facts.roles |= {row["name"].casefold(): row["key"], row["key"].casefold(): row["key"]}


async def load_products(facts: Facts, ids: Collection[UUID], fresh: Fresh) -> None:
    """Base units and factors of products."""
    made = fresh.rows.get("product", {})
    stored = [row_id for row_id in ids if row_id not in made]
    facts.products = {row_id: made[row_id] for row_id in ids if row_id in made}
    for row in await connection().fetch("SELECT id, base_unit, name FROM product WHERE id = ANY ($1::uuid[])", stored):
        facts.products[row["id"]] = row
    sql = """SELECT product_id, unit, factor FROM product_unit
        WHERE product_id = ANY ($1::uuid[]) AND deleted_at IS NULL"""
    rows = [*await connection().fetch(sql, stored), *fresh.rows.get("product_unit", {}).values()]
    facts.units = {(row["product_id"], row["unit"]): row.get("factor") or Decimal(1) for row in rows}


async def load_orders(facts: Facts, ids: Collection[UUID], fresh: Fresh, system: str) -> None:
    """Orders that lines name, and whether more lines may come: to drafts, and to what was imported."""
    made = fresh.rows.get("order", {})
    sql = """SELECT id, currency, status, price_list_id, warehouse_id, number, status = 'draft' OR EXISTS (
            SELECT FROM external_id e WHERE e."row" = o.id AND e.system = $2) AS imported
        FROM "order" o WHERE id = ANY ($1::uuid[])"""
    facts.orders = {row_id: made[row_id] for row_id in ids if row_id in made}
    stored = [row_id for row_id in ids if row_id not in made]
    facts.orders |= {row["id"]: row for row in await connection().fetch(sql, stored, system)}


async def load_outlets(facts: Facts, ids: Collection[UUID], fresh: Fresh, *, terms: bool) -> None:
    """Whose the outlets are, where; and on what `terms` their accounts buy."""
    made = fresh.rows.get("outlet", {})
    sql = "SELECT id, account_id, address FROM outlet WHERE id = ANY ($1::uuid[])"
    facts.outlets = {row_id: made[row_id] for row_id in ids if row_id in made}
    facts.outlets |= {row["id"]: row for row in await connection().fetch(sql, [i for i in ids if i not in made])}
    if terms:
        accounts = {row["account_id"] for row in facts.outlets.values()}
        sql = """SELECT id, account_id, legal_entity_id, price_list_id, currency FROM agreement
            WHERE account_id = ANY ($1::uuid[]) AND deleted_at IS NULL ORDER BY id"""
        for row in await connection().fetch(sql, list(accounts)):
            facts.agreements.setdefault(row["account_id"], []).append(row)
        for row_id, values in fresh.rows.get("agreement", {}).items():
            if values["account_id"] in accounts:
                facts.agreements.setdefault(values["account_id"], []).append({**values, "id": row_id})


async def load_prices(facts: Facts, wanted: Collection[tuple[UUID, UUID]], fresh: Fresh) -> None:
    """Prices of today of (price list, product)."""
    lists, products = {pair[0] for pair in wanted}, {pair[1] for pair in wanted}
    sql = """SELECT price_list_id, product_id, unit, price FROM price_item
        WHERE price_list_id = ANY ($1::uuid[]) AND product_id = ANY ($2::uuid[]) AND deleted_at IS NULL
        AND (starts_on IS NULL OR starts_on <= current_date) AND (ends_on IS NULL OR ends_on >= current_date)
        ORDER BY minimum_quantity DESC, id"""
    rows = [*await connection().fetch(sql, list(lists), list(products)), *fresh.rows.get("price_item", {}).values()]
    facts.prices = {(row["price_list_id"], row["product_id"], row["unit"]): row["price"] for row in rows}


async def load_parents(facts: Facts, entity: str, ids: Collection[UUID]) -> None:
    """The ancestors of rows of a tree."""
    records = await connection().fetch(
        f"""WITH RECURSIVE up AS (
            SELECT id, parent_id FROM "{entity}" WHERE id = ANY ($1::uuid[])
            UNION SELECT t.id, t.parent_id FROM "{entity}" t JOIN up ON t.id = up.parent_id
        ) SELECT id, parent_id FROM up""",  # noqa: S608 - our own name
        list(ids),
    )
    facts.parents = {record["id"]: record["parent_id"] for record in records}
