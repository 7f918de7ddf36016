"""Routes of the CRM: the same for each resource, and the acts on orders and conflicts.

Bodies are decoded here, and strictly: Litestar would take "5" for 5.
"""

from typing import Any, Final
from uuid import UUID

from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParams, RawBody

from server.auth import seats
from server.auth.limits import OPEN
from server.auth.session import Session
from server.crm import service
from server.crm.attachment.handlers import CONTENT_HANDLERS
from server.crm.audit.handlers import audit_router, history_route
from server.crm.bodies import read_body
from server.crm.bulk import BulkRequest, Result, read_results, reply_to, run_bulk
from server.crm.conflict import settlement
from server.crm.conflict.messages import SettlementRequest
from server.crm.conflict.settlement import CONFLICTS
from server.crm.duplicate.handlers import duplicates_router, link_to
from server.crm.duplicate.service import note_duplicates
from server.crm.erasure.handlers import erase_contact, erase_member
from server.crm.expand import present, read_shape, refuse_query
from server.crm.external.handlers import external_router
from server.crm.idempotency import Reply
from server.crm.listing import read_listing
from server.crm.master.service import name_requests
from server.crm.member.handlers import hand_over_member
from server.crm.merge.handlers import MERGE_HANDLERS
from server.crm.models import Models, Row, show
from server.crm.openapi import describe, describe_act
from server.crm.order import submission
from server.crm.order.messages import CancellationRequest, SubmissionReply, SubmissionRequest
from server.crm.replies import (
    AnyRequest,
    render,
    render_read,
    reply_json,
    reply_row,
    seen_tags,
    write_once,
    write_parts,
)
from server.crm.resource import Resource
from server.crm.resources import MEMBERS, MERGES, ORDERS, RESOURCES, RETURNS
from server.crm.returns import service as returns
from server.crm.rights import Viewer, require_reader, require_writer
from server.db import Revision, tenant_transaction
from server.errors import Busy


def _viewer(session: Session) -> Viewer:
    return Viewer(session.member_id, session.access, session.entitled)


def _models(resource: Resource, viewer: Viewer) -> Models:
    return resource.models_without(viewer.hidden(resource.entity))


def _shown(resource: Resource, row: Row, viewer: Viewer) -> Any:
    return show(_models(resource, viewer), row)


def _list(resource: Resource) -> HTTPRouteHandler:
    @get("/", **describe(resource, "list"))
    async def list_rows(query: QueryParams, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_reader(viewer, resource.entity)
        shape, rest = read_shape(resource.entity.name, query.multi_items(), viewer)
        listing = read_listing(resource.entity, rest, hidden=viewer.hidden(resource.entity))
        async with tenant_transaction(session.tenant):
            rows, following = await service.list_rows(resource, listing, viewer)
            items = await present(shape, rows, viewer)
        return render(reply_json({"items": items, "next": following}))

    return list_rows


def _get(resource: Resource) -> HTTPRouteHandler:
    @get("/{row_id:uuid}", **describe(resource, "get"))
    async def get_row(
        row_id: FromPath[UUID], query: QueryParams, request: AnyRequest, session: NamedDependency[Session]
    ) -> Response[Any]:
        viewer = _viewer(session)
        require_reader(viewer, resource.entity)
        shape, rest = read_shape(resource.entity.name, query.multi_items(), viewer)
        refuse_query(rest)
        async with tenant_transaction(session.tenant):
            row = await service.get_row(resource, row_id, viewer)
            [shown] = await present(shape, [row], viewer)
        # An old id is answered with the row that it was merged into (ADR 0015).
        moved = {"Content-Location": f"{resource.path}/{row['id']}"} if row["id"] != row_id else {}
        return render_read(request, reply_row(shown, row["revision"], headers=moved))

    return get_row


def _create(resource: Resource) -> HTTPRouteHandler:
    @post("/", **describe(resource, "create"))
    async def create_row(body: RawBody, request: AnyRequest, session: NamedDependency[Session]) -> Response[Any]:
        viewer = _viewer(session)
        require_writer(viewer, resource.entity, "create")
        data = read_body(body, _models(resource, viewer).create)

        async def act(revision: Revision) -> Reply:
            row = await service.create_row(resource, data, viewer=viewer, revision=revision)
            duplicates = await note_duplicates(resource.entity.name, row["id"], viewer)
            headers = {"Location": f"{resource.path}/{row['id']}"} | link_to(duplicates)
            return reply_row(_shown(resource, row, viewer), row["revision"], status=201, headers=headers)

        return await write_once(request, body, session, act)

    return create_row


def _change(resource: Resource) -> HTTPRouteHandler:
    # A leaver is locked out whatever is paid; the members' own rule sees to the rest.
    opt = OPEN if resource is MEMBERS else None

    @patch("/{row_id:uuid}", opt=opt, **describe(resource, "change"))
    async def change_row(
        row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
    ) -> Response[Any]:
        viewer, seen = _viewer(session), seen_tags(request)
        require_writer(viewer, resource.entity, "edit")
        data = read_body(body, _models(resource, viewer).patch)

        async def act(revision: Revision) -> Reply:
            row = await service.change_row(resource, row_id, data, viewer=viewer, revision=revision, seen=seen)
            headers = await name_requests(resource.entity.name, row["id"], revision)
            return reply_row(_shown(resource, row, viewer), row["revision"], headers=headers)

        reply = await write_once(request, body, session, act)
        if resource is MEMBERS:
            await seats.follow_members(session.entitled)
        return reply

    return change_row


def _delete(resource: Resource) -> HTTPRouteHandler:
    @delete("/{row_id:uuid}", **describe(resource, "delete"))
    async def delete_row(
        row_id: FromPath[UUID], request: AnyRequest, session: NamedDependency[Session]
    ) -> Response[None]:
        viewer, seen = _viewer(session), seen_tags(request)

        async def act(revision: Revision) -> Reply:
            await service.delete_row(resource, row_id, viewer=viewer, revision=revision, seen=seen)
            return Reply(204, None, {})

        return await write_once(request, b"", session, act)

    return delete_row


def _bulk(resource: Resource) -> HTTPRouteHandler:
    @post("/bulk", **describe(resource, "bulk"))
    async def bulk_rows(body: RawBody, request: AnyRequest, session: NamedDependency[Session]) -> Response[Any]:
        viewer, bulk = _viewer(session), read_body(body, BulkRequest)
        done: list[Result] = []

        async def act(revision: Revision, begun: Reply | None) -> Reply:
            nonlocal done
            done = read_results(begun.body) if begun else []
            done = await run_bulk(resource, bulk, done=done, viewer=viewer, revision=revision)
            return reply_json(reply_to(bulk, done), unfinished=len(done) < len(bulk.operations))

        try:
            return await write_parts(request, body, session, act)
        except Busy as error:
            if not done:
                raise
            return render(reply_json(reply_to(bulk, done, unfinished=error)))

    return bulk_rows


@post("/{row_id:uuid}/submission", **describe_act("OrderSubmission", SubmissionRequest, SubmissionReply))
async def submit_order(
    row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Submit an order: prices, discounts and stock decide what becomes of each line."""
    data, viewer = read_body(body or b"{}", SubmissionRequest), _viewer(session)

    async def act(revision: Revision) -> Reply:
        submitted = await submission.submit_order(
            row_id, seen_total_minor=data.seen_total_minor, viewer=viewer, revision=revision
        )
        return reply_json(SubmissionReply.of(submitted, order=_shown(ORDERS, submitted.order, viewer)), status=201)

    return await write_once(request, body, session, act)


@post("/{row_id:uuid}/cancellation", **describe_act("OrderCancellation", CancellationRequest, ORDERS.models.view))
async def cancel_order(
    row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Cancel an order that is not shipped; what it had reserved is free again."""
    read_body(body or b"{}", CancellationRequest)
    viewer = _viewer(session)

    async def act(revision: Revision) -> Reply:
        row = await submission.cancel_order(row_id, viewer=viewer)
        return reply_row(_shown(ORDERS, row, viewer), row["revision"], status=201)

    return await write_once(request, body, session, act)


_SETTLEMENT: Final = describe_act("ConflictSettlement", SettlementRequest, CONFLICTS.models.view, body_required=True)


@post("/{row_id:uuid}/settlement", **_SETTLEMENT)
async def settle_conflict(
    row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Settle a conflict: keep what stands, take the value that was not kept, or delete the row."""
    data, viewer = read_body(body, SettlementRequest), _viewer(session)

    async def act(revision: Revision) -> Reply:
        row = await settlement.settle_conflict(
            row_id, choice=data.choice, seen=data.seen, viewer=viewer, revision=revision
        )
        return reply_row(_shown(CONFLICTS, row, viewer), row["revision"], status=201)

    return await write_once(request, body, session, act)


@post("/{row_id:uuid}/submission", **describe_act("ReturnOrderSubmission", CancellationRequest, RETURNS.models.view))
async def submit_return(
    row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Hand a return in; the office decides on it."""
    read_body(body or b"{}", CancellationRequest)
    viewer = _viewer(session)

    async def act(revision: Revision) -> Reply:
        row = await returns.submit_return(RETURNS, row_id, viewer=viewer, revision=revision)
        return reply_row(_shown(RETURNS, row, viewer), row["revision"], status=201)

    return await write_once(request, body, session, act)


_ACTS: Final[dict[str, list[HTTPRouteHandler]]] = {
    ORDERS.entity.name: [submit_order, cancel_order],
    CONFLICTS.entity.name: [settle_conflict],
    RETURNS.entity.name: [submit_return],
    MERGES.entity.name: MERGE_HANDLERS,
    MEMBERS.entity.name: [hand_over_member, erase_member],
    "contact": [erase_contact],
    "attachment": CONTENT_HANDLERS,
}


def _router(resource: Resource) -> Router:
    handlers = [_list(resource), _get(resource), history_route(resource)]
    makers = {"create": _create, "change": _change, "delete": _delete}
    handlers += [make(resource) for act, make in makers.items() if act in resource.acts]
    handlers += [_bulk(resource)] if resource.takes_bulk else []
    handlers += _ACTS.get(resource.entity.name, [])
    return Router(path=resource.path, route_handlers=handlers, tags=[resource.path.removeprefix("/")])


def create_crm_router() -> Router:
    """All routes of this package; the app injects `session`."""
    routers = [duplicates_router, external_router, audit_router]
    return Router(path="/", route_handlers=[*(_router(r) for r in RESOURCES), *routers])
