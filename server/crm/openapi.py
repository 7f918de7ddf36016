"""The OpenAPI description of the CRM's routes, made from what the routes really read and write."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from outrider_sdk.protocol.entities import Field, Kind

from server.crm.listing import OPERATORS, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, sortable
from server.crm.resource import Resource
from server.crm.resources import RESOURCES
from server.errors import FieldError

_REF: Final = "#/components/schemas/{name}"
_WORDS: Final = {
    "list": "List {things}",
    "get": "Get {a_thing}",
    "create": "Create {a_thing}",
    "change": "Change {a_thing}",
    "delete": "Delete {a_thing}",
}
_SUCCESS: Final = {"list": "200", "get": "200", "create": "201", "change": "200", "delete": "204"}
_OPERATOR_WORDS: Final = {
    "": "this",
    "in": "one of these, separated by commas",
    "gt": "greater than",
    "lt": "less than",
    "contains": "containing, whatever the case",
}
_SCHEMAS: Final[dict[Kind, Schema]] = {
    Kind.ID: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID),
    Kind.TEXT: Schema(type=OpenAPIType.STRING),
    Kind.INTEGER: Schema(type=OpenAPIType.INTEGER),
    Kind.DECIMAL: Schema(type=OpenAPIType.STRING, pattern=r"^-?[0-9]+(\.[0-9]+)?$"),
    Kind.BOOLEAN: Schema(type=OpenAPIType.BOOLEAN),
    Kind.INSTANT: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
    Kind.DATE: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE),
}


class Problem(msgspec.Struct):
    """What is wrong (RFC 9457). Further members may follow, by `code`."""

    title: str
    status: int
    detail: str
    code: str
    type: str = "about:blank"
    errors: list[FieldError] = []


@cache
def crm_components() -> dict[str, Any]:
    """JSON schemas (2020-12, as OpenAPI 3.1 has them) of all that the CRM's routes read and write, by name."""
    models: list[type] = [Problem, *_acts.values()]
    for resource in RESOURCES:
        models += [resource.models.page, resource.models.view]
        models += [resource.models.create] if "create" in resource.acts else []
        models += [resource.models.patch] if "change" in resource.acts else []
    _, components = msgspec.json.schema_components(models, ref_template=_REF)
    return components


def describe(resource: Resource, act: str) -> dict[str, Any]:
    """Keyword arguments of a route's decorator: its names, and an operation class that describes it."""
    models, things = resource.models, resource.path.strip("/").replace("-", " ")
    article = "an" if resource.noun[0] in "aeiou" else "a"
    name = things.title().replace(" ", "") if act == "list" else models.view.__name__
    operation = _operation(
        success=_SUCCESS[act],
        reply={"list": models.page, "delete": None}.get(act, models.view),
        body={"create": models.create, "change": models.patch}.get(act),
        query=_list_parameters(resource) if act == "list" else [],
    )
    summary = _WORDS[act].format(things=things, a_thing=f"{article} {resource.noun}")
    return {"operation_id": f"{act}{name}", "summary": summary, "operation_class": operation}


def describe_act(name: str, body: type, reply: type | None, *, body_required: bool = False) -> dict[str, Any]:
    """The same for a route that is an act on a row, such as `OrderSubmission`."""
    _acts.update({each.__name__: each for each in (body, reply) if each is not None})
    success = "201" if reply else "204"
    operation = _operation(success=success, reply=reply, body=body, body_required=body_required)
    return {"operation_id": f"create{name}", "operation_class": operation}


def describe_query(name: str, reply: type, query: Sequence[Parameter | Reference] = ()) -> dict[str, Any]:
    """The same for a route that answers a question of its own, such as `Duplicates`."""
    _acts[reply.__name__] = reply
    operation = _operation(success="200", reply=reply, body=None, query=query)
    return {"operation_id": f"list{name}", "operation_class": operation}


_acts: Final[dict[str, type]] = {}
"""What acts read and write, by name, as far as it was described."""


def _operation(
    *,
    success: str,
    reply: type | None,
    body: type | None,
    body_required: bool = True,
    query: Sequence[Parameter | Reference] = (),
) -> type[Operation]:
    """An operation class that says what goes in and out, in place of what Litestar reads from signatures."""
    content = {"application/json": _media(reply)} if reply else None
    responses = {success: OpenAPIResponse(description="Done." if reply is None else reply.__name__, content=content)}

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            own = [p for p in self.parameters or [] if isinstance(p, Parameter) and p.param_in == "path"]
            self.parameters = [*own, *query] or None
            self.responses = dict(responses)
            self.request_body = None
            if body is not None:
                self.request_body = RequestBody({"application/json": _media(body)}, required=body_required)

    return Described


def _media(model: type) -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=Reference(_REF.format(name=model.__name__)))


def _list_parameters(resource: Resource) -> list[Parameter | Reference]:
    fields = resource.entity.all_fields
    orders = [sign + f.name for f in fields if sortable(f) for sign in ("", "-")]
    sort = _parameter("sort", "A field; “-” before it for descending.", Schema(type=OpenAPIType.STRING, enum=orders))
    filters = [_filter_name(f, operator) for f in fields for operator in OPERATORS[f.kind]]
    return [sort, *(Reference(f"#/components/parameters/{name}") for name in ("limit", "after", *filters))]


def crm_parameters() -> dict[str, Any]:
    """The query parameters of lists, by name: a field's filter means the same wherever the field occurs."""
    limit = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=PAGE_ROWS_MAX, default=PAGE_ROWS_DEFAULT)
    found = {
        "limit": _parameter("limit", "Rows in a page.", limit),
        "after": _parameter("after", "“next” of the page before.", Schema(type=OpenAPIType.STRING)),
    }
    for resource in RESOURCES:
        for f in resource.entity.all_fields:
            for operator in OPERATORS[f.kind]:
                found[_filter_name(f, operator)] = _filter(f, operator)
    return {name: parameter.to_schema() for name, parameter in found.items()}


def _filter_name(field: Field, operator: str) -> str:
    return f"{field.name}.{operator}" if operator else field.name


def _filter(field: Field, operator: str) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING) if operator == "in" else _SCHEMAS[field.kind]
    text = f"Only rows whose {field.name} is {_OPERATOR_WORDS[operator]}."
    return _parameter(_filter_name(field, operator), text, schema)


def _parameter(name: str, description: str, schema: Schema) -> Parameter:
    return Parameter(name=name, param_in="query", description=description, schema=schema)
