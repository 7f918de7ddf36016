"""Routes of the CRM: the same five for each resource, and the acts on orders.

Bodies are decoded here, and strictly: Litestar would take "5" for 5.
"""

from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParams, RawBody

from server.auth.session import Session
from server.crm import service
from server.crm.listing import read_listing
from server.crm.models import show
from server.crm.openapi import describe, describe_act
from server.crm.order import submission
from server.crm.order.messages import CancellationRequest, SubmissionReply, SubmissionRequest
from server.crm.resource import Resource
from server.crm.resources import ORDERS, RESOURCES
from server.crm.rights import READ_ONLY, Viewer, require_reader, require_writer
from server.db import tenant_transaction, tenant_write
from server.errors import FieldError, InvalidInput

T = TypeVar("T")


def _viewer(session: Session) -> Viewer:
    return Viewer(session.member_id, session.role)


def _read(body: bytes, wanted: type[T]) -> T:
    """Decode a body, strictly. What msgspec finds wrong with it is rendered by the app.

    Raises:
        InvalidInput: it is no UTF-8, or nested too deep.
    """
    try:
        return msgspec.json.decode(body, type=wanted)
    except UnicodeDecodeError:
        raise InvalidInput([FieldError("body", "Send JSON in UTF-8.")]) from None
    except RecursionError:
        raise InvalidInput([FieldError("body", "Send JSON that is nested less deep.")]) from None


def _list(resource: Resource) -> HTTPRouteHandler:
    @get("/", **describe(resource, "list"))
    async def list_rows(query: QueryParams, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_reader(viewer)
        listing = read_listing(resource.entity, query.multi_items())
        async with tenant_transaction(session.tenant):
            rows, following = await service.list_rows(resource, listing, viewer)
        items = [show(resource.models, row) for row in rows]
        return Response(resource.models.page(items=items, next=following))

    return list_rows


def _get(resource: Resource) -> HTTPRouteHandler:
    @get("/{row_id:uuid}", **describe(resource, "get"))
    async def get_row(row_id: FromPath[UUID], session: NamedDependency[Session]) -> Response[Any]:
        async with tenant_transaction(session.tenant):
            row = await service.get_row(resource, row_id, _viewer(session))
        return Response(show(resource.models, row))

    return get_row


def _create(resource: Resource) -> HTTPRouteHandler:
    @post("/", **describe(resource, "create"))
    async def create_row(body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_writer(viewer, resource.entity)
        data = _read(body, resource.models.create)
        async with tenant_write(session.tenant, by=session.actor) as revision:
            row = await service.create_row(resource, data, viewer=viewer, revision=revision)
        return Response(show(resource.models, row), headers={"Location": f"{resource.path}/{row['id']}"})

    return create_row


def _change(resource: Resource) -> HTTPRouteHandler:
    @patch("/{row_id:uuid}", **describe(resource, "change"))
    async def change_row(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_writer(viewer, resource.entity)
        data = _read(body, resource.models.patch)
        async with tenant_write(session.tenant, by=session.actor) as revision:
            row = await service.change_row(resource, row_id, data, viewer=viewer, revision=revision)
        return Response(show(resource.models, row))

    return change_row


def _delete(resource: Resource) -> HTTPRouteHandler:
    @delete("/{row_id:uuid}", **describe(resource, "delete"))
    async def delete_row(row_id: FromPath[UUID], session: NamedDependency[Session]) -> None:
        async with tenant_write(session.tenant, by=session.actor) as revision:
            await service.delete_row(resource, row_id, viewer=_viewer(session), revision=revision)

    return delete_row


@post("/{row_id:uuid}/submission", **describe_act("submission", SubmissionRequest, SubmissionReply))
async def submit_order(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
    """Submit an order: prices, discounts and stock decide what becomes of each line."""
    data = _read(body or b"{}", SubmissionRequest)
    async with tenant_write(session.tenant, by=session.actor) as revision:
        submitted = await submission.submit_order(
            row_id, seen_total_minor=data.seen_total_minor, viewer=_viewer(session), revision=revision
        )
    return Response(SubmissionReply.of(submitted))


@post("/{row_id:uuid}/cancellation", **describe_act("cancellation", CancellationRequest, ORDERS.models.view))
async def cancel_order(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
    """Cancel an order that is not shipped; what it had reserved is free again."""
    _read(body or b"{}", CancellationRequest)
    async with tenant_write(session.tenant, by=session.actor):
        row = await submission.cancel_order(row_id, viewer=_viewer(session))
    return Response(show(ORDERS.models, row))


def _router(resource: Resource) -> Router:
    handlers = [_list(resource), _get(resource)]
    if resource.entity.name not in READ_ONLY:
        handlers += [_create(resource), _change(resource), _delete(resource)]
    if resource is ORDERS:
        handlers += [submit_order, cancel_order]
    return Router(path=resource.path, route_handlers=handlers, tags=[resource.path.removeprefix("/")])


def create_crm_router() -> Router:
    """All routes of this package; the app injects `session`."""
    return Router(path="/", route_handlers=[_router(r) for r in RESOURCES])
