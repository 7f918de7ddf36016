"""Routes of merging."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, RawBody

from server.auth.session import Session
from server.crm.bodies import read_body
from server.crm.idempotency import Reply
from server.crm.merge import service
from server.crm.merge.messages import MergeRequest, UndoReply, UndoRequest
from server.crm.merge.undo import undo_merge
from server.crm.models import show
from server.crm.openapi import describe_act
from server.crm.replies import AnyRequest, reply_json, reply_row, write_once
from server.crm.resources import MERGES
from server.crm.rights import Viewer
from server.db import Revision


@post("/", **describe_act("Merge", MergeRequest, MERGES.models.view, body_required=True))
async def create_merge(body: RawBody, request: AnyRequest, session: NamedDependency[Session]) -> Response[Any]:
    """Merge two accounts, or two contacts, into one; old ids go on working, and it can be undone."""
    data, viewer = read_body(body, MergeRequest), Viewer(session.member_id, session.access, session.entitled)

    async def act(revision: Revision) -> Reply:
        merge = await service.merge_rows(
            data.entity, data.winner_id, data.loser_id, data.values, viewer=viewer, revision=revision
        )
        headers = {"Location": f"{MERGES.path}/{merge['id']}"}
        return reply_row(show(MERGES.models, merge), merge["revision"], status=201, headers=headers)

    return await write_once(request, body, session, act)


@post("/{row_id:uuid}/undo", **describe_act("MergeUndo", UndoRequest, UndoReply))
async def undo(
    row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Undo a merge, and say what stays because it was changed since."""
    read_body(body or b"{}", UndoRequest)
    viewer = Viewer(session.member_id, session.access, session.entitled)

    async def act(revision: Revision) -> Reply:
        merge, stayed = await undo_merge(row_id, viewer=viewer, revision=revision)
        return reply_json(UndoReply.of(merge, stayed), status=201)

    return await write_once(request, body, session, act)


MERGE_HANDLERS: Final[list[HTTPRouteHandler]] = [create_merge, undo]
