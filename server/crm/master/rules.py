"""A field has a master: Outrider, or an external system. Pure; REST, push and imports ask the same.

An edit of a field that another system masters does not change it: it becomes a *request*, an open conflict of the rule
`request`, which that system or an admin accepts or declines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import ENTITIES, Entity, Kind

from server.crm.conflict.rules import CUSTOM

Masters = Mapping[str, str]
"""Field → the system that masters it; of a custom field, `custom.` and its key."""

MASTERED: Final = frozenset(
    {
        *("legal_entity", "category", "tax_category", "tax_rate", "product", "product_unit", "price_list"),
        *("price_item", "warehouse", "stock", "account", "agreement", "outlet", "contact", "contact_channel"),
        *("invoice", "receivable"),
    }
)
"""Entities whose fields may have a master elsewhere: what is kept, not what is captured."""
SYSTEM_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,59}$"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants a foreign field to be. Values are JSON documents as text, as a conflict holds them."""

    entity: str
    row_id: UUID
    field: str
    standing: str | None
    wanted: str | None
    system: str


def field_problem(entity: str, field: str) -> str | None:
    """Why a field can have no master elsewhere; None where it can. Of custom fields, the key is not looked at."""
    if entity not in MASTERED:
        return "Only fields of what is kept have a master, such as account, outlet, product or agreement."
    own = {each.name for each in ENTITIES[entity].fields if each.kind is not Kind.INSTANT}
    if field not in own and not field.startswith(CUSTOM):
        return f"There is no such field of {entity.replace('_', ' ')} that a system could master."
    return None


def split_foreign(
    entity: Entity, before: Mapping[str, Any], values: Mapping[str, Any], masters: Masters
) -> tuple[dict[str, Any], list[Request]]:
    """What of a write is the writer's to decide, and what becomes requests.

    Args:
        before: the row as it is.
        values: column values to write; documents as JSON text.
    """
    own, requests = dict(values), []
    for name in values.keys() & masters.keys():
        standing, wanted = (document_of(entity, name, each[name]) for each in (before, values))
        del own[name]
        if not same_document(entity.name, name, standing, wanted):
            requests.append(Request(entity.name, before["id"], name, standing, wanted, masters[name]))
    keys = [name.removeprefix(CUSTOM) for name in masters if name.startswith(CUSTOM)]
    if keys and own.get("custom") is not None:
        own["custom"], of_custom = _split_custom(entity, before, own["custom"], keys, masters)
        requests += of_custom
    return own, sorted(requests, key=lambda each: each.field)


def _split_custom(
    entity: Entity, before: Mapping[str, Any], text: str, keys: list[str], masters: Masters
) -> tuple[str, list[Request]]:
    document, stored, requests = msgspec.json.decode(text), _parsed(before["custom"]) or {}, []
    for key in keys:
        standing, wanted = (None if d.get(key) is None else _text(d[key]) for d in (stored, document))
        if standing != wanted:
            name = f"{CUSTOM}{key}"
            requests.append(Request(entity.name, before["id"], name, standing, wanted, masters[name]))
        document.pop(key, None)
        if key in stored:
            document[key] = stored[key]
    return _text(document), requests


def document_of(entity: Entity, name: str, value: Any) -> str | None:
    """A column's value as a conflict holds it: JSON, with decimals, dates and ids as text."""
    if value is None:
        return None
    if entity.by_name[name].kind is Kind.JSON:
        return _text(_parsed(value))
    return _text(f"{value:f}" if isinstance(value, Decimal) else value)


def documents_of(entity: str, values: Mapping[str, Any]) -> dict[str, str | None]:
    """Column values as such documents; of `custom`, each key by itself."""
    definition = ENTITIES[entity]
    found = {n: document_of(definition, n, v) for n, v in values.items() if n != "custom" and n in definition.by_name}
    custom = _parsed(values.get("custom")) or {}
    return found | {f"{CUSTOM}{key}": _text(value) for key, value in custom.items()}


def same_document(entity: str, field: str, one: str | None, other: str | None) -> bool:
    """Whether two documents of a field mean the same."""
    if one is None or other is None or one == other:
        return one == other
    found = ENTITIES[entity].by_name.get(field)
    a, b = msgspec.json.decode(one), msgspec.json.decode(other)
    if found is not None and found.kind is Kind.DECIMAL:
        return Decimal(str(a)) == Decimal(str(b))
    return type(a) is type(b) and bool(a == b)


def told(entity: str, field: str, system: str) -> str:
    """What became of an edit, in words to whom made it."""
    return f"{_named(entity, field)} is kept in {system}. Your value was sent there as a request; theirs stands so far."


def on_record(entity: str, field: str, system: str) -> str:
    """The same in words that are true whoever reads them."""
    return f"Somebody asks for another value of {_named(entity, field)}, which is kept in {system}."


def _named(entity: str, field: str) -> str:
    return f"“{field.removeprefix(CUSTOM).replace('_', ' ')}” of this {entity.replace('_', ' ')}"


def _parsed(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str | bytes) else value


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
