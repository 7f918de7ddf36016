"""The web application: the only module that knows every other.

Whatever goes wrong is rendered here, once, as problem details (RFC 9457).
"""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import asyncpg
import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components

from server import db
from server.auth.handlers import create_auth_router
from server.auth.session import BEARER, SECURITY_SCHEMES, authentication, provide_session
from server.config import MAIN_DATABASE, Config
from server.crm.handlers import create_crm_router
from server.crm.openapi import crm_components, crm_parameters
from server.db import Databases
from server.errors import AppError, Busy, FieldError, InvalidInput, NotFound
from server.exports.handlers import exports_router
from server.imports.handlers import imports_router
from server.sync.handlers import sync_router
from server.tenants.schema import app_urls

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
COMPRESSED_BYTES_MIN: Final = 1_000
COMPRESSION_LEVEL: Final = 1
PROBLEM_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)
_UNKNOWN_FIELD: Final = re.compile(r"(?:unknown|missing required) field `([^`]+)`")
_PATH: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")


def create_app(config: Config, *, owner_urls: Mapping[str, str] | None = None, connect: bool = True) -> Litestar:
    """The application of one installation.

    Args:
        owner_urls: the owner's URL of each database, where they are others than the configuration's.
        connect: open the databases when the application starts; without, the caller has called `db.use`.
    """
    if owner_urls is not None:
        others = {name: url for name, url in owner_urls.items() if name != MAIN_DATABASE}
        config = replace(config, database_url=owner_urls[MAIN_DATABASE], databases=others)
    return Litestar(
        [
            get_health,
            create_auth_router(),
            _with_session(create_crm_router(), imports_router, exports_router, sync_router),
        ],
        lifespan=[_connected(config)] if connect else [],
        state=State({"config": config}),
        middleware=[authentication],
        exception_handlers={
            AppError: _render_app_error,
            msgspec.DecodeError: _render_undecodable,
            HTTPException: _render_http_error,
            asyncpg.LockNotAvailableError: _render_busy,
            asyncpg.QueryCanceledError: _render_busy,
            asyncpg.DeadlockDetectedError: _render_busy,
            Exception: _render_bug,
        },
        request_max_body_size=BODY_BYTES_MAX,
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=COMPRESSED_BYTES_MIN,
            gzip_compress_level=COMPRESSION_LEVEL,
            exclude="^/(sync|exports)",  # compressed already, and streamed
        ),
        openapi_config=_openapi_config(),
        logging_config=None,
    )


@asynccontextmanager
async def _connected(config: Config) -> AsyncIterator[None]:
    databases = await Databases.connect(app_urls(config))
    db.use(databases)
    try:
        yield
    finally:
        db.use(None)
        await databases.close()


def _with_session(*routers: Router) -> Router:
    """Routes that need to know who is asking."""
    session = Provide(provide_session, sync_to_thread=False)
    return Router("/", route_handlers=routers, dependencies={"session": session}, security=[{BEARER: []}])


@get("/health", exclude_from_auth=True, tags=["health"], operation_id="getHealth")
async def get_health() -> dict[str, str]:
    """Say that the process answers; it asks no database."""
    return {"status": "ok"}


def _render(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
) -> Response[dict[str, Any]]:
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return Response(problem | extra, status_code=status, media_type=PROBLEM_TYPE, headers=dict(headers or {}))


def _render_app_error(_: Request[Any, Any, Any], error: AppError) -> Response[dict[str, Any]]:
    headers = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _render(error.status, error.code, error.message, headers=headers, **error.extra)


def _render_undecodable(request: Request[Any, Any, Any], error: msgspec.DecodeError) -> Response[dict[str, Any]]:
    return _render_app_error(request, InvalidInput([_explain(str(error), "body")]))


def _render_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Litestar's own errors: routing, sizes, and parameters that do not fit."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _render_bug(request, error)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _render_app_error(request, NotFound())
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        problems = [_explain(e.get("message", ""), e.get("key", "body")) for e in error.extra if isinstance(e, dict)]
        return _render_app_error(request, InvalidInput(problems))
    status = HTTPStatus(error.status_code)
    return _render(status, status.name.lower(), error.detail, headers=error.headers)


def _explain(message: str, default: str) -> FieldError:
    """msgspec's message as the error of a field."""
    path = _PATH.search(message)
    unknown = _UNKNOWN_FIELD.search(message)
    names = [path[1] if path else "", unknown[1] if unknown else ""]
    where = ".".join(name for name in names if name)
    return FieldError(where or default, _PATH.sub("", message).replace("`", "") + ".")


def _render_busy(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    return _render_app_error(request, Busy())


def _render_bug(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """Say nothing of the inside; the log has it all."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _render(500, "internal", "Something went wrong on our side. Try again; if it stays, tell your operator.")


class _OpenApi(JsonRenderPlugin):
    """OpenAPI 3.1 as JSON, with the schemas of the CRM and the problems of all routes in it."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return msgspec.json.encode(describe_api(request.app))


def _openapi_config() -> OpenAPIConfig:
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
    document["components"]["schemas"] = {**document["components"].get("schemas", {}), **crm_components()}
    document["components"]["parameters"] = crm_parameters()
    document["components"]["responses"] = {
        "Problem": {
            "description": "What is wrong, and what to do about it (RFC 9457). Decide by `code`.",
            "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }
    problem = {"$ref": "#/components/responses/Problem"}
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                kept = {code: reply for code, reply in operation["responses"].items() if code < "4"}
                operation["responses"] = {**kept, "4XX": problem, "5XX": problem}
    return document
