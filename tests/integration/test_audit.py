"""Every write on every path is on record: who, when, from where, and each field's old and new value."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.db import SYSTEM, Actor, Source, TenantRef, connection, tenant_transaction, tenant_write
from server.sync import daily
from tests.integration import plain_sql
from tests.integration.plain_sql import an_account
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import World, create

sql = plain_sql.sql


@pytest.fixture
async def tenant(unused_tenant: TenantRef) -> TenantRef:
    """The tests name its first revisions."""
    return unused_tenant


async def changes(conn: Any, row_id: Any) -> list[tuple[Any, ...]]:
    """(revision, field, old, new) of a row, in order; of its creation, the field is None."""
    records = await conn.fetch(
        "SELECT e.revision, e.field, r.old, r.new FROM audit_entry e"
        ' CROSS JOIN LATERAL unnest(e.rows, e.old, e.new) AS r ("row", old, new)'
        ' WHERE r."row" = $1 AND (e.field IS NOT NULL OR e.previous IS NULL) ORDER BY e.revision, e.number',
        UUID(str(row_id)),
    )
    return [tuple(record) for record in records]


async def test_plain_sql_is_on_record_with_the_log_in(sql: asyncpg.Connection):
    """Who helps themselves in psql is seen as well as who uses the app."""
    account = await an_account(sql)
    await sql.execute("UPDATE account SET name = 'Acme & Co', tags = '[\"a\"]' WHERE id = $1", account)
    await sql.execute("DELETE FROM account WHERE id = $1", account)

    found = await changes(sql, account)
    assert found[:3] == [
        (1, None, None, None),
        (2, "name", "Acme", "Acme & Co"),
        (2, "tags", "[]", '["a"]'),
    ]
    assert [change[:3] for change in found[3:]] == [(3, "deleted_at", None)]
    who = await sql.fetch("SELECT DISTINCT source, login, member_id, device_id FROM audit_revision")
    assert [tuple(r) for r in who] == [("sql", await sql.fetchval("SELECT session_user"), None, None)]


@pytest.mark.parametrize("source", [*Source, None])
async def test_the_application_says_who_and_through_what(sql: asyncpg.Connection, tenant: TenantRef, source: Source):
    """The log-in is the same for everybody; the record names the person, and the way they came."""
    account, member = await an_account(sql), uuid4()

    async with tenant_write(tenant, by=Actor(member), source=source) as revision:
        await connection().execute("UPDATE account SET name = 'B' WHERE id = $1", account)

    who = await sql.fetchrow("SELECT * FROM audit_revision WHERE revision = $1", revision.number)
    assert (who["source"], who["member_id"], who["login"]) == (source or "rest", member, None)
    assert who["at"] == revision.at


async def test_nobody_who_says_nothing_is_a_job(sql: asyncpg.Connection, tenant: TenantRef):
    """What no person did is told apart from what somebody did."""
    async with tenant_write(tenant, by=SYSTEM):
        await connection().execute("INSERT INTO account (id, name) VALUES (gen_random_uuid(), 'x')")

    assert await sql.fetchval("SELECT source FROM audit_revision") == "job"


async def test_a_pushed_edit_says_when_it_was_captured(world: World):
    """The rep typed it at ten; it arrived at noon."""
    ann = await world.device("ann")
    await ann.pull()
    at = 1_700_000_000_000_000
    await world.execute("UPDATE device SET enrolled_at = '2020-01-01'")

    await ann.do(ann.edit_change("contact", world.clerk, name="Carla"), captured_at=at)
    await ann.do(create("contact_channel", str(uuid4()), contact_id=world.clerk, channel_kind="phone", value="1"))

    [entry] = await world.fetch("SELECT * FROM audit_entry e JOIN audit_revision USING (revision) WHERE field = 'name'")
    assert (entry["old"], entry["new"], entry["captured"]) == (["Carla Clerk"], ["Carla"], [at])
    assert (entry["source"], str(entry["device_id"]), str(entry["member_id"])) == ("sync", ann.id, ann.member_id)


async def test_values_are_kept_exactly_whatever_the_session_prefers(sql: asyncpg.Connection):
    """A nightly script that speaks German dates must not make the record ambiguous."""
    await sql.execute("SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'")
    row = await sql.fetchval(
        "INSERT INTO price_list (id, name, currency, starts_on) VALUES (gen_random_uuid(), 'L', 'EUR', '2030-02-01')"
        " RETURNING id"
    )
    warehouse, product = uuid4(), uuid4()
    await sql.execute("INSERT INTO warehouse (id, name) VALUES ($1, 'W')", warehouse)
    await sql.execute("INSERT INTO product (id, sku, name, base_unit) VALUES ($1, 's', 'P', 'pc')", product)
    stock = await sql.fetchval(
        "INSERT INTO stock (id, warehouse_id, product_id, quantity, as_of)"
        " VALUES (gen_random_uuid(), $1, $2, 0.10, '2030-01-31 12:00:00.000001+00') RETURNING id",
        warehouse,
        product,
    )

    await sql.execute("UPDATE price_list SET starts_on = '2030-03-02'")
    await sql.execute("UPDATE stock SET quantity = 1234567890123456789.123, as_of = as_of + interval '1 microsecond'")

    assert (await changes(sql, row))[-1][1:] == ("starts_on", "2030-02-01", "2030-03-02")
    found = {c[1]: c[2:] for c in (await changes(sql, stock))[1:]}
    assert found["quantity"] == ("0.10", "1234567890123456789.123")
    assert found["as_of"] == ("1896091200000001", "1896091200000002")


async def test_what_did_not_change_is_not_on_record(sql: asyncpg.Connection):
    """A feed that sends the same values each night would bury what people did."""
    account = await an_account(sql)

    await sql.execute("UPDATE account SET name = 'Acme', custom = '{}'::jsonb")

    assert await changes(sql, account) == [(1, None, None, None)]


async def test_a_bulk_update_pairs_each_row_with_its_own_values(sql: asyncpg.Connection):
    """Ten statements of one row and one of a thousand: a plan made for few rows must serve many."""
    ids = [await an_account(sql, f"Account {i}") for i in range(3)]
    for i in range(10):
        await sql.execute("UPDATE account SET legal_name = $1", str(i))
    await sql.execute(
        "INSERT INTO account (id, name) SELECT gen_random_uuid(), 'Bulk ' || n FROM generate_series(1, 1000) n"
    )

    await sql.execute("UPDATE account SET name = upper(name), legal_name = NULL WHERE name <> 'Account 1'")

    pairs = await sql.fetch(
        'SELECT r.old, r.new, a.name FROM audit_entry e, unnest(e.rows, e.old, e.new) AS r ("row", old, new)'
        " JOIN account a ON a.id = r.row WHERE e.field = 'name'"
    )
    assert len(pairs) == 1002
    assert all(p["new"] == p["name"] == p["old"].upper() for p in pairs)
    assert [c for c in await changes(sql, ids[1]) if c[1] == "name"] == []
    assert (await changes(sql, ids[0]))[-1][1:] == ("legal_name", "9", None)


async def test_an_upsert_is_on_record_as_what_it_was(sql: asyncpg.Connection):
    """Imports write so."""
    old, new = await an_account(sql), uuid4()

    await sql.execute(
        "INSERT INTO account (id, name) VALUES ($1, 'Renamed'), ($2, 'New')"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        old,
        new,
    )

    assert await changes(sql, old) == [(1, None, None, None), (2, "name", "Acme", "Renamed")]
    assert await changes(sql, new) == [(2, None, None, None)]


async def test_what_is_rolled_back_is_not_on_record(sql: asyncpg.Connection):
    """The record tells what happened, and this did not."""
    transaction = sql.transaction()
    await transaction.start()
    await an_account(sql)
    await transaction.rollback()

    assert await sql.fetchval("SELECT count(*) FROM audit_entry") == 0
    assert await sql.fetchval("SELECT count(*) FROM audit_revision") == 0


@pytest.mark.parametrize("table", ["audit_entry", "audit_revision", "scope_change"])
@pytest.mark.parametrize(
    "act", ["INSERT INTO {} (revision) VALUES (1)", "UPDATE {} SET revision = 1", "DELETE FROM {}"]
)
async def test_the_tenants_role_cannot_write_the_record(tenant: TenantRef, table: str, act: str):
    """Whoever gets SQL into the application cannot hide what they did."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant_transaction(tenant) as conn:
            await conn.execute(act.replace("{}", table))


async def test_a_forged_setting_fails_the_statement(sql: asyncpg.Connection):
    """The row triggers read the revision from a setting, which SQL can set; under an old one a row is lost."""
    account = await an_account(sql)

    with pytest.raises(asyncpg.RaiseError, match="not yours to set"):
        await sql.execute("UPDATE account SET name = set_config('outrider.revision', '1', true)")
    await sql.execute("SET outrider.revision = '1'")
    await sql.execute("UPDATE account SET name = 'B' WHERE id = $1", account)

    assert await sql.fetchval("SELECT revision FROM account") == 2


async def test_member_and_e_mail_are_audited_too(sql: asyncpg.Connection):
    """The e-mail does not replicate, and decides who can log in."""
    member = await sql.fetchval(
        "INSERT INTO member (id, name, role, email) VALUES ($1, 'Ann', 'rep', 'a@x.example') RETURNING id", uuid4()
    )

    await sql.execute("UPDATE member SET email = 'b@x.example', role = 'admin'")

    assert {c[1:] for c in (await changes(sql, member))[1:]} == {
        ("email", "a@x.example", "b@x.example"),
        ("role", "rep", "admin"),
    }


async def test_a_fold_moves_changes_into_the_entries_and_no_device_notices(world: World):
    """The list of changes grows with each write; folded, it is empty, and each pull says what it would have said."""
    devices = [await world.device(member) for member in ("ann", "bob", "mia")]
    for device in devices:
        await device.pull()
    await world.execute("UPDATE contact SET name = 'Carla C.'")
    await world.execute("UPDATE stock SET quantity = 7")
    await devices[0].pull()
    await world.execute("DELETE FROM contact_channel")
    await world.execute("UPDATE contact SET job_title = 'Chief'")
    [counted] = await world.fetch("SELECT count(*) AS changes FROM scope_change")
    assert counted["changes"] > 3

    await world.execute("SELECT fold_changes((SELECT revision FROM revision_counter))")

    [left] = await world.fetch("SELECT count(*) AS changes FROM scope_change")
    assert left["changes"] == 0
    late = await world.device("ann")
    for device in (*devices, late):
        await device.pull()
    await assert_converged(world, *devices, late)


async def test_each_day_begins_with_a_fold_in_parts(world: World, monkeypatch: pytest.MonkeyPatch):
    """Whoever writes meanwhile waits for one part, not for all of them."""
    monkeypatch.setattr(daily, "FOLDED_IDS_MAX", 2)
    ann = await world.device("ann")
    await ann.pull()
    for turn in range(4):
        await world.execute("UPDATE stock SET quantity = $1", turn)
        await world.execute("UPDATE contact SET job_title = $1", f"Title {turn}")

    assert await daily.begin_day(world.tenant)

    [left] = await world.fetch("SELECT count(*) AS changes FROM scope_change")
    assert left["changes"] == 0
    await ann.pull()
    await assert_converged(world, ann)
