"""Routes of log-in, enrolment, tokens and devices, and the public keys."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Request, Router, delete, get, post
from litestar.datastructures import CacheControlHeader, State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import TooManyRequestsException
from litestar.handlers import HTTPRouteHandler
from litestar.middleware.rate_limit import RateLimitConfig, RateLimitMiddleware, get_remote_address
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from litestar.types import Receive, Scope, Send

from server import clock
from server.auth import commands, credentials, devices, incarnations, qr, returning, service, wipes
from server.auth.devices import CodeInvalid, DeviceRevoked
from server.auth.incarnations import Heritage
from server.auth.key_handlers import api_key_router
from server.auth.leases import Lease, grant_lease, sign_lease
from server.auth.limits import OPEN
from server.auth.messages import (
    CodeReply,
    CodeRequest,
    DeviceView,
    EnrolReply,
    EnrolRequest,
    LogInReply,
    LogInRequest,
    MeView,
    Succession,
    TokenReply,
    TokenRequest,
)
from server.auth.returning import Said
from server.auth.session import BEARER, HANDS_IN, Session, provide_session
from server.auth.standings import forget_standings
from server.auth.tables import Device
from server.auth.tokens import ACCESS_TOKEN_TTL_S, TokenInvalid, keys
from server.auth.unfold import UnfoldBodies
from server.auth.wipe_handlers import order_wipe, take_receipt
from server.db import platform_transaction, tenant_transaction
from server.errors import AppError, FieldError, Forbidden, InvalidInput, TooManyRequests
from server.storage import ledger
from server.tenants.entitlements import EntitledTenant


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a minute from one address, in one process. Many reps may share the address of a mobile network."""

    log_in: int = 30
    enrol: int = 20
    token: int = 600


@post("/t/{slug:str}/login", status_code=HTTP_200_OK)
async def log_in(slug: FromPath[str], data: JSONBody[LogInRequest]) -> LogInReply:
    """Log in with e-mail and password.

    401 `login_failed` in the same words, whatever was wrong.
    """
    person = await commands.log_in(slug, data.email, data.password)
    token = await keys.issue(tenant_id=person.tenant.id, member_id=person.member_id, role=person.role)
    return LogInReply.of(person, token)


@post("/t/{slug:str}/devices/enrol")
async def enrol_device(slug: FromPath[str], data: JSONBody[EnrolRequest], state: State) -> EnrolReply:
    """Enrol a device by its one-time code; one that a restored server does not know, by its last lease.

    403 `code_invalid` for a code that is unknown, used or expired. 402 where the company's plan has no room for another
    device; the code is not used up by that.
    """
    async with platform_transaction():
        entitled = await service.find_entitled_tenant(slug)
    if entitled is None:
        raise CodeInvalid
    tenant = entitled.ref
    said = await _lease_in(data)
    async with tenant_transaction(tenant):
        enrolment = await _enrol(data, said, tenant.id)
        if data.previous is None:  # another one brings work that it captured: that is never refused for a bill
            await devices.require_room(enrolment.device, entitled)
        lease = await grant_lease(enrolment.device.id)
    if said is not None and data.previous is not None:
        returning.note_return(said, _heritage(data.previous), tenant.id)
    return await _admit(enrolment.device, enrolment.role, lease, entitled, state)


async def _lease_in(data: EnrolRequest) -> Said | None:
    """What the lease says that is sent in place of a code."""
    if (data.code is None) == (data.lease is None) or (data.lease is not None and data.previous is None):
        raise InvalidInput([FieldError("code", "Send a code; or a lease, with what the device was.")])
    return None if data.lease is None else await returning.read_lease(data.lease)


async def _enrol(data: EnrolRequest, said: Said | None, tenant_id: UUID) -> devices.Enrolment:
    heritage = _heritage(data.previous) if data.previous else None
    if said is not None and heritage is not None:
        return await returning.enrol_by_lease(said, heritage, tenant_id, data.name, data.secret)
    begin = partial(incarnations.enrol_again, heritage) if heritage else devices.create_device
    assert data.code is not None
    return await devices.enrol(code=data.code, name=data.name, secret=data.secret, begin=begin)


async def _admit(device: Device, role: str, lease: Lease, entitled: EntitledTenant, state: State) -> EnrolReply:
    """What a device gets that is new, or begins anew."""
    return EnrolReply(
        device_id=device.id,
        member_id=device.member_id,
        incarnation=device.incarnation,
        number_prefix=device.number_prefix,
        refresh_token=credentials.derive_refresh_token(device.id, device.refresh_generation, state.config.secret_key),
        access_token=await keys.issue(
            tenant_id=entitled.ref.id, member_id=device.member_id, role=role, device_id=device.id
        ),
        expires_in=ACCESS_TOKEN_TTL_S,
        server_time=clock.to_micros(clock.now()),
        after=device.begun_after,
        lease=await sign_lease(entitled, lease),
    )


def _heritage(data: Succession) -> Heritage:
    lost = (data.lost.start, data.lost.to) if data.lost else None
    return Heritage(data.device_id, data.key, data.proof, [(p.number, p.digest) for p in data.points], lost)


@post("/devices/incarnations", status_code=HTTP_200_OK, opt=HANDS_IN | OPEN)
async def begin_incarnation(data: JSONBody[Succession], session: NamedDependency[Session], state: State) -> EnrolReply:
    """Let a replica that was copied, restored or repaired go on as a device of its own.

    The same request again, by its `key`, gets the same device. 403 `proof_invalid` without the device's secret; 409
    `incarnations_exhausted` where it happened too often.
    """
    if session.device_id is None:
        raise Forbidden("Only an enrolled device begins anew.")
    if ledger.has("revoked", session.tenant.id, str(data.device_id)):
        raise DeviceRevoked  # a server that was restored since may not know
    async with tenant_transaction(session.tenant):
        device = await incarnations.begin_incarnation(_heritage(data), by=session.device_id)
        lease = await grant_lease(device.id)
    return await _admit(device, session.role, lease, session.entitled, state)


@post("/t/{slug:str}/devices/token", status_code=HTTP_200_OK)
async def refresh_device(slug: FromPath[str], data: JSONBody[TokenRequest], state: State) -> TokenReply:
    """Replace a refresh token by its successor, and get an access token.

    Where the reply was lost, repeat the request: the successor is the same. 401 `device_revoked` for an older token
    or a wrong proof, which revokes the device; 401 `token_invalid` for what is no refresh token of this device.
    """
    async with platform_transaction():
        entitled = await service.find_entitled_tenant(slug)
    if entitled is None:
        raise TokenInvalid
    tenant = entitled.ref
    async with tenant_transaction(tenant):
        renewal = await devices.refresh(
            data.device_id, data.refresh_token, data.proof, secret_key=state.config.secret_key
        )
        lease = await grant_lease(data.device_id) if renewal else None
    if renewal is None or lease is None:
        ledger.note("revoked", tenant.id, str(data.device_id))
        forget_standings()
        raise DeviceRevoked
    access_token = await keys.issue(
        tenant_id=tenant.id, member_id=renewal.member_id, role=renewal.role, device_id=data.device_id
    )
    return TokenReply(
        renewal.refresh_token,
        access_token,
        ACCESS_TOKEN_TTL_S,
        clock.to_micros(clock.now()),
        await sign_lease(entitled, lease),
    )


@post("/devices/codes", opt=OPEN)
async def draw_code(data: JSONBody[CodeRequest], session: NamedDependency[Session], state: State) -> CodeReply:
    """Draw a one-time code by which a device is enrolled: one's own, or that of somebody one looks after."""
    async with tenant_transaction(session.tenant):
        drawn = await devices.draw_code(data.member_id or session.member_id, by=session.member_id, role=session.role)
    url = qr.enrolment_url(state.config.base_url, session.tenant.slug, drawn.code)
    return CodeReply(drawn.code, drawn.expires_at, url, qr.as_svg(url), qr.as_png_uri(url))


@get("/devices")
async def list_devices(session: NamedDependency[Session]) -> list[DeviceView]:
    """List one's own devices; for managers, admins and owners, the tenant's."""
    async with tenant_transaction(session.tenant):
        found = await devices.list_devices(by=session.member_id, role=session.role)
        waiting = await wipes.count_waiting(found)
    return [DeviceView.of(device, waiting.get(device.id, 0)) for device in found]


@delete("/devices/{device_id:uuid}", opt=OPEN)
async def revoke_device(device_id: FromPath[UUID], session: NamedDependency[Session]) -> None:
    """Revoke a device: it gets no token any more. Doing it again is the same."""
    async with tenant_transaction(session.tenant):
        await devices.revoke_device(device_id, by=session.member_id, role=session.role)
    ledger.note("revoked", session.tenant.id, str(device_id))
    forget_standings()


@get("/me")
async def get_me(session: NamedDependency[Session]) -> MeView:
    """Say who is asking."""
    async with tenant_transaction(session.tenant):
        member = await service.get_member(session.member_id)
    return MeView.of(member, session.entitled, session.device_id)


@get("/.well-known/jwks.json")
async def list_public_keys() -> dict[str, list[dict[str, str]]]:
    """List the public keys that verify access tokens (RFC 7517)."""
    return {"keys": await keys.public_keys()}


def create_auth_router(limits: RateLimits | None = None) -> Router:
    """All routes of this package; `state.config.secret_key` must be there when they run."""
    limits = limits or RateLimits()
    return Router(
        path="/",
        tags=["auth"],
        cache_control=CacheControlHeader(no_store=True),
        middleware=[UnfoldBodies()],
        route_handlers=[
            limited(log_in, limits.log_in),
            limited(enrol_device, limits.enrol),
            limited(refresh_device, limits.token),
            limited(take_receipt, limits.token),
            list_public_keys,
            Router(
                path="/",
                route_handlers=[
                    draw_code,
                    list_devices,
                    begin_incarnation,
                    revoke_device,
                    order_wipe,
                    get_me,
                    api_key_router,
                ],
                dependencies={"session": Provide(provide_session, sync_to_thread=False)},
                security=[{BEARER: []}],
            ),
        ],
    )


class AddressTooFast(TooManyRequests):
    """One network address asks more often than people do; all who sit behind it share its answers."""

    def __init__(self, *, retry_after_s: int) -> None:
        detail = f"Too many tries from your network address. Wait {retry_after_s} s, then try again."
        AppError.__init__(self, detail, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class _AddressLimit(RateLimitMiddleware):
    """Litestar's limit, which says when to come again in headers of a draft, in words that a person can act on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except TooManyRequestsException as error:
            raise AddressTooFast(retry_after_s=max(1, int((error.headers or {})["RateLimit-Reset"]))) from None


def limited(handler: HTTPRouteHandler, per_minute: int) -> Router:
    """A route of which one address gets so many answers a minute."""
    limit = RateLimitConfig(
        rate_limit=("minute", per_minute),
        identifier_for_request=_route_and_address(handler),
        middleware_class=_AddressLimit,
    )
    return Router(path="/", route_handlers=[handler], middleware=[limit.middleware])


def _route_and_address(handler: HTTPRouteHandler) -> Callable[[Request[Any, Any, Any]], str]:
    """Without the route, all limits would count in one place."""
    return lambda request: f"{handler.handler_name}:{get_remote_address(request)}"
