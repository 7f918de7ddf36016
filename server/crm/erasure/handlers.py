"""The routes that erase a person."""

from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.auth.limits import OPEN
from server.auth.session import Session
from server.crm.erasure import commands
from server.crm.erasure.messages import ErasureReply
from server.crm.openapi import describe_erasure


@post("/{row_id:uuid}/erasure", opt=OPEN, **describe_erasure("Contact"))
async def erase_contact(row_id: FromPath[UUID], session: NamedDependency[Session]) -> ErasureReply:
    """Erase a contact for good, on every device as well. For admins and owners."""
    return await _erase("contact", row_id, session)


@post("/{row_id:uuid}/erasure", opt=OPEN, **describe_erasure("Member"))
async def erase_member(row_id: FromPath[UUID], session: NamedDependency[Session]) -> ErasureReply:
    """Erase a member who has left, and their log-in. For admins and owners."""
    return await _erase("member", row_id, session)


async def _erase(entity: str, row_id: UUID, session: Session) -> ErasureReply:
    commands.require_eraser(session.access)
    rows, at = await commands.erase_person(session.tenant, entity, row_id, by=session.actor)
    return ErasureReply(row_id, rows, at)
