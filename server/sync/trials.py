"""Pushes that come again unanswered, tried under a durable mark: they may have ended the server's process (S8).

What raises is found by halving within its transaction (`server.sync.push`). What ends the process is not: the
transaction is gone, and so is whoever could count. So a push that comes again is marked before it begins, in a
transaction of its own; its success takes the mark away, and so does a failure. A mark that is found is of a push that
nobody survived: what it names is tried in parts, down to one mutation, which is refused in the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from server.db import connection

PARTS: Final = 16
"""In so many parts those are tried that did not come back."""
DEATHS_MAX: Final = 2
"""After so many, the last of them alone, a mutation is refused. There was one before, which nobody marked."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Mutations of a push that has begun: first and last number, and in how many marked pushes these died."""

    start: int
    through: int
    deaths: int


@dataclass(frozen=True, slots=True)
class Part:
    """Mutations that are tried together."""

    mutations: Sequence[dict[str, Any]]
    deaths: int = 0
    """In how many marked pushes they were that did not come back."""

    @property
    def mark(self) -> Mark:
        """What stands there if this one does not come back either."""
        return Mark(self.mutations[0]["number"], self.mutations[-1]["number"], self.deaths + 1)


def split(mutations: Sequence[dict[str, Any]], mark: Mark) -> list[Part]:
    """The mutations in their order: those of the mark in parts, what comes before and after them as a whole. Pure."""
    before = [m for m in mutations if m["number"] < mark.start]
    within = [m for m in mutations if mark.start <= m["number"] <= mark.through]
    after = [m for m in mutations if m["number"] > mark.through]
    size = max(1, len(within) // PARTS)
    parts = [Part(within[i : i + size], mark.deaths) for i in range(0, len(within), size)]
    return [*([Part(before)] if before else []), *parts, *([Part(after)] if after else [])]


def is_culprit(part: Part, mark: Mark) -> bool:
    """Whether it is one mutation that died alone, and had died before. Pure."""
    [first, *others] = part.mutations
    return not others and mark.start == mark.through == first["number"] and mark.deaths >= DEATHS_MAX


async def find_mark(device_id: UUID) -> Mark | None:
    """The mark that a push of the device left. Waits for one that is under way."""
    record = await connection().fetchrow(
        "SELECT trial_start, trial_through, trial_deaths FROM device WHERE id = $1 FOR UPDATE", device_id
    )
    if record is None or record["trial_start"] is None:
        return None
    return Mark(*record.values())


async def set_mark(device_id: UUID, mark: Mark | None) -> None:
    """Mark what is about to be tried; None: it came back."""
    start, through, deaths = (None, None, 0) if mark is None else (mark.start, mark.through, mark.deaths)
    await connection().execute(
        "UPDATE device SET trial_start = $2, trial_through = $3, trial_deaths = $4 WHERE id = $1",
        device_id, start, through, deaths,
    )  # fmt: skip
