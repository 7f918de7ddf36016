"""Imports over REST: an uploaded file, what is said of it, and the acts on it. Within a transaction of the tenant."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

from server.errors import Conflict
from server.imports import mapping as mappings
from server.imports import store
from server.imports.decide import Options
from server.imports.files import TableFile
from server.imports.mapping import ColumnMapping
from server.imports.messages import Act, ImportChange
from server.imports.plan import Wishes, choose_mapping
from server.imports.targets import TARGETS

UPLOAD_BYTES_MAX: Final = 50 * 1024 * 1024

WAITING_MAX: Final = 20
"""Uploads of one tenant that wait to be run."""

_NOT_BEGUN: Final[tuple[store.State, ...]] = ("uploaded", "checked")
_ALLOWED: Final[dict[Act, tuple[frozenset[store.State], store.State]]] = {
    "check": (frozenset({"uploaded", "checked", "failed"}), "checking"),
    "run": (frozenset({"uploaded", "checked", "failed", "running"}), "running"),
    "undo": (frozenset({"done", "failed", "running", "undoing"}), "undoing"),
}
"""From which states an act may begin, and the state that it leads to."""
_WORDS: Final[dict[Act, str]] = {"check": "checked", "run": "run", "undo": "taken back"}


def upload_path(folder: Path, number: int, name: str) -> Path:
    """Where the file of a run is kept."""
    return folder / f"{number}{Path(name).suffix.lower()}"


def remove_upload(folder: Path, run: store.Run) -> None:
    """Remove what is kept of an upload."""
    for file in run.files:
        upload_path(folder, run.number, file.name).unlink(missing_ok=True)
    check_path(folder, run.number).unlink(missing_ok=True)


def check_path(folder: Path, number: int) -> Path:
    """Where the report of a dry run is kept."""
    return folder / f"{number}.check.csv"


class ImportsWaiting(Conflict):
    """The tenant has many uploads that nobody has run."""

    code = "imports_waiting"


async def add_upload(table: TableFile, name: str, wishes: Wishes, options: Options, system: str, by: UUID) -> int:
    """Note an uploaded file as an import; its number.

    Raises:
        InvalidInput: its columns do not tell what it holds, and nobody said it.
        ImportsWaiting: many uploads wait already.
    """
    waiting = await store.count_in_states(_NOT_BEGUN)
    if waiting >= WAITING_MAX:
        raise ImportsWaiting(f"{waiting} uploads wait to be run. Run or delete some of them.")
    mapping = await choose_mapping(table, wishes)
    file = store.RunFile(0, name, table.sha256, mapping)
    return await store.create_run(name, system, options, [file], by=by, state="uploaded")


async def change_upload(number: int, change: ImportChange, header: Sequence[str]) -> None:
    """Change what is to be done with an uploaded file.

    Raises:
        RunUnknown: there is no such import.
        RunState: it has begun.
        InvalidInput: a target, column or field does not exist.
    """
    run = await store.get_run(number)
    if run.state not in ("uploaded", "checked", "failed") or not run.files:
        raise store.RunState(f"Import {number} is {run.state}: it cannot be changed any more.")
    mapping = run.files[0].mapping
    if change.target is not None and change.target != mapping.target:
        mappings.check(ColumnMapping(change.target), header)
        mapping = mappings.propose(header, TARGETS[change.target])
    mapping = mappings.change(
        mapping,
        header,
        columns=[f"{name}={wanted}" for name, wanted in (change.columns or {}).items()],
        constants=[f"{name}={value}" for name, value in (change.constants or {}).items()],
    )
    await store.put_file(number, replace(run.files[0], mapping=mapping))
    await store.put_options(number, change.system or run.system, change.options(run.options))


async def forget_upload(number: int) -> store.Run:
    """Delete an upload that has written nothing; the caller removes its file.

    Raises:
        RunUnknown: there is no such import.
        RunState: it has begun: then it can be taken back.
    """
    run = await store.get_run(number)
    if run.state not in _NOT_BEGUN and (run.state != "failed" or await store.load_done_lines(number, 0)):
        raise store.RunState(f"Import {number} is {run.state}: take it back instead.")
    await store.delete_run(number)
    return run


async def begin(number: int, act: Act) -> None:
    """Note that an act on an import is asked for; the job does it.

    Raises:
        RunUnknown: there is no such import.
        RunState: its state does not allow the act.
    """
    run = await store.get_run(number)
    states, following = _ALLOWED[act]
    if run.state not in states:
        raise store.RunState(f"Import {number} is {run.state}: it cannot be {_WORDS[act]}.")
    await store.put_state(number, following)
