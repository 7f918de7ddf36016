"""What comes along with a row: `?expand=account,lines.product`, and `?fields=id,number,account.name` to have less.

A reference is expanded under its field's name without `_id`, what a row owns under its own name in the plural. One
query for each name, however many rows there are, and in the viewer's sight only: a row out of sight is null, as one
that never was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import ENTITIES, Kind
from piccolo.columns.combination import WhereRaw

from server.crm.models import Row, show
from server.crm.resource import Resource
from server.crm.resources import RESOURCES
from server.crm.rights import Viewer
from server.crm.service import select_visible
from server.errors import FieldError, InvalidInput

EXPANDED_DEPTH_MAX: Final = 2
EXPANDED_NAMES_MAX: Final = 20
EXPANDED_ROWS_MAX: Final = 10_000
"""Rows that one name may bring along: a page of orders with all their lines stays within it."""
NAMES_LENGTH_MAX: Final = 2_000
NAME_SHOWN_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Link:
    """A way from a row to others: up to the one that its column names, or down to the many that it owns."""

    target: str
    column: str
    many: bool


@dataclass(slots=True)
class Shape:
    """What of an entity's rows is shown. `fields` None: all."""

    entity: str
    fields: list[str] | None = None
    expanded: dict[str, "Shape"] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole row and nothing else."""
        return self.fields is None and not self.expanded


@cache
def links_of(name: str) -> dict[str, Link]:
    """What can be expanded of an entity, by name."""
    links = {
        column.removesuffix("_id"): Link(target, column, many=False)
        for column, target in ENTITIES[name].references.items()
        if column.endswith("_id") and target in views()
    }
    for child in _OWNED.get(name, ()):
        column = next(c for c, target in ENTITIES[child].references.items() if target == name)
        links[child.rpartition("_")[2] + "s"] = Link(child, column, many=True)
    return links


_OWNED: Final = {r.entity.name: (r.owns,) for r in RESOURCES if r.owns}


@cache
def views() -> dict[str, Resource]:
    """The resource of every entity that can come along."""
    return {r.entity.name: r for r in RESOURCES}


def _links_for(viewer: Viewer, name: str) -> dict[str, Link]:
    """Those that the viewer may know of: a way along a hidden field is none."""
    return {
        word: link
        for word, link in links_of(name).items()
        if link.column not in viewer.hidden(ENTITIES[link.target if link.many else name])
    }


def read_shape(entity: str, query: Iterable[tuple[str, str]], viewer: Viewer) -> tuple[Shape, list[tuple[str, str]]]:
    """Take `expand` and `fields` out of a query string; the rest is for others.

    Raises:
        InvalidInput: it names each name that is unknown, or hidden from the viewer, which is the same.
    """
    given: dict[str, list[str]] = {"expand": [], "fields": []}
    rest = []
    for name, value in query:
        if name in given:
            given[name].append(value)
        else:
            rest.append((name, value))
    shape, errors = Shape(entity), []
    for name, read in (("expand", _read_expanded), ("fields", _read_fields)):
        try:
            read(shape, _split(given[name]), viewer)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    if errors:
        raise InvalidInput(errors)
    return shape, rest


def refuse_query(query: Iterable[tuple[str, str]]) -> None:
    """Refuse what is left of a query string where it must be empty.

    Raises:
        InvalidInput: it is not.
    """
    errors = [FieldError(name[:NAME_SHOWN_MAX], "There is no such parameter here.") for name, _ in query]
    if errors:
        raise InvalidInput(errors)


def _split(values: Sequence[str]) -> list[list[str]]:
    if not values:
        return []
    if len(values) > 1:
        raise ValueError("Give it once, with commas between the names.")
    if len(values[0]) > NAMES_LENGTH_MAX:
        raise ValueError(f"Use at most {NAMES_LENGTH_MAX} characters.")
    return [name.split(".") for name in dict.fromkeys(values[0].split(","))]


def _read_expanded(shape: Shape, paths: list[list[str]], viewer: Viewer) -> None:
    if len(paths) > EXPANDED_NAMES_MAX:
        raise ValueError(f"Name {EXPANDED_NAMES_MAX} at most.")
    for path in paths:
        if len(path) > EXPANDED_DEPTH_MAX:
            raise ValueError(f"{_shown(path)} goes too deep: {EXPANDED_DEPTH_MAX} levels at most.")
        at = shape
        for name in path:
            links = _links_for(viewer, at.entity)
            link = links.get(name)
            if link is None:
                raise ValueError(f"There is no {_shown(path)} to expand. {_choices(links)}")
            at = at.expanded.setdefault(name, Shape(link.target))


def _read_fields(shape: Shape, paths: list[list[str]], viewer: Viewer) -> None:
    for path in paths:
        at: Shape | None = shape
        for name in path[:-1]:
            at = at.expanded.get(name) if at else None
        if at is None:
            raise ValueError(f"{_shown(path)} is of something that is not expanded. Add it to expand.")
        entity = ENTITIES[at.entity]
        if path[-1] not in viewer.shown(entity):
            names = (name for name in entity.columns if name in viewer.shown(entity))
            raise ValueError(f"There is no field {_shown(path)}. {_choices(names)}")
        at.fields = [*(at.fields or ()), path[-1]]


def _shown(path: Sequence[str]) -> str:
    return f"“{'.'.join(path)[:NAME_SHOWN_MAX]}”"


def _choices(names: Iterable[str]) -> str:
    return f"Choose from: {', '.join(names) or 'nothing'}."


async def present(shape: Shape, rows: Sequence[Row], viewer: Viewer) -> list[Any]:
    """The rows as they are shown, with what comes along, in the open transaction.

    Raises:
        InvalidInput: more would come along than one reply may hold.
    """
    models = views()[shape.entity].models_without(viewer.hidden(ENTITIES[shape.entity]))
    if shape.is_plain:
        return [show(models, row) for row in rows]
    shown = [_pick(shape, show(models, row)) for row in rows]
    for name, below in shape.expanded.items():
        link = links_of(shape.entity)[name]
        if link.many:
            await _attach_owned(name, link, below, rows, shown, viewer)
        else:
            await _attach_referred(name, link, below, rows, shown, viewer)
    return shown


def _pick(shape: Shape, shown: Any) -> dict[str, Any]:
    whole = msgspec.structs.asdict(shown)
    return whole if shape.fields is None else {name: whole[name] for name in shape.fields if name in whole}


async def _attach_referred(
    name: str, link: Link, below: Shape, rows: Sequence[Row], shown: list[Any], viewer: Viewer
) -> None:
    ids = {row[link.column] for row in rows} - {None}
    found = await _load(link.target, "id", ids, viewer)
    by_id = dict(zip([row["id"] for row in found], await present(below, found, viewer), strict=True))
    for row, view in zip(rows, shown, strict=True):
        view[name] = by_id.get(row[link.column])


async def _attach_owned(
    name: str, link: Link, below: Shape, rows: Sequence[Row], shown: list[Any], viewer: Viewer
) -> None:
    found = await _load(link.target, link.column, {row["id"] for row in rows}, viewer)
    if len(found) > EXPANDED_ROWS_MAX:
        message = f"More than {EXPANDED_ROWS_MAX} {name} would come along. Ask for fewer rows, with a lower limit."
        raise InvalidInput([FieldError("expand", message)])
    by_owner: dict[UUID, list[Any]] = {row["id"]: [] for row in rows}
    for row, view in zip(found, await present(below, found, viewer), strict=True):
        by_owner[row[link.column]].append(view)
    for row, view in zip(rows, shown, strict=True):
        view[name] = by_owner[row["id"]]


async def _load(name: str, column: str, ids: set[UUID], viewer: Viewer) -> Sequence[Mapping[str, Any]]:
    """The rows in sight, those of one owner in the order of their position."""
    if not ids:
        return []
    entity = ENTITIES[name]
    position = entity.by_name.get("position")
    table = views()[name].table
    order = [table._meta.get_column_by_name(n) for n in ("position", "id") if n == "id" or _is_number(position)]
    query = select_visible(table, entity, viewer).where(WhereRaw(f'"{name}"."{column}" = ANY({{}})', list(ids)))
    return list(await query.order_by(*order).limit(EXPANDED_ROWS_MAX + 1))


def _is_number(field_: Any) -> bool:
    return field_ is not None and field_.kind is Kind.INTEGER
