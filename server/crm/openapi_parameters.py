"""Parameters and headers of the CRM's routes, as the OpenAPI document has them."""

from typing import Any, Final, Literal

from litestar.openapi.spec import OpenAPIHeader, Parameter, Reference, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from outrider_sdk.protocol.entities import Field, Kind

from server.crm.expand import EXPANDED_DEPTH_MAX, NAMES_LENGTH_MAX, links_of
from server.crm.idempotency import KEY_LENGTH_MAX
from server.crm.listing import OPERATORS, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, sortable
from server.crm.resource import Resource
from server.crm.resources import RESOURCES

_OPERATOR_WORDS: Final = {
    "": "this",
    "in": "one of these, separated by commas",
    "gt": "greater than this",
    "lt": "less than this",
    "contains": "a text that contains this, whatever the case",
}
SCHEMAS: Final[dict[Kind, Schema]] = {
    Kind.ID: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID),
    Kind.TEXT: Schema(type=OpenAPIType.STRING),
    Kind.INTEGER: Schema(type=OpenAPIType.INTEGER),
    Kind.DECIMAL: Schema(type=OpenAPIType.STRING, pattern=r"^-?[0-9]+(\.[0-9]+)?$"),
    Kind.BOOLEAN: Schema(type=OpenAPIType.BOOLEAN),
    Kind.INSTANT: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
    Kind.DATE: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE),
}
_TEXT: Final = Schema(type=OpenAPIType.STRING)

HEADERS_IN: Final = {
    "create": ("Idempotency-Key",),
    "change": ("If-Match", "Idempotency-Key"),
    "delete": ("If-Match", "Idempotency-Key"),
    "bulk": ("Idempotency-Key",),
    "act": ("Idempotency-Key",),
    "void": ("Idempotency-Key",),
    "get": ("If-None-Match",),
}
"""Headers that each kind of operation heeds."""

_RATE_LIMIT: Final = ("RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS_OUT: Final = {
    "get": ("ETag", "Cache-Control", "Content-Location"),
    "create": ("ETag", "Location", "Link", "Idempotency-Replayed"),
    "change": ("ETag", "Link", "Idempotency-Replayed"),
    "delete": ("Idempotency-Replayed",),
    "bulk": ("Idempotency-Replayed",),
    "act": ("Idempotency-Replayed",),
    "void": ("Idempotency-Replayed",),
}
"""Headers of each kind of operation's success, beside those of the rate limit."""

_OUT_WORDS: Final = {
    "ETag": 'The row\'s revision, and a hash of this representation: `"118-5f0c…"`. Send it in If-Match to write.',
    "Location": "Where the new row is.",
    "Link": 'Rows that may be the same as the new one, with `rel="duplicate"`; requests that a change became, with'
    ' `rel="request"` (RFC 8288).',
    "Content-Location": "Where the row is now: it was merged into another.",
    "Cache-Control": "Keep it, and ask again with If-None-Match before using it.",
    "Idempotency-Replayed": "`true` where the reply is that of an earlier request with the same Idempotency-Key.",
    "Retry-After": "Seconds to wait before trying again.",
    "RateLimit-Policy": "With an API key: requests allowed, and seconds of the window.",
    "RateLimit-Limit": "With an API key: requests allowed in a window.",
    "RateLimit-Remaining": "With an API key: requests left in this window.",
    "RateLimit-Reset": "With an API key: seconds until the next window.",
}


def headers_of(act: str) -> dict[str, OpenAPIHeader | Reference]:
    """The headers of an operation's success."""
    return {name: Reference(f"#/components/headers/{name}") for name in (*HEADERS_OUT.get(act, ()), *_RATE_LIMIT)}


def crm_headers() -> dict[str, Any]:
    """All headers of replies, by name."""
    return {name: OpenAPIHeader(description=text, schema=_TEXT).to_schema() for name, text in _OUT_WORDS.items()}


def parameters_of(resource: Resource | None, act: str) -> list[Parameter | Reference]:
    """The parameters of an operation, but for those of its path."""
    found: list[Parameter | Reference] = [
        Reference(f"#/components/parameters/{name}") for name in HEADERS_IN.get(act, ())
    ]
    if resource is not None and act in ("list", "get"):
        found += _shape_parameters(resource)
    if resource is not None and act == "list":
        found += _list_parameters(resource)
    return found


def _shape_parameters(resource: Resource) -> list[Parameter | Reference]:
    names = ", ".join(links_of(resource.entity.name))
    fields = Reference("#/components/parameters/fields")
    if not names:
        return [fields]
    text = f"What comes along, separated by commas, {EXPANDED_DEPTH_MAX} levels deep at most (`a,b.c`). Here: {names}."
    return [query_parameter("expand", text, Schema(type=OpenAPIType.STRING, max_length=NAMES_LENGTH_MAX)), fields]


def _list_parameters(resource: Resource) -> list[Parameter | Reference]:
    fields = resource.entity.all_fields
    orders = [sign + f.name for f in fields if sortable(f) for sign in ("", "-")]
    sort = query_parameter(
        "sort", "A field; “-” before it for descending.", Schema(type=OpenAPIType.STRING, enum=orders)
    )
    filters = [_filter_name(f, operator) for f in fields for operator in OPERATORS[f.kind]]
    return [sort, *(Reference(f"#/components/parameters/{name}") for name in ("limit", "after", *filters))]


def crm_parameters() -> dict[str, Any]:
    """The parameters that operations share, by name: a field's filter means the same wherever the field occurs."""
    found = _headers_in() | {
        "limit": query_parameter(
            "limit",
            "Rows in a page.",
            Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=PAGE_ROWS_MAX, default=PAGE_ROWS_DEFAULT),
        ),
        "after": query_parameter("after", "“next” of the page before.", _TEXT),
        "fields": query_parameter(
            "fields",
            "Only these fields, separated by commas: `id,name`, and of what is expanded `account.name`.",
            Schema(type=OpenAPIType.STRING, max_length=NAMES_LENGTH_MAX),
        ),
    }
    for resource in RESOURCES:
        for f in resource.entity.all_fields:
            for operator in OPERATORS[f.kind]:
                found[_filter_name(f, operator)] = _filter(f, operator)
    return {name: parameter.to_schema() for name, parameter in found.items()}


def _headers_in() -> dict[str, Parameter]:
    key = Schema(type=OpenAPIType.STRING, min_length=1, max_length=KEY_LENGTH_MAX, pattern="^[!-~]+$")
    texts = {
        "Idempotency-Key": ("Makes the request safe to repeat for 24 hours: a UUID, say. It has one effect.", key),
        "If-Match": ("The ETag that you saw: 412 if the row has changed since.", _TEXT),
        "If-None-Match": ("The ETag that you have: 304 if nothing has changed.", _TEXT),
    }
    return {name: query_parameter(name, text, schema, "header") for name, (text, schema) in texts.items()}


def _filter_name(field: Field, operator: str) -> str:
    return f"{field.name}.{operator}" if operator else field.name


def _filter(field: Field, operator: str) -> Parameter:
    schema = _TEXT if operator == "in" else SCHEMAS[field.kind]
    text = f"Only rows whose {field.name} is {_OPERATOR_WORDS[operator]}."
    return query_parameter(_filter_name(field, operator), text, schema)


def query_parameter(
    name: str, description: str, schema: Schema, where: Literal["query", "header"] = "query"
) -> Parameter:
    """A parameter with its words."""
    return Parameter(name=name, param_in=where, description=description, schema=schema)
