"""One line of a file → what it says of which rows. Pure: nothing is looked up yet.

What names another row is a `Reference`. An empty cell says nothing: it neither fills nor clears a field.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from server.crm.company.service import check_tax_id
from server.crm.contact.rules import normalise_phone
from server.errors import InvalidInput
from server.imports.cells import (
    Habits,
    Reader,
    read_address_part,
    read_decimal,
    read_degrees,
    read_flag,
    read_fraction,
    read_text,
    reader_of,
)
from server.imports.countries import find_country
from server.imports.files import Line
from server.imports.mapping import ColumnMapping
from server.imports.pieces import Piece, Problem, Record, Reference
from server.imports.targets import EXTERNAL_ID, TARGETS, Column, Part, Target

REFERENCE_LENGTH_MAX: Final = 200
LINES_OF_A_GROUP_MAX: Final = 1_000
PHONES: Final = frozenset({"phone", "fax"})
_FRACTIONS: Final = frozenset({"discount", "discount_max"})
_EMAIL_LENGTH_MAX: Final = 254


@dataclass(frozen=True)
class _Cell:
    """A mapped column: where it stands, what it fills, and how it is read."""

    index: int | None
    constant: str
    header: str
    column: Column
    read: Reader


class RecordMaker:
    """Makes records of the lines of a file, by its mapping."""

    def __init__(
        self, mapping: ColumnMapping, header: Sequence[str], habits: Habits, *, home_country: str | None = None
    ) -> None:
        self.target: Target = TARGETS[mapping.target]
        self._country = home_country
        self._group: dict[str, int] = {}
        places = {name: index for index, name in enumerate(header)}
        by_field = {wanted: name for name, wanted in mapping.columns.items()}
        self.headers = by_field
        """Field → header, for messages."""
        self._cells = []
        for column in self.target.columns:
            name = by_field.get(column.name)
            if name is not None or column.name in mapping.constants:
                constant = "" if name is not None else mapping.constants[column.name]
                read = _reader(self.target, column, habits)
                index = None if name is None else places[name]
                self._cells.append(_Cell(index, constant.strip(), name or column.name, column, read))

    def records(self, lines: Iterable[Line]) -> Iterator[Record]:
        """A record for each line; for each group of lines where the target is grouped."""
        made = (self.make(line) for line in lines)
        return self._grouped(made) if self.target.grouped else made

    def make(self, line: Line) -> Record:
        """The record of one line."""
        if line.problem is not None:
            return Record(line.number, None, [Piece(self.target.primary)], [Problem(line.column, line.problem)])
        values: dict[str, dict[str, Any]] = {}
        problems: list[Problem] = []
        key = None
        for cell in self._cells:
            text = cell.constant if cell.index is None else line.values[cell.index].strip()
            if not text:
                continue
            try:
                value = cell.read(text)
            except ValueError as error:
                problems.append(Problem(cell.header, str(error)))
                continue
            if cell.column.field == EXTERNAL_ID:
                key = value
            else:
                _put(values.setdefault(cell.column.part, {}), cell.column.field, value)
        pieces = [
            Piece(part, values.get(part.name, {})) for part in self.target.parts if _is_made(self.target, part, values)
        ]
        self._finish(pieces, problems)
        return Record(line.number, key, pieces, problems, source=line)

    def _finish(self, pieces: list[Piece], problems: list[Problem]) -> None:
        """Fields that several cells make together."""
        region: str | None = None
        for piece in pieces:
            values = piece.values
            if "address" in values:
                region = find_country(values["address"].get("country")) or self._country
            if piece.part.entity_name == "contact_channel":
                values |= piece.part.fixed
                if values["channel_kind"] in PHONES:
                    values["value"] = normalise_phone(values["value"], region or self._country)
            elif "tax_id" in values:
                _check_tax_id(values, problems)
            elif piece.part.entity_name == "member" and (values.keys() & {"first_name", "last_name"}):
                names = (values.pop("first_name", None), values.pop("last_name", None))
                values.setdefault("name", " ".join(name for name in names if name))
            elif isinstance(values.get("position"), dict) and len(values["position"]) < 2:
                problems.append(Problem("latitude", "a position needs both latitude and longitude"))

    def _grouped(self, records: Iterable[Record]) -> Iterator[Record]:
        """Records that follow each other with one key, as one; the last part is repeated."""
        group: Record | None = None
        for record in records:
            if group is not None and _continues(group, record):
                _join(group, record)
                continue
            if group is not None:
                yield group
            group = record
        if group is not None:
            yield group


def _continues(group: Record, record: Record) -> bool:
    name = record.primary.part.key[0]
    number = record.primary.values.get(name)
    return number is not None and number == group.primary.values.get(name)


def _join(group: Record, record: Record) -> None:
    group.lines = (*group.lines, record.line)
    if len(group.lines) == LINES_OF_A_GROUP_MAX:
        group.problems.append(Problem(None, f"it has more than {LINES_OF_A_GROUP_MAX} lines"))
    if len(group.lines) < LINES_OF_A_GROUP_MAX:
        group.pieces += record.pieces[1:]
        group.problems += [Problem(p.column, f"line {record.line}: {p.reason}") for p in record.problems]


def _is_made(target: Target, part: Part, values: dict[str, dict[str, Any]]) -> bool:
    if part is target.primary:
        return True
    given = values.get(part.name, {})
    if part.name == "contact" and any(
        p.links.get("contact_id") == "contact" and p.name in values for p in target.parts
    ):
        return True  # a phone needs somebody to call
    if part.name == "outlet" and "assignment" in values:
        return True
    return any(name in given for name in part.made_by) if part.made_by else bool(given)


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    outer, _, inner = name.partition(".")
    if inner and isinstance(value, dict):
        values[outer] = value
    elif inner:
        values.setdefault(outer, {})[inner] = value
    elif name == "discontinued":
        values.setdefault("active", not value)
    else:
        values[name] = value


def _reader(target: Target, column: Column, habits: Habits) -> Callable[[str], Any]:
    if column.refers is not None:
        refers = column.refers
        return lambda text: Reference(refers, read_text(text, REFERENCE_LENGTH_MAX))
    name = column.field
    if name in _FRACTIONS:
        return partial(read_fraction, habits=habits)
    if name.endswith("_minor"):
        return partial(read_decimal, habits=habits)
    if name.startswith("position."):
        return partial(read_degrees, habits=habits, limit=90 if name.endswith("latitude") else 180)
    if name.endswith(".street"):
        return read_address_part
    if name == "discontinued":
        return read_flag
    if name == "email":
        return _email
    if column.part in {"email"}:
        return _email
    field = target.field_of(column)
    return read_text if field is None else reader_of(field, habits)


def _email(text: str) -> str:
    before, _, after = text.partition("@")
    if not before or "." not in after or len(text) > _EMAIL_LENGTH_MAX or any(c.isspace() or c in ",;<>" for c in text):
        raise ValueError(f"“{text[:60]}” is no e-mail address")
    return text.lower()


def _check_tax_id(values: dict[str, Any], problems: list[Problem]) -> None:
    try:
        check_tax_id(values["tax_id"], values.get("country"))
    except InvalidInput as error:
        problems.append(Problem("tax_id", error.message.removeprefix("tax_id: ")))
