"""XLSX workbooks as tables, by python-calamine, behind limits.

A workbook is a zip of XML that is read whole into memory: so the zip's directory, the extent of each sheet and its
cells with errors are looked at first, streamed. A cell with an error would otherwise read as an empty one.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

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
_OVERLAP_BYTES: Final = 512
_CELL: Final = re.compile(rb'<(?:\w+:)?c\b[^>]{0,200}?\br="([A-Z]{1,3})([0-9]{1,7})"([^>]{0,200})>')
_ROW: Final = re.compile(rb'<(?:\w+:)?row\b[^>]{0,200}?\br="([0-9]{1,10})"')


def open_xlsx(path: Path, *, sheet: str | None = None) -> TableFile:
    """A sheet of a workbook: the named one, else the first.

    Raises:
        FileUnreadable: it is no workbook, too large, or has no such sheet or no header.
    """
    errors = _inspect(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = book.sheet_names
            if not names or (sheet is not None and sheet not in names):
                raise FileUnreadable(f"{path.name} has no sheet “{sheet or ''}”. It has: {', '.join(names) or 'none'}.")
            name = sheet or names[0]
            table = book.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError) as error:
        raise FileUnreadable(f"{path.name} cannot be read as a workbook: {error}") from None
    first, header = _find_header(table)
    if not header:
        raise FileUnreadable(f"{path.name}, sheet “{name}”, has no header: a first row with the names of its columns.")
    place = names.index(name)

    def read() -> Iterator[Line]:
        yield from _lines(table, first, header, errors.get(place, {}))

    how, sha256 = f"XLSX, sheet “{name}”", hash_file(path)[0]
    return TableFile(path.name, header, how, read, sha256, table.total_height, decimal_comma=False)


def _inspect(path: Path) -> dict[int, dict[int, int]]:
    """Check sizes before anything is unpacked; returns, per sheet and row, a column that holds an error.

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
            sheets = sorted((p for p in parts if _is_sheet(p.filename)), key=lambda p: _sheet_number(p.filename))
            return {place: _scan(archive, part, path.name) for place, part in enumerate(sheets)}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise FileUnreadable(f"{path.name} is no XLSX workbook that can be read: {error}") from None


def _is_sheet(name: str) -> bool:
    return name.startswith("xl/worksheets/") and name.endswith(".xml") and name.count("/") == 2


def _sheet_number(name: str) -> tuple[int, str]:
    digits = re.search(r"(\d+)\.xml$", name)
    return (int(digits[1]) if digits else 0, name)


def _scan(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> dict[int, int]:
    """Refuse a sheet whose used range is too large, however few its cells: the range is laid out whole in memory.

    The directory's sizes are what the file claims; what comes out is counted as well.
    """
    errors: dict[int, int] = {}
    rows = columns = size = 0
    rest = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
            text = rest + chunk
            for letters, digits, more in _CELL.findall(text):
                row, column = int(digits), _column_number(letters)
                rows, columns = max(rows, row), max(columns, column)
                if b't="e"' in more and len(errors) < ERRORS_MAX:
                    errors[row] = column
            rows = max([rows, *(int(digits) for digits in _ROW.findall(text))])
            if size > UNZIPPED_BYTES_MAX or rows > LINES_MAX + 1 or columns > COLUMNS_MAX or rows * columns > CELLS_MAX:
                raise FileUnreadable(
                    f"{name} has a sheet of {rows:,} rows and {columns:,} columns; at most {LINES_MAX:,} rows,"
                    f" {COLUMNS_MAX} columns and {CELLS_MAX:,} cells are read. Delete what is empty, or save it as CSV."
                )
            rest = text[-_OVERLAP_BYTES:]
    return errors


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
