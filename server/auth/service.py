"""People: identities and memberships of the platform, members of a tenant.

Each function says in which transaction it belongs. `server.auth.commands` has the acts that need both.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.auth.access import Access, AccessHistory, access_of
from server.auth.roles import ROLES
from server.auth.tables import Identity, Member, Membership
from server.db import Revision, TenantRef, connection
from server.errors import Conflict, FieldError, InvalidInput, NotFound, Unauthorized
from server.tenants.entitlements import EntitledTenant, get_entitled_tenant_by_slug
from server.tenants.service import TenantUnknown, get_tenant_by_slug
from server.tenants.slugs import SLUG_PATTERN

EMAIL_LENGTH_MAX: Final = 254
NAME_LENGTH_MAX: Final = 200

# Enough to catch a slip; only a letter that arrives proves an address.
_EMAIL: Final = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@.,;:<>()\"\\]+(\.[^\s@.,;:<>()\"\\]+)+")


class LoginFailed(Unauthorized):
    """Slug, e-mail or password is wrong, or the member inactive: always in the same words."""

    code = "login_failed"

    def __init__(self) -> None:
        super().__init__("The company, the e-mail or the password is wrong. Check them and try again.")


class EmailTaken(Conflict):
    """The e-mail belongs to somebody who logs in with another password.

    Joining them to a tenant takes their password: whoever registered a stranger's e-mail first would otherwise be let
    into each tenant that later adds the stranger.
    """

    code = "email_taken"

    def __init__(self) -> None:
        super().__init__(
            "Somebody logs in with this e-mail already. Give the password they use, or choose another e-mail."
        )


@dataclass(frozen=True, slots=True)
class LogIn:
    """What the platform knows of somebody who wants in; `membership` is None where they are no member there."""

    identity_id: UUID
    password_hash: str
    membership: tuple[TenantRef, UUID] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member, and their device, may do at this moment."""

    access: Access
    active: bool
    device_trusted: bool
    device_known: bool = True
    wipe: str | None = None
    """What the device has to do before it is erased: `after_hand_in`; or `now`, without."""


def parse_email(text: str) -> str | None:
    """The address as it is stored, in lower case; None where it can't be one."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    sound = len(email) <= EMAIL_LENGTH_MAX and email.isprintable() and _EMAIL.fullmatch(email)
    return email if sound else None


def check_member(*, email: str, name: str, role: str) -> str:
    """The e-mail as it is stored, once all three are found good.

    Raises:
        InvalidInput: no e-mail address, no name or too long a one, or no role of ours.
    """
    errors = []
    address = parse_email(email)
    if address is None:
        errors.append(FieldError("email", "Give an e-mail address such as ann@example.com."))
    if not (0 < len(name.strip()) <= NAME_LENGTH_MAX and name.isprintable()):
        errors.append(FieldError("name", f"Give a name of 1 to {NAME_LENGTH_MAX} characters."))
    if role not in ROLES:
        errors.append(FieldError("role", f"Choose one of {', '.join(ROLES)}."))
    if address is None or errors:
        raise InvalidInput(errors)
    return address


async def create_identity(email: str, password_hash: str) -> Identity:
    """The identity with that e-mail, made if there is none: one there already keeps its password (platform)."""
    identity = Identity(id=uuid7(), email=email, password_hash=password_hash, created_at=clock.now())
    await Identity.insert(identity).on_conflict(target=Identity.email, action="DO NOTHING")
    found = await find_identity(email)
    assert found is not None
    return found


async def find_identity(email: str) -> Identity | None:
    """The identity of an address, as it is stored (platform)."""
    return await Identity.objects().get(Identity.email == email)


async def store_password_hash(identity_id: UUID, *, old: str, new: str) -> None:
    """Replace a hash of outdated parameters, unless the password has changed meanwhile (platform)."""
    await Identity.update({Identity.password_hash: new}).where(
        (Identity.id == identity_id) & (Identity.password_hash == old)
    )


async def link_member(tenant: TenantRef, identity_id: UUID, member_id: UUID) -> None:
    """Let an identity log in as that member of the tenant; the last step of joining, idempotent (platform)."""
    membership = Membership(tenant_id=tenant.id, identity_id=identity_id, member_id=member_id)
    await Membership.insert(membership).on_conflict(
        target=(Membership.tenant_id, Membership.identity_id), action="DO NOTHING"
    )


async def unlink_member(tenant: TenantRef, member_id: UUID) -> None:
    """End a member's log-in for good; who is a member nowhere else is forgotten altogether (platform). Idempotent."""
    ended = (
        await Membership.delete()
        .where((Membership.tenant_id == tenant.id) & (Membership.member_id == member_id))
        .returning(Membership.identity_id)
    )
    for membership in ended:
        if not await Membership.exists().where(Membership.identity_id == membership["identity_id"]):
            await Identity.delete().where(Identity.id == membership["identity_id"])


async def find_log_in(slug: str, email: str) -> LogIn | None:
    """Who has that e-mail, and whom they are in the tenant of that slug (platform)."""
    identity = await find_identity(email)
    if identity is None:
        return None
    return LogIn(identity.id, identity.password_hash, await _find_membership(slug, identity.id))


async def _find_membership(slug: str, identity_id: UUID) -> tuple[TenantRef, UUID] | None:
    tenant = await find_tenant(slug)
    if tenant is None:
        return None
    membership = await Membership.objects().get(
        (Membership.tenant_id == tenant.id) & (Membership.identity_id == identity_id)
    )
    return None if membership is None else (tenant, membership.member_id)


async def find_tenant(slug: str) -> TenantRef | None:
    """The active tenant of that slug; None also for what can't be one (platform)."""
    if not SLUG_PATTERN.fullmatch(slug):
        return None
    try:
        return await get_tenant_by_slug(slug)
    except TenantUnknown:
        return None


async def find_entitled_tenant(slug: str) -> EntitledTenant | None:
    """The same with what it may do by what it pays (platform)."""
    if not SLUG_PATTERN.fullmatch(slug):
        return None
    try:
        return await get_entitled_tenant_by_slug(slug)
    except TenantUnknown:
        return None


async def create_member(identity_id: UUID, *, email: str, name: str, role: str, revision: Revision) -> UUID:
    """The member of that identity, made if there is none, revived if they had left (tenant, writing).

    One who is there and active stays as they are: joining twice changes no role.
    """
    await connection().execute(
        """
        INSERT INTO member AS m (id, name, role, identity_id, email, created_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (identity_id) DO UPDATE
        SET name = excluded.name, role = excluded.role, email = excluded.email, active = true, deleted_at = NULL
        WHERE NOT m.active OR m.deleted_at IS NOT NULL
        """,
        uuid7(), name.strip(), role, identity_id, email, revision.at,
    )  # fmt: skip
    member = await Member.objects().get(Member.identity_id == identity_id)
    assert member is not None
    return member.id


async def get_member(member_id: UUID) -> Member:
    """The active member of that id (tenant).

    Raises:
        NotFound: there is none, or they have left.
    """
    member = await Member.objects().get((Member.id == member_id) & Member.active.eq(True) & Member.deleted_at.is_null())
    if member is None:
        raise NotFound
    return member


ACCESS_COLUMNS: Final = "m.role, r.base, r.permissions::text AS permissions, r.fields::text AS fields"
"""What `access_from` reads, where `m` is the member and `r` the row of their role."""
ROLE_OF_MEMBER: Final = "role r ON r.key = m.role AND r.deleted_at IS NULL"


def access_from(row: asyncpg.Record) -> Access:
    """The rights of a member, from the columns of `ACCESS_COLUMNS`."""
    if row["base"] is None:  # no such role any more
        return access_of(row["role"])
    return access_of(row["role"], row["base"], row["permissions"], row["fields"])


_HISTORY: Final = """
WITH part AS (
    SELECT h.role, h.until, lag(h.until, 1, '-infinity') OVER (ORDER BY h.until) AS since FROM (
        SELECT c.role, c.until FROM member_role_change c WHERE c.member_id = $1
        UNION ALL SELECT m.role, 'infinity' FROM member m WHERE m.id = $1
    ) h
), document AS (
    SELECT d.*, lag(d.until, 1, '-infinity') OVER (PARTITION BY d."key" ORDER BY d.until) AS since FROM (
        SELECT c."key", c.base, c.permissions, c.fields, c.until FROM role_change c
        WHERE c."key" IN (SELECT p.role FROM part p)
        UNION ALL
        SELECT r."key", r.base, r.permissions, r.fields, 'infinity' FROM role r
        WHERE r.deleted_at IS NULL AND r."key" IN (SELECT p.role FROM part p)
    ) d
)
SELECT p.role, d.base, d.permissions::text AS permissions, d.fields::text AS fields,
    (extract(epoch FROM least(p.until, d.until)) * 1000000)::bigint AS until
FROM part p LEFT JOIN document d ON d."key" = p.role AND d.until > p.since AND d.since < p.until
WHERE least(p.until, d.until) < 'infinity' ORDER BY least(p.until, d.until)
"""


async def load_access_history(member_id: UUID, now: Access) -> AccessHistory:
    """What a member's access was before it became what it is now (tenant)."""
    records = await connection().fetch(_HISTORY, member_id)
    return AccessHistory(now, tuple((record["until"], access_from(record)) for record in records))


async def find_base(role: str) -> str:
    """The built-in role from which one departs; itself, where it is one (tenant)."""
    base = await connection().fetchval('SELECT base FROM role WHERE "key" = $1 AND deleted_at IS NULL', role)
    return str(base or role)


async def find_member_by_email(email: str) -> UUID | None:
    """The member who has the e-mail address, active or not (tenant)."""
    found: UUID | None = await connection().fetchval(
        "SELECT id FROM member WHERE lower(email) = lower($1) AND deleted_at IS NULL ORDER BY active DESC LIMIT 1",
        email.strip(),
    )
    return found


async def find_standing(member_id: UUID, device_id: UUID | None) -> Standing | None:
    """Whether a token's member and device are still what they were when it was issued (tenant)."""
    row = await connection().fetchrow(
        f"""
        SELECT {ACCESS_COLUMNS}, m.active AND m.deleted_at IS NULL AS active,
            $2::uuid IS NULL OR (d.id IS NOT NULL AND d.revoked_at IS NULL) AS trusted,
            $2::uuid IS NULL OR d.id IS NOT NULL AS known,
            CASE WHEN d.wipe_now THEN 'now' WHEN d.wipe_ordered_at IS NOT NULL THEN 'after_hand_in' END AS wipe
        FROM member m LEFT JOIN device d ON d.id = $2 AND d.member_id = m.id LEFT JOIN {ROLE_OF_MEMBER}
        WHERE m.id = $1
        """,  # noqa: S608 - columns of our own
        member_id,
        device_id,
    )
    return None if row is None else Standing(access_from(row), row["active"], row["trusted"], row["known"], row["wipe"])
