"""Routes of the audit: the history of a row, under the row's address, and the search."""

from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParams

from server.auth.session import Session
from server.crm.audit import service
from server.crm.audit.messages import ChangePage
from server.crm.audit.query import PAGING, SEARCHING, read_query
from server.crm.openapi import describe_audit, describe_history
from server.crm.resource import Resource
from server.crm.rights import Viewer
from server.db import tenant_transaction


def history_route(resource: Resource) -> HTTPRouteHandler:
    """The route of a resource that shows what became of a row."""

    @get("/{row_id:uuid}/history", **describe_history(resource))
    async def get_history(row_id: FromPath[UUID], query: QueryParams, session: NamedDependency[Session]) -> ChangePage:
        asked = read_query(query.multi_items(), PAGING)
        async with tenant_transaction(session.tenant):
            return await service.get_history(resource, row_id, asked, Viewer(session.member_id, session.access))

    return get_history


@get("/audit", **describe_audit())
async def search_audit(query: QueryParams, session: NamedDependency[Session]) -> ChangePage:
    """Search all changes, newest first. For admins and owners."""
    asked = read_query(query.multi_items(), SEARCHING)
    async with tenant_transaction(session.tenant):
        return await service.search_audit(asked, Viewer(session.member_id, session.access))


audit_router = Router("/", route_handlers=[search_audit], tags=["audit"])
