"""Which column of a file fills which field: proposed from the header, changed by people, remembered. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from server.errors import FieldError, InvalidInput
from server.imports.targets import EXTERNAL_ID, TARGETS, Column, Target, plain

_TELLING_MIN: Final = 2
"""So many columns, or all of the file's, must be known before a target is proposed."""


@dataclass(frozen=True)
class ColumnMapping:
    """A target, and what fills its fields."""

    target: str
    columns: Mapping[str, str] = field(default_factory=dict)
    """Header → field of the target; headers that are left out are not imported."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Field → the text that it has in every line."""

    def shape(self, header: Iterable[str]) -> str:
        """What files with the same header and target have in common."""
        return shape_of(self.target, header)


def shape_of(target: str, header: Iterable[str]) -> str:
    """A hash of a target and a header, whatever its order and spelling of case."""
    names = "\n".join(sorted(plain(name) for name in header))
    return hashlib.sha256(f"{target}\n{names}".encode()).hexdigest()


def propose_target(header: Sequence[str], file_name: str = "") -> Target | None:
    """What a file with that header seems to hold; None where nothing fits.

    A file named after a target (`prices.csv`) is that target, when its columns allow it.
    """
    fitting = [(score, target) for target in TARGETS.values() if (score := _score(header, target, file_name))]
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def _score(header: Sequence[str], target: Target, file_name: str) -> tuple[int, int, int] | None:
    found = set(propose_columns(header, target).values())
    missing = [c.name for c in target.columns if c.required and c.name not in found]
    if target.name == "user" and {"first_name", "last_name"} <= found:
        missing.remove("name") if "name" in missing else None
    if missing or len(found) < min(_TELLING_MIN, len(header)):
        return None
    stem = plain(file_name.rsplit(".", 1)[0])
    named = stem in {plain(target.name), f"{plain(target.name)}s"} or stem in _ALSO_NAMED.get(target.name, ())
    return (int(named), len(found), -len(target.columns))


_ALSO_NAMED: Final = {
    "account": ("customers", "suppliers", "partners", "контрагенты", "клиенты", "companies"),
    "outlet": ("shops", "stores", "точки"),
    "product": ("items", "catalogue", "товары", "номенклатура"),
    "price": ("pricelist", "цены"),
    "stock": ("stocks", "inventory", "остатки"),
    "user": ("employees", "members", "сотрудники"),
    "territory": ("territories", "regions", "территории"),
    "order_line": ("orderdetails", "orderlines"),
}


def propose_columns(header: Sequence[str], target: Target) -> dict[str, str]:
    """Header → field, each field once: a name of our own goes before another word for it."""
    taken: dict[str, str] = {}
    for exact in (True, False):
        for name in header:
            if name in taken:
                continue
            word = plain(name)
            fits = (c for c in target.columns if c.name not in taken.values() and _means(c, word, exact))
            column = next(fits, None)
            if column is not None:
                taken[name] = column.name
    return {name: taken[name] for name in header if name in taken}


def _means(column: Column, word: str, exact: bool) -> bool:
    return word == plain(column.name) if exact else word in column.known_as


def propose(header: Sequence[str], target: Target) -> ColumnMapping:
    """The mapping that the header suggests."""
    return ColumnMapping(target.name, propose_columns(header, target))


def change(
    mapping: ColumnMapping, header: Sequence[str], *, columns: Iterable[str] = (), constants: Iterable[str] = ()
) -> ColumnMapping:
    """The mapping with what a person said of it.

    Args:
        columns: `column=field`; `column=` leaves the column out.
        constants: `field=value`.

    Raises:
        InvalidInput: there is no such column or field.
    """
    target, errors = TARGETS[mapping.target], []
    mapped, fixed = dict(mapping.columns), dict(mapping.constants)
    by_word = {plain(name): name for name in header}
    for text in columns:
        name, _, wanted = text.rpartition("=")
        known = by_word.get(plain(name))
        if known is None:
            errors.append(FieldError("map", f"The file has no column “{name}”. It has: {', '.join(header)}."))
        elif wanted and wanted not in target.by_column:
            errors.append(_no_field(target, wanted, "map"))
        else:
            mapped = {key: value for key, value in mapped.items() if key != known and value != wanted}
            mapped |= {known: wanted} if wanted else {}
    for text in constants:
        wanted, _, value = text.partition("=")
        if wanted not in target.by_column or wanted == EXTERNAL_ID:
            errors.append(_no_field(target, wanted, "set"))
        else:
            fixed[wanted] = value
    if errors:
        raise InvalidInput(errors)
    return replace(mapping, columns=mapped, constants=fixed)


def _no_field(target: Target, name: str, where: str) -> FieldError:
    known = ", ".join(target.by_column)
    return FieldError(where, f"A {target.name.replace('_', ' ')} has no field “{name}”. It has: {known}.")


def check(mapping: ColumnMapping, header: Sequence[str]) -> ColumnMapping:
    """A mapping that came from outside, if it fits the header.

    Raises:
        InvalidInput: a target, field or column does not exist, or a field is filled twice.
    """
    if mapping.target not in TARGETS:
        raise InvalidInput([FieldError("target", f"Choose one of: {', '.join(TARGETS)}.")])
    empty = ColumnMapping(mapping.target)
    checked = change(
        empty,
        header,
        columns=[f"{name}={wanted}" for name, wanted in mapping.columns.items()],
        constants=[f"{name}={value}" for name, value in mapping.constants.items()],
    )
    if len(checked.columns) != len([wanted for wanted in mapping.columns.values() if wanted]):
        raise InvalidInput([FieldError("columns", "Two columns fill the same field.")])
    return checked
