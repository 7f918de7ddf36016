"""Acts that span the platform and a tenant. Each step is a transaction of its own, and every step idempotent.

No transaction is open while a password is hashed.
"""

from dataclasses import dataclass
from uuid import UUID

from server.auth import service
from server.auth.limits import require_room_for_seat
from server.auth.passwords import check_password, hash_password, verify_password
from server.auth.seats import count_seated, follow_members
from server.auth.service import EmailTaken, LoginFailed
from server.db import SYSTEM, Actor, TenantRef, platform_transaction, tenant_transaction, tenant_write
from server.errors import NotFound
from server.tenants.entitlements import get_entitled_tenant


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who has logged in, and where."""

    tenant: TenantRef
    member_id: UUID
    role: str


async def add_member(tenant: TenantRef, *, email: str, name: str, role: str, password: str, by: Actor = SYSTEM) -> UUID:
    """Make a person a member who can log in; returns the member's id.

    First the identity, then the member, then the link without which they can't log in. A crash in between leaves
    nothing that matters, and the same call again completes it. Whether `by` may give that role is the caller's matter.

    Raises:
        InvalidInput: e-mail, name, role or password won't do.
        EmailTaken: the person has an identity already, with another password.
    """
    address = service.check_member(email=email, name=name, role=role)
    check_password(password)
    wanted_hash = await hash_password(password)
    async with platform_transaction():
        identity = await service.create_identity(address, wanted_hash)
    if identity.password_hash != wanted_hash:
        matches, _ = await verify_password(password, identity.password_hash)
        if not matches:
            raise EmailTaken
    return await admit(tenant, identity.id, email=address, name=name, role=role, by=by)


async def admit(tenant: TenantRef, identity_id: UUID, *, email: str, name: str, role: str, by: Actor = SYSTEM) -> UUID:
    """Make an identity, whoever proved to be it, a member of the tenant; returns the member's id. Idempotent.

    Raises:
        GrowthPaused, LimitReached: the tenant's plan has no seat for them.
    """
    async with platform_transaction():
        entitled = await get_entitled_tenant(tenant.id)
    async with tenant_write(tenant, by=by) as revision:
        before = await count_seated()
        member_id = await service.create_member(identity_id, email=email, name=name, role=role, revision=revision)
        if await count_seated() > before:
            used = before - len(entitled.seats.withdrawn)
            require_room_for_seat(entitled.entitlement, used, "admin")
    async with platform_transaction():
        await service.link_member(tenant, identity_id, member_id)
    await follow_members(entitled)
    return member_id


async def log_in(slug: str, email: str, password: str) -> LoggedIn:
    """Who the person is in the tenant of that slug, if the password is theirs.

    Raises:
        LoginFailed: anything was wrong. One password hash is verified whatever it was.
    """
    address = service.parse_email(email)
    async with platform_transaction():
        found = await service.find_log_in(slug, address) if address else None
    matches, renewed_hash = await verify_password(password, found.password_hash if found else None)
    if found is None or not matches or found.membership is None:
        raise LoginFailed
    if renewed_hash:
        async with platform_transaction():
            await service.store_password_hash(found.identity_id, old=found.password_hash, new=renewed_hash)
    tenant, member_id = found.membership
    async with tenant_transaction(tenant):
        try:
            member = await service.get_member(member_id)
        except NotFound:
            raise LoginFailed from None
    return LoggedIn(tenant, member_id, member.role)
