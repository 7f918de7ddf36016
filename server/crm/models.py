"""What travels over REST: typed structs, derived from the entities' definition, and their way to and from columns.

On REST a decimal is a string, an instant an RFC 3339 date-time, a document real JSON; the sync wire has its own forms
(`outrider_sdk.protocol.entities.Kind`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from outrider_sdk.protocol.entities import INTEGER_MAX, JSON_LENGTH_MAX, Entity, Field, Kind

from server.db import SyncedTable
from server.errors import FieldError, InvalidInput

DECIMAL_PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,9})?$"
"""What goes in: as many digits as devices may send. Nothing that is written is negative, but for signed fields."""
DOCUMENT_DEPTH_MAX: Final = 20
"""Levels of a JSON document: one that could hardly be written might never be read again."""
TAGS_MAX: Final = 100
TAG_LENGTH_MAX: Final = 100

_PATTERNS: Final = {"currency": "^[A-Z]{3}$", "country": "^[A-Z]{2}$", "barcode": "^[0-9]{8,14}$"}
_FRACTIONS: Final = dict.fromkeys(("discount", "discount_max", "rate"), r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$")
_TAGS = Annotated[list[Annotated[str, Meta(min_length=1, max_length=TAG_LENGTH_MAX)]], Meta(max_length=TAGS_MAX)]
_NAMES = dict[str, Annotated[str, Meta(max_length=200)]]
_DOCUMENTS: Final[dict[str, Any]] = {
    "tags": _TAGS,
    "roles": _TAGS,
    "custom": dict[str, Any],
    "permissions": dict[str, Any],
    "fields": dict[str, Any],
    "names": _NAMES,
    "labels": _NAMES,
    "choices": _TAGS,
    "conditions": dict[str, Any],
    "effects": list[dict[str, Any]],
    "position_out": dict[str, Any],
    "address": dict[str, Any],
    "position": dict[str, Any],
}
"""Shapes of documents that come in; what is not here may be any JSON."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Models:
    """The structs of one entity: what is shown, a page of that, what creates, what changes."""

    view: type[msgspec.Struct]
    page: type[msgspec.Struct]
    create: type[msgspec.Struct]
    patch: type[msgspec.Struct]


def create_models(
    entity: Entity,
    table: type[SyncedTable],
    *,
    derived: frozenset[str] = frozenset(),
    fixed: frozenset[str] = frozenset(),
    completed: frozenset[str] = frozenset(),
    hidden: frozenset[str] = frozenset(),
) -> Models:
    """Derive the structs.

    Args:
        table: says which required columns have a default.
        derived: fields that the server alone decides.
        fixed: fields that a create may set, and nothing changes.
        completed: required fields that the server fills in where a create leaves them out.
        hidden: fields that do not exist for whoever asks.
    """
    name = "".join(part.capitalize() for part in entity.name.split("_"))
    given = [entity.by_name["custom"], *(f for f in entity.fields if f.name not in derived)]
    given = [f for f in given if f.name not in hidden]
    defaulted = completed | {c._meta.name for c in table._meta.columns if not c._meta.required}
    view = _define(name, [(f.name, _shown(f)) for f in entity.all_fields if f.name not in hidden], strict=False)
    page: list[Any] = [("items", list[view]), ("next", str | None)]  # type: ignore[valid-type]
    return Models(
        view=view,
        page=_define(f"{name}Page", page, strict=False),
        create=_define(f"{name}Create", [_creating(f, f.name in defaulted) for f in given]),
        patch=_define(f"{name}Patch", [_changing(f) for f in given if f.name not in fixed]),
    )


def _define(name: str, fields: list[Any], *, strict: bool = True) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, fields, forbid_unknown_fields=strict, kw_only=True, module=__name__)


def _creating(field: Field, has_default: bool) -> tuple[str, Any, Any] | tuple[str, Any]:
    accepted = _accepted(field)
    if not field.required:
        return field.name, accepted | None, None
    return (field.name, accepted | UnsetType, UNSET) if has_default else (field.name, accepted)


def _changing(field: Field) -> tuple[str, Any, Any]:
    accepted = _accepted(field)
    return field.name, accepted | UnsetType if field.required else accepted | None | UnsetType, UNSET


_SHOWN: Final[dict[Kind, Any]] = {
    Kind.ID: UUID,
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.DECIMAL: Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$")],
    Kind.BOOLEAN: bool,
    Kind.INSTANT: Annotated[datetime, Meta(tz=True)],
    Kind.DATE: date,
    Kind.JSON: Any,
}


def _shown(field: Field) -> Any:
    shown = Literal[field.values] if field.values else _SHOWN[field.kind]
    return shown if field.required or shown is Any else shown | None


def _accepted(field: Field) -> Any:
    """The type of a value that comes in; a union can be made of it."""
    if field.values:
        return Literal[field.values]
    match field.kind:
        case Kind.TEXT:
            shortest = 1 if field.required else None
            pattern = _PATTERNS.get(field.name)
            return Annotated[str, Meta(min_length=shortest, max_length=field.max_length, pattern=pattern)]
        case Kind.INTEGER:
            return Annotated[int, Meta(ge=field.integer_min, le=INTEGER_MAX)]
        case Kind.DECIMAL:
            plain = DECIMAL_PATTERN.replace("^", "^-?") if field.signed else DECIMAL_PATTERN
            return Annotated[str, Meta(pattern=_FRACTIONS.get(field.name, plain))]
        case Kind.JSON:
            return _DOCUMENTS.get(field.name, dict[str, Any] | list[Any])
        case _:
            return _SHOWN[field.kind]


def show(models: Models, row: Row) -> msgspec.Struct:
    """The view of a stored row."""
    shown = {name: row[name] for name in models.view.__struct_fields__}
    for name, value in shown.items():
        if isinstance(value, Decimal):
            shown[name] = f"{value:f}"
    return models.view(**shown)


def read_columns(entity: Entity, data: msgspec.Struct) -> dict[str, Any]:
    """The column values of what came in; fields left out are left out.

    Raises:
        InvalidInput: a text or document holds what cannot be stored, or is too long.
    """
    given = {name: getattr(data, name) for name in data.__struct_fields__}
    values, errors = {}, []
    for name, value in given.items():
        if value is UNSET:
            continue
        try:
            values[name] = _read_column(entity.by_name[name], value)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    if errors:
        raise InvalidInput(errors)
    return values


def _read_column(field: Field, value: Any) -> Any:
    if value is None:
        return None
    match field.kind:
        case Kind.DECIMAL:
            return Decimal(value)
        case Kind.JSON:
            if _is_deep(value, DOCUMENT_DEPTH_MAX):
                raise ValueError(f"Nest it {DOCUMENT_DEPTH_MAX} levels deep at most.")
            document = msgspec.json.encode(value).decode()
            if len(document) > JSON_LENGTH_MAX or "\\u0000" in document:
                raise ValueError(f"Use at most {JSON_LENGTH_MAX} characters of JSON, none of them NUL.")
            return document
        case Kind.TEXT:
            if "\x00" in value or field.is_blank(value):
                raise ValueError("Use text that can be read, without NUL.")
            return value
        case Kind.INSTANT:
            try:
                return value.astimezone(UTC)
            except OverflowError:
                raise ValueError("Use a moment that has a date in UTC.") from None
        case _:
            return value


def _is_deep(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (levels == 0 or any(_is_deep(v, levels - 1) for v in value))


def wire_row(entity: Entity, row: Row) -> dict[str, str | int | bool | None]:
    """A stored row with the wire values that the shared rules work on. Instants are left out: no rule asks."""
    wired = {}
    for field in entity.all_fields:
        value = row[field.name]
        if field.kind is Kind.INSTANT:
            continue
        if value is not None and field.kind in (Kind.ID, Kind.DECIMAL, Kind.DATE):
            value = f"{value:f}" if field.kind is Kind.DECIMAL else str(value)
        wired[field.name] = value
    return wired
