"""Runs, their files and mappings in the tenant's schema. Within a transaction of the tenant."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from server.crm.duplicate.jobs import enqueue_sweep
from server.db import connection
from server.errors import Conflict, NotFound
from server.imports.decide import Options
from server.imports.mapping import ColumnMapping

CLAIM_LASTS_S: Final = 120
"""A claim that was not renewed for so long is that of a process that died; each chunk renews it."""

NUMBER_MAX: Final = 2**31 - 1

State = Literal["uploaded", "checking", "checked", "running", "done", "undoing", "undone", "failed"]


class RunUnknown(NotFound):
    """The tenant has no import of that number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no import {number}.")


class RunBusy(Conflict):
    """Another process works on the run."""

    code = "import_busy"


class RunState(Conflict):
    """The run's state does not allow this."""

    code = "import_state"


@dataclass(slots=True)
class RunFile:
    """One file of a run."""

    position: int
    name: str
    sha256: str
    mapping: ColumnMapping
    counts: dict[str, int] = field(default_factory=dict)
    done: bool = False


@dataclass(slots=True)
class Run:
    """An import, as it stands."""

    number: int
    source: str
    system: str
    options: Options
    state: State
    created_at: datetime
    created_by: UUID | None
    finished_at: datetime | None
    problem: str | None
    files: list[RunFile] = field(default_factory=list)

    def totals(self) -> dict[str, int]:
        """The counts of all files."""
        totals: dict[str, int] = {}
        for file in self.files:
            for name, count in file.counts.items():
                totals[name] = totals.get(name, 0) + count
        return totals


async def create_run(
    source: str, system: str, options: Options, files: Sequence[RunFile], *, by: UUID | None, state: State = "running"
) -> int:
    """Note a run that begins; its number."""
    number = await connection().fetchval(
        """INSERT INTO setting AS s (key, value) VALUES ('import_number_last', '1')
        ON CONFLICT (key) DO UPDATE SET value = to_jsonb(s.value::bigint + 1) RETURNING value::bigint"""
    )
    await connection().execute(
        "INSERT INTO import_run (number, source, system, options, state, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        number, source, system, json.dumps(asdict(options)), state, by,
    )  # fmt: skip
    for file in files:
        await put_file(number, file)
    return int(number)


async def put_file(run: int, file: RunFile) -> None:
    """Note a file of a run, and how it is mapped."""
    await connection().execute(
        """INSERT INTO import_file (run, position, name, sha256, target, columns, constants)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run, position) DO UPDATE
        SET target = excluded.target, columns = excluded.columns, constants = excluded.constants""",
        run, file.position, file.name, file.sha256, file.mapping.target,
        json.dumps(dict(file.mapping.columns)), json.dumps(dict(file.mapping.constants)),
    )  # fmt: skip


async def get_run(number: int) -> Run:
    """The run of that number.

    Raises:
        RunUnknown: there is none.
    """
    known = 0 < number <= NUMBER_MAX
    row = await connection().fetchrow("SELECT * FROM import_run WHERE number = $1", number) if known else None
    if row is None:
        raise RunUnknown(number)
    return await _load(row)


async def put_options(number: int, system: str, options: Options) -> None:
    """Change what was chosen of a run that has not begun."""
    await connection().execute(
        "UPDATE import_run SET system = $2, options = $3 WHERE number = $1", number, system, json.dumps(asdict(options))
    )


async def put_state(number: int, state: State) -> None:
    """Note what is asked for."""
    await connection().execute("UPDATE import_run SET state = $2, problem = NULL WHERE number = $1", number, state)


async def count_in_states(states: Sequence[State]) -> int:
    """How many runs are in one of these states."""
    found = await connection().fetchval("SELECT count(*) FROM import_run WHERE state = ANY ($1::text[])", list(states))
    return int(found)


async def delete_run(number: int) -> None:
    """Forget a run that has written nothing."""
    await connection().execute("DELETE FROM import_file WHERE run = $1", number)
    await connection().execute("DELETE FROM import_run WHERE number = $1", number)


async def list_runs(limit: int = 50) -> list[Run]:
    """The latest runs, the newest first."""
    rows = await connection().fetch("SELECT * FROM import_run ORDER BY number DESC LIMIT $1", limit)
    return [await _load(row) for row in rows]


async def find_unfinished(sha256: Sequence[str]) -> Run | None:
    """The latest run of exactly these files that was not finished."""
    row = await connection().fetchrow(
        """SELECT * FROM import_run r WHERE state = 'running' AND $1::text[] = ARRAY(
            SELECT sha256 FROM import_file f WHERE f.run = r.number ORDER BY position)
        ORDER BY number DESC LIMIT 1""",
        list(sha256),
    )
    return None if row is None else await _load(row)


async def find_finished(sha256: str) -> int | None:
    """The number of a finished run of a file with that content."""
    number = await connection().fetchval(
        """SELECT max(r.number) FROM import_run r JOIN import_file f ON f.run = r.number
        WHERE f.sha256 = $1 AND r.state = 'done'""",
        sha256,
    )
    return None if number is None else int(number)


async def _load(row: Any) -> Run:
    files = await connection().fetch("SELECT * FROM import_file WHERE run = $1 ORDER BY position", row["number"])
    return Run(
        row["number"], row["source"], row["system"], Options(**json.loads(row["options"])), row["state"],
        row["created_at"], row["created_by"], row["finished_at"], row["problem"],
        [
            RunFile(f["position"], f["name"], f["sha256"], _mapping(f), json.loads(f["counts"]), f["done"])
            for f in files
        ],
    )  # fmt: skip


def _mapping(row: Any) -> ColumnMapping:
    return ColumnMapping(row["target"], json.loads(row["columns"]), json.loads(row["constants"]))


async def claim(number: int, state: State, *, take_over: bool = False) -> UUID:
    """Take a run, unless another process is at it; the claim that each of its chunks must hold.

    Args:
        take_over: take it from another process as well, whose next chunk then fails: a person says that it died.

    Raises:
        RunBusy: another process is.
    """
    mine = uuid4()
    taken = await connection().fetchval(
        """UPDATE import_run SET claim = $2, claimed_at = clock_timestamp(), state = $3
        WHERE number = $1 AND ($5 OR claim IS NULL OR claimed_at < clock_timestamp() - make_interval(secs => $4))
        RETURNING true""",
        number, mine, state, CLAIM_LASTS_S, take_over,
    )  # fmt: skip
    if not taken:
        raise RunBusy(
            f"Import {number} is being worked on. Wait for it, or {CLAIM_LASTS_S} seconds if its process died."
        )
    return mine


async def hold(number: int, mine: UUID) -> None:
    """Go on only while the claim is ours; renews it.

    Raises:
        RunBusy: it was lost to another process.
    """
    held = await connection().fetchval(
        "UPDATE import_run SET claimed_at = clock_timestamp() WHERE number = $1 AND claim = $2 RETURNING true",
        number,
        mine,
    )
    if not held:
        raise RunBusy(f"Import {number} was taken over by another process.")


async def release(number: int, state: State, problem: str | None = None) -> None:
    """Let a run go, in a new state. What it brought may be there already: when it is done, all rows are compared."""
    await connection().execute(
        """UPDATE import_run SET claim = NULL, state = $2, problem = $3,
            finished_at = CASE WHEN $2 IN ('done', 'undone', 'failed') THEN clock_timestamp() END WHERE number = $1""",
        number, state, problem,
    )  # fmt: skip
    if state == "done":
        await enqueue_sweep()


async def count(run: int, position: int, counts: Mapping[str, int], *, done: bool) -> None:
    """Note how far a file is."""
    await connection().execute(
        "UPDATE import_file SET counts = $3, done = $4 WHERE run = $1 AND position = $2",
        run, position, json.dumps(dict(counts)), done,
    )  # fmt: skip


async def load_done_lines(run: int, position: int) -> set[int]:
    """The lines of a file whose outcome is recorded."""
    rows = await connection().fetch("SELECT line FROM import_line WHERE run = $1 AND position = $2", run, position)
    return {row["line"] for row in rows}


async def remember_mapping(shape: str, mapping: ColumnMapping) -> None:
    """Propose this mapping from now on, where a header has this shape."""
    await connection().execute(
        """INSERT INTO import_mapping (shape, target, columns, constants) VALUES ($1, $2, $3, $4)
        ON CONFLICT (shape) DO UPDATE
        SET columns = excluded.columns, constants = excluded.constants, used_at = now()""",
        shape, mapping.target, json.dumps(dict(mapping.columns)), json.dumps(dict(mapping.constants)),
    )  # fmt: skip


async def find_mapping(shapes: Sequence[str]) -> ColumnMapping | None:
    """The mapping that was used last for one of these shapes."""
    row = await connection().fetchrow(
        "SELECT * FROM import_mapping WHERE shape = ANY ($1::text[]) ORDER BY used_at DESC LIMIT 1", list(shapes)
    )
    return None if row is None else _mapping(row)
