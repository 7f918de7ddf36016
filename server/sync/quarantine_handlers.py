"""Routes of quarantine: the one door of a revoked device, and what managers do with what came through it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, Parameter
from outrider_sdk.protocol import PUSH_MUTATIONS_MAX, fill_digests

from server.auth import service as auth
from server.auth.guards import require_all_rights
from server.auth.handlers import limited
from server.auth.limits import OPEN
from server.auth.session import Session
from server.auth.tokens import TokenInvalid
from server.db import platform_transaction, tenant_transaction
from server.errors import FieldError, InvalidInput
from server.sync import quarantine, quarantine_commands, wire
from server.sync.handlers import MutationBody, as_sent
from server.sync.numbers import chain
from server.sync.quarantine import HandIn, Quarantine

HAND_INS_A_MINUTE = 60
PAGE = 200


class HandInBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a revoked device hands in (docs/sync-protocol.md §14)."""

    protocol: int
    device_id: UUID
    proof: Annotated[str, msgspec.Meta(max_length=64)]
    incarnation: Annotated[int, msgspec.Meta(ge=1)]
    complete: bool
    mutations: Annotated[list[MutationBody], msgspec.Meta(max_length=PUSH_MUTATIONS_MAX)]


class HandInReply(msgspec.Struct, frozen=True):
    """Up to which number the server has decided on the device's work, or keeps it."""

    quarantined_through: int
    missing: list[int]
    """Of these, numbers that wait for others' rows since a restore, and whose content it lacks; 2,000 at most."""
    closed: bool
    """Whether all was handed in. But for what is missing no more is taken, until the member is active again."""


class QuarantineView(msgspec.Struct, frozen=True):
    """The work of a revoked device, as those see it who decide on it."""

    id: UUID
    device_id: UUID
    device_name: str
    member_id: UUID
    state: str
    """waiting, released or discarded."""
    complete: bool
    mutations: int
    changes: dict[str, int]
    """How many changes of each kind wait for a decision; in the view of one."""
    handed_in_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    parked: int
    """How many of the mutations wait for what other devices hand in again, after a restore; released, they are taken
    by themselves when it has come."""

    @classmethod
    def of(cls, found: Quarantine) -> "QuarantineView":
        """The view of one."""
        return cls(
            found.id, found.device_id, found.device_name, found.member_id, found.state, found.complete,
            found.mutations, dict(found.changes), found.handed_in_at, found.decided_by, found.decided_at,
            found.parked,
        )  # fmt: skip


class QuarantinedMutations(msgspec.Struct, frozen=True):
    """Mutations as they were handed in, at most 200; the next ones come `after` the last number."""

    items: list[dict[str, Any]]


class DecisionReply(msgspec.Struct, frozen=True):
    """What became of the mutations: how many were applied, merged, refused; and how many still wait (`parked`)."""

    applied: int
    merged: int
    refused: int
    parked: int


@post("/t/{slug:str}/devices/quarantine", status_code=200)
async def hand_in(slug: FromPath[str], request: Request[Any, Any, State]) -> HandInReply:
    """Hand in, once, what a revoked device holds; a manager looks at it.

    401 `token_invalid`: the proof is not the device's. 409 `not_revoked`, `quarantine_closed`.
    """
    body = await wire.read(request, HandInBody)
    wire.check_version(body.protocol)
    mutations = [as_sent(m) for m in body.mutations]
    try:
        fill_digests(mutations, chain)
    except ValueError as error:
        raise InvalidInput([FieldError("mutations", str(error))]) from None
    async with platform_transaction():
        tenant = await auth.find_tenant(slug)
    if tenant is None:
        raise TokenInvalid
    async with tenant_transaction(tenant):
        handed = await quarantine.hand_in(
            HandIn(body.device_id, body.proof, body.incarnation, mutations, body.complete)
        )
    return HandInReply(handed.through, handed.missing, handed.closed)


@get("/", operation_id="listQuarantines")
async def list_quarantines(session: NamedDependency[Session]) -> list[QuarantineView]:
    """List what revoked devices have handed in: those of people whom you look after, and your own."""
    async with tenant_transaction(session.tenant):
        found = await quarantine.list_quarantines(by=session.member_id, role=session.role)
    return [QuarantineView.of(each) for each in found]


@get("/{quarantine_id:uuid}", operation_id="getQuarantine")
async def get_quarantine(quarantine_id: FromPath[UUID], session: NamedDependency[Session]) -> QuarantineView:
    """Show what a revoked device has handed in: how many changes of each kind."""
    async with tenant_transaction(session.tenant):
        found = await quarantine.get_quarantine(quarantine_id, by=session.member_id, role=session.role)
    return QuarantineView.of(found)


@get("/{quarantine_id:uuid}/mutations", operation_id="listQuarantinedMutations")
async def list_mutations(
    quarantine_id: FromPath[UUID],
    session: NamedDependency[Session],
    after: FromQuery[Annotated[int, Parameter(ge=0, le=2**53)]] = 0,
) -> QuarantinedMutations:
    """Read it as it was handed in, for admins and owners: it may be about what others do not see."""
    async with tenant_transaction(session.tenant):
        await quarantine.get_quarantine(quarantine_id, by=session.member_id, role=session.role)
        require_all_rights(session)
        return QuarantinedMutations(await quarantine.list_mutations(quarantine_id, after, PAGE))


@post("/{quarantine_id:uuid}/release", status_code=200, operation_id="releaseQuarantine", opt=OPEN)
async def release(quarantine_id: FromPath[UUID], session: NamedDependency[Session]) -> DecisionReply:
    """Take the work, under the rights that its author had when it was captured, and in their name."""
    return await _decide(quarantine_id, "released", session)


@post("/{quarantine_id:uuid}/discard", status_code=200, operation_id="discardQuarantine", opt=OPEN)
async def discard(quarantine_id: FromPath[UUID], session: NamedDependency[Session]) -> DecisionReply:
    """Refuse the work; what was handed in stays on record."""
    return await _decide(quarantine_id, "discarded", session)


async def _decide(quarantine_id: UUID, decision: quarantine_commands.Decision, session: Session) -> DecisionReply:
    counts = await quarantine_commands.decide(
        session.tenant,
        quarantine_id,
        decision,
        by=session.member_id,
        role=session.role,
        unpaid=not session.entitlement.may_write,
    )
    return DecisionReply(**{name: counts.get(name, 0) for name in ("applied", "merged", "refused", "parked")})


hand_in_router = limited(hand_in, HAND_INS_A_MINUTE)
quarantine_router = Router(
    "/quarantines",
    route_handlers=[list_quarantines, get_quarantine, list_mutations, release, discard],
    tags=["devices"],
)
