"""The web application: the only module that knows every other.

Whatever goes wrong is rendered here, once, as problem details (RFC 9457).
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import asyncpg
import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException

from server import connections, storage
from server.api_document import PROBLEM_TYPE, openapi_config
from server.auth.handlers import create_auth_router
from server.auth.session import (
    BEARER,
    Session,
    authentication,
    provide_any_session,
    provide_session,
    tell_allowance,
)
from server.billing import setup as billing_setup
from server.billing.account.handlers import account_router
from server.billing.deletion.handlers import deletion_router
from server.billing.handlers import billing_router
from server.billing.invoice.handlers import invoice_router
from server.billing.seat_handlers import seats_router
from server.billing.sign_up.handlers import create_sign_up_router
from server.billing.usage_handlers import usage_router
from server.billing.webhook_handlers import take_stripe_event
from server.config import MAIN_DATABASE, Config
from server.connections import Databases
from server.crm.handlers import create_crm_router
from server.errors import (
    AppError,
    Busy,
    DatabaseFull,
    FieldError,
    InvalidInput,
    NotFound,
    TooLarge,
    TooManyRequests,
    explain_validation,
    write_problem,
)
from server.exports.handlers import exports_router
from server.imports.handlers import imports_router
from server.sync.event_handlers import stream_events
from server.sync.events import hub
from server.sync.handlers import sync_router
from server.sync.quarantine_handlers import hand_in_router, quarantine_router
from server.tenants.schema import app_urls
from server.webhooks.handlers import webhook_router

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
COMPRESSED_BYTES_MIN: Final = 1_000
COMPRESSION_LEVEL: Final = 1

_log = logging.getLogger(__name__)


def create_app(config: Config, *, owner_urls: Mapping[str, str] | None = None, connect: bool = True) -> Litestar:
    """The application of one installation.

    Args:
        owner_urls: the owner's URL of each database, where they are others than the configuration's.
        connect: open the databases when the application starts; without, the caller has called `connections.use`.
    """
    if owner_urls is not None:
        others = {name: url for name, url in owner_urls.items() if name != MAIN_DATABASE}
        config = replace(config, database_url=owner_urls[MAIN_DATABASE], databases=others)
    return Litestar(
        [
            get_health,
            stream_events,
            create_auth_router(),
            create_sign_up_router(),
            take_stripe_event,
            hand_in_router,
            _with_session(account_router, billing_router, deletion_router, invoice_router, seats_router, usage_router),
            _with_session(sync_router, quarantine_router, webhook_router, imports_router, exports_router),
            _with_session(create_crm_router(), provide=provide_any_session),
        ],
        lifespan=[_connected(config)] if connect else [],
        state=State({"config": config}),
        middleware=[authentication],
        before_send=[tell_allowance],
        exception_handlers={
            AppError: _render_app_error,
            msgspec.DecodeError: _render_undecodable,
            UnicodeDecodeError: _render_unreadable,
            RecursionError: _render_unreadable,
            HTTPException: _render_http_error,
            asyncpg.LockNotAvailableError: _render_busy,
            asyncpg.QueryCanceledError: _render_busy,
            asyncpg.DeadlockDetectedError: _render_busy,
            asyncpg.DiskFullError: _render_full,
            Exception: _render_bug,
        },
        request_max_body_size=BODY_BYTES_MAX,
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=COMPRESSED_BYTES_MIN,
            gzip_compress_level=COMPRESSION_LEVEL,
            exclude="^/(sync|exports|attachments/[^/]+/(content|thumbnail))",  # compressed already, and streamed
        ),
        openapi_config=openapi_config(),
        logging_config=None,
    )


@asynccontextmanager
async def _connected(config: Config) -> AsyncIterator[None]:
    databases = await Databases.connect(app_urls(config))
    connections.use(databases)
    storage.use(config.state_dir, config.storage_url)
    billing_setup.use(config)
    try:
        yield
    finally:
        await hub.close()
        await billing_setup.close()
        connections.use(None)
        await databases.close()


def _with_session(*routers: Router, provide: Callable[..., Session] = provide_session) -> Router:
    """Routes that need to know who is asking; `provide_any_session` lets API keys in."""
    session = Provide(provide, sync_to_thread=False)
    return Router("/", route_handlers=routers, dependencies={"session": session}, security=[{BEARER: []}])


@get("/health", exclude_from_auth=True, tags=["health"], operation_id="getHealth")
async def get_health() -> dict[str, str]:
    """Say that the process answers; it asks no database."""
    return {"status": "ok"}


def _render(problem: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response[dict[str, Any]]:
    return Response(dict(problem), status_code=problem["status"], media_type=PROBLEM_TYPE, headers=dict(headers or {}))


def _render_app_error(_: Request[Any, Any, Any], error: AppError) -> Response[dict[str, Any]]:
    headers = {}
    if isinstance(error, Busy | TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _render(error.problem(), headers)


def _render_undecodable(request: Request[Any, Any, Any], error: msgspec.DecodeError) -> Response[dict[str, Any]]:
    return _render_app_error(request, InvalidInput([explain_validation(str(error))]))


def _render_unreadable(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """A body that Litestar decoded and took for a failure of its own: no UTF-8, or without end; or a bug of ours."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not trace.tb_frame.f_globals["__name__"].startswith("litestar.serialization"):
        return _render_bug(request, error)
    return _render_app_error(request, InvalidInput([FieldError("body", "Send JSON in UTF-8, not nested without end.")]))


def _render_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Litestar's own errors: routing, sizes, and parameters that do not fit."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _render_bug(request, error)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _render_app_error(request, NotFound())
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _render_app_error(request, TooLarge("The body is larger than is taken here. Send less at once."))
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        problems = [
            explain_validation(e.get("message", ""), e.get("key", "body")) for e in error.extra if isinstance(e, dict)
        ]
        return _render_app_error(request, InvalidInput(problems))
    status = HTTPStatus(error.status_code)
    return _render(write_problem(status, status.name.lower(), error.detail), error.headers)


def _render_busy(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    return _render_app_error(request, Busy())


def _render_full(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    _log.error("%s %s failed: the database's disk is full", request.method, request.url.path, exc_info=error)
    return _render_app_error(request, DatabaseFull())


def _render_bug(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """Say nothing of the inside; the log has it all."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "Something went wrong on our side. Try again; if it stays, tell your operator."
    return _render(write_problem(500, "internal", detail))
