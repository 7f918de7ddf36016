"""Routes of the CRM: the same five for each resource, and the acts on orders."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParams, RawBody

from server.auth.session import Session
from server.crm import service
from server.crm.bodies import read_body
from server.crm.conflict import settlement
from server.crm.conflict.messages import SettlementRequest
from server.crm.conflict.settlement import CONFLICTS
from server.crm.duplicate.handlers import duplicates_router, link_to
from server.crm.duplicate.service import note_duplicates
from server.crm.external.handlers import external_router
from server.crm.listing import read_listing
from server.crm.member.handlers import hand_over_member
from server.crm.merge.handlers import MERGE_HANDLERS
from server.crm.models import Models, Row, show
from server.crm.openapi import describe, describe_act
from server.crm.order import submission
from server.crm.order.messages import CancellationRequest, SubmissionReply, SubmissionRequest
from server.crm.resource import Resource
from server.crm.resources import MEMBERS, MERGES, ORDERS, RESOURCES, RETURNS
from server.crm.returns import service as returns
from server.crm.rights import Viewer, require_reader, require_writer
from server.db import tenant_transaction, tenant_write


def _viewer(session: Session) -> Viewer:
    return Viewer(session.member_id, session.access)


def _models(resource: Resource, viewer: Viewer) -> Models:
    return resource.models_without(viewer.hidden(resource.entity))


def _shown(resource: Resource, row: Row, viewer: Viewer) -> Any:
    return show(_models(resource, viewer), row)


def _list(resource: Resource) -> HTTPRouteHandler:
    @get("/", **describe(resource, "list"))
    async def list_rows(query: QueryParams, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_reader(viewer, resource.entity)
        hidden = viewer.hidden(resource.entity)
        listing = read_listing(resource.entity, query.multi_items(), hidden=hidden)
        async with tenant_transaction(session.tenant):
            rows, following = await service.list_rows(resource, listing, viewer)
        items = [_shown(resource, row, viewer) for row in rows]
        return Response(_models(resource, viewer).page(items=items, next=following))

    return list_rows


def _get(resource: Resource) -> HTTPRouteHandler:
    @get("/{row_id:uuid}", **describe(resource, "get"))
    async def get_row(row_id: FromPath[UUID], session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        async with tenant_transaction(session.tenant):
            row = await service.get_row(resource, row_id, viewer)
        # An old id is answered with the row that it was merged into (ADR 0015).
        moved = {"Content-Location": f"{resource.path}/{row['id']}"} if row["id"] != row_id else None
        return Response(_shown(resource, row, viewer), headers=moved)

    return get_row


def _create(resource: Resource) -> HTTPRouteHandler:
    @post("/", **describe(resource, "create"))
    async def create_row(body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_writer(viewer, resource.entity, "create")
        data = read_body(body, _models(resource, viewer).create)
        async with tenant_write(session.tenant, by=session.actor) as revision:
            row = await service.create_row(resource, data, viewer=viewer, revision=revision)
            duplicates = await note_duplicates(resource.entity.name, row["id"], viewer)
        headers = {"Location": f"{resource.path}/{row['id']}"} | link_to(duplicates)
        return Response(_shown(resource, row, viewer), headers=headers)

    return create_row


def _change(resource: Resource) -> HTTPRouteHandler:
    @patch("/{row_id:uuid}", **describe(resource, "change"))
    async def change_row(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_writer(viewer, resource.entity, "edit")
        data = read_body(body, _models(resource, viewer).patch)
        async with tenant_write(session.tenant, by=session.actor) as revision:
            row = await service.change_row(resource, row_id, data, viewer=viewer, revision=revision)
        return Response(_shown(resource, row, viewer))

    return change_row


def _delete(resource: Resource) -> HTTPRouteHandler:
    @delete("/{row_id:uuid}", **describe(resource, "delete"))
    async def delete_row(row_id: FromPath[UUID], session: NamedDependency[Session]) -> None:
        async with tenant_write(session.tenant, by=session.actor) as revision:
            await service.delete_row(resource, row_id, viewer=_viewer(session), revision=revision)

    return delete_row


@post("/{row_id:uuid}/submission", **describe_act("OrderSubmission", SubmissionRequest, SubmissionReply))
async def submit_order(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
    """Submit an order: prices, discounts and stock decide what becomes of each line."""
    data = read_body(body or b"{}", SubmissionRequest)
    async with tenant_write(session.tenant, by=session.actor) as revision:
        viewer = _viewer(session)
        submitted = await submission.submit_order(
            row_id, seen_total_minor=data.seen_total_minor, viewer=viewer, revision=revision
        )
    return Response(SubmissionReply.of(submitted, order=_shown(ORDERS, submitted.order, viewer)))


@post("/{row_id:uuid}/cancellation", **describe_act("OrderCancellation", CancellationRequest, ORDERS.models.view))
async def cancel_order(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
    """Cancel an order that is not shipped; what it had reserved is free again."""
    read_body(body or b"{}", CancellationRequest)
    viewer = _viewer(session)
    async with tenant_write(session.tenant, by=session.actor):
        row = await submission.cancel_order(row_id, viewer=viewer)
    return Response(_shown(ORDERS, row, viewer))


_SETTLEMENT: Final = describe_act("ConflictSettlement", SettlementRequest, CONFLICTS.models.view, body_required=True)


@post("/{row_id:uuid}/settlement", **_SETTLEMENT)
async def settle_conflict(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
    """Settle a conflict: keep what stands, take the value that was not kept, or delete the row."""
    data = read_body(body, SettlementRequest)
    viewer = _viewer(session)
    async with tenant_write(session.tenant, by=session.actor) as revision:
        row = await settlement.settle_conflict(
            row_id, choice=data.choice, seen=data.seen, viewer=viewer, revision=revision
        )
    return Response(_shown(CONFLICTS, row, viewer))


@post("/{row_id:uuid}/submission", **describe_act("ReturnOrderSubmission", CancellationRequest, RETURNS.models.view))
async def submit_return(row_id: FromPath[UUID], body: RawBody, session: NamedDependency[Session]) -> Response[Any]:
    """Hand a return in; the office decides on it."""
    read_body(body or b"{}", CancellationRequest)
    viewer = _viewer(session)
    async with tenant_write(session.tenant, by=session.actor) as revision:
        row = await returns.submit_return(RETURNS, row_id, viewer=viewer, revision=revision)
    return Response(_shown(RETURNS, row, viewer))


_ACTS: Final[dict[str, list[HTTPRouteHandler]]] = {
    ORDERS.entity.name: [submit_order, cancel_order],
    CONFLICTS.entity.name: [settle_conflict],
    RETURNS.entity.name: [submit_return],
    MEMBERS.entity.name: [hand_over_member],
    MERGES.entity.name: MERGE_HANDLERS,
}


def _router(resource: Resource) -> Router:
    handlers = [_list(resource), _get(resource)]
    makers = {"create": _create, "change": _change, "delete": _delete}
    handlers += [make(resource) for act, make in makers.items() if act in resource.acts]
    handlers += _ACTS.get(resource.entity.name, [])
    return Router(path=resource.path, route_handlers=handlers, tags=[resource.path.removeprefix("/")])


def create_crm_router() -> Router:
    """All routes of this package; the app injects `session`."""
    return Router(path="/", route_handlers=[*(_router(r) for r in RESOURCES), duplicates_router, external_router])
