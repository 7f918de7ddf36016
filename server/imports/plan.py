"""A path → what to import: the files, what each holds, and which column fills which field."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from server.errors import FieldError, InvalidInput
from server.imports import mapping as mappings
from server.imports import store
from server.imports.files import FileUnreadable, TableFile, open_csv
from server.imports.mapping import ColumnMapping
from server.imports.northwind import SYSTEM as NORTHWIND
from server.imports.northwind import is_northwind, plan_northwind
from server.imports.run import Intake
from server.imports.spreadsheet import open_xlsx
from server.imports.targets import EXTERNAL_ID, TARGETS

DEFAULT_SYSTEM: Final = "file"
"""Whose external ids are meant where nobody says."""
SUFFIXES: Final = (".csv", ".tsv", ".txt", ".xlsx")
FILES_MAX: Final = 100


class TargetUnknown(InvalidInput):
    """A file's columns do not tell what it holds."""

    code = "target_unknown"


@dataclass(frozen=True)
class Wishes:
    """What a person said of a file beside its path."""

    target: str | None = None
    columns: Sequence[str] = ()
    """`column=field`."""
    constants: Sequence[str] = ()
    """`field=value`."""
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class ImportPlan:
    """What a path holds."""

    intakes: Sequence[Intake]
    system: str
    """The system whose ids the files bear, as far as they tell."""
    notes: Sequence[str] = field(default_factory=list)
    """What was left aside, in words."""


def open_table(path: Path, wishes: Wishes) -> TableFile:
    """The table in a file, by its ending: a workbook, or text.

    Raises:
        FileUnreadable: it cannot be read, or is none of these.
    """
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        return open_xlsx(path, sheet=wishes.sheet)
    if suffix not in SUFFIXES:
        raise FileUnreadable(f"{path.name} is none of {', '.join(SUFFIXES)}. Save it as CSV or XLSX.")
    delimiter = "\t" if wishes.delimiter in ("tab", "\\t") else wishes.delimiter
    return open_csv(path, encoding=wishes.encoding, delimiter=delimiter)


def is_folder(path: Path) -> bool:
    """Whether there is a folder."""
    return path.is_dir()


def list_tables(folder: Path) -> list[Path]:
    """The files of a folder that could be imported, by name."""
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())


async def plan_path(path: Path, wishes: Wishes) -> ImportPlan:
    """What there is to import in a file or folder. Within a transaction of the tenant, whose mappings are remembered.

    Raises:
        FileUnreadable: there is nothing that could be imported.
        InvalidInput: the wishes do not fit.
    """
    if not is_folder(path):
        table = open_table(path, wishes)
        return ImportPlan([Intake(table, await choose_mapping(table, wishes))], DEFAULT_SYSTEM)
    if wishes.target or wishes.columns or wishes.constants:
        raise InvalidInput([FieldError("path", "--as, --map and --set are of one file: name it, not its folder.")])
    if is_northwind(path):
        return ImportPlan(plan_northwind(path), NORTHWIND)
    return await _plan_folder(path)


async def _plan_folder(path: Path) -> ImportPlan:
    files = list_tables(path)
    if not files or len(files) > FILES_MAX:
        raise FileUnreadable(
            f"{path} has {len(files)} files of {', '.join(SUFFIXES)}; between 1 and {FILES_MAX} are read."
        )
    intakes, notes = [], []
    for file in files:
        try:
            table = open_table(file, Wishes())
            intakes.append(Intake(table, await choose_mapping(table, Wishes())))
        except TargetUnknown:
            notes.append(f"{file.name} is left aside: nothing that can be imported has such columns.")
        except FileUnreadable as error:
            notes.append(f"{file.name} is left aside: {error.message}")
    if not intakes:
        raise FileUnreadable(f"No file in {path} could be imported. {' '.join(notes)}")
    order = list(TARGETS)
    return ImportPlan(sorted(intakes, key=lambda each: order.index(each.mapping.target)), DEFAULT_SYSTEM, notes)


async def choose_mapping(table: TableFile, wishes: Wishes) -> ColumnMapping:
    """The mapping as it was used last for such a header, else as the header suggests; with what was wished.

    Raises:
        InvalidInput: nothing fits, or the wishes name what is not there.
    """
    if wishes.target is not None and wishes.target not in TARGETS:
        raise InvalidInput([FieldError("as", f"Choose one of: {', '.join(TARGETS)}.")])
    wanted = [wishes.target] if wishes.target else list(TARGETS)
    remembered = await store.find_mapping([mappings.shape_of(target, table.header) for target in wanted])
    if remembered is not None:
        chosen = mappings.check(remembered, table.header)
    else:
        target = TARGETS[wishes.target] if wishes.target else mappings.propose_target(table.header, table.name)
        if target is None:
            known = f"Its columns are: {', '.join(table.header)}. Say what they are with --as"
            raise TargetUnknown([FieldError("as", f"{known}, one of: {', '.join(TARGETS)}.")])
        chosen = mappings.propose(table.header, target)
    return mappings.change(chosen, table.header, columns=wishes.columns, constants=wishes.constants)


def finds_again(intake: Intake) -> bool:
    """Whether a second import of the file would find the rows of the first."""
    filled = {*intake.mapping.columns.values(), *intake.mapping.constants}
    key = intake.target.primary.key
    named = {c.field: c.name for c in intake.target.columns if c.part == intake.target.primary.name}
    return EXTERNAL_ID in filled or (bool(key) and named.get(key[0]) in filled)
