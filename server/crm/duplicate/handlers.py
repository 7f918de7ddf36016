"""Routes of duplicates."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, QueryParams, RawBody
from outrider_sdk.protocol.entities import ENTITIES, MERGED_ENTITIES

from server.auth.session import Session
from server.crm.bodies import read_body
from server.crm.checks import refuse
from server.crm.duplicate import service
from server.crm.duplicate.jobs import enqueue_sweep
from server.crm.duplicate.messages import DismissalRequest, DuplicatesReply, SweepReply, SweepRequest
from server.crm.duplicate.search import Duplicate
from server.crm.idempotency import Reply
from server.crm.openapi import describe_act, describe_query
from server.crm.replies import AnyRequest, reply_json, write_once
from server.crm.rights import Viewer
from server.db import Revision, tenant_transaction
from server.errors import Forbidden

STATUSES: Final = ("open", "dismissed", "merged")
_PATHS: Final = {"account": "/accounts", "contact": "/contacts"}
_QUERY: Final = (
    Parameter(name="status", param_in="query", schema=Schema(type=OpenAPIType.STRING, enum=list(STATUSES))),
    Parameter(name="row_id", param_in="query", schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID)),
)


def link_to(duplicates: Sequence[Duplicate]) -> dict[str, str]:
    """The header that names rows which may be the same as a new one (RFC 8288), and by what."""
    links = [
        f'<{_PATHS[d.entity]}/{d.other_id}>; rel="duplicate"; title="{" ".join([*d.kinds, *["deleted"] * d.deleted])}"'
        for d in duplicates
    ]
    return {"Link": ", ".join(links)} if links else {}


@get("/", **describe_query("Duplicates", DuplicatesReply, _QUERY))
async def list_cases(query: QueryParams, session: NamedDependency[Session]) -> Response[Any]:
    """Pairs of rows that may be the same, of those that you see both of."""
    given = dict(query.multi_items())
    unknown = given.keys() - {"status", "row_id"}
    if unknown:
        raise refuse(min(unknown), "There is no such parameter: use status and row_id.")
    status, row_id = given.get("status", "open"), given.get("row_id")
    if status not in STATUSES:
        raise refuse("status", f"Use one of {', '.join(STATUSES)}.")
    async with tenant_transaction(session.tenant):
        viewer = Viewer(session.member_id, session.access, session.entitled)
        cases = await service.list_cases(viewer, status=status, row_id=_read_id(row_id))
    return Response(DuplicatesReply.of(cases))


def _read_id(text: Any) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise refuse("row_id", "Use the id of a row.") from None


@post("/{case_id:uuid}/dismissal", status_code=204, **describe_act("DuplicateDismissal", DismissalRequest, None))
async def dismiss(
    case_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[None]:
    """Say that the two are different: they are not asked about again."""
    read_body(body or b"{}", DismissalRequest)
    viewer = Viewer(session.member_id, session.access, session.entitled)

    async def act(revision: Revision) -> Reply:
        await service.dismiss_case(case_id, viewer=viewer, revision=revision)
        return Reply(204, None, {})

    return await write_once(request, body, session, act)


@post("/sweeps", **describe_act("DuplicateSweep", SweepRequest, SweepReply))
async def sweep(body: RawBody, request: AnyRequest, session: NamedDependency[Session]) -> Response[Any]:
    """Compare all accounts and contacts, as a job."""
    read_body(body or b"{}", SweepRequest)
    viewer = Viewer(session.member_id, session.access, session.entitled)
    if not all(viewer.reads_all(ENTITIES[name]) for name in MERGED_ENTITIES):
        raise Forbidden("Only an admin may have all rows compared.")

    async def act(_: Revision) -> Reply:
        await enqueue_sweep()
        return reply_json(SweepReply(), status=201)

    return await write_once(request, body, session, act)


duplicates_router = Router("/duplicates", route_handlers=[list_cases, dismiss, sweep], tags=["duplicates"])
