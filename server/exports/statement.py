"""One SELECT, run by a process of its own over an SQLite file, which holds only what its person may read.

The file, not the statement, is what rights are kept by. The process keeps the rest: it reads, one statement, of the
file's own tables, without extensions, other files or pragmas; it has limits of time, memory and size, and no
environment. Run by `server.exports.query`; needs the standard library alone.
"""

import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

TEXT_LENGTH_MAX: Final = 1_000_000
"""Characters of a value."""
RESULT_BYTES_MAX: Final = 16_000_000
MEMORY_BYTES_MAX: Final = 512_000_000
TEMPORARY_BYTES_MAX: Final = 1_000_000_000
"""What a sort may write aside."""
STEPS_BETWEEN_LOOKS: Final = 10_000

SHELF: Final = frozenset({"sqlite_master", "sqlite_schema", "json_each", "json_tree"})
"""What may be read beside the tables: how they are made, and the parts of documents."""
_BUILT_IN: Final = ("pragma_", "sqlite_")
_FORBIDDEN_FUNCTIONS: Final = frozenset({"load_extension", "fts3_tokenizer", "sqlite_log"})
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: TEXT_LENGTH_MAX,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def guard(database: sqlite3.Connection, tables: Collection[str], note: Callable[[str], Any] | None = None) -> None:
    """Let the connection do nothing from here on but read these tables.

    Args:
        note: hears the name of each table that a statement reads.
    """
    for limit, most in _LIMITS.items():
        database.setlimit(limit, most)

    def permits(action: int, first: str | None, second: str | None, place: str | None, trigger: str | None) -> int:
        if action == sqlite3.SQLITE_READ and first is not None and (first in tables or first in SHELF):
            if note is not None:
                note(first)
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and not second and first and not first.startswith(_BUILT_IN):
            return sqlite3.SQLITE_OK  # of a part of the statement, from which no column is read
        if action == sqlite3.SQLITE_FUNCTION and second not in _FORBIDDEN_FUNCTIONS:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_OK if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE) else sqlite3.SQLITE_DENY

    database.set_authorizer(permits)


def run(path: str, sql: str, *, rows_max: int, time_limit_s: float) -> dict[str, Any]:
    """Columns and rows of the statement, and whether there were more; or what is wrong with it."""
    deadline = time.monotonic() + time_limit_s
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA query_only = ON")
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    database.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
    guard(database, tables)
    try:
        cursor = database.execute(sql)
        columns = [column[0] for column in cursor.description or ()]
        rows, more = _fetch(cursor, rows_max)
    except sqlite3.OperationalError as error:
        return {"error": "time" if "interrupted" in str(error) else str(error)}
    except (sqlite3.Error, sqlite3.Warning, MemoryError) as error:
        return {"error": str(error) or "out of memory"}
    return {"columns": columns, "rows": rows, "more": more}


def _fetch(cursor: Iterable[tuple[Any, ...]], rows_max: int) -> tuple[list[list[Any]], bool]:
    rows: list[list[Any]] = []
    size = 0
    for row in cursor:
        values = [f"x'{value.hex()}'" if isinstance(value, bytes) else value for value in row]
        size += sum(len(value) if isinstance(value, str) else 8 for value in values)
        if len(rows) == rows_max or size > RESULT_BYTES_MAX:
            return rows, True
        rows.append(values)
    return rows, False


def main() -> None:
    """Read a request from standard input, and answer it on standard output; both are JSON."""
    asked = json.load(sys.stdin)
    most = int(asked["time_limit_s"]) + 2
    for limit, value in (
        (resource.RLIMIT_CPU, most),
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_FSIZE, TEMPORARY_BYTES_MAX),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    json.dump(run(**asked), sys.stdout, ensure_ascii=True)


if __name__ == "__main__":
    main()
