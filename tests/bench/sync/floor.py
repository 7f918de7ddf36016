"""The floors: the same work by the bare libraries, without rights, merging, stamps or conflicts."""

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg

ROUNDS = 5


def ms(act: Callable[[], object]) -> float:
    """Milliseconds that something took."""
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1_000


def copied_file_s(file: Path) -> float:
    """A file's bytes copied, made durable, and renamed into place."""
    target = file.with_name("floor.db")

    def copy() -> None:
        draft = file.with_name("floor.draft")
        shutil.copyfile(file, draft)
        with draft.open("rb+") as copied:
            os.fsync(copied.fileno())
        draft.replace(target)

    taken = median(ms(copy) for _ in range(ROUNDS)) / 1_000
    target.unlink()
    return taken


def inserted_rows_s(folder: Path, rows: int) -> float:
    """Rows of 14 columns into a bare SQLite table, in one durable transaction."""
    made = [_row(n) for n in range(rows)]
    return median(ms(lambda: _insert(folder / "bare.db", made)) for _ in range(3)) / 1_000


def _insert(file: Path, rows: list[tuple[Any, ...]]) -> None:
    file.unlink(missing_ok=True)
    conn = sqlite3.connect(file, isolation_level=None)
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute("BEGIN")
    conn.execute(f"CREATE TABLE contact ({', '.join(f'c{i}' for i in range(14))}, PRIMARY KEY (c0)) WITHOUT ROWID")
    conn.executemany(f"INSERT INTO contact VALUES ({', '.join('?' * 14)})", rows)
    conn.execute("COMMIT")
    conn.close()


def _row(n: int) -> tuple[Any, ...]:
    ids = [uuid4().bytes for _ in range(3)]
    return (*ids, n, n, n, None, f"Contact number {n}", "Buyer", "en", f"Calls back on day {n % 31}", "{}", None, None)


async def pushed_edits_s(url: str, edits: int) -> float:
    """Edits by bare asyncpg: COPY to a temporary table, and one UPDATE from it, into a table without triggers."""
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("CREATE UNLOGGED TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, title text)")
        await conn.execute("TRUNCATE bench_floor; ALTER TABLE bench_floor SET LOGGED")
        ids = [uuid4() for _ in range(edits)]
        await conn.copy_records_to_table("bench_floor", records=[(i, "old") for i in ids])
        start = time.perf_counter()
        async with conn.transaction():
            await conn.execute("CREATE TEMP TABLE edit (id uuid, title text) ON COMMIT DROP")
            await conn.copy_records_to_table("edit", records=[(i, "new") for i in ids])
            await conn.execute("UPDATE bench_floor b SET title = e.title FROM edit e WHERE b.id = e.id")
        return time.perf_counter() - start
    finally:
        await conn.execute("DROP TABLE IF EXISTS bench_floor")
        await conn.close()


async def sent_bytes_s(content: bytes, times: int) -> float:
    """The same bytes to so many connections at once, by a bare socket server that does nothing else."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.write(content)
        await writer.drain()
        writer.close()

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        writer.write(b"?" * 100)
        assert len(await reader.read(-1)) == len(content)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        start = time.perf_counter()
        await asyncio.gather(*(ask(port) for _ in range(times)))
        return time.perf_counter() - start
