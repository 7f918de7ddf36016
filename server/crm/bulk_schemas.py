"""JSON schemas of bulk requests and their replies, with a resource's own data in them."""

from typing import Any

from server.crm.bulk import OPERATIONS_MAX

_REF = "#/components/schemas/"


def bulk_schemas(name: str, acts: frozenset[str]) -> dict[str, Any]:
    """The two schemas of the resource whose view has that name, and to whose rows the API does that."""
    seen = {"type": ["integer", "null"], "minimum": 0, "description": "The row's revision as you saw it, or null."}
    row_id = {"type": "string", "format": "uuid"}
    create = {"op": {"const": "create"}, "data": {"$ref": f"{_REF}{name}Create"}}
    change = {"op": {"const": "change"}, "id": row_id, "data": {"$ref": f"{_REF}{name}Patch"}, "revision": seen}
    delete = {"op": {"const": "delete"}, "id": row_id, "revision": seen}
    kinds: dict[str, dict[str, Any]] = {"create": create, "change": change, "delete": delete}
    operations = [_object(each, closed=True, optional=("revision",)) for act, each in kinds.items() if act in acts]
    request = {
        "operations": {"type": "array", "minItems": 1, "maxItems": OPERATIONS_MAX, "items": {"oneOf": operations}},
        "atomic": {"type": "boolean", "default": False, "description": "All or none."},
    }
    result = {
        "status": {"type": "integer", "description": "What the operation would have been answered alone."},
        "row": {"$ref": f"{_REF}{name}"},
        "problem": {"$ref": f"{_REF}Problem"},
    }
    count = {"type": "integer", "minimum": 0}
    reply = {
        "succeeded": count,
        "failed": count,
        "results": {"type": "array", "items": _object(result, optional=("row", "problem"))},
    }
    return {
        f"{name}Bulk": _object(request, closed=True, optional=("atomic",))
        | {"title": f"{name}Bulk", "description": "Operations, carried out in their order."},
        f"{name}BulkReply": _object(reply)
        | {"title": f"{name}BulkReply", "description": "A result for each operation, in the order of the request."},
    }


def _object(properties: dict[str, Any], *, closed: bool = False, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    found = {"type": "object", "properties": properties, "required": required}
    return found | {"additionalProperties": False} if closed else found
