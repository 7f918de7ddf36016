"""A folder of a feed: files that another system puts there each night, each taken once.

What was taken is moved to `done/`, or to `failed/` when some of its lines were not, each with its report beside it. A
file that was taken before is known by its content. Whoever puts files there writes them under another name first, or
waits: one that was changed just now is left for the next time.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.errors import Conflict
from server.imports.plan import list_tables

QUIET_S: Final = 5.0
"""A file that was changed so short a time ago may still be growing."""
DONE: Final = "done"
FAILED: Final = "failed"


class FeedBusy(Conflict):
    """Another process takes the files of the folder."""

    code = "feed_busy"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken, and where it is now."""

    name: str
    path: Path
    failed: bool


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Be the only one who takes files of the folder.

    Raises:
        FeedBusy: another process is at it.
    """
    with (folder / ".outrider-feed").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeedBusy(f"Another process takes the files of {folder}.") from None
        yield


def list_quiet(folder: Path) -> list[Path]:
    """The files that are there whole, by name."""
    now = time.time()
    return [path for path in list_tables(folder) if now - path.stat().st_mtime >= QUIET_S]


def put_away(path: Path, label: str, report: str, *, failed: bool) -> Taken:
    """Move a file that was taken, and write its report beside it.

    Args:
        label: goes before its name, so that tomorrow's file of the same name finds a place.
    """
    folder = path.parent / (FAILED if failed else DONE)
    folder.mkdir(exist_ok=True)
    target = folder / f"{label}-{path.name}"
    target.with_name(f"{target.name}.report.csv").write_text(report, encoding="utf-8", newline="")
    path.replace(target)
    return Taken(path.name, target, failed)
