"""Examples for the OpenAPI document: of each entity, a row as it is shown, created and changed."""

from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import Entity, Field, Kind

from server.crm.resource import Resource

_BY_NAME: Final[dict[str, Any]] = {
    "name": "Corner Shop",
    "legal_name": "Corner Shops B.V.",
    "sku": "TEA-1",
    "number": "H4YX-00012",
    "currency": "EUR",
    "country": "NL",
    "unit": "box",
    "base_unit": "pc",
    "barcode": "8712345678906",
    "tax_id": "NL004495445B01",
    "time_zone": "Europe/Amsterdam",
    "language": "nl",
    "key": "area_manager",
    "value": "ann@example.com",
    "quantity": "12",
    "factor": "6",
    "price": "7.40",
    "list_price": "7.40",
    "discount": "0.05",
    "discount_max": "0.1",
    "address": {"street": "Brink 1", "city": "Groningen", "country": "NL"},
    "names": {"nl": "Groene thee"},
    "roles": ["customer"],
    "tags": ["key account"],
    "permissions": {"order": {"read": "team"}},
    "fields": {"agreement": {"credit_limit_minor": "hidden"}},
    "labels": {"nl": "Trouwe klant"},
    "choices": ["gold", "silver"],
    "effects": [{"discount": "0.05"}],
    "entity": "account",
    "field": "name",
}
_BY_KIND: Final[dict[Kind, Any]] = {
    Kind.TEXT: "text",
    Kind.INTEGER: 12,
    Kind.DECIMAL: "1",
    Kind.BOOLEAN: True,
    Kind.INSTANT: "2026-11-25T12:00:00Z",
    Kind.DATE: "2026-11-25",
    Kind.JSON: {},
}


def _value(entity: Entity, field: Field) -> Any:
    if field.values:
        return field.values[0]
    if field.kind is Kind.ID:
        return str(UUID(int=(0x0193_8A5E_0000_7000_8000 << 48) + sum(field.name.encode()) + entity.code))
    if field.name == "position" and field.kind is Kind.JSON:
        return {"latitude": 53.2194, "longitude": 6.5665}
    named = _BY_NAME.get(field.name)
    fits = named is not None and isinstance(named, dict | list) == (field.kind is Kind.JSON)
    return named if fits else _BY_KIND[field.kind]


def view_example(entity: Entity) -> dict[str, Any]:
    """A row as it is shown: the fields that must be there, and a few more."""
    return {f.name: _value(entity, f) if f.required or f.name in _BY_NAME else None for f in entity.all_fields}


def create_example(resource: Resource) -> dict[str, Any]:
    """What makes a row, and nothing that may be left out."""
    needed = [f.name for f in msgspec.structs.fields(resource.models.create) if f.required]
    return {name: _value(resource.entity, resource.entity.by_name[name]) for name in needed or ["custom"]}


def patch_example(resource: Resource) -> dict[str, Any]:
    """One field changed."""
    names = [f.name for f in msgspec.structs.fields(resource.models.patch)]
    name = "name" if "name" in names else names[-1]
    return {name: _value(resource.entity, resource.entity.by_name[name])}


def resource_examples(resource: Resource) -> dict[str, Any]:
    """The examples of a resource's schemas, by the schema's name."""
    name, row = resource.models.view.__name__, view_example(resource.entity)
    create, patch = create_example(resource), patch_example(resource)
    operations = {
        "create": {"op": "create", "data": create},
        "change": {"op": "change", "id": row["id"], "revision": row["revision"], "data": patch},
        "delete": {"op": "delete", "id": row["id"]},
    }
    problem = {"title": "Not Found", "status": 404, "detail": "There is nothing here.", "code": "not_found"}
    results = [{"status": 201, "row": row}, {"status": 200, "row": row}, {"status": 404, "problem": problem}]
    return {
        name: row,
        f"{name}Page": {"items": [row], "next": None},
        f"{name}Create": create,
        f"{name}Patch": patch,
        f"{name}Bulk": {"operations": [each for act, each in operations.items() if act in resource.acts]},
        f"{name}BulkReply": {"succeeded": 2, "failed": 1, "results": results},
    }
