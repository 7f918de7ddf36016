"""What the routes of imports take and answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from server.imports.cells import DayOrder
from server.imports.decide import OnDuplicate, OnExisting, Options
from server.imports.store import Run, RunFile, State

_Text = Annotated[str, Meta(min_length=1, max_length=200)]
_Value = Annotated[str, Meta(max_length=200)]
SYSTEM_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,59}$"
_System = Annotated[
    str, Meta(pattern=SYSTEM_PATTERN, examples=["erp"], description="Whose external ids the file bears.")
]


class ImportChange(Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What is to be done otherwise than proposed; what is left out stays."""

    target: _Text | None = None
    """What the file holds; the mapping is proposed anew."""
    columns: Annotated[dict[str, _Value], Meta(max_length=500)] | None = None
    """Column of the file → field; an empty text leaves the column out."""
    constants: Annotated[dict[str, _Value], Meta(max_length=100)] | None = None
    """Field → the value that every line has."""
    system: _System | None = None
    on_existing: OnExisting | None = None
    on_duplicate: OnDuplicate | None = None
    dates: DayOrder | None = None

    def options(self, before: Options) -> Options:
        """The options with what is changed of them."""
        return Options(
            self.on_existing or before.on_existing, self.on_duplicate or before.on_duplicate, self.dates or before.dates
        )


class ImportFileView(Struct, frozen=True):
    """A file of an import, and what became of its lines."""

    name: str
    target: str
    sha256: str
    header: list[str]
    """Its columns; empty where the file is gone."""
    columns: dict[str, str]
    constants: dict[str, str]
    counts: dict[str, int]
    """Lines by what became of them, or in a dry run would; `alike`: new ones that seem to be there already."""


class ImportView(Struct, frozen=True):
    """An import."""

    number: int
    source: str
    state: State
    system: str
    on_existing: OnExisting
    on_duplicate: OnDuplicate
    dates: DayOrder | None
    created_at: datetime
    created_by: UUID | None
    finished_at: datetime | None
    problem: str | None
    """Why it failed as a whole."""
    files: list[ImportFileView]

    @classmethod
    def of(cls, run: Run, headers: dict[int, list[str]] | None = None) -> "ImportView":
        """The view of a run."""
        return cls(
            run.number, run.source, run.state, run.system, run.options.on_existing, run.options.on_duplicate,
            run.options.dates, run.created_at, run.created_by, run.finished_at, run.problem,
            [_view(file, (headers or {}).get(file.position, [])) for file in run.files],
        )  # fmt: skip


def _view(file: RunFile, header: list[str]) -> ImportFileView:
    mapping = file.mapping
    return ImportFileView(
        file.name, mapping.target, file.sha256, header, dict(mapping.columns), dict(mapping.constants), file.counts
    )


class ImportPage(Struct, frozen=True):
    """The latest imports, the newest first."""

    items: list[ImportView]


Act = Literal["check", "run", "undo"]
