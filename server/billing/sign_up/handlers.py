"""Routes of sign-up, for strangers: nobody is logged in yet."""

from dataclasses import dataclass
from uuid import UUID

from litestar import Router, get, post
from litestar.datastructures import CacheControlHeader, State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from server.auth.handlers import limited
from server.auth.tokens import ACCESS_TOKEN_TTL_S, keys
from server.billing.sign_up import commands, service
from server.billing.sign_up.messages import (
    ConfirmationReply,
    ConfirmationRequest,
    ResendReply,
    ResendRequest,
    SignUpRequest,
    SignUpView,
    SlugView,
)
from server.billing.sign_up.rules import Wish
from server.billing.sign_up.service import SignUpUnknown
from server.db import platform_transaction
from server.tenants.slugs import why_not


@dataclass(frozen=True, slots=True)
class SignUpLimits:
    """Requests a minute from one address, in one process."""

    sign_up: int = 10
    resend: int = 10
    confirm: int = 30
    look: int = 120


@post("/sign-up", status_code=HTTP_202_ACCEPTED, exclude_from_auth=True)
async def sign_up(data: JSONBody[SignUpRequest], state: State) -> SignUpView:
    """Sign up for a workspace: a link is mailed that opens it.

    The reply is the same whether or not the e-mail is known here. 409 `slug_taken`: choose another slug.
    """
    wish = Wish(
        data.email, data.name, data.company, data.slug, data.language, data.country, data.currency, data.timezone
    )
    stored = await commands.sign_up(wish, secret_key=state.config.secret_key)
    return SignUpView.of(stored)


@get("/sign-up/{sign_up_id:uuid}", exclude_from_auth=True)
async def get_sign_up(sign_up_id: FromPath[UUID]) -> SignUpView:
    """Say how a sign-up stands: whether its mail has left, and whether the workspace is open."""
    async with platform_transaction():
        found = await service.find_sign_up(sign_up_id)
    if found is None:
        raise SignUpUnknown
    return SignUpView.of(found)


@post("/sign-up/resend", status_code=HTTP_202_ACCEPTED, exclude_from_auth=True)
async def resend_link(data: JSONBody[ResendRequest]) -> ResendReply:
    """Mail the link again, if the address waits for one; the reply does not say."""
    await commands.resend(data.email)
    return ResendReply()


@get("/sign-up/slugs/{slug:str}", exclude_from_auth=True)
async def get_slug(slug: FromPath[str]) -> SlugView:
    """Say whether a slug can be had. It is kept for nobody: who confirms first has it."""
    if problem := why_not(slug):
        return SlugView(slug, available=False, reason=problem)
    async with platform_transaction():
        available = await service.is_available(slug)
    return SlugView(slug, available, None if available else "This address is taken. Choose another.")


@post("/sign-up/confirm", status_code=HTTP_200_OK, exclude_from_auth=True)
async def confirm_sign_up(data: JSONBody[ConfirmationRequest]) -> ConfirmationReply:
    """Open the workspace that a mailed link stands for. The same link again gives the same workspace.

    409 `slug_taken`: send the same token with another slug. 409 `email_taken`: the address logs in
    already, with another password. 503 `busy`: a workspace is being made; try again in some seconds.
    """
    opened = await commands.open_workspace(data.token, data.password, slug=data.slug)
    token = expires_in = None
    if opened.logs_in:
        token = await keys.issue(tenant_id=opened.tenant.id, member_id=opened.member_id, role=commands.OWNER)
        expires_in = ACCESS_TOKEN_TTL_S
    return ConfirmationReply(opened.tenant.slug, opened.tenant.id, opened.member_id, token, expires_in)


def create_sign_up_router(limits: SignUpLimits | None = None) -> Router:
    """All routes of sign-up; `state.config.secret_key` must be there when they run."""
    limits = limits or SignUpLimits()
    return Router(
        path="/",
        tags=["sign-up"],
        cache_control=CacheControlHeader(no_store=True),
        route_handlers=[
            limited(sign_up, limits.sign_up),
            limited(resend_link, limits.resend),
            limited(confirm_sign_up, limits.confirm),
            limited(get_sign_up, limits.look),
            limited(get_slug, limits.look),
        ],
    )
