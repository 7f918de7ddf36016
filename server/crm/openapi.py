"""The OpenAPI description of the CRM's routes, made from what the routes really read and write."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
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
from litestar.openapi.spec.enums import OpenAPIType
from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.crm.audit.messages import ChangePage
from server.crm.audit.query import SOURCES
from server.crm.bulk_schemas import bulk_schemas
from server.crm.erasure.messages import ErasureReply
from server.crm.expand import links_of, views
from server.crm.openapi_parameters import SCHEMAS, headers_of, parameters_of, query_parameter
from server.crm.resource import Resource
from server.crm.resources import RESOURCES

PAGING_PARAMETERS: Final = ("limit", "after")
_REF: Final = "#/components/schemas/{name}"
_WORDS: Final = {
    "list": "List {things}",
    "get": "Get {a_thing}",
    "create": "Create {a_thing}",
    "change": "Change {a_thing}",
    "delete": "Delete {a_thing}",
    "bulk": "Create, change and delete {things}, many at once",
}
_SUCCESS: Final = {"list": 200, "get": 200, "create": 201, "change": 200, "delete": 204, "bulk": 200}
_SUCCESS_OF_ACTS: Final = {"act": 201, "void": 204, "question": 200, "history": 200, "erasure": 201}
_ALWAYS: Final = (400, 401, 403, 429, 500, 503)
_PROBLEMS: Final = {
    "list": (),
    "get": (404,),
    "create": (402, 409, 413, 422),
    "change": (402, 404, 409, 412, 413, 422),
    "delete": (402, 404, 409, 412, 422),
    "bulk": (402, 409, 413, 422),
    "act": (402, 404, 409, 413, 422),
    "void": (402, 404, 409, 413, 422),
    "question": (),
    "history": (404,),
    "erasure": (404, 409),
}
"""Which problems each kind of operation may answer with, beside those that all do."""


def crm_components() -> dict[str, Any]:
    """JSON schemas (2020-12, as OpenAPI 3.1 has them) of all that the CRM's routes read and write, by name."""
    models: list[type] = [ChangePage, ErasureReply, *_acts.values()]
    models += [views()[name].models.view for name in ENTITIES if name in views()]
    for resource in RESOURCES:
        models.append(resource.models.page)
        models += [resource.models.create] if "create" in resource.acts else []
        models += [resource.models.patch] if "change" in resource.acts else []
    _, components = msgspec.json.schema_components(models, ref_template=_REF)
    for resource in RESOURCES:
        if resource.takes_bulk:
            components |= bulk_schemas(resource.models.view.__name__, resource.acts)
    for name, each in views().items():
        components[each.models.view.__name__]["properties"] |= _expanded(name)
    return components


def _expanded(name: str) -> dict[str, Any]:
    """What comes along with a row where it is asked for; a hidden one is null."""
    found: dict[str, Any] = {}
    for word, link in links_of(name).items():
        ref = {"$ref": _REF.format(name=views()[link.target].models.view.__name__)}
        text = f"With `expand={word}`."
        found[word] = (
            {"type": "array", "items": ref, "description": text}
            if link.many
            else {"anyOf": [ref, {"type": "null"}], "description": text}
        )
    return found


def describe(resource: Resource, act: str) -> dict[str, Any]:
    """Keyword arguments of a route's decorator: its names, and an operation class that describes it."""
    models, things = resource.models, resource.path.strip("/").replace("-", " ")
    article = "an" if resource.noun[0] in "aeiou" else "a"
    view = models.view.__name__
    name = things.title().replace(" ", "") if act in ("list", "bulk") else view
    bodies = {"create": models.create.__name__, "change": models.patch.__name__, "bulk": f"{view}Bulk"}
    replies = {"list": models.page.__name__, "delete": None, "bulk": f"{view}BulkReply"}
    operation = _operation(act, resource, reply=replies.get(act, view), body=bodies.get(act))
    summary = _WORDS[act].format(things=things, a_thing=f"{article} {resource.noun}")
    more = {"status_code": 200} if act == "bulk" else {}
    return {"operation_id": f"{act}{name}", "summary": summary, "operation_class": operation, **more}


def describe_act(name: str, body: type, reply: type | None, *, body_required: bool = False) -> dict[str, Any]:
    """The same for a route that is an act on a row, such as `OrderSubmission`."""
    _acts.update({each.__name__: each for each in (body, reply) if each is not None})
    operation = _operation(
        "act" if reply else "void",
        None,
        reply=reply.__name__ if reply else None,
        body=body.__name__,
        body_required=body_required,
    )
    return {"operation_id": f"create{name}", "operation_class": operation}


def describe_query(name: str, reply: type, query: Sequence[Parameter | Reference] = ()) -> dict[str, Any]:
    """The same for a route that answers a question of its own, such as `Duplicates`."""
    _acts[reply.__name__] = reply
    operation = _operation("question", None, reply=reply.__name__, body=None, query=query)
    return {"operation_id": f"list{name}", "operation_class": operation}


def describe_model(model: type) -> None:
    """Have a model among the components, for a route that describes itself."""
    _acts[model.__name__] = model


_acts: Final[dict[str, type]] = {}
"""What acts read and write, by name, as far as it was described."""


def describe_history(resource: Resource) -> dict[str, Any]:
    """The same for the route that shows what became of a row."""
    limit, after = (Reference(f"#/components/parameters/{name}") for name in PAGING_PARAMETERS)
    return {
        "operation_id": f"get{resource.models.view.__name__}History",
        "summary": f"Show what became of a {resource.noun}, newest first",
        "operation_class": _operation("history", None, reply=ChangePage.__name__, body=None, query=[limit, after]),
    }


def describe_audit() -> dict[str, Any]:
    """The same for the search over all changes."""
    query = [Reference(f"#/components/parameters/{name}") for name in PAGING_PARAMETERS]
    text, identifier, moment = (SCHEMAS[kind] for kind in (Kind.TEXT, Kind.ID, Kind.INSTANT))
    own = (
        ("member_id", "Only changes by this member.", identifier),
        ("entity", "Only changes of rows of this entity.", text),
        ("row_id", "Only changes of this row.", identifier),
        ("field", "Only changes of this field.", text),
        ("source", "Only changes that came through this.", Schema(type=OpenAPIType.STRING, enum=list(SOURCES))),
        ("from", "Only changes that arrived at this moment or later.", moment),
        ("until", "Only changes that arrived before this moment.", moment),
        ("text", "Only changes whose old or new value contains this, whatever the case.", text),
    )
    return {
        "operation_id": "searchAudit",
        "operation_class": _operation(
            "question",
            None,
            reply=ChangePage.__name__,
            body=None,
            query=[*query, *(query_parameter(*each) for each in own)],
        ),
    }


def describe_erasure(name: str) -> dict[str, Any]:
    """The same for a route that erases a person."""
    operation = _operation("erasure", None, reply=ErasureReply.__name__, body=None)
    return {"operation_id": f"create{name}Erasure", "operation_class": operation}


def _operation(
    act: str,
    resource: Resource | None,
    *,
    reply: str | None,
    body: str | None,
    body_required: bool = True,
    query: Sequence[Parameter | Reference] = (),
) -> type[Operation]:
    """An operation class that says what goes in and out, in place of what Litestar reads from signatures."""
    responses: dict[str, OpenAPIResponse | Reference] = {
        str((_SUCCESS | _SUCCESS_OF_ACTS)[act]): OpenAPIResponse(
            description=reply or "Done.",
            headers=headers_of(act),
            content={"application/json": _media(reply, part=act in ("list", "get"))} if reply else None,
        )
    }
    if act == "get":
        responses["304"] = OpenAPIResponse(description="You have it already.", headers=headers_of(act))
    for status in sorted((*_ALWAYS, *_PROBLEMS[act])):
        responses[str(status)] = problem_response(status)

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            own = [p for p in self.parameters or [] if isinstance(p, Parameter) and p.param_in == "path"]
            self.parameters = [*own, *parameters_of(resource, act), *query] or None
            self.responses = dict(responses)
            self.request_body = (
                RequestBody({"application/json": _media(body)}, required=body_required) if body else None
            )

    return Described


def problem_response(status: int) -> Reference:
    """The response of that status, which `server.api_document` describes with all its codes."""
    return Reference(f"#/components/responses/{HTTPStatus(status).phrase.title().replace(' ', '')}")


def _media(name: str, *, part: bool = False) -> OpenAPIMediaType:
    whole = Reference(_REF.format(name=name))
    if not part:
        return OpenAPIMediaType(schema=whole)
    sparse = Schema(type=OpenAPIType.OBJECT, description="With `fields`: those alone.")
    return OpenAPIMediaType(schema=Schema(any_of=[whole, sparse]))
