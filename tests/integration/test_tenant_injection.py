"""What SQL text that got into a tenant's query can do: as that tenant's role, in one statement, nothing elsewhere.

The application executes no statement of a tenant's making; these are for the day when a value ends up in SQL text.
What that gives away is what one SELECT, or one data-changing statement, of the tenant's own role may do.
"""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import pytest

from server.db import TenantRef, tenant_transaction
from server.tenants.hardening import DANGEROUS_FUNCTIONS, find_unhardened
from server.tenants.service import owner_connection

REFUSED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidCursorDefinitionError,  # ts_stat takes no statement but a query
)


@pytest.fixture(scope="module")
async def victim(new_tenant: Callable[[], Awaitable[TenantRef]]) -> TenantRef:
    """A tenant with a secret."""
    tenant = await new_tenant()
    async with tenant_transaction(tenant) as conn:
        await conn.execute("INSERT INTO account (id, name) VALUES ($1, 'SECRET')", uuid4())
    return tenant


@pytest.fixture(scope="module")
async def attacker(new_tenant: Callable[[], Awaitable[TenantRef]]) -> TenantRef:
    """A tenant whose query is open to injection."""
    tenant = await new_tenant()
    async with tenant_transaction(tenant) as conn:
        await conn.execute("INSERT INTO account (id, name) VALUES ($1, 'mine')", uuid4())
    return tenant


async def inject(attacker: TenantRef, victim: TenantRef, text: str) -> str:
    """A careless query, with the text as its filter; everything it returned, as text."""
    text = text.replace("VICTIM", f'"{victim.schema}"').replace("victim_schema", victim.schema)
    query = f"SELECT name FROM account WHERE name = 'x' {text}"
    async with tenant_transaction(attacker) as conn:
        return str(await conn.fetch(query))


OTHERS_ROWS = [
    "UNION SELECT name FROM VICTIM.account",
    "UNION SELECT (SELECT name FROM VICTIM.account LIMIT 1)",
    "OR EXISTS (SELECT 1 FROM VICTIM.contact)",
    "UNION SELECT name FROM platform.tenant",
    "UNION SELECT email FROM platform.identity",
    "UNION SELECT private_pem FROM platform.signing_key",
    "UNION SELECT message::text FROM dramatiq.queue",
    "UNION SELECT rolpassword FROM pg_authid",
    "UNION SELECT passwd FROM pg_shadow",
    "UNION SELECT VICTIM.take_revision(NULL, NULL, NULL)::text",
    "UNION SELECT VICTIM.refresh_grants(NULL, NULL)::text",
    "UNION SELECT nextval('dramatiq.queue_position_seq')::text",
    "UNION SELECT s.stavalues1::text FROM pg_statistic s",
]

SWITCHES = [
    "UNION SELECT set_config('role', 'victim_schema', true) UNION SELECT name FROM VICTIM.account",
    "UNION SELECT set_config('role', 'none', false)",
    "UNION SELECT set_config('search_path', 'victim_schema', true)",
    "UNION SELECT set_config('session_authorization', 'outrider', true)",
    "UNION SELECT pg_catalog.set_config('row_security', 'off', true)",
    "UNION SELECT query_to_xml('SET ROLE VICTIM; SELECT 1', true, true, '')::text",
    "UNION SELECT query_to_xml('SELECT * FROM VICTIM.account', true, true, '')::text",
    "UNION SELECT query_to_xmlschema('SELECT set_config(''role'', ''x'', true)', true, true, '')::text",
    "UNION SELECT table_to_xml('VICTIM.account'::regclass, true, true, '')::text",
    "UNION SELECT schema_to_xml('victim_schema', true, true, '')::text",
    "UNION SELECT database_to_xml(true, true, '')::text",
    "UNION SELECT word FROM ts_stat('SELECT to_tsvector(name) FROM VICTIM.account')",
    "UNION SELECT word FROM ts_stat('SET ROLE VICTIM')",
    "UNION SELECT ts_rewrite('a'::tsquery, 'SELECT name::tsquery, name::tsquery FROM VICTIM.account')::text",
]

STACKED = [
    "; SET ROLE VICTIM",
    "; SELECT name FROM VICTIM.account",
    "; RESET ROLE; SELECT 1",
    "; COMMIT; SET ROLE VICTIM; SELECT name FROM account",
    "; DO $$ BEGIN EXECUTE 'SET ROLE VICTIM'; END $$",
    "; DROP TABLE account",
]

MACHINE = [
    "UNION SELECT pg_read_file('postgresql.conf')",
    "UNION SELECT pg_read_binary_file('PG_VERSION')::text",
    "UNION SELECT pg_ls_dir('.')",
    "UNION SELECT pg_stat_file('PG_VERSION')::text",
    "UNION SELECT lo_import('/etc/passwd')::text",
    "UNION SELECT lo_export(1, '/tmp/x')::text",
    "UNION SELECT lo_from_bytea(0, 'x')::text",
    "UNION SELECT lo_create(0)::text",
    "UNION SELECT lo_creat(-1)::text",
    "UNION SELECT dblink('dbname=outrider', 'SELECT 1')::text",
    "UNION SELECT dblink_connect('dbname=outrider')",
    "UNION SELECT pg_reload_conf()::text",
    "UNION SELECT pg_switch_wal()::text",
    "UNION SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename IS NOT NULL",
    "UNION SELECT pg_current_logfile()",
    "UNION SELECT sourcefile FROM pg_file_settings",
]


@pytest.mark.parametrize("text", OTHERS_ROWS + SWITCHES + MACHINE)
async def test_one_select_reaches_nothing_elsewhere(attacker: TenantRef, victim: TenantRef, text: str):
    """The role may read its own schema only, and call nothing that takes another role or runs text as SQL."""
    with pytest.raises(REFUSED):
        await inject(attacker, victim, text)


@pytest.mark.parametrize("text", STACKED)
async def test_a_second_statement_in_the_text_is_refused(attacker: TenantRef, victim: TenantRef, text: str):
    """The extended protocol, by which every query with a result goes, takes one."""
    with pytest.raises(asyncpg.PostgresSyntaxError, match="multiple commands"):
        await inject(attacker, victim, text)


async def test_the_injected_query_itself_works(attacker: TenantRef, victim: TenantRef):
    """Otherwise the refusals above would prove a broken query."""
    assert "mine" in await inject(attacker, victim, "OR true")


async def test_a_data_changing_cte_changes_its_own_tenant_only(attacker: TenantRef, victim: TenantRef):
    """An injected SELECT may delete what its tenant may delete: that is the tenant's damage, and no more."""
    theirs = f'WITH gone AS (DELETE FROM "{victim.schema}".account RETURNING name) SELECT * FROM gone'

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(attacker, theirs)


REFUSED_STATEMENTS = [
    "CREATE TABLE mine (a int)",
    "CREATE TEMP TABLE mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE mine",
    "CREATE EXTENSION dblink",
    "ALTER TABLE account DISABLE TRIGGER ALL",
    "ALTER TABLE account ADD COLUMN x int",
    "ALTER ROLE CURRENT_USER LOGIN PASSWORD 'x'",
    "DROP TABLE account",
    "DROP TRIGGER b_stamp ON account",
    "TRUNCATE account",
    "TRUNCATE setting",
    "SET session_replication_role = replica",
    "COPY account TO '/tmp/out'",
    "COPY account TO PROGRAM 'cat'",
    "COPY setting FROM PROGRAM 'id'",
    "INSERT INTO revision_counter DEFAULT VALUES",
    "UPDATE revision_counter SET revision = 0",
    "DELETE FROM revision_counter",
    "INSERT INTO scope_entry VALUES (gen_random_uuid(), gen_random_uuid(), 1, 1, false)",
    "UPDATE scope_entry SET gone = true",
    "DELETE FROM scope_entry",
    "INSERT INTO scope_grant SELECT * FROM scope_grant",
    "UPDATE scope_grant SET gone = false",
    "DELETE FROM scope_grant",
    "DELETE FROM price_change",
    "DELETE FROM role_change",
    "INSERT INTO member_role_change VALUES (gen_random_uuid(), 'owner', now(), 1)",
    "INSERT INTO schema_migration VALUES (9, 'x')",
    "DELETE FROM schema_migration",
    "SELECT refresh_scopes_account(ARRAY[gen_random_uuid()])",
    "INSERT INTO dramatiq.queue (message_id) VALUES (gen_random_uuid())",
    "UPDATE platform.tenant SET status = 'active'",
    "REINDEX TABLE account",
    "CLUSTER account",
    "COMMENT ON TABLE account IS 'x'",
]


@pytest.mark.parametrize("statement", REFUSED_STATEMENTS)
async def test_even_a_whole_statement_is_refused(attacker: TenantRef, statement: str):
    """The role has data rights in its schema, and none to what only triggers write."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(attacker, statement)


async def test_it_cannot_give_its_rights_away(owner_urls: dict[str, str], attacker: TenantRef):
    """PostgreSQL only warns of a GRANT without grant option, and does nothing."""
    await run(attacker, "GRANT SELECT ON account TO PUBLIC")

    async with owner_connection(owner_urls["main"]) as owner:
        table = f'"{attacker.schema}".account'
        assert not await owner.fetchval("SELECT has_table_privilege('public', $1, 'SELECT')", table)


async def run(tenant: TenantRef, statement: str) -> str:
    async with tenant_transaction(tenant) as conn:
        return await conn.execute(statement)


async def test_a_whole_statement_may_switch_the_role_and_that_is_why_none_is_ever_taken(
    attacker: TenantRef, victim: TenantRef
):
    """The log-in is a member of every tenant's role, so SET ROLE as a statement works: a known limit, kept in sight.

    Values travel as parameters, and the extended protocol refuses a second statement in the same text.
    """
    async with tenant_transaction(attacker) as conn:
        await conn.execute(f'SET LOCAL ROLE "{victim.schema}"')
        assert await conn.fetchval(f'SELECT name FROM "{victim.schema}".account') == "SECRET"

    async with tenant_transaction(attacker) as conn:
        assert await conn.fetchval("SELECT current_user::text") == attacker.schema


async def test_dblink_and_the_like_are_not_installed(attacker: TenantRef):
    """A connection of its own would have rights of its own."""
    async with tenant_transaction(attacker) as conn:
        installed = {row["extname"] for row in await conn.fetch("SELECT extname FROM pg_extension")}

    assert installed == {"plpgsql"}


async def test_nobody_but_the_log_in_may_call_what_switches_roles(owner_urls: dict[str, str], attacker: TenantRef):
    """The hardening is in force, and arrays still work for the tenant's role, for which asyncpg needs set_config."""
    async with owner_connection(owner_urls["main"]) as owner:
        assert await find_unhardened(owner) == []
        open_to_tenant = await owner.fetch(
            "SELECT f FROM unnest($1::text[]) f WHERE has_function_privilege($2::name, f::regprocedure, 'EXECUTE')",
            DANGEROUS_FUNCTIONS,
            attacker.schema,
        )
    assert open_to_tenant == []
    async with tenant_transaction(attacker) as conn:
        ids = [uuid4(), uuid4()]
        assert await conn.fetchval("SELECT $1::uuid[]", ids) == ids
        assert await conn.fetch("SELECT id FROM account WHERE id = ANY ($1::uuid[])", ids) == []


async def test_the_tenants_role_owns_nothing_and_belongs_to_nobody(owner_urls: dict[str, str], attacker: TenantRef):
    """An owner could change its objects, a member could take another role."""
    async with owner_connection(owner_urls["main"]) as owner:
        role = "(SELECT oid FROM pg_roles WHERE rolname = $1)"
        owned = await owner.fetchval(f"SELECT count(*) FROM pg_class WHERE relowner = {role}", attacker.schema)
        member_of = await owner.fetchval(f"SELECT count(*) FROM pg_auth_members WHERE member = {role}", attacker.schema)
        row = await owner.fetchrow(
            "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles"
            " WHERE rolname = $1",
            attacker.schema,
        )

    assert (owned, member_of) == (0, 0)
    assert not any(row.values())
