"""Queries over the rows of an entity: which, in what order, how many."""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from outrider_sdk.errors import InvalidValue
from outrider_sdk.kinds import to_stored, to_wire
from outrider_sdk.protocol.entities import ENTITIES, Entity, Field, Kind
from outrider_sdk.protocol.tables import quoted
from outrider_sdk.row import Row

if TYPE_CHECKING:
    from outrider_sdk.tables import Table

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a field must fulfil, where it is more than to equal a value; made by the functions below."""

    sql: str
    value: Any


def at_least(value: Any) -> Condition:
    """The field's value, or more; later, of a date."""
    return Condition("{} >= ?", value)


def at_most(value: Any) -> Condition:
    """The field's value, or less."""
    return Condition("{} <= ?", value)


def above(value: Any) -> Condition:
    """More than the value."""
    return Condition("{} > ?", value)


def below(value: Any) -> Condition:
    """Less than the value."""
    return Condition("{} < ?", value)


def other_than(value: Any) -> Condition:
    """Anything else, also nothing; with None: anything."""
    return Condition("{} IS NOT ?", value)


def begins_with(text: str) -> Condition:
    """Text that begins so, with regard to case; for words that a person typed, `search` is better."""
    return Condition("instr({}, ?) = 1", text)


def holds(text: str) -> Condition:
    """A list, such as tags, in which the text is."""
    return Condition("EXISTS (SELECT 1 FROM json_each({}) WHERE value = ?)", text)


@dataclass(frozen=True, slots=True)
class Query(Generic[R]):
    """Rows that fulfil conditions; made by `table.where`, read when it is asked for rows. A query never changes.

    >>> shown = crm.products.where(active=True).order_by("-name").limit(20)
    >>> [product.name for product in shown]
    ['Tea', 'Jam']
    """

    table: "Table[R]"
    conditions: tuple[tuple[str, Any], ...] = ()
    orders: tuple[str, ...] = ("id",)
    at_most: int | None = None

    def where(self, conditions: Mapping[str, Any] | None = None, /, **fields: Any) -> "Query[R]":
        """Of these, those that fulfil more conditions.

        Per field a value, None for empty, a list of which any will do, or a condition such as `at_least(…)`. A field
        with a point reaches through a reference: `{"outlet_id.territory_id": north.id}`. A row stands for its id.
        """
        given = (*(conditions or {}).items(), *fields.items())
        for name, _ in given:
            self._path(name)
        return replace(self, conditions=self.conditions + given)

    def order_by(self, *names: str) -> "Query[R]":
        """In this order; `-name` sorts downward. Rows that are equal in it are in the order of their ids."""
        for name in names:
            _field(self.table.entity, name.removeprefix("-"))
        return replace(self, orders=names)

    def limit(self, count: int | None) -> "Query[R]":
        """The first ones, at most so many."""
        return replace(self, at_most=count)

    def all(self) -> list[R]:
        """The rows."""
        sql, parameters = self.select("*")
        return self.table.select(sql, parameters)

    def first(self) -> R | None:
        """The first row, or None."""
        rows = self.limit(1).all()
        return rows[0] if rows else None

    def count(self) -> int:
        """How many rows there are, whatever the limit."""
        clause, parameters = self._clause()
        return int(
            self.table.scalar(f"SELECT count(*) FROM {quoted(self.table.entity.name)} WHERE {clause}", parameters)
        )

    def __iter__(self) -> Iterator[R]:
        return iter(self.all())

    def entities(self) -> frozenset[str]:
        """The entities of whose rows the result is made."""
        through = (step.name for name, _ in self.conditions for step, _ in self._path(name))
        return frozenset({self.table.entity.name, *through})

    def select(self, columns: str) -> tuple[str, list[Any]]:
        """The statement and its parameters."""
        clause, parameters = self._clause()
        order = ", ".join(self._sorted_by(name) for name in (*self.orders, "id"))
        sql = f"SELECT {columns} FROM {quoted(self.table.entity.name)} WHERE {clause} ORDER BY {order} LIMIT ?"
        return sql, [*parameters, -1 if self.at_most is None else self.at_most]

    def _clause(self) -> tuple[str, list[Any]]:
        clauses = ["true"]
        parameters: list[Any] = []
        for name, wanted in self.conditions:
            path = self._path(name)
            clause, values = _condition(*path[-1], wanted)
            for entity, field in reversed(path[:-1]):
                target = quoted(ENTITIES[entity.references[field.name]].name)
                clause = f"{quoted(field.name)} IN (SELECT id FROM {target} WHERE {clause})"
            clauses.append(clause)
            parameters += values
        return " AND ".join(clauses), parameters

    def _sorted_by(self, name: str) -> str:
        field = _field(self.table.entity, name.removeprefix("-"))
        return comparable(field) + (" DESC" if name[:1] == "-" else "")

    def _path(self, name: str) -> list[tuple[Entity, Field]]:
        """Through which fields a name reaches, each with its entity."""
        entity, path = self.table.entity, []
        *references, last = name.split(".")
        for reference in references:
            path.append((entity, _field(entity, reference)))
            if reference not in entity.references:
                raise InvalidValue(entity.name, reference, "refers to no row, so nothing can be asked of it")
            entity = ENTITIES[entity.references[reference]]
        return [*path, (entity, _field(entity, last))]


def _condition(entity: Entity, field: Field, wanted: Any) -> tuple[str, Sequence[Any]]:
    column = comparable(field)
    if isinstance(wanted, Condition):
        is_text = wanted.sql.startswith(("instr", "EXISTS"))
        value = str(wanted.value) if is_text else _parameter(entity, field, wanted.value)
        return f"({wanted.sql.format(column)})", [value]
    choices = wanted if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    known = [_parameter(entity, field, choice) for choice in choices if choice is not None]
    marks = ", ".join("?" * len(known))
    empty = f" OR {column} IS NULL" if len(known) < len(choices) else ""
    return f"({column} IN ({marks}){empty})", known


def _parameter(entity: Entity, field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.kind is Kind.ID and isinstance(value, Row):
        value = value["id"]
    stored = to_stored(field, to_wire(entity.name, field, value))
    return float(str(stored)) if field.kind is Kind.DECIMAL else stored


def comparable(field: Field) -> str:
    """The column, as it is compared and sorted: decimals by their value."""
    column = quoted(field.name)
    return f"CAST({column} AS REAL)" if field.kind is Kind.DECIMAL else column


def _field(entity: Entity, name: str) -> Field:
    field = entity.by_name.get(name)
    if field is None:
        raise InvalidValue(entity.name, name, "there is no such field")
    return field
