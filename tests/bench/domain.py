"""What the domain costs: its triggers, beside the same writes without them."""

import time
from dataclasses import replace
from statistics import median

import asyncpg

from server.tenants.service import create_tenant, owner_connection
from tests.bench.house import House
from tests.bench.imports import bench_imports
from tests.bench.report import report
from tests.bench.rights import bench_rights

ROWS = 10_000
ROUNDS = 9
TRIGGERS_GOAL = 2.5


async def bench_domain(house: House) -> None:
    """Each part, on one tenant."""
    own = await create_tenant(house.urls, slug=f"d-{house.tenant.slug}", name="Domain")
    await bench_triggers(replace(house, tenant=own))
    await bench_imports(house, report)
    await bench_rights(house, report)


_STOCKED_UP = f"""
INSERT INTO price_list (id, name, currency) VALUES (new_id(), 'Retail', 'EUR');
INSERT INTO warehouse (id, name) VALUES (new_id(), 'Depot');
INSERT INTO product (id, sku, name, base_unit)
    SELECT new_id(), 'sku ' || n, 'Product ' || n, 'pc' FROM generate_series(1, {ROWS}) n;
INSERT INTO price_item (id, price_list_id, product_id, unit, price)
    SELECT new_id(), l.id, p.id, 'pc', 10 FROM product p, price_list l;
INSERT INTO stock (id, warehouse_id, product_id, quantity) SELECT new_id(), w.id, p.id, 100 FROM product p, warehouse w;
INSERT INTO account (id, name) SELECT new_id(), 'Account ' || n FROM generate_series(1, {ROWS}) n;
INSERT INTO outlet (id, account_id, name) SELECT new_id(), id, name FROM account;
INSERT INTO contact (id, account_id, outlet_id, name, job_title)
    SELECT new_id(), account_id, id, 'Contact of ' || name, 'Buyer' FROM outlet;
"""

# As ids are in earnest: UUIDv7, which PostgreSQL makes by itself only from version 18 on.
_NEW_ID = """
CREATE FUNCTION pg_temp.new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid
$$
"""

UPDATES = {
    "job titles of contacts": ("contact", "job_title = s.text"),
    "names and titles of contacts": ("contact", "name = s.text, job_title = s.text"),
    "counts of stock": ("stock", "quantity = s.number, as_of = now()"),
    "prices": ("price_item", "price = s.number"),
    "names and tags of accounts": ("account", "name = s.text, tags = jsonb_build_array(s.text)"),
    "names and addresses of outlets": (
        "outlet",
        "name = s.text, address = jsonb_build_object('city', s.text, 'street', s.text)",
    ),
}
"""What an import or a nightly feed sends, from a staging table."""


async def bench_triggers(house: House) -> None:
    """Bulk updates with all triggers (stamps, scopes, changes, audit), beside the same tables without."""
    totals = [0.0, 0.0]
    async with owner_connection(house.urls["main"]) as conn:
        await conn.execute(f'SET search_path = "{house.tenant.schema}", pg_temp')
        await conn.execute(_NEW_ID)
        await conn.execute(_STOCKED_UP.replace("new_id()", "pg_temp.new_id()"))
        for name, (table, assignment) in UPDATES.items():
            without, with_triggers = await _measure(conn, table, assignment)
            report(f"update of 10,000 {name}, without triggers", without, "ms", None)
            report(f"update of 10,000 {name}, with all triggers", with_triggers / without, "×", TRIGGERS_GOAL)
            totals[0] += without
            totals[1] += with_triggers
    report("all these updates with all triggers", totals[1] / totals[0], "×", TRIGGERS_GOAL)


async def _measure(conn: asyncpg.Connection, table: str, assignment: str) -> tuple[float, float]:
    """Milliseconds without triggers and with them: medians, in turns, as the machine's speed drifts."""
    sql = f"UPDATE {table} t SET {assignment} FROM staging s WHERE t.id = s.id"
    taken: dict[str, list[float]] = {"DISABLE": [], "ENABLE": []}
    for turn in range(ROUNDS):
        for state, times in taken.items():
            await conn.execute(f"DROP TABLE IF EXISTS staging; ALTER TABLE {table} {state} TRIGGER USER")
            await conn.execute(
                f"CREATE TEMP TABLE staging AS SELECT id, 'Text {turn} {state} of ' || row_number() OVER () AS text,"
                f" {turn} + random()::numeric(6, 2) AS number FROM {table}"
            )
            await conn.execute("ANALYZE staging")
            await conn.execute(f"VACUUM ANALYZE {table}")
            start = time.perf_counter()
            assert await conn.execute(sql) == f"UPDATE {ROWS}"
            times.append((time.perf_counter() - start) * 1_000)
    return median(taken["DISABLE"]), median(taken["ENABLE"])
