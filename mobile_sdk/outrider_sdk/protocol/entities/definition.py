"""What a replicated entity and a field of one are, and short ways to write them down."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

Wire = str | int | bool
"""A value as it travels; None beside it is an empty field."""
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
"""Integers have 64 bits, on devices and servers alike."""


class Kind(StrEnum):
    """What a field holds, and how its value stands on the wire and in the replica."""

    ID = "id"
    """UUID. Wire: 36 lower-case characters. Replica: BLOB of 16 bytes."""
    TEXT = "text"
    INTEGER = "integer"
    """64-bit; amounts of money are integers of the currency's minor unit."""
    DECIMAL = "decimal"
    """Exact decimal as a string, both on the wire and in the replica. Never a float."""
    BOOLEAN = "boolean"
    """Wire: true, false. Replica: 1, 0."""
    INSTANT = "instant"
    """UTC, integer microseconds since 1970."""
    DATE = "date"
    """Civil date, YYYY-MM-DD."""
    JSON = "json"
    """A JSON document as text. Equal documents may differ in white space and order of keys."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity."""

    name: str
    kind: Kind
    required: bool = False
    writable: bool = False
    """A device may set it in a create, and change it in an edit."""
    create_only: bool = False
    """A device may set it in a create, never change it."""
    max_length: int | None = None
    """Characters, for text and JSON."""
    values: tuple[str, ...] = ()
    """Allowed values of a text field; empty: any."""
    refers: str | None = None
    """Of an id: the entity that it names a row of; None where it names none that replicates."""
    default: Wire | None = None
    """Of a required field: its value where a create leaves it out."""
    once: bool = False
    """A device may set it while it is empty, in a create or in an edit; never change it."""
    signed: bool = False
    """Of a decimal or integer: it may be negative. What is not is refused alike wherever a value comes in."""
    since: int = 1
    """The schema version with which it came. A later one is optional or has a default: older devices do not send it."""

    def settable(self, *, creating: bool) -> bool:
        """Whether a device may set it, in a create or in an edit."""
        return self.writable or self.once or (creating and self.create_only)

    @property
    def integer_min(self) -> int:
        """The least that an integer may be."""
        return INTEGER_MIN if self.signed else 0

    def is_blank(self, text: str) -> bool:
        """Whether the text is nothing but white space, where something is required."""
        return self.required and self.kind is Kind.TEXT and not text.strip()


@dataclass(frozen=True, eq=False)
class Entity:
    """One replicated table: the only one of its name, so that none is compared field by field."""

    name: str
    code: int
    """Small number that stands for the entity in the server's scope entries; never reused."""
    fields: tuple[Field, ...]
    deletable: bool = False
    """A device may delete its rows."""
    append_only: bool = False
    """A row stays as it was made: nobody deletes it, and only its `once` fields are filled in later."""
    planned: bool = False
    """A device changes rows that the server made, and makes none."""
    since: int = 1
    """The schema version with which it came."""
    all_fields: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    """Its own fields after those that every entity has. A device writes `custom` where it writes anything."""
    by_name: dict[str, Field] = field(init=False, repr=False, compare=False)
    references: dict[str, str] = field(init=False, repr=False, compare=False)
    """Its fields that name a row of another entity, each with that entity."""
    defaults: dict[str, Wire] = field(init=False, repr=False, compare=False)
    """Wire values of required fields that a create may leave out."""

    def __post_init__(self) -> None:
        *common, custom = COMMON_FIELDS
        custom = replace(custom, writable=self.editable, create_only=self.creatable and not self.editable)
        object.__setattr__(self, "all_fields", (*common, custom, *self.fields))
        object.__setattr__(self, "by_name", {f.name: f for f in self.all_fields})
        object.__setattr__(self, "references", {f.name: f.refers for f in self.fields if f.refers is not None})
        defaults = {f.name: f.default for f in self.all_fields if f.default is not None}
        object.__setattr__(self, "defaults", defaults)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of all fields, in the order in which they stand in the replica."""
        return tuple(f.name for f in self.all_fields)

    @property
    def creatable(self) -> bool:
        """A device may create rows."""
        return not self.planned and any(f.create_only or (f.writable and f.required) for f in self.fields)

    @property
    def editable(self) -> bool:
        """A device may change fields of rows that are there."""
        return any(f.writable for f in self.fields)


TEXT_LENGTH_MAX = 2_000
JSON_LENGTH_MAX = 16_000


def text(
    name: str,
    *,
    required: bool = False,
    mode: str = "",
    max_length: int = 200,
    values: tuple[str, ...] = (),
    default: str | None = None,
) -> Field:
    """A text field.

    `mode`, here and below: `w` a device writes it, `c` it sets it in a create, `o` once; else it is the server's.
    """
    return Field(
        name, Kind.TEXT, required, mode == "w", mode == "c", max_length, values, default=default, once=mode == "o"
    )


def json_(name: str, *, required: bool = False, mode: str = "", default: str | None = None) -> Field:
    """A document."""
    return Field(
        name, Kind.JSON, required, mode == "w", mode == "c", JSON_LENGTH_MAX, default=default, once=mode == "o"
    )


def of(
    kind: Kind,
    name: str,
    *,
    required: bool = False,
    mode: str = "",
    default: Wire | None = None,
    signed: bool = False,
) -> Field:
    """A field of a kind that needs no more said."""
    return Field(name, kind, required, mode == "w", mode == "c", default=default, once=mode == "o", signed=signed)


def ref(name: str, refers: str, *, required: bool = False, mode: str = "") -> Field:
    """The id of a row of an entity that replicates."""
    return Field(name, Kind.ID, required, mode == "w", mode == "c", refers=refers, once=mode == "o")


def id_(name: str, *, required: bool = False, mode: str = "") -> Field:
    """An id of something else, or of a row whose entity another field names."""
    return Field(name, Kind.ID, required, mode == "w", mode == "c")


COMMON_FIELDS = (
    id_("id", required=True),
    of(Kind.INTEGER, "revision", required=True, default=0),
    of(Kind.INSTANT, "created_at", required=True),
    id_("created_by"),
    of(Kind.INSTANT, "updated_at", required=True),
    json_("custom", required=True, default="{}"),
)
