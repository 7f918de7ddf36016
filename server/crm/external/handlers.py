"""Routes of external ids."""

from uuid import UUID

from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from server.auth.session import Session
from server.crm.external import service
from server.crm.external.messages import ExternalId, ExternalIdPage
from server.crm.rights import Viewer
from server.db import tenant_transaction, tenant_write


def _viewer(session: Session) -> Viewer:
    return Viewer(session.member_id, session.access, session.entitled)


@get("/")
async def list_external_ids(
    session: NamedDependency[Session],
    entity: FromQuery[str],
    system: FromQuery[str | None] = None,
    value: FromQuery[str | None] = None,
    row_id: FromQuery[UUID | None] = None,
) -> ExternalIdPage:
    """Find a record by the id of another system, or the external ids of a record."""
    async with tenant_transaction(session.tenant):
        items = await service.list_external_ids(
            entity, system=system, value=value, row_id=row_id, viewer=_viewer(session)
        )
    return ExternalIdPage(items)


@put("/")
async def set_external_id(data: JSONBody[ExternalId], session: NamedDependency[Session]) -> ExternalId:
    """Know a record under the id of another system."""
    async with tenant_write(session.tenant, by=session.actor):
        await service.set_external_id(data, viewer=_viewer(session))
    return data


@delete("/")
async def remove_external_id(
    session: NamedDependency[Session], system: FromQuery[str], entity: FromQuery[str], value: FromQuery[str]
) -> None:
    """Forget the id of another system."""
    async with tenant_write(session.tenant, by=session.actor):
        await service.remove_external_id(system, entity, value, viewer=_viewer(session))


external_router = Router(
    path="/external-ids",
    route_handlers=[list_external_ids, set_external_id, remove_external_id],
    tags=["external-ids"],
)
