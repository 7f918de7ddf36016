"""What is known beside the file: rows of the tenant that its lines name, and those that this run makes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from server.crm.master.rules import Masters
from server.imports.pieces import Record, Reference

Row = Any
"""Column → value: a dict, or a record of the driver."""

AMBIGUOUS: Final = "ambiguous"
"""Stands for a row where several bear the name."""

NAMED_BY: Final[dict[str, tuple[str, ...]]] = {
    "account": ("tax_id", "name"),
    "outlet": ("name",),
    "category": ("name",),
    "tax_category": ("name",),
    "product": ("sku", "name"),
    "member": ("email", "name"),
    "territory": ("name",),
    "price_list": ("name",),
    "warehouse": ("name",),
    "legal_entity": ("name", "tax_id"),
    "order": ("number",),
}
"""The fields by which a row is named where it has no such external id, the most telling first."""


@dataclass(slots=True)
class Fresh:
    """Rows that this run makes, as far as later lines may name them."""

    wanted: frozenset[str] = frozenset()
    """Entities that lines of the run name."""
    external: dict[tuple[str, str], UUID] = field(default_factory=dict)
    named: dict[tuple[str, str, str], UUID | str] = field(default_factory=dict)
    """(entity, field, value) → row, or `AMBIGUOUS`."""
    rows: dict[str, dict[UUID, Row]] = field(default_factory=dict)
    """Entity → id → values."""

    def add(self, entity: str, row_id: UUID, values: Row, key: str | None) -> None:
        """Note a row that is about to be made."""
        if entity not in self.wanted:
            return
        if key is not None:
            self.external[entity, key] = row_id
        self.rows.setdefault(entity, {})[row_id] = values
        for name in NAMED_BY.get(entity, ()):
            if values.get(name) is not None:
                place = (entity, name, values[name])
                self.named[place] = AMBIGUOUS if place in self.named else row_id

    def clear(self) -> None:
        """The database holds them now."""
        self.external.clear()
        self.named.clear()
        self.rows.clear()


@dataclass(slots=True)
class Facts:
    """Of the rows that a chunk names."""

    now: Any
    actor_id: UUID | None
    references: dict[Reference, UUID | str] = field(default_factory=dict)
    merged: set[UUID] = field(default_factory=set)
    """Of the rows found, those that were merged into others."""
    made: dict[UUID, Reference] = field(default_factory=dict)
    """Rows that are made because lines name them: id → entity and name."""
    price_lists: dict[UUID, Row] = field(default_factory=dict)
    warehouses: list[UUID] = field(default_factory=list)
    legal_entities: dict[UUID, Row] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    """Key or name of a role of the tenant's own, in lower case → its key. None that departs from the owner's."""
    products: dict[UUID, Row] = field(default_factory=dict)
    units: dict[tuple[UUID, str], Decimal] = field(default_factory=dict)
    outlets: dict[UUID, Row] = field(default_factory=dict)
    agreements: dict[UUID, list[Row]] = field(default_factory=dict)
    """Account → its agreements."""
    orders: dict[UUID, Row] = field(default_factory=dict)
    prices: dict[tuple[UUID, UUID, str], Decimal] = field(default_factory=dict)
    """(price list, product, unit) → price of today, without a minimum quantity."""
    masters: Mapping[str, Masters] = field(default_factory=dict)
    """Entity → field → the system that masters it, where that is not the one whose file it is."""
    parents: dict[UUID, UUID | None] = field(default_factory=dict)
    """Of a tree: row → parent, upward from the rows that are named as parents."""


@dataclass(slots=True)
class Case:
    """A record, and for each of its pieces the row found, if any, and the id that it has or will have."""

    record: Record
    ids: list[UUID] = field(default_factory=list)
    found: list[Row | None] = field(default_factory=list)
    known_by: str | None = None
    """How the primary row was found: its external id, or its key."""
    waiting: int = 0
    """Of its problems, those of rows of its own kind that are not there: perhaps a later line brings them."""

    @property
    def creates(self) -> bool:
        """Whether there is no such row yet."""
        return self.found[0] is None
