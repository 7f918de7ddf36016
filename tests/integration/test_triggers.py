"""The net for plain SQL: whoever writes, in psql or by an import, revisions, stamps and tombstones are kept.

Every test writes as the owner, past the application.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest
from outrider_sdk.protocol.entities import ENTITIES

from server.db import Actor, TenantRef, connection, tenant_transaction, tenant_write
from server.sync.scopes import OFFICE_SCOPE
from tests.integration import plain_sql
from tests.integration.plain_sql import an_account, log_in

sql = plain_sql.sql


@pytest.fixture
async def tenant(unused_tenant: TenantRef) -> TenantRef:
    """The tests name its first revisions."""
    return unused_tenant


@pytest.fixture
async def other_sql(owner_urls: dict[str, str], tenant: TenantRef) -> AsyncIterator[asyncpg.Connection]:
    """A second one."""
    async with log_in(owner_urls, tenant) as conn:
        yield conn


async def head(conn: asyncpg.Connection) -> int:
    return await conn.fetchval("SELECT revision FROM revision_counter")


async def row_of(conn: asyncpg.Connection, table: str, row_id: UUID) -> dict:
    row = dict(await conn.fetchrow(f'SELECT * FROM "{table}" WHERE id = $1', row_id))
    return row | {"stamps": json.loads(row["stamps"])}


async def scopes(conn: asyncpg.Connection, row_id: UUID) -> set[UUID]:
    return {r["scope"] for r in await conn.fetch('SELECT scope FROM scope_entry WHERE "row" = $1 AND NOT gone', row_id)}


async def test_each_statement_by_itself_takes_one_revision(sql: asyncpg.Connection):
    """Devices ask for what came after their cursor: a write without a revision would never reach them."""
    revisions = [await head(sql)]

    account = await an_account(sql)
    revisions.append(await head(sql))
    await sql.execute("UPDATE account SET name = 'Acme & Co' WHERE id = $1", account)
    revisions.append(await head(sql))
    await sql.execute("DELETE FROM account WHERE id = $1", account)
    revisions.append(await head(sql))

    assert revisions == [0, 1, 2, 3]
    assert (await row_of(sql, "account", account))["revision"] == 3


async def test_a_transaction_over_many_rows_and_tables_shares_one_revision(sql: asyncpg.Connection):
    """It is revealed to devices as a whole."""
    async with sql.transaction():
        accounts = [await an_account(sql, f"Account {i}") for i in range(3)]
        await sql.execute("INSERT INTO outlet (id, account_id, name) SELECT gen_random_uuid(), id, name FROM account")
        await sql.execute("UPDATE account SET legal_name = name || ' Ltd'")
        await sql.execute("DELETE FROM account WHERE id = $1", accounts[0])

    assert await head(sql) == 1
    assert {
        r["revision"] for r in await sql.fetch("SELECT revision FROM account UNION SELECT revision FROM outlet")
    } == {1}
    assert {r["revision"] for r in await sql.fetch("SELECT revision FROM scope_entry WHERE revision > 0")} == {1}


async def test_a_changed_writable_field_is_stamped_and_the_others_keep_theirs(sql: asyncpg.Connection):
    """The merge compares stamps: a field stamped too often makes false conflicts, one too seldom loses edits."""
    account = await an_account(sql)

    await sql.execute("UPDATE account SET name = 'Other', tags = '[]' WHERE id = $1", account)

    stamps = (await row_of(sql, "account", account))["stamps"]
    assert set(stamps) == {"*", "name"}
    assert stamps["*"][0] == 1
    revision, at_us, device, member = stamps["name"]
    assert (revision, device, member) == (2, None, None)
    assert abs(at_us / 1e6 - (await sql.fetchval("SELECT extract(epoch FROM now())::float8"))) < 60


async def test_the_same_value_is_no_change(sql: asyncpg.Connection):
    """A stamp for it would make the writer win over whoever did change the field."""
    account = await an_account(sql)

    await sql.execute("UPDATE account SET name = name")

    assert set((await row_of(sql, "account", account))["stamps"]) == {"*"}


async def test_a_stamp_that_the_writer_gives_is_kept(sql: asyncpg.Connection):
    """The sync writes stamps with the device's capture time; the net is for those who give none."""
    account = await an_account(sql)
    given = [7, 1, str(uuid4()), None]

    await sql.execute(
        "UPDATE account SET name = 'B', stamps = stamps || jsonb_build_object('name', $2::jsonb) WHERE id = $1",
        account,
        json.dumps(given),
    )

    assert (await row_of(sql, "account", account))["stamps"]["name"] == given


async def test_who_acts_is_in_the_stamp_of_the_application_only(sql: asyncpg.Connection, tenant: TenantRef):
    """Plain SQL after it must not inherit the name of whoever wrote last."""
    member, device = uuid4(), uuid4()
    account = await an_account(sql)

    async with tenant_write(tenant, by=Actor(member, device)) as revision:
        await connection().execute("UPDATE account SET name = 'By member' WHERE id = $1", account)
    await sql.execute("UPDATE account SET legal_name = 'By nobody' WHERE id = $1", account)

    stamps = (await row_of(sql, "account", account))["stamps"]
    assert (stamps["name"][0], stamps["name"][2:]) == (revision.number, [str(device), str(member)])
    assert stamps["legal_name"][2:] == [None, None]


@pytest.mark.parametrize("table", ENTITIES)
async def test_truncate_is_refused(sql: asyncpg.Connection, table: str):
    """Devices would never learn of it."""
    with pytest.raises(asyncpg.RaiseError, match="TRUNCATE of"):
        await sql.execute(f'TRUNCATE "{table}" CASCADE')


async def test_a_change_of_id_is_refused(sql: asyncpg.Connection):
    """A device knows the row by it."""
    await an_account(sql)

    with pytest.raises(asyncpg.RaiseError, match="never changes"):
        await sql.execute("UPDATE account SET id = gen_random_uuid()")


async def test_delete_makes_a_tombstone_and_ends_the_scopes(sql: asyncpg.Connection):
    """Devices drop the row at the next contact, and what hung on it."""
    account = await an_account(sql)
    outlet = await sql.fetchval(
        "INSERT INTO outlet (id, account_id, name) VALUES ($1, $2, 'Shop') RETURNING id", uuid4(), account
    )
    assert await scopes(sql, account) == await scopes(sql, outlet) == {outlet}

    await sql.execute("DELETE FROM outlet WHERE id = $1", outlet)

    row = await row_of(sql, "outlet", outlet)
    assert row["deleted_at"] is not None
    assert row["revision"] == await head(sql)
    assert await scopes(sql, outlet) == set()
    assert await scopes(sql, account) == {UUID(OFFICE_SCOPE)}
    gone = await sql.fetch('SELECT revision FROM scope_entry WHERE "row" = $1 AND gone', outlet)
    assert [r["revision"] for r in gone] == [row["revision"]]


async def test_deleting_many_rows_makes_many_tombstones_once(sql: asyncpg.Connection):
    """A second DELETE changes nothing: the tombstone keeps its moment."""
    for i in range(5):
        await an_account(sql, f"Account {i}")
    await sql.execute("DELETE FROM account")
    first = await sql.fetch("SELECT id, deleted_at, revision FROM account ORDER BY id")

    await sql.execute("DELETE FROM account")

    assert all(r["deleted_at"] for r in first)
    assert await sql.fetch("SELECT id, deleted_at, revision FROM account ORDER BY id") == first


async def test_a_tombstone_that_is_lifted_comes_back_into_its_scopes(sql: asyncpg.Connection):
    """Or it would be there for the office, and on no device."""
    account = await an_account(sql)
    outlet = await sql.fetchval(
        "INSERT INTO outlet (id, account_id, name) VALUES ($1, $2, 'Shop') RETURNING id", uuid4(), account
    )
    await sql.execute("DELETE FROM outlet")

    await sql.execute("UPDATE outlet SET deleted_at = NULL")

    assert await scopes(sql, outlet) == await scopes(sql, account) == {outlet}


async def test_a_rollback_leaves_no_trace(sql: asyncpg.Connection):
    """The next writer takes the number: readers never see a gap that might still fill."""
    await an_account(sql)

    transaction = sql.transaction()
    await transaction.start()
    await an_account(sql)
    assert await head(sql) == 2
    await transaction.rollback()
    assert await head(sql) == 1
    account = await an_account(sql)

    assert (await row_of(sql, "account", account))["revision"] == 2


async def test_after_a_rolled_back_savepoint_the_next_statement_takes_the_revision(sql: asyncpg.Connection):
    """The counter's lock went with the savepoint; the transaction must not go on under a number it lost."""
    async with sql.transaction():
        savepoint = sql.transaction()
        await savepoint.start()
        await an_account(sql)
        await savepoint.rollback()
        assert await head(sql) == 0
        account = await an_account(sql)

    assert await head(sql) == 1
    assert (await row_of(sql, "account", account))["revision"] == 1


async def test_a_writer_between_savepoint_and_next_statement_gets_a_number_of_its_own(
    sql: asyncpg.Connection, other_sql: asyncpg.Connection
):
    """Both committed orders stay right: the one that commits last has the higher number."""
    async with sql.transaction():
        savepoint = sql.transaction()
        await savepoint.start()
        await an_account(sql)
        await savepoint.rollback()
        early = await an_account(other_sql)
        late = await an_account(sql)

    assert [(await row_of(sql, "account", a))["revision"] for a in (early, late)] == [1, 2]


async def test_s5_two_plain_sql_writers_become_visible_in_the_order_of_their_revisions(
    sql: asyncpg.Connection, other_sql: asyncpg.Connection
):
    """A cursor that has seen revision 2 must have seen 1: the second writer waits for the first one's commit."""
    first = sql.transaction()
    await first.start()
    slow = await an_account(sql)

    waiting = asyncio.create_task(an_account(other_sql))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await first.commit()
    quick = await waiting

    assert [(await row_of(sql, "account", a))["revision"] for a in (slow, quick)] == [1, 2]


async def test_s5_a_reader_never_sees_a_revision_before_a_lower_one(
    owner_urls: dict[str, str], tenant: TenantRef, sql: asyncpg.Connection
):
    """Many writers, some of whom roll back; a reader's snapshots always hold 1 to its head without a gap."""
    stop = asyncio.Event()

    async def write(number: int) -> None:
        async with log_in(owner_urls, tenant) as conn:
            for i in range(25):
                transaction = conn.transaction()
                await transaction.start()
                await an_account(conn, f"{number}-{i}")
                await asyncio.sleep(0.001 * (i % 3))
                await (transaction.rollback() if i % 5 == 4 else transaction.commit())

    async def read() -> int:
        snapshots = 0
        while not stop.is_set():
            rows = await sql.fetch(
                "SELECT a.revision, c.revision AS head FROM revision_counter c LEFT JOIN account a ON true"
            )
            seen = sorted(r["revision"] for r in rows if r["revision"] is not None)
            assert seen == list(range(1, rows[0]["head"] + 1))
            snapshots += 1
        return snapshots

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(n) for n in range(4)))
    stop.set()

    assert await reading > 10
    assert await head(sql) == 80


async def test_a_serializable_writer_is_refused_rather_than_misnumbered(
    sql: asyncpg.Connection, other_sql: asyncpg.Connection
):
    """With a snapshot older than the counter's lock, what it writes would rest on what it could not see."""
    transaction = sql.transaction(isolation="repeatable_read")
    await transaction.start()
    await sql.fetch("SELECT * FROM account")
    await an_account(other_sql)

    with pytest.raises(asyncpg.SerializationError):
        await an_account(sql)
    await transaction.rollback()


async def test_copy_and_upsert_and_merge_pass_through_the_net(sql: asyncpg.Connection, tenant: TenantRef):
    """Imports do not write row by row."""
    ids = [uuid4() for _ in range(4)]
    await sql.copy_records_to_table(
        "account", schema_name=tenant.schema, records=[(i, "Copied") for i in ids[:2]], columns=["id", "name"]
    )
    await sql.execute(
        "INSERT INTO account (id, name) VALUES ($1, 'New'), ($2, 'Renamed')"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        ids[2],
        ids[0],
    )
    await sql.execute(
        "MERGE INTO account a USING (VALUES ($1::uuid), ($2::uuid)) v (id) ON a.id = v.id"
        " WHEN MATCHED THEN UPDATE SET name = 'Merged' WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, 'Merged')",
        ids[1],
        ids[3],
    )

    rows = {r["id"]: (r["name"], r["revision"]) for r in await sql.fetch("SELECT * FROM account")}
    assert [rows[i] for i in ids] == [("Renamed", 2), ("Merged", 3), ("New", 2), ("Merged", 3)]


async def test_a_statement_that_changes_no_row_sends_nobody_anything(sql: asyncpg.Connection):
    """A nightly script that finds nothing to do must not wake every phone's radio for rows."""
    account = await an_account(sql)

    await sql.execute("UPDATE account SET name = 'x' WHERE false")

    assert (await row_of(sql, "account", account))["revision"] == 1


async def test_the_past_prices_of_an_item_are_kept(sql: asyncpg.Connection):
    """Prices are honoured as of capture."""
    await sql.execute(
        """WITH p AS (
            INSERT INTO product (id, sku, name, base_unit) VALUES (gen_random_uuid(), '1', 'Tea', 'piece') RETURNING id
        ), l AS (INSERT INTO price_list (id, name, currency) VALUES (gen_random_uuid(), 'List', 'USD') RETURNING id
        )
        INSERT INTO price_item (id, price_list_id, product_id, unit, price)
        SELECT gen_random_uuid(), l.id, p.id, 'piece', 10 FROM p, l"""
    )

    await sql.execute("UPDATE price_item SET price = 12")
    await sql.execute("UPDATE price_item SET minimum_quantity = 5")
    await sql.execute("UPDATE price_item SET price = 12.0")
    await sql.execute("UPDATE price_item SET price = 11")

    rows = await sql.fetch("SELECT price, revision FROM price_change ORDER BY until")
    assert [(r["price"], r["revision"]) for r in rows] == [(Decimal(10), 2), (Decimal(12), 5)]


async def test_the_tenants_role_passes_through_the_same_net(tenant: TenantRef, sql: asyncpg.Connection):
    """Also code that forgets `tenant_write` gets its revision and its tombstones."""
    account = uuid4()
    async with tenant_transaction(tenant) as conn:
        await conn.execute("INSERT INTO account (id, name) VALUES ($1, 'Role')", account)
    async with tenant_transaction(tenant) as conn:
        await conn.execute("DELETE FROM account WHERE id = $1", account)

    row = await row_of(sql, "account", account)
    assert (row["revision"], row["deleted_at"] is not None) == (2, True)
