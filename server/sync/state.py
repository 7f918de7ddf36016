"""What a push is decided upon: the rows as loaded, changed in memory mutation by mutation, and the plan to write.

No database here. A store (PostgreSQL, or the simulator's memory) fills a `State`; `decide` changes it; the store writes
what has become dirty. All values are wire values (`outrider_sdk.protocol.entities.Kind`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from outrider_sdk.protocol.entities import Entity, Kind

from server.auth.access import Access, Reach, access_of
from server.auth.lease_rules import Lapse
from server.crm.custom.rules import CustomField
from server.crm.master.rules import Masters
from server.crm.order.rules import Credit, CreditKey

ALWAYS = 2**63 - 1
"""`visible_until` of a row that the member sees now."""
NEVER = -1


class Stamp(NamedTuple):
    """Who last wrote a field, in which revision, and when it was captured (microseconds, server clock)."""

    revision: int
    captured_at: int
    device_id: str | None = None
    member_id: str | None = None
    number: int | None = None

    @classmethod
    def of(cls, stored: list[Any]) -> "Stamp":
        """The stamp as the row's `stamps` document holds it."""
        return cls(*stored)

    def stored(self) -> list[Any]:
        """The stamp as it stands in the document."""
        return [self.revision, self.captured_at, self.device_id, self.member_id, self.number]


CREATION = "*"
"""Key of the stamp that counts for all fields not written since the row was created."""


@dataclass(slots=True)
class Row:
    """One row, as loaded and as decided so far."""

    entity: Entity
    values: dict[str, Any]
    stamps: dict[str, list[Any]] = field(default_factory=dict)
    deleted: bool = False
    visible_until: int = ALWAYS
    level: int = Reach.OWN
    """At which level the member sees it, or did."""
    is_new: bool = False
    dirty: bool = False
    loaded: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    """The values that the store has, where it wants to know which of them changed. Never changed themselves."""
    taken: bool = field(default=False, repr=False, compare=False)
    """The store has it as it is here, or is about to: from now on copies are changed, and written once more."""
    id: str = field(init=False)
    key: tuple[str, str] = field(init=False)
    """Entity and id, which never change."""

    def __post_init__(self) -> None:
        self.id = self.values["id"]
        self.key = (self.entity.name, self.id)

    def stamp(self, name: str) -> Stamp:
        """The stamp that counts for a field."""
        stored = self.stamps.get(name) or self.stamps.get(CREATION)
        return Stamp.of(stored) if stored else Stamp(0, 0)

    def copy(self) -> "Row":
        """A copy that can be changed and thrown away."""
        return Row(
            self.entity,
            dict(self.values),
            dict(self.stamps),
            self.deleted,
            self.visible_until,
            self.level,
            self.is_new,
            self.dirty,
            self.values if self.taken else self.loaded,
        )


@dataclass(frozen=True, slots=True)
class Device:
    """The device that pushes, and for whom."""

    id: str
    member_id: str
    incarnation: int
    enrolled_at: int
    """No capture is older. (Its last contact is no such bound: an outbox is sent in several pushes.)"""
    access: Access = field(default_factory=lambda: access_of("rep"))
    """What its member might do when they captured what is being judged."""
    earlier: Mapping[str, int] = field(default_factory=dict)
    """Ids under which this replica was known before → the last number that it has in common with what they did."""
    lapse: Lapse | None = None
    """The time for which it had no lease."""
    healing: bool = False
    """Its tenant was restored from a backup a short while ago."""
    unpaid: bool = False
    """Its tenant may not write by what it pays: all work is taken, and orders wait until it does."""

    access_now: Access | None = None
    """What they may do by now, where that is something else: it decides what they are told."""
    access_until: int | None = None
    """Until when `access` was what they might do; None: it still is."""

    @property
    def sight(self) -> Access:
        """What the member may be told."""
        return self.access_now or self.access

    def wrote(self, stamp: Stamp) -> bool:
        """Whether the stamp is of this device's own work, under whatever id it did it."""
        return stamp.device_id == self.id or (stamp.number or 0) <= self.earlier.get(stamp.device_id or "", -1)


@dataclass(frozen=True, slots=True)
class Price:
    """A price of a list, with what it was before: (until when, price), oldest first."""

    value: Decimal
    history: tuple[tuple[int, Decimal], ...] = ()

    def at(self, moment: int) -> Decimal:
        """The price as of a moment."""
        for until, price in self.history:
            if moment < until:
                return price
        return self.value


PriceKey = tuple[str, str, str]
"""Price list, product, unit."""
PriceSteps = dict[Decimal, Price]
"""Least quantity → price from it on."""


def steps_at(steps: PriceSteps, moment: int) -> dict[Decimal, Decimal]:
    """The prices as of a moment."""
    return {least: price.at(moment) for least, price in steps.items()}


@dataclass(slots=True)
class State:
    """All that one batch of mutations may touch or ask."""

    device: Device
    revision: int
    now: int
    price_window: int
    """Microseconds for which a captured price is honoured."""
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    prices: dict[PriceKey, PriceSteps] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    """Ids that refused mutations would have created → the number of the mutation."""
    erased: set[str] = field(default_factory=set)
    """Ids, of those that the batch names, of people who were erased."""

    requests: dict[tuple[str, str], Row] = field(default_factory=dict)
    """(row, field) → the open request to its master that this batch has made."""
    merged: dict[str, str] = field(default_factory=dict)
    """Ids of rows that were merged away → the ids that they go on by."""
    credits: dict[str, Credit] = field(default_factory=dict)
    """Agreement → its credit when the batch was loaded, where it has a limit."""
    credit_used: dict[CreditKey, int] = field(default_factory=dict)
    """What the batch has used up of it since; see `server.sync.credit`."""
    payments: list[tuple[str, CreditKey, int]] = field(default_factory=list)
    """Payments that the batch records: (id, whose, amount)."""
    facts: "Facts" = field(default_factory=lambda: Facts())
    healing: bool = False
    """The tenant was restored from a backup a short while ago: rows that are unknown may be handed in yet."""
    awaited: set[str] = field(default_factory=set)
    """Ids that parked mutations are about."""
    _children: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Take loaded rows in; a row that is there already stays as it is."""
        for row in rows:
            if row.key not in self.rows:
                self.put(row)

    def put(self, row: Row) -> None:
        """Set a row as decided."""
        self.rows[row.key] = row
        column = PARENT_COLUMNS.get(row.entity.name)
        if column:
            self._children.setdefault((row.entity.name, row.values[column]), set()).add(row.id)

    def find(self, entity: str, row_id: Any) -> Row | None:
        """The row, deleted or not, whether or not the member sees it."""
        return self.rows.get((entity, row_id))

    def children(self, entity: str, parent_id: str) -> list[Row]:
        """Rows of an entity of `PARENT_COLUMNS`, deleted or not, that belong to the parent."""
        return [self.rows[entity, row_id] for row_id in self._children.get((entity, parent_id), ())]

    def dirty(self) -> list[Row]:
        """Rows to write."""
        return [row for row in self.rows.values() if row.dirty and not row.taken]

    def take_dirty(self) -> list[Row]:
        """Rows to write, for whoever writes them now."""
        found = self.dirty()
        for row in found:
            row.taken = True
        return found


PARENT_COLUMNS = {
    "order": "number",
    "order_line": "order_id",
    "return_line": "return_order_id",
    "product_unit": "product_id",
    "stock": "warehouse_id",
    "contact_channel": "contact_id",
    "receivable": "account_id",
    "payment": "receipt_number",
    "payment_allocation": "payment_id",
    "conflict": "row_id",
}
"""Entities that are looked up by their parent, or by a number; devices never change it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What decisions ask of the tenant beside rows."""

    custom_fields: Mapping[str, Mapping[str, CustomField]] = field(default_factory=dict)
    """Entity → key → definition."""
    country: str | None = None
    """That of phone numbers without a prefix."""
    accounts_by_tax_id: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Tax ids as they were typed → accounts that have the same one."""
    own_assortment_id: str | None = None
    """Of a member who works with a part of the catalogue: an assortment of it."""
    scopes_taken: AbstractSet[str] = frozenset()
    """Ids, of those asked for new outlets, that something else is seen by."""
    masters: Mapping[str, Masters] = field(default_factory=dict)
    """Entity → field → the system that masters it, as far as rows of it are changed; see `server.crm.master`."""


@dataclass(slots=True)
class WritePlan:
    """What a decided batch writes: dirty rows of the state, and these."""

    conflicts: list[Row] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    refused: list[tuple[dict[str, Any], str, list[str]]] = field(default_factory=list)
    """(mutation, code, ids it would have created)."""
    confirmations: list[str] = field(default_factory=list)
    """Orders whose confirmation is to be sent."""


def same(kind: Kind, a: Any, b: Any) -> bool:
    """Whether two wire values of a kind mean the same."""
    if a == b:
        return True
    if a is None or b is None:
        return False
    if kind is Kind.DECIMAL:
        return Decimal(a) == Decimal(b)
    if kind is Kind.JSON:
        return bool(_parsed(a) == _parsed(b))
    return False


def _parsed(document: Any) -> Any:
    """A JSON document with exact numbers that no boolean equals (in Python, True == 1)."""
    return json.loads(document, parse_int=_number, parse_float=_number)


def _number(text: str) -> tuple[Decimal]:
    return (Decimal(text),)
