"""Acts of signing up. They span platform and tenant: each step is a transaction of its own, and idempotent.

Neither Stripe nor the mail server is asked on the way: a trial begins at once, with both of them down.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from server import clock
from server.auth import commands as auth
from server.auth.passwords import check_password, hash_password, verify_password
from server.auth.service import EmailTaken, create_identity, find_identity, find_log_in, parse_email
from server.auth.tables import Identity
from server.billing.sign_up import service
from server.billing.sign_up.jobs import enqueue_link
from server.billing.sign_up.rules import Wish
from server.billing.sign_up.service import SignUp, SignUpUnknown
from server.db import TenantRef, platform_transaction
from server.errors import Busy
from server.tenants.jobs import enqueue_spares
from server.tenants.service import SlugTaken

OWNER: Final = "owner"
LINK_LOGS_IN_FOR: Final = timedelta(hours=1)
"""After a workspace was opened; later its link is no way in: mail stays in mailboxes."""
SPARE_WAIT_S: Final = 5


@dataclass(frozen=True, slots=True)
class Opened:
    """The workspace, and its owner. `logs_in`: the link may let them in without a password."""

    tenant: TenantRef
    member_id: UUID
    logs_in: bool


async def sign_up(wish: Wish, *, secret_key: bytes, mails: bool = True) -> SignUp:
    """Take a wish for a workspace, and have the link mailed that proves the address.

    Says nothing of whether the address is known: that shows to whoever reads its mail. The password is chosen with the
    link: one that was typed before the address was proven could be a stranger's.

    Raises:
        InvalidInput: fields are wrong.
        SlugTaken: another tenant has the address.
        SignUpsTooMany: the e-mail signed up too often.
    """
    wish = service.check_wish(wish)
    async with platform_transaction():
        if not await service.is_available(wish.slug):
            raise SlugTaken(wish.slug)
    async with platform_transaction():
        stored = await service.create_sign_up(wish, secret_key=secret_key)
        if mails:
            await enqueue_link(stored.id)
    return stored


async def resend(email: str) -> None:
    """Mail the link again, if somebody waits for it at that address; says nothing of whether."""
    address = parse_email(email)
    if address is None:
        return
    async with platform_transaction():
        waiting = await service.find_waiting(address)
        if waiting is not None:
            await enqueue_link(waiting)


async def open_workspace(token: str, password: str, *, slug: str | None = None) -> Opened:
    """Open the workspace that a link was mailed for. The same link again gives the same workspace.

    Identity, tenant with trial, owner, end: a crash in between leaves what the same call completes.

    Args:
        password: chosen now; of somebody who logs in with that e-mail already, theirs.
        slug: another address than was asked for, which somebody may have taken meanwhile.

    Raises:
        SignUpUnknown: the link is wrong, or over.
        SlugTaken, InvalidInput: choose another slug or password; the same link stays good.
        EmailTaken: the person logs in already, with another password.
        Busy: no tenant is ready; one is being built.
    """
    async with platform_transaction():
        known = await service.get_by_token(token)
    if known.confirmed_at is not None:
        return await _opened_before(known)
    identity = await _identify(known, password)
    async with platform_transaction():
        tenant = await service.claim_workspace(known, slug or known.slug)
    if tenant is None:
        async with platform_transaction():
            await enqueue_spares()
        raise Busy("Your workspace is being made. Try again in a few seconds.", retry_after_s=SPARE_WAIT_S)
    member_id = await auth.admit(tenant, identity.id, email=known.email, name=known.name, role=OWNER)
    async with platform_transaction():
        await service.end_sign_up(known.id)
    return Opened(tenant, member_id, logs_in=True)


async def _identify(known: SignUp, password: str) -> Identity:
    """The identity of the address, made if there is none. One there already is shown by its own password alone.

    The link proves the mailbox, not who made the identity: that may have been a stranger, who typed somebody's address.
    """
    async with platform_transaction():
        identity = await find_identity(known.email)
    if identity is None:
        check_password(password)
        wanted_hash = await hash_password(password)
        async with platform_transaction():
            identity = await create_identity(known.email, wanted_hash)
        if identity.password_hash == wanted_hash:
            return identity
    matches, _ = await verify_password(password, identity.password_hash)
    if not matches:
        raise EmailTaken
    return identity


async def _opened_before(known: SignUp) -> Opened:
    async with platform_transaction():
        found = await find_log_in(known.slug, known.email)
    if found is None or found.membership is None or found.membership[0].id != known.tenant_id:
        raise SignUpUnknown
    tenant, member_id = found.membership
    assert known.confirmed_at is not None
    return Opened(tenant, member_id, logs_in=clock.now() < known.confirmed_at + LINK_LOGS_IN_FOR)
