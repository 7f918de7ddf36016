"""Tables in files, line by line: CSV here, XLSX in `spreadsheet`. Streamed: memory does not grow with the file.

A line that can't be read is a line with a problem, and the rest is read.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from server.errors import AppError
from server.exports.cells import restore
from server.imports.encoding import SAMPLE_BYTES, detect_delimiter, detect_encoding

LINES_MAX: Final = 1_000_000
"""Of one file."""
COLUMNS_MAX: Final = 500
LINE_CHARS_MAX: Final = 200_000
_HASHED_BYTES: Final = 1 << 20
RECORD_LINES_MAX: Final = 50
"""A quoted value may span this many lines; beyond, its quotation mark was forgotten."""

_SEPARATOR_LINE: Final = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)
_DECIMAL_COMMA: Final = {";": True, ",": False}
"""Who writes 1,5 separates values by semicolons: so do spreadsheets."""


class FileUnreadable(AppError):
    """A file is not what it should be, as a whole; nothing of it was imported."""

    code = "file_unreadable"


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file. `number` is its first line, counted from 1, the header included."""

    number: int
    values: Sequence[str]
    problem: str | None = None
    column: str | None = None
    """Of the problem."""


@dataclass(frozen=True)
class TableFile:
    """A table: its header, and its lines, which can be read more than once."""

    name: str
    header: tuple[str, ...]
    """Each name once: a second “Phone” is “Phone (2)”, and a column without a name “column 4”."""
    how: str
    """What was detected, for people."""
    read: Callable[[], Iterator[Line]] = field(repr=False)
    sha256: str = ""
    about_lines: int = 0
    """How many lines there are, roughly: to show progress by."""
    decimal_comma: bool | None = None
    """Whether a comma stands before decimals; None where the file does not tell."""


def name_columns(header: Sequence[str]) -> tuple[str, ...]:
    """The header's names, each of them once."""
    names: list[str] = []
    for position, raw in enumerate(header, 1):
        plain = " ".join(raw.replace("\x00", " ").split())[:200] or f"column {position}"
        name, count = plain, 1
        while name in names:
            count += 1
            name = f"{plain} ({count})"
        names.append(name)
    while names and names[-1] == f"column {len(names)}":
        names.pop()
    return tuple(names)


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 of the content, in hexadecimal; and how many line ends there are in it."""
    digest, ends = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_HASHED_BYTES):
            digest.update(chunk)
            ends += chunk.count(b"\n")
    return digest.hexdigest(), ends


def open_csv(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> TableFile:
    """A CSV file, with what was not said detected.

    Raises:
        FileUnreadable: it is empty, has no header, or is no text of that encoding.
    """
    with path.open("rb") as raw:
        sample = raw.read(SAMPLE_BYTES)
    encoding = encoding or detect_encoding(sample)
    try:
        "".encode(encoding)
    except LookupError:
        raise FileUnreadable(f"There is no encoding “{encoding}”. Use utf-8, windows-1251 or another name.") from None
    text = sample.decode(encoding, _lenient(encoding)).removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)
    if not any(line.strip() for line in lines):
        raise FileUnreadable(f"{path.name} is empty. A file has a line with the names of its columns, then its rows.")
    told = _SEPARATOR_LINE.fullmatch(lines[0])
    skipped = 1 if told else 0
    delimiter = delimiter or (told[1] if told else detect_delimiter([line for line in lines[skipped:] if line.strip()]))
    reader = _CsvReader(path, encoding, delimiter, skipped)
    header = reader.head().names
    shown = {"\t": "a tab", ",": "commas", ";": "semicolons"}.get(delimiter, f"“{delimiter}”")
    how = f"CSV, {encoding.removesuffix('-sig')}, separated by {shown}"
    return TableFile(path.name, header, how, reader.lines, *hash_file(path), _DECIMAL_COMMA.get(delimiter))


def _lenient(encoding: str) -> str:
    """How to read on after a broken byte, so that its line alone is lost."""
    return "surrogateescape" if encoding.startswith("utf-8") else "replace"


@dataclass(frozen=True)
class _CsvReader:
    """Reads a file's records by RFC 4180; a forgotten quotation mark costs its own line alone."""

    path: Path
    encoding: str
    delimiter: str
    skipped: int

    def head(self) -> "_Head":
        with closing(self._records(None)) as records:
            first = next(records, None)
        values = first.values if first and first.problem is None else ()
        names = name_columns(values)
        if not names:
            raise FileUnreadable(f"{self.path.name} has no header: a first line with the names of its columns.")
        if len(names) > COLUMNS_MAX:
            raise FileUnreadable(f"{self.path.name} has {len(names)} columns, more than {COLUMNS_MAX}.")
        return _Head(names, len(values))

    def lines(self) -> Iterator[Line]:
        """The records after the header, as many values each as the header has names."""
        head = self.head()
        records = self._records(head)
        next(records)
        for count, line in enumerate(records, 1):
            if count > LINES_MAX:
                yield Line(line.number, (), f"the file has more than {LINES_MAX:,} rows: split it")
                return
            if line.problem is None and not any(value.strip() for value in line.values):
                continue  # spreadsheets leave such behind
            if line.problem is None and len(line.values) != len(head.names):
                line = _even(line, head)
            yield line

    def _records(self, head: "_Head | None") -> Generator[Line]:
        with self.path.open(encoding=self.encoding, errors=_lenient(self.encoding), newline="") as stream:
            pending: list[tuple[int, str]] = []
            physical = _physical_lines(stream, self.skipped)
            while True:
                first = pending.pop(0) if pending else next(physical, None)
                if first is None:
                    return
                number, text = first
                if not text.strip():
                    continue
                if len(text) > LINE_CHARS_MAX:
                    yield Line(number, (), f"the line has more than {LINE_CHARS_MAX:,} characters")
                elif '"' not in text:
                    yield self._checked(number, text.rstrip("\r\n").split(self.delimiter), head)
                else:
                    yield self._quoted(number, text, pending, physical, head)

    def _quoted(
        self,
        number: int,
        text: str,
        pending: list[tuple[int, str]],
        physical: Iterator[tuple[int, str]],
        head: "_Head | None",
    ) -> Line:
        """The record that begins on a line with quotation marks; lines that it does not take go back to `pending`."""
        taken: list[tuple[int, str]] = []
        marks = text.count('"')
        while marks % 2 and len(taken) < RECORD_LINES_MAX:
            following = pending.pop(0) if pending else next(physical, None)
            if following is None:
                break
            taken.append(following)
            marks += following[1].count('"')
        values = None if marks % 2 else self._split([text, *(line for _, line in taken)])
        if values is None or (taken and head and len(values) != head.width):
            pending[:0] = taken
            return Line(number, (), "a quotation mark is never closed", self._open_column(text, head))
        return self._checked(number, values, head)

    def _split(self, lines: list[str]) -> list[str] | None:
        lines[-1] = lines[-1].rstrip("\r\n")
        try:
            return next(csv.reader(lines, delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return None

    def _open_column(self, text: str, head: "_Head | None") -> str | None:
        begun = len(text[: text.rfind('"')].split(self.delimiter))
        return head.column(begun - 1) if head else None

    def _checked(self, number: int, values: list[str], head: "_Head | None") -> Line:
        if self.encoding.startswith("utf-8"):
            broken = next((at for at, value in enumerate(values) if _is_broken(value)), None)
            if broken is not None:
                return Line(number, (), "it is not UTF-8 text", head.column(broken) if head else None)
        return Line(number, [restore(value) for value in values])


def _is_broken(value: str) -> bool:
    return not value.isascii() and any("\udc80" <= c <= "\udcff" for c in value)


@dataclass(frozen=True)
class _Head:
    """The names of the columns; the header may have been wider, by columns without a name at its end."""

    names: tuple[str, ...]
    width: int

    def column(self, index: int) -> str:
        """The name of the column there, or of the last one."""
        return self.names[min(index, len(self.names) - 1)]


def _even(line: Line, head: _Head) -> Line:
    """A record as wide as the header. Of any other width it is a problem: its values would stand in other columns."""
    names, values = head.names, line.values
    if len(values) == head.width and not any(value.strip() for value in values[len(names) :]):
        return Line(line.number, values[: len(names)])
    reason = f"the row has {len(values)} values, and the header {len(names)}"
    return Line(line.number, (), reason, head.column(len(values)))


def _physical_lines(stream: TextIO, skipped: int) -> Iterator[tuple[int, str]]:
    number = 0
    while text := stream.readline(LINE_CHARS_MAX + 1):
        number += 1
        rest = text
        while len(rest) > LINE_CHARS_MAX and rest[-1] not in "\r\n":
            rest = stream.readline(LINE_CHARS_MAX + 1)
        if number == 1:
            text = text.removeprefix("\ufeff")
        if number > skipped:
            yield number, text
