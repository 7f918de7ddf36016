"""XLSX workbooks as tables, by python-calamine, behind limits.

A workbook is a zip of XML that is read whole into memory: so the zip's directory, the extent of each sheet and its
cells with errors are looked at first, streamed. A cell with an error would otherwise read as an empty one.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import unescape

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from server.exports.cells import restore
from server.imports.files import COLUMNS_MAX, LINES_MAX, FileUnreadable, Line, TableFile, hash_file, name_columns

UNZIPPED_BYTES_MAX: Final = 200 * 1024 * 1024
PARTS_MAX: Final = 2_000
CELLS_MAX: Final = 3_000_000
CELL_CHARS_MAX: Final = 32_767
"""What a cell can hold, says the vendor; more comes from no spreadsheet."""
ERRORS_MAX: Final = 10_000

_CHUNK_BYTES: Final = 1 << 20
_TAG: Final = re.compile(rb"<(?:\w+:)?(c|row)\b([^<>]*)>")
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,9})([0-9]{1,12})["']""")
_ERROR: Final = re.compile(rb"""\bt\s*=\s*["']e["']""")
_SHEET: Final = re.compile(rb"<(?:\w+:)?sheet\b([^<>]*)>")
_RELATION: Final = re.compile(rb"<(?:\w+:)?Relationship\b([^<>]*)>")
_ATTRIBUTE: Final = re.compile(rb"""([\w:]+)\s*=\s*["']([^"']*)["']""")
_TAG_BYTES_MAX: Final = 100_000
"""No tag is longer; what is, wants to be overlooked."""


def open_xlsx(path: Path, *, sheet: str | None = None) -> TableFile:
    """A sheet of a workbook: the named one, else the first.

    Raises:
        FileUnreadable: it is no workbook, too large, or has no such sheet or no header.
    """
    errors = _inspect(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = [each for each in book.sheet_names if each in errors]  # others nobody has looked at
            if not names or (sheet is not None and sheet not in names):
                raise FileUnreadable(f"{path.name} has no sheet “{sheet or ''}”. It has: {', '.join(names) or 'none'}.")
            name = sheet or names[0]
            table = book.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError) as error:
        raise FileUnreadable(f"{path.name} cannot be read as a workbook: {error}") from None
    first, header = _find_header(table)
    if not header:
        raise FileUnreadable(f"{path.name}, sheet “{name}”, has no header: a first row with the names of its columns.")

    def read() -> Iterator[Line]:
        yield from _lines(table, first, header, errors[name])

    how, sha256 = f"XLSX, sheet “{name}”", hash_file(path)[0]
    return TableFile(path.name, header, how, read, sha256, table.total_height, decimal_comma=False)


def _inspect(path: Path) -> dict[str, dict[int, int]]:
    """Check sizes before anything is unpacked; returns, per sheet and row, a column that holds an error.

    Every part is read through once: a directory that lies about a size does not get by its checksum.

    Raises:
        FileUnreadable: it is no zip, or would unpack to more than we read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNZIPPED_BYTES_MAX:
                raise FileUnreadable(
                    f"{path.name} would unpack to more than {UNZIPPED_BYTES_MAX // 2**20} MB. Save it as CSV, or split"
                    " it."
                )
            sheets = _sheets(archive)
            errors = {}
            for part in parts:
                if part.filename in sheets:
                    errors[sheets[part.filename]] = _scan(archive, part, path.name)
                else:
                    _drain(archive, part)
            return errors
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise FileUnreadable(f"{path.name} is no XLSX workbook that can be read: {error}") from None


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Part → name of the sheet that it holds; their order in the book is not that of their numbers."""
    book = archive.read("xl/workbook.xml")
    relations = archive.read("xl/_rels/workbook.xml.rels")
    targets = {}
    for tag in _RELATION.findall(relations):
        found = dict(_ATTRIBUTE.findall(tag))
        target = found.get(b"Target", b"").decode()
        targets[found.get(b"Id")] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    named = {}
    for tag in _SHEET.findall(book):
        found = dict(_ATTRIBUTE.findall(tag))
        identity = next((value for name, value in found.items() if name.endswith(b":id")), None)
        if identity in targets:
            named[targets[identity]] = unescape(found.get(b"name", b"").decode())
    return named


def _drain(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    with archive.open(part) as stream:
        while stream.read(_CHUNK_BYTES):
            pass


def _scan(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> dict[int, int]:
    """Refuse a sheet whose used range is too large, however few its cells: the range is laid out whole in memory.

    Returns the rows that hold an error, each with its column.
    """
    errors: dict[int, int] = {}
    rows = columns = 0
    rest = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            text = rest + chunk
            for row, column, attributes in _places(text):
                rows, columns = max(rows, row), max(columns, column)
                if column and len(errors) < ERRORS_MAX and _ERROR.search(attributes):
                    errors[row] = column
            if rows > LINES_MAX + 1 or columns > COLUMNS_MAX or rows * columns > CELLS_MAX:
                raise FileUnreadable(
                    f"{name} has a sheet of {rows:,} rows and {columns:,} columns; at most {LINES_MAX:,} rows,"
                    f" {COLUMNS_MAX} columns and {CELLS_MAX:,} cells are read. Delete what is empty, or save it as CSV."
                )
            rest = text[text.rfind(b"<") :] if b"<" in text else b""
            if b"\x00" in chunk or len(rest) > _TAG_BYTES_MAX:
                raise FileUnreadable(f"{name} is no XLSX workbook that can be read: it hides what it holds.")
    return errors


def _places(text: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Row, column (0: of a row) and attributes of each cell and row in a piece of a sheet."""
    for _, attributes in _TAG.findall(text):
        place = _PLACE.search(attributes)
        if place is not None:
            yield int(place[2]), _column_number(place[1].upper()), attributes


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _find_header(table: CalamineSheet) -> tuple[int, tuple[str, ...]]:
    """The first row that is not empty: its number, and the names in it."""
    for number, row in enumerate(table.iter_rows(), 1):
        names = name_columns([_as_text(value) for value in row])
        if any(str(value).strip() for value in row):
            return number, names
    return 0, ()


def _lines(table: CalamineSheet, first: int, header: tuple[str, ...], errors: dict[int, int]) -> Iterator[Line]:
    for number, row in enumerate(table.iter_rows(), 1):
        if number <= first or not any(value != "" for value in row):
            continue
        if number in errors:
            column = header[min(errors[number], len(header)) - 1]
            yield Line(number, (), "the cell holds an error of the spreadsheet, such as #REF!", column)
            continue
        values = [_as_text(value) for value in row[: len(header)]]
        values += [""] * (len(header) - len(values))
        long = next((i for i, value in enumerate(values) if len(value) > CELL_CHARS_MAX), None)
        if long is not None:
            yield Line(number, (), f"the cell has more than {CELL_CHARS_MAX:,} characters", header[long])
        else:
            yield Line(number, values)


def _as_text(value: Any) -> str:
    """A cell as somebody would have typed it. Numbers have the 15 digits that a spreadsheet shows."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else _plain(value)
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return restore(str(value))
        case _:
            return restore(str(value))


def _plain(value: float) -> str:
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e" in text else text
