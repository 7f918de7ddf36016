"""Who is asking: from the Bearer token to a Session, for every route that is not excluded.

A token says who somebody was when it was issued. Whether their tenant, membership, role and device are still as they
were is looked up, and remembered for a moment (`server.auth.standings`).
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import DefineMiddleware
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.openapi.spec import SecurityScheme

from server.auth import api_keys, limits, service
from server.auth.access import Access
from server.auth.api_key_text import MARK, hash_api_key, read_api_key
from server.auth.api_keys import ApiKeyInvalid
from server.auth.devices import DeviceRevoked, DeviceUnknown, is_healing
from server.auth.rate_limit import RateCounter
from server.auth.service import Standing
from server.auth.standings import key_standings, tenants, trusted
from server.auth.tokens import Claims, TokenInvalid, TokenMissing, keys
from server.auth.wipes import WipeOrdered
from server.db import Actor, TenantRef, platform_transaction, tenant_transaction
from server.errors import Forbidden, TooManyRequests
from server.tenants.entitlements import EntitledTenant, Entitlement, get_entitled_tenant
from server.tenants.service import TenantUnknown

EXCLUDED_PATHS: Final = [r"^/health(/|$)", r"^/schema(/|$)", r"^/t/", r"^/\.well-known/"]

BEARER: Final = "bearer"
"""Name of the security scheme in the OpenAPI document."""
SECURITY_SCHEMES: Final = {
    BEARER: SecurityScheme(
        type="http",
        scheme="bearer",
        bearer_format="JWT",
        description="An access token, from log-in, enrolment or /t/{slug}/devices/token; or an API key (`ork_…`).",
    )
}

HANDS_IN: Final[dict[str, Any]] = {"hands_in": True}
"""For the `opt` of a route by which a device hands in what it holds: open to one that is to be wiped afterwards."""

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BILLING: Final = "/billing"
"""Paths below it stay open whatever is paid, and to whoever has no seat."""
_ALLOWANCE: Final = "rate_limit_allowance"
_requests: Final = RateCounter()


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, in which tenant, with which rights."""

    tenant: TenantRef
    actor: Actor
    access: Access
    entitled: EntitledTenant

    @property
    def entitlement(self) -> Entitlement:
        """What the tenant may do now by what it pays."""
        return self.entitled.entitlement

    @property
    def role(self) -> str:
        """The role of `server.auth.roles` that theirs is, or departs from."""
        return self.access.base

    @property
    def member_id(self) -> UUID:
        """The member who is asking."""
        assert self.actor.member_id is not None
        return self.actor.member_id

    @property
    def device_id(self) -> UUID | None:
        """The device through which they ask; None for a browser."""
        return self.actor.device_id


class AuthenticationMiddleware(AbstractAuthenticationMiddleware):
    """Makes the request's user a Session, or answers 401."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Verify the Bearer token and look up whom it stands for.

        Raises:
            TokenMissing, TokenInvalid, TokenExpired: as their names say.
            DeviceRevoked: the token's device or its member is no longer trusted.
            WipeOrdered: the token's device is to be wiped, and this is no route by which it hands in.
            ApiKeyInvalid, TooManyRequests: it is an API key, and unknown, over or in a hurry.
        """
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise TokenMissing
        if token.startswith(MARK):
            return AuthenticationResult(user=await _open_key_session(token, connection.scope), auth=None)
        claims = await keys.verify(token)
        hands_in = bool(connection.route_handler.opt.get("hands_in"))
        return AuthenticationResult(user=await open_session(claims, hands_in=hands_in), auth=claims)


authentication: Final = DefineMiddleware(AuthenticationMiddleware, exclude=EXCLUDED_PATHS)
"""For the app's `middleware`. A handler with `exclude_from_auth=True` is left alone as well."""


async def open_session(claims: Claims, *, hands_in: bool = False) -> Session:
    """The session of a verified token, as things stand now.

    Args:
        hands_in: what is asked for is a part of handing in, which a device does before it is wiped.

    Raises:
        TokenInvalid: the tenant is unknown or suspended, or the member has left.
        DeviceRevoked: the token is a device's, and the device is revoked or its member has left.
        WipeOrdered: the token is a device's, which is to be wiped.
    """
    entitled = await _find_tenant(claims.tenant_id)
    standing = trusted.get(claims.id)
    if standing is None:
        standing = await _load_standing(entitled.ref, claims)
        trusted.put(claims.id, standing)
    if standing.wipe == "now" or (standing.wipe and not hands_in):
        raise WipeOrdered(now=standing.wipe == "now")
    return Session(entitled.ref, Actor(claims.member_id, claims.device_id), standing.access, entitled)


async def _open_key_session(text: str, scope: Any) -> Session:
    read = read_api_key(text)
    if read is None:
        raise ApiKeyInvalid
    try:
        entitled = await _find_tenant(read.tenant_id)
    except TokenInvalid:
        raise ApiKeyInvalid from None
    tenant = entitled.ref
    key_hash = hash_api_key(text)
    standing = key_standings.get(key_hash)
    if standing is None:
        async with tenant_transaction(tenant):
            standing = await api_keys.find_standing(read.prefix, key_hash)
        if standing is None:
            raise ApiKeyInvalid
        key_standings.put(key_hash, standing)
    if standing.expired:
        raise ApiKeyInvalid
    allowance = _requests.take(standing.key_id, standing.requests_per_minute)
    scope["state"][_ALLOWANCE] = allowance
    if allowance.remaining < 0:
        raise TooManyRequests(retry_after_s=allowance.reset_s)
    return Session(tenant, Actor(standing.member_id), standing.access, entitled)


async def tell_allowance(message: Any, scope: Any) -> None:
    """Add the RateLimit headers to replies to API keys; for the app's `before_send`."""
    allowance = scope.get("state", {}).get(_ALLOWANCE)
    if allowance is not None and message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in allowance.headers().items():
            headers[name] = value


def provide_session(request: Request[Any, Any, Any]) -> Session:
    """The session of a person or device, for handlers: `session: NamedDependency[Session]`.

    Raises:
        TokenMissing, Restricted, SeatMissing: as in `provide_any_session`.
        Forbidden: an API key is asking.
    """
    session = provide_any_session(request)
    if session.access.scopes is not None:
        raise Forbidden("API keys are for the CRM's own data. Log in as a person to do this.")
    return session


def provide_any_session(request: Request[Any, Any, Any]) -> Session:
    """The same for routes that obey `Session.access` in all they do, and so are open to API keys.

    Raises:
        TokenMissing: the route is excluded from authentication.
        Restricted, SeatMissing, NotInPlan: it writes, and the tenant's plan lets it not.
    """
    user = request.scope.get("user")
    if not isinstance(user, Session):
        raise TokenMissing
    if user.entitled.steps and request.method not in _READS:
        _require_entitled(user, request)
    return user


def _require_entitled(session: Session, request: Request[Any, Any, Any]) -> None:
    """Let a write through by the tenant's plan, or because it stays open (`limits.OPEN`)."""
    opt = request.route_handler.opt.items()
    if request.url.path.startswith(_BILLING) or opt >= limits.OPEN.items():
        return
    if session.device_id is not None and opt >= limits.OPEN_TO_DEVICES.items():
        return
    now, role = session.entitlement, session.role
    limits.require_writing(now, role)
    if session.access.scopes is not None:
        limits.require_feature(now, "api_access", role)
    elif role != "billing" and not session.entitled.seats.seats(session.member_id, now.seats_max):
        raise limits.SeatMissing(now, role)


async def _find_tenant(tenant_id: UUID) -> EntitledTenant:
    tenant = tenants.get(tenant_id)
    if tenant is None:
        try:
            async with platform_transaction():
                tenant = await get_entitled_tenant(tenant_id)
        except TenantUnknown:
            raise TokenInvalid from None
        tenants.put(tenant_id, tenant)
    return tenant


async def _load_standing(tenant: TenantRef, claims: Claims) -> Standing:
    async with tenant_transaction(tenant):
        standing = await service.find_standing(claims.member_id, claims.device_id)
        if standing is not None and not standing.device_known and await is_healing():
            raise DeviceUnknown
    if standing is None or not (standing.active and standing.device_trusted):
        raise DeviceRevoked if claims.device_id else TokenInvalid
    return standing
