"""Rows of CSV files as typed values: each row that can't be read is a problem with a place, and the rest is read.

`server.imports.files` reads the files. A row counts whole or not at all.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from server.imports.files import FileUnreadable, open_csv

TEXT_LENGTH_MAX: Final = 200

_DECIMAL: Final = re.compile(r"\d{1,15}(\.\d{1,9})?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?")


class CsvMissing(Exception):
    """Something without which nothing can be imported: the folder, or one of its files."""


@dataclass(frozen=True, slots=True)
class CsvProblem:
    """A row that was not imported: where it stands, and why. `line` counts from 1, the header included."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, {self.column}: {self.reason}"


@dataclass(slots=True)
class CsvRow:
    """One row while it is being read: its readers note what is wrong, and return a stand-in.

    A row with a problem is not imported, so that the stand-in is never seen.
    """

    file: str
    line: int
    values: dict[str, str]
    problems: list[CsvProblem] = field(default_factory=list)

    def fail(self, column: str, reason: str) -> None:
        """Note what is wrong in a column; its first trouble counts."""
        if all(problem.column != column for problem in self.problems):
            self.problems.append(CsvProblem(self.file, self.line, column, reason))

    def text(self, column: str, *, length_max: int = TEXT_LENGTH_MAX) -> str:
        """A text that must be there."""
        value = self.optional_text(column, length_max=length_max)
        if value is None:
            self.fail(column, "it is empty")
        return value or ""

    def optional_text(self, column: str, *, length_max: int = TEXT_LENGTH_MAX) -> str | None:
        """A text without spaces around it; None where there is none."""
        value = self.values.get(column, "").strip()
        if "\x00" in value:
            self.fail(column, "it contains a NUL character")
        elif len(value) > length_max:
            self.fail(column, f"it has {len(value)} characters, more than {length_max}")
        return value or None

    def number(self, column: str) -> Decimal:
        """An exact decimal number, not negative."""
        value = self.text(column)
        if value and not _DECIMAL.fullmatch(value):
            self.fail(column, f"{_shown(value)} is not a number of up to 15 digits, with a point before decimals")
            return Decimal(0)
        return Decimal(value or 0)

    def quantity(self, column: str) -> Decimal:
        """A number above zero."""
        value = self.number(column)
        if value == 0:
            self.fail(column, "it must be more than 0")
        return value

    def fraction(self, column: str) -> Decimal:
        """A number from 0 to 1."""
        value = self.number(column)
        if value > 1:
            self.fail(column, f"{value} is not a fraction from 0 to 1")
        return value

    def flag(self, column: str) -> bool:
        """0 or 1."""
        value = self.text(column)
        if value and value not in ("0", "1"):
            self.fail(column, f"{_shown(value)} is neither 0 nor 1")
        return value == "1"

    def moment(self, column: str) -> datetime:
        """A day, perhaps with a time of it, taken as UTC."""
        return self._moment(column, self.text(column)) or datetime(1970, 1, 1, tzinfo=UTC)

    def optional_day(self, column: str) -> date | None:
        """A day; None where there is none."""
        value = self.optional_text(column)
        moment = self._moment(column, value) if value else None
        return moment.date() if moment else None

    def _moment(self, column: str, value: str) -> datetime | None:
        day, time = value[:10], value[10:]
        try:
            if _DATE.fullmatch(day) and (not time or _TIME.fullmatch(time)):
                return datetime.fromisoformat(value.split(".")[0]).replace(tzinfo=UTC)
        except ValueError:
            pass
        if value:
            self.fail(column, f"{_shown(value)} is not a date that exists, as YYYY-MM-DD")
        return None

    def reference(self, column: str, known: Collection[str], noun: str) -> str:
        """The key of a row that was imported."""
        return self.optional_reference(column, known, noun) or self.text(column)

    def optional_reference(self, column: str, known: Collection[str], noun: str) -> str | None:
        """The key of a row that was imported; None where there is none."""
        value = self.optional_text(column)
        if value is not None and value not in known:
            self.fail(column, f"no {noun} {_shown(value)} was imported")
        return value


def _shown(value: str) -> str:
    return f"“{value[:40]}…”" if len(value) > 40 else f"“{value}”"


@dataclass(slots=True)
class CsvFile:
    """One file, its readable rows, and the problems found so far.

    Args:
        columns: those that every row needs; the file may have others.
    """

    path: Path
    columns: tuple[str, ...]
    problems: list[CsvProblem]

    def rows(self) -> Iterator[CsvRow]:
        """The rows that have as many values as the header.

        Raises:
            CsvMissing: there is no such file.
        """
        try:
            table = open_csv(self.path, encoding="utf-8")
        except OSError as error:
            raise CsvMissing(f"{self.path} cannot be read: {error.strerror}. Give the folder that holds it.") from error
        except FileUnreadable:
            table = None  # it is empty
        missing = [name for name in self.columns if table is None or name not in table.header]
        for name in missing:
            self._note(1, name, "the file has no such column, so none of its rows was imported")
        if missing or table is None:
            return
        for line in table.read():
            if line.problem is None:
                yield CsvRow(self.path.name, line.number, dict(zip(table.header, line.values, strict=True)))
            else:
                self._note(line.number, line.column or table.header[0], line.problem)

    def _note(self, line: int, column: str, reason: str) -> None:
        self.problems.append(CsvProblem(self.path.name, line, column, reason))
