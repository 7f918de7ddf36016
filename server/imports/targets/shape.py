"""What a file can be imported as: a target, the parts that one of its rows makes, and the fields of those."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from outrider_sdk.protocol.entities import ENTITIES, Entity, Field

_WORD: Final = re.compile(r"[\W_]+")


def plain(header: str) -> str:
    """A header without case, spaces and punctuation: “Company-Name” and “companyname” are one."""
    return _WORD.sub("", header.casefold())


@dataclass(frozen=True)
class Column:
    """One field that a column of the file can be mapped to."""

    name: str
    part: str
    field: str
    """Of the part's entity; or one that `records` knows how to make fields of."""
    known_as: frozenset[str]
    """Headers that mean it, plain."""
    refers: str | None = None
    """The entity that the value names, by external id, id, number or name."""
    required: bool = False
    """A row cannot be created without."""
    makes: bool = False
    """A row that is named and not there is made, with nothing but its name."""
    hint: str = ""


@dataclass(frozen=True)
class Part:
    """One row that a line makes: the target's own, and those that come with it."""

    name: str
    entity_name: str
    key: tuple[str, ...] = ()
    """Fields by which it is found again where no external id tells."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Field → the part whose id it holds."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Values that do not come from the file."""
    same_as: Mapping[str, str] = field(default_factory=dict)
    """Field of a new row → another field of it, whose value it has where the file gives none."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values of a new row where the file gives none."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """Field → “part.field” whose value it has where the file gives none."""
    made_by: tuple[str, ...] = ()
    """Fields of which one must be there for the part to be made; empty: any."""

    @property
    def entity(self) -> Entity:
        """The entity of its rows."""
        return ENTITIES[self.entity_name]


@dataclass(frozen=True)
class Target:
    """What a file holds. The first part is the line's own row; the others come with it, or not at all."""

    name: str
    parts: tuple[Part, ...]
    columns: tuple[Column, ...]
    grouped: bool = False
    """Lines that follow each other with the same key are one row of the target, with as many of its last part."""
    external: bool = True
    """It has a column for external ids."""
    by_column: dict[str, Column] = field(init=False, repr=False, compare=False)
    by_part: dict[str, Part] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_column", {c.name: c for c in self.columns})
        object.__setattr__(self, "by_part", {p.name: p for p in self.parts})

    @property
    def primary(self) -> Part:
        """The part that is the line's own row."""
        return self.parts[0]

    def field_of(self, column: Column) -> Field | None:
        """The entity's field that a column fills; None where it fills none by itself."""
        return self.by_part[column.part].entity.by_name.get(column.field)


EXTERNAL_ID: Final = "external_id"


def column(
    name: str,
    place: str,
    known_as: str = "",
    *,
    refers: str | None = None,
    required: bool = False,
    makes: bool = False,
    hint: str = "",
) -> Column:
    """A column: `place` is “part.field”; `known_as` lists further headers, separated by commas."""
    part, _, field_name = place.partition(".")
    words = frozenset(plain(word) for word in (name, field_name, *known_as.split(",")) if word)
    return Column(name, part, field_name, words, refers, required, makes, hint)


def external_id(part: str, known_as: str) -> Column:
    """The column of the id that the row has in the other system."""
    shared = "external id,id,code,key,guid,uid,ref,код,ид,идентификатор,коды,код 1с"
    return column(
        EXTERNAL_ID, f"{part}.{EXTERNAL_ID}", f"{shared},{known_as}", hint="its id in the other system: finds it again"
    )
