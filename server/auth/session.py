"""Who is asking: from the Bearer token to a Session, for every route that is not excluded.

A token says who somebody was when it was issued. Whether their tenant, membership, role and device are still as they
were is looked up, and remembered for a moment (`server.auth.standings`).
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware import DefineMiddleware
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.openapi.spec import SecurityScheme

from server.auth import service
from server.auth.access import Access
from server.auth.devices import DeviceRevoked
from server.auth.standings import accesses, tenants
from server.auth.tokens import Claims, TokenInvalid, TokenMissing, keys
from server.db import Actor, TenantRef, platform_transaction, tenant_transaction
from server.tenants.service import TenantUnknown, get_tenant

EXCLUDED_PATHS: Final = [r"^/health(/|$)", r"^/schema(/|$)", r"^/t/", r"^/\.well-known/"]

BEARER: Final = "bearer"
"""Name of the security scheme in the OpenAPI document."""
SECURITY_SCHEMES: Final = {
    BEARER: SecurityScheme(
        type="http",
        scheme="bearer",
        bearer_format="JWT",
        description="An access token, from log-in, enrolment or /t/{slug}/devices/token.",
    )
}


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, in which tenant, with which rights."""

    tenant: TenantRef
    actor: Actor
    access: Access

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
        """
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenMissing
        claims = await keys.verify(token.strip())
        return AuthenticationResult(user=await open_session(claims), auth=claims)


authentication: Final = DefineMiddleware(AuthenticationMiddleware, exclude=EXCLUDED_PATHS)
"""For the app's `middleware`. A handler with `exclude_from_auth=True` is left alone as well."""


async def open_session(claims: Claims) -> Session:
    """The session of a verified token, as things stand now.

    Raises:
        TokenInvalid: the tenant is unknown or suspended, or the member has left.
        DeviceRevoked: the token is a device's, and the device is revoked or its member has left.
    """
    tenant = await _find_tenant(claims.tenant_id)
    access = accesses.get(claims.id)
    if access is None:
        access = await _load_access(tenant, claims)
        accesses.put(claims.id, access)
    return Session(tenant, Actor(claims.member_id, claims.device_id), access)


def provide_session(request: Request[Any, Any, Any]) -> Session:
    """The session, for handlers: `session: NamedDependency[Session]`.

    Raises:
        TokenMissing: the route is excluded from authentication.
    """
    user = request.scope.get("user")
    if not isinstance(user, Session):
        raise TokenMissing
    return user


async def _find_tenant(tenant_id: UUID) -> TenantRef:
    tenant = tenants.get(tenant_id)
    if tenant is None:
        try:
            async with platform_transaction():
                tenant = await get_tenant(tenant_id)
        except TenantUnknown:
            raise TokenInvalid from None
        tenants.put(tenant_id, tenant)
    return tenant


async def _load_access(tenant: TenantRef, claims: Claims) -> Access:
    async with tenant_transaction(tenant):
        standing = await service.find_standing(claims.member_id, claims.device_id)
    if standing is None or not (standing.active and standing.device_trusted):
        raise DeviceRevoked if claims.device_id else TokenInvalid
    return standing.access
