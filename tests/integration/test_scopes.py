"""Scope entries and grants equal their definition, whatever was written, in whatever order, by whomever."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from outrider_sdk.protocol.entities import ENTITIES

from server.db import TenantRef
from server.sync.scopes import SCOPE_QUERIES
from tests.integration import plain_sql
from tests.integration.scope_history import History

sql = plain_sql.sql

OPERATIONS = 220

# Grants of places, in one plain query: of a list, as near as an agreement that names it; of a van, as its keeper.
_PLACES = """(
    WITH granted AS MATERIALIZED (SELECT * FROM granted), place AS (
        SELECT a.id AS member_id, l.id AS place, true AS is_list, 1 AS level
        FROM active_member a CROSS JOIN price_list l WHERE a.reach > 0
        AND l.id NOT IN (SELECT n.price_list_id FROM agreement n WHERE n.deleted_at IS NULL)
        UNION ALL
        SELECT a.id, l.id, true, 4 FROM active_member a CROSS JOIN price_list l WHERE a.reach = 4
        UNION ALL
        SELECT g.member_id, n.price_list_id, true, g.level FROM agreement n
        JOIN scope_entry e ON e."row" = n.id AND NOT e.gone JOIN granted g ON g.scope = e.scope
        WHERE n.deleted_at IS NULL
        UNION ALL
        SELECT g.member_id, w.id, false, g.level FROM warehouse w JOIN granted g ON g.scope = w.member_id
    ), pair AS (
        SELECT member_id, place AS scope, level FROM place WHERE is_list
        UNION ALL
        SELECT p.member_id, pair_scope(p.place, g.scope), greatest(p.level, g.level) FROM place p
        JOIN granted g ON g.member_id = p.member_id
        AND (g.scope = '00000000-0000-8000-8000-000000000000' OR g.scope IN (SELECT id FROM assortment))
    ) SELECT member_id, scope, min(level) AS level FROM pair GROUP BY member_id, scope) AS places"""

_GRANTS = "SELECT member_id, (scope, level)::text, gone, revision FROM scope_grant"


async def defined_entries(conn: asyncpg.Connection, tenant: TenantRef) -> set[tuple[int, UUID, UUID]]:
    """Scope entries derived anew from the rows, by the queries that define them."""
    found = set()
    for name, query in SCOPE_QUERIES.items():
        ids = [r["id"] for r in await conn.fetch(f'SELECT id FROM "{name}"')]
        anew = query.replace("{{schema}}", f'"{tenant.schema}"').replace("(ids)", "($1::uuid[])")
        found |= {(ENTITIES[name].code, r["row"], r["scope"]) for r in await conn.fetch(anew, ids)}
    return found


async def kept_entries(conn: asyncpg.Connection) -> set[tuple[int, UUID, UUID]]:
    rows = await conn.fetch('SELECT entity, "row", scope FROM scope_entry WHERE NOT gone')
    return {tuple(row) for row in rows}


async def grants(conn: asyncpg.Connection, source: str) -> set[tuple[UUID, UUID, int]]:
    """Who holds which scope, and how near."""
    sql = f"SELECT member_id, scope, min(level)::int FROM {source} GROUP BY member_id, scope"
    return {tuple(row) for row in await conn.fetch(sql)}


async def compare(conn: asyncpg.Connection, tenant: TenantRef) -> None:
    assert await kept_entries(conn) == await defined_entries(conn, tenant)
    assert await grants(conn, "scope_grant WHERE NOT gone AND NOT of_place") == await grants(conn, "granted")
    assert await grants(conn, "scope_grant WHERE NOT gone AND of_place") == await grants(conn, _PLACES)


@pytest.mark.parametrize("seed", range(6))
async def test_after_any_history_entries_and_grants_equal_their_definition(
    sql: asyncpg.Connection, tenant: TenantRef, seed: int
):
    """S6: who loses the right loses the rows, who gains it gets them; nobody else sees either."""
    history = History(sql, seed)
    await history.found()
    await history.add_territory()

    for number in range(OPERATIONS):
        await history.step()
        if number % 10 == 9:
            await compare(sql, tenant)


async def test_within_transactions_savepoints_and_rollbacks_too(sql: asyncpg.Connection, tenant: TenantRef):
    """The triggers run per statement; what counts is what was committed."""
    history = History(sql, 99)
    await history.found()
    await history.add_territory()

    for _ in range(40):
        known = {table: list(ids) for table, ids in history.ids.items()}
        transaction = sql.transaction()
        await transaction.start()
        for _ in range(history.dice.randrange(1, 6)):
            await history.step()
        if history.dice.random() < 0.3:
            await transaction.rollback()
            history.ids = known
        else:
            await transaction.commit()
        await compare(sql, tenant)


async def test_each_change_carries_the_revision_of_its_transaction(sql: asyncpg.Connection, tenant: TenantRef):
    """A pull finds by revision what came and what went: an entry changed under an old one would be missed."""
    history = History(sql, 7)
    await history.found()
    await history.add_territory()

    for _ in range(60):
        entries, given = await raw(sql, 'SELECT "row", scope, gone, revision FROM scope_entry'), await raw(sql, _GRANTS)
        async with sql.transaction():
            await history.step()
        now = await sql.fetchval("SELECT revision FROM revision_counter")
        for before, query in ((entries, 'SELECT "row", scope, gone, revision FROM scope_entry'), (given, _GRANTS)):
            after = await raw(sql, query)
            changed = {key for key in after if key not in before or before[key] != after[key]}
            assert all(after[key][1] == now for key in changed)
            assert set(before) <= set(after)


async def raw(conn: asyncpg.Connection, query: str) -> dict[tuple[UUID, Any], tuple[bool, int]]:
    return {(r[0], r[1]): (r[2], r[3]) for r in await conn.fetch(query)}
