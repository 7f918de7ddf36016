"""The OpenAPI document of the whole application."""

from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec
from litestar import Litestar, Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components
from outrider_sdk.protocol.entities import INTEGER_MAX

from server.api_examples import (
    CHECKSUM_REPLY_EXAMPLE,
    EVENTS_EXAMPLE,
    HAND_IN_REPLY_EXAMPLE,
    JWKS_EXAMPLE,
    PULL_REPLY_EXAMPLE,
    PUSH_REPLY_EXAMPLE,
    schema_examples,
)
from server.api_problems import Codes, known_codes, problems_of, responses_of
from server.auth.session import SECURITY_SCHEMES
from server.crm.openapi import crm_components
from server.crm.openapi_parameters import crm_headers, crm_parameters
from server.errors import AppError, Busy, Problem, TooManyRequests, write_problem
from server.sync.checksum_handlers import ChecksumBody
from server.sync.event_handlers import stream_events
from server.sync.handlers import PullBody, PushBody
from server.sync.quarantine_handlers import HandInBody

PROBLEM_TYPE: Final = "application/problem+json"

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_OF_ROUTES: Final = (
    "server.errors",
    "server.auth.",
    "server.tenants.entitlements",
    "server.billing.",
    "server.crm.",
    "server.sync.",
    "server.webhooks.",
    "server.storage.",
)
"""Where the failures are defined that a route answers with; those of commands and imports are none."""
_BY_THE_FRAMEWORK: Final = {
    405: ("method_not_allowed", "The path has other methods: see Allow."),
    500: ("internal", "Something went wrong on our side. Try again; if it stays, tell your operator."),
}


class _OpenApi(JsonRenderPlugin):
    """OpenAPI 3.1 as JSON, with the schemas of the CRM and the problems of all routes in it."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return msgspec.json.encode(describe_api(request.app))


def openapi_config() -> OpenAPIConfig:
    """What Litestar makes of the routes; `describe_api` adds the rest."""
    return OpenAPIConfig(
        title="Outrider",
        version=version("outrider"),
        description="A CRM for field sales that works where the network doesn't.",
        components=Components(security_schemes=dict(SECURITY_SCHEMES)),
        use_handler_docstrings=True,
        render_plugins=[_OpenApi()],
    )


def describe_api(app: Litestar) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = app.openapi_schema.to_schema()
    components = document["components"]
    _, problems = msgspec.json.schema_components(
        [Problem, PushBody, PullBody, HandInBody, ChecksumBody], ref_template="#/components/schemas/{name}"
    )
    components["schemas"] = {**components.get("schemas", {}), **crm_components(), **problems}
    components["parameters"] = crm_parameters()
    components["headers"] = crm_headers()
    components["responses"] = _problem_responses()
    _describe_sync(document)
    document["paths"]["/sync/events"] = {"get": _describe_events()}
    codes = known_codes()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                _describe_problems(method, path, operation, components["responses"], codes)
    _add_examples(document)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def _describe_sync(document: dict[str, Any]) -> None:
    """The doors of devices read and write bytes: what is in them is the sync protocol's."""
    for path, body, reply in (
        ("/sync/push", "PushBody", PUSH_REPLY_EXAMPLE),
        ("/sync/pull", "PullBody", PULL_REPLY_EXAMPLE),
        ("/t/{slug}/devices/quarantine", "HandInBody", HAND_IN_REPLY_EXAMPLE),
        ("/sync/checksum", "ChecksumBody", CHECKSUM_REPLY_EXAMPLE),
    ):
        operation = document["paths"][path]["post"]
        schema = {"$ref": f"#/components/schemas/{body}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        media = {"schema": {"type": "object", "description": "See docs/sync-protocol.md."}, "example": reply}
        [success] = (code for code in operation["responses"] if code < "4")
        content = {"application/json": media}
        operation["responses"][success] = {"description": "See docs/sync-protocol.md.", "content": content}


def _describe_events() -> dict[str, Any]:
    """The stream of pokes is a bare ASGI application, of which the framework says nothing."""
    cursor = {
        "name": "cursor",
        "in": "query",
        "required": False,
        "deprecated": False,
        "schema": {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX},
        "description": "The revision up to which the device has everything, 0 of a new replica: where there is news"
        " already, the first event comes at once. Without it, only what is new from now on is news.",
    }
    media = {"schema": {"type": "string"}, "example": EVENTS_EXAMPLE}
    described = "Server-sent events: `news` with a revision as its `id`, and `end`. See docs/sync-protocol.md, §15."
    return {
        "tags": ["sync"],
        "summary": "StreamEvents",
        "description": (stream_events.fn.__doc__ or "").strip(),
        "operationId": "SyncEventsStreamEvents",
        "parameters": [cursor],
        "responses": {"200": {"description": described, "content": {"text/event-stream": media}}},
        "deprecated": False,
        "security": [{"bearer": []}],
    }


def _add_examples(document: dict[str, Any]) -> None:
    """Give each schema its example, and each body that is one schema, or a list of one, the same."""
    examples = schema_examples()
    for name, schema in document["components"]["schemas"].items():
        if name in examples:
            schema["examples"] = [examples[name]]
    health = document["paths"]["/health"]["get"]["responses"]["200"]["content"]["application/json"]
    health["example"] = {"status": "ok"}
    jwks = document["paths"]["/.well-known/jwks.json"]["get"]["responses"]["200"]["content"]["application/json"]
    jwks["example"] = JWKS_EXAMPLE
    for operation in _operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (media for body in bodies for media in body.get("content", {}).values()):
            example = _example_of(media.get("schema", {}), examples)
            if example is not None:
                media["example"] = example


def _example_of(schema: dict[str, Any], examples: dict[str, Any]) -> Any:
    if "anyOf" in schema or "oneOf" in schema:
        schema = (schema.get("anyOf") or schema["oneOf"])[0]
    if schema.get("type") == "array":
        item = _example_of(schema["items"], examples)
        return None if item is None else [item]
    return examples.get(schema.get("$ref", "").rpartition("/")[2])


def _describe_problems(
    method: str, path: str, operation: dict[str, Any], responses: dict[str, Any], codes: Codes
) -> None:
    """Give an operation that does not say its problems by itself those of its line, in place of Litestar's."""
    described = {code: reply for code, reply in operation["responses"].items() if code < "4" or "$ref" in reply}
    if not any(code >= "4" for code in described):
        wanted = problems_of(method, path, operation)
        described |= {code: {"$ref": "#/components/responses/Problem"} for code in ("4XX", "5XX") if wanted is None}
        for status, name, found in responses_of(wanted or (), codes):
            responses[name] = _problem_response(int(status), found["examples"])
            described[status] = {"$ref": f"#/components/responses/{name}"}
    operation["responses"] = described


def _problem_response(status: int, examples: dict[str, Any]) -> dict[str, Any]:
    listed = ", ".join(f"`{code}`" for code in examples)
    response: dict[str, Any] = {
        "description": f"Decide by `code`: {listed}.",
        "content": {PROBLEM_TYPE: {"schema": _PROBLEM, "examples": examples}},
    }
    if status in (Busy.status, TooManyRequests.status):
        response["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return response


def _problem_responses() -> dict[str, Any]:
    """One response for each status, with an example of each of its codes; and one for any of them."""
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for status, code, text in sorted({*_own_codes(), *((s, *rest) for s, rest in _BY_THE_FRAMEWORK.items())}):
        name = HTTPStatus(status).phrase.title().replace(" ", "")
        examples = found.setdefault(name, (status, {}))[1]
        examples[code] = {"summary": text, "value": write_problem(status, code, text)}
    responses = {name: _problem_response(status, examples) for name, (status, examples) in found.items()}
    text = "What is wrong, and what to do about it (RFC 9457). Decide by `code`."
    return responses | {"Problem": {"description": text, "content": {PROBLEM_TYPE: {"schema": _PROBLEM}}}}


def _own_codes() -> Iterator[tuple[int, str, str]]:
    """Status, code and the first line of the docstring of every expected failure."""
    waiting: list[type[AppError]] = [AppError]
    while waiting:
        error = waiting.pop()
        waiting += [each for each in error.__subclasses__() if each.__module__.startswith(_OF_ROUTES)]
        if "code" in vars(error):  # else it is said by the one that it has its code from
            yield error.status, error.code, (error.__doc__ or "").partition("\n")[0]
