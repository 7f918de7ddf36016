"""SQL for people, within their rights: what they may read is copied into an SQLite file, and their SELECT runs over it.

Only the tables that the statement names are filled. The copy is of one moment, in a temporary folder, and gone
afterwards. A column that is hidden from their role does not exist in it, nor does a row out of their sight.
"""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from server.crm.rights import Viewer
from server.db import TenantRef, tenant_transaction
from server.errors import AppError, FieldError, InvalidInput
from server.exports import statement
from server.exports.rows import Readable, readable
from server.exports.sqlite_file import create_tables, write_sqlite

ROWS_DEFAULT: Final = 1_000
ROWS_MAX: Final = 100_000
TIME_LIMIT_S: Final = 10.0
_GRACE_S: Final = 3.0


class QueryTooLong(AppError):
    """The statement took longer, or more memory, than it may."""

    status = 422
    code = "query_too_long"


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement found. `more`: there were more rows than asked for."""

    columns: list[str]
    rows: list[list[Any]]
    more: bool


async def query_tenant(
    tenant: TenantRef,
    viewer: Viewer,
    sql: str,
    *,
    rows_max: int = ROWS_DEFAULT,
    time_limit_s: float = TIME_LIMIT_S,
) -> Result:
    """Run one SELECT over what the viewer may read.

    Raises:
        InvalidInput: it is no SELECT that can be run: the message is SQLite's, where it is of use.
        QueryTooLong: it was stopped.
    """
    wanted = readable(viewer)
    named = find_tables(sql, wanted)
    with TemporaryDirectory(prefix="outrider-query-") as folder:
        path = Path(folder) / "data.db"
        async with tenant_transaction(tenant, snapshot=True):
            await write_sqlite(path, wanted, only=named)
        asked = {"path": str(path), "sql": sql, "rows_max": rows_max, "time_limit_s": time_limit_s}
        answer = await _run(asked, folder, time_limit_s)
    if "error" in answer:
        raise _too_long(time_limit_s) if answer["error"] == "time" else _invalid(answer["error"])
    return Result(answer["columns"], answer["rows"], answer["more"])


def find_tables(sql: str, wanted: Sequence[Readable]) -> set[str]:
    """The tables that a statement reads, found by compiling it over empty ones. Pure.

    Raises:
        InvalidInput: it cannot be compiled, or is something else than one SELECT.
    """
    named: set[str] = set()
    with closing(sqlite3.connect(":memory:")) as empty:
        tables = create_tables(empty, wanted)
        statement.guard(empty, tables, named.add)
        try:
            empty.execute(f"EXPLAIN {sql}")
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise _invalid(str(error)) from None
    return named & tables


async def _run(asked: dict[str, Any], folder: str, time_limit_s: float) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", statement.__name__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd=folder, env={"PATH": os.defpath, "TMPDIR": folder, "SQLITE_TMPDIR": folder, "PYTHONUTF8": "1"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(time_limit_s + _GRACE_S):
            answer, _ = await process.communicate(json.dumps(asked).encode())
    except TimeoutError:
        raise _too_long(time_limit_s) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _too_long(time_limit_s)
    found: dict[str, Any] = json.loads(answer)
    return found


def _too_long(time_limit_s: float) -> QueryTooLong:
    return QueryTooLong(
        f"The query was stopped: it took longer than {time_limit_s:g} s, or more memory than it may. Ask for less."
    )


def _invalid(problem: str) -> InvalidInput:
    if "not authorized" in problem or "prohibited" in problem:
        problem = "only reading is possible here: SELECT, of the tables that you may read"
    return InvalidInput([FieldError("sql", f"{problem[:1].upper()}{problem[1:]}.")])
