"""Acts on members: the handover of all that one works to another."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from server.auth.session import Session
from server.crm import service
from server.crm.bodies import read_body
from server.crm.checks import refuse
from server.crm.idempotency import Reply
from server.crm.member.service import hand_over
from server.crm.openapi import describe_act
from server.crm.replies import AnyRequest, reply_json, write_once
from server.crm.resources import MEMBERS
from server.crm.rights import Viewer
from server.db import Revision


class HandoverRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Who takes over."""

    successor_id: UUID


class HandoverReply(msgspec.Struct):
    """What changed hands."""

    assignments: int
    territories: int
    drafts: int


@post("/{row_id:uuid}/handover", **describe_act("MemberHandover", HandoverRequest, HandoverReply))
async def hand_over_member(
    row_id: FromPath[UUID], body: RawBody, request: AnyRequest, session: NamedDependency[Session]
) -> Response[Any]:
    """Hand over all that a member works, from now on, to another: outlets, territories and drafts of orders."""
    data = read_body(body, HandoverRequest)
    viewer = Viewer(session.member_id, session.access, session.entitled)

    async def act(revision: Revision) -> Reply:
        await service.get_row_to(MEMBERS, "edit", row_id, viewer)
        successor = await service.find_row(MEMBERS, data.successor_id, viewer)
        if successor is None or not successor["active"] or data.successor_id == row_id:
            raise refuse("successor_id", "Name an active member, and another than this one.")
        return reply_json(HandoverReply(**await hand_over(row_id, data.successor_id)), status=201)

    return await write_once(request, body, session, act)
