"""What a line says, as values: the words that reading, deciding and writing share. Pure."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from server.imports.files import Line
from server.imports.targets import Part


class Reference(NamedTuple):
    """A value that names a row of another entity."""

    entity: str
    text: str


class Problem(NamedTuple):
    """Why a line is not imported: the column, if it is one's fault, and the reason."""

    column: str | None
    reason: str


@dataclass(slots=True)
class Piece:
    """What a line says of one row."""

    part: Part
    values: dict[str, Any] = field(default_factory=dict)
    copied: set[str] = field(default_factory=set)
    """Fields whose value the file gives of another part: a shop that is called like its company."""


@dataclass(slots=True)
class Record:
    """What a line, or a group of lines, says: the primary row first."""

    line: int
    key: str | None
    """The external id."""
    pieces: list[Piece]
    problems: list[Problem] = field(default_factory=list)
    lines: tuple[int, ...] = ()
    """Further lines of the group."""
    source: Line | None = None
    """What it was made of."""

    @property
    def primary(self) -> Piece:
        """Of the line's own row."""
        return self.pieces[0]
