"""SQL within one's rights: a SELECT sees what its person may read, and does nothing else."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.auth.service import find_standing
from server.crm.rights import Viewer
from server.db import SYSTEM, connection, tenant_transaction, tenant_write
from server.errors import InvalidInput
from server.exports.query import QueryTooLong, Result, query_tenant
from server.exports.rows import readable
from server.exports.sqlite_file import write_sqlite
from tests.integration import rest_world, terminal
from tests.integration.rest_world import Person, World
from tests.integration.terminal import Shell

world, shell = rest_world.trading, terminal.shell


async def viewer_of(person: Person) -> Viewer:
    async with tenant_transaction(person.tenant):
        standing = await find_standing(person.id, None)
    assert standing is not None
    return Viewer(person.id, standing.access)


async def ask(person: Person, sql: str, **limits: Any) -> Result:
    return await query_tenant(person.tenant, await viewer_of(person), sql, **limits)


async def test_a_rep_sees_their_rows_and_an_admin_all(world: World):
    """The same rows as over REST and on the device."""
    sql = "SELECT o.name, a.name FROM outlet o LEFT JOIN account a ON a.id = o.account_id ORDER BY 1"

    of_rep, of_admin = await ask(world.rep, sql), await ask(world.admin, sql)

    assert of_rep.rows == [["Corner Shop 1", "Corner Shops"]]
    assert of_admin.rows == [["Corner Shop 1", "Corner Shops"], ["Far Shop", "Far Shops"]]
    assert of_admin.columns == ["name", "name"]


async def test_what_a_role_hides_does_not_exist(world: World):
    """Not as a column, not in `*`, not in the table of tables; and a table of theirs that is not theirs, neither."""
    hides = {"agreement": {"credit_limit_minor": "hidden"}}
    await world.admin.post(
        "/roles", key="short", name="Short", base="rep", fields=hides, permissions={"payment": {"read": "none"}}
    )
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("UPDATE member SET role = 'short' WHERE id = $1", world.rep.id)

    with pytest.raises(InvalidInput) as column:
        await ask(world.rep, "SELECT credit_limit_minor FROM agreement")
    with pytest.raises(InvalidInput) as table:
        await ask(world.rep, "SELECT * FROM payment")

    assert "No such column: credit_limit_minor" in str(column.value.extra)
    assert "No such table: payment" in str(table.value.extra)
    assert "credit_limit_minor" not in (await ask(world.rep, "SELECT * FROM agreement")).columns
    made = await ask(world.rep, "SELECT group_concat(sql) FROM sqlite_master")
    assert "credit_limit" not in made.rows[0][0]


async def test_external_ids_are_those_of_rows_in_sight(world: World):
    """What an ERP calls a customer tells of the customer; in an export as well."""
    for value, row_id in (("near", world.ids["account"]), ("far", world.ids["hidden_account"])):
        body = {"system": "erp", "entity": "account", "value": value, "row_id": row_id}
        async with tenant_write(world.tenant, by=SYSTEM):
            await connection().execute(
                'INSERT INTO external_id (system, entity, value, "row") VALUES ($1, $2, $3, $4)',
                body["system"], body["entity"], body["value"], UUID(row_id),
            )  # fmt: skip

    sql = "SELECT value FROM external_id ORDER BY 1"

    assert (await ask(world.rep, sql)).rows == [["near"]]
    assert (await ask(world.admin, sql)).rows == [["far"], ["near"]]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM account",
        "UPDATE account SET name = 'x'",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "ATTACH '/etc/passwd' AS x",
        "PRAGMA query_only = OFF",
        "SELECT * FROM pragma_database_list",
        "SELECT count(*) FROM pragma_database_list",
        "SELECT load_extension('x')",
        "VACUUM INTO '/tmp/stolen.db'",
        "SELECT 1; SELECT 2",
        "BEGIN",
        "SELEC 1",
        "",
        "SELECT '\x00'",
        "INSERT INTO account (id, name) VALUES ('x', 'y') RETURNING id",
        "WITH x AS (SELECT 1) DELETE FROM account",
        "EXPLAIN SELECT 1",
    ],
)
async def test_nothing_but_one_select_runs(world: World, sql: str):
    """Whatever somebody pastes: a message that says what is possible, and nothing else happens."""
    with pytest.raises(InvalidInput) as refused:
        await ask(world.rep, sql)

    (error,) = refused.value.extra["errors"]
    assert error["field"] == "sql"
    assert error["message"]


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n ORDER BY x DESC",
    ],
)
async def test_what_never_ends_is_stopped(world: World, sql: str):
    """A slip in a join costs seconds, not the server."""
    with pytest.raises(QueryTooLong):
        await ask(world.rep, sql, time_limit_s=0.5)


async def test_values_without_end_are_refused(world: World):
    """Memory has bounds."""
    with pytest.raises((InvalidInput, QueryTooLong)):
        await ask(world.rep, "SELECT hex(zeroblob(900000000))")


async def test_rows_are_limited_and_the_reader_is_told(world: World):
    """Nobody takes a part for the whole."""
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 50) SELECT x FROM n"

    part, whole = await ask(world.rep, many, rows_max=10), await ask(world.rep, many, rows_max=50)

    assert (len(part.rows), part.more) == (10, True)
    assert (len(whole.rows), whole.more) == (50, False)


async def test_documents_and_common_table_expressions_are_at_hand(world: World):
    """Addresses are documents; whoever reports on towns needs them."""
    sql = """WITH towns AS (SELECT json_extract(address, '$.city') AS town FROM outlet)
        SELECT town, count(*) AS outlets FROM towns WHERE town IS NOT NULL GROUP BY town"""

    assert (await ask(world.rep, sql)).rows == [["Groningen", 1]]


async def test_only_the_tables_that_are_named_are_copied(world: World, tmp_path: Path):
    """A question about outlets of a large tenant does not wait for its orders."""
    wanted = readable(await viewer_of(world.rep))
    async with tenant_transaction(world.tenant, snapshot=True):
        counts = await write_sqlite(tmp_path / "x.db", wanted, only={"outlet"})

    assert counts == {"outlet": 1}


async def test_queries_at_once_do_not_see_each_other(world: World):
    """Each has its own copy."""
    rep, admin = await asyncio.gather(*(ask(p, "SELECT count(*) FROM outlet") for p in (world.rep, world.admin)))

    assert (rep.rows, admin.rows) == ([[1]], [[2]])


def test_the_command_prints_tables_json_and_safe_csv(shell: Shell) -> None:
    """For a person, a program, and a spreadsheet that runs formulas."""
    shell.folder.joinpath("customers.csv").write_text("name\n=1+1\n")
    shell.folder.joinpath("users.csv").write_text("id,name,email,role\nann,Ann,ann@shop.example,admin\n")
    for name in ("customers", "users"):
        shell.run("import", str(shell.folder / f"{name}.csv"), "--tenant", "shop")

    def query(*more: str, status: int = 0) -> str:
        sql = "SELECT name, 1.5 AS x, NULL AS y FROM account"
        return shell.run("sql", "--tenant", "shop", "--as", "Ann@shop.example", *more, sql, status=status)

    assert query().splitlines()[-3:] == ["name  x    y", "----  ---  -", "=1+1  1.5"]
    assert json.loads(query("--format", "json")) == [{"name": "=1+1", "x": 1.5, "y": None}]
    assert query("--format", "csv").splitlines() == ["name,x,y", "'=1+1,1.5,"]
    assert "no active member" in shell.run("sql", "--tenant", "shop", "--as", "x@y.example", "SELECT 1", status=2)
