"""Sign-ups as they are stored. Everything here belongs into a platform transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.auth.service import NAME_LENGTH_MAX, parse_email
from server.billing.account.service import open_account
from server.billing.links import hash_token, sign_up_token
from server.billing.sign_up.rules import Wish, problems_of
from server.db import TenantRef, connection
from server.errors import AppError, InvalidInput, NotFound, TooManyRequests, refuse
from server.tenants.jobs import enqueue_spares
from server.tenants.service import TenantUnknown, claim_spare, get_tenant, is_slug_free
from server.tenants.slugs import why_not

LINK_LASTS: Final = timedelta(hours=48)
SIGN_UPS_PER_HOUR_MAX: Final = 5
"""Of one address: nobody's mailbox is flooded from here."""
MAILS_MAX: Final = 5
"""Of one sign-up."""
FORGOTTEN_AFTER: Final = timedelta(days=30)
"""A sign-up that came to nothing is not kept."""


class SignUpUnknown(NotFound):
    """The link of a sign-up is wrong, or over."""

    code = "sign_up_unknown"

    def __init__(self) -> None:
        super().__init__("This link is not, or no longer, good. Sign up again, and use the newest mail.")


class SignUpsTooMany(TooManyRequests):
    """Somebody signed up with this address again and again."""

    code = "too_many_sign_ups"

    def __init__(self) -> None:
        message = "You have signed up several times within an hour. Look into your mailbox, or try again in an hour."
        AppError.__init__(self, message, retry_after_s=3600)
        self.retry_after_s = 3600


@dataclass(frozen=True, slots=True)
class SignUp:
    """Somebody who wants a workspace, and what became of it."""

    id: UUID
    email: str
    name: str
    company: str
    slug: str
    language: str
    country: str | None
    currency: str
    timezone: str
    mails_wanted: int
    mails_sent: int
    mailed_at: datetime | None
    tenant_id: UUID | None
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None


_COLUMNS: Final = ", ".join(SignUp.__dataclass_fields__)


def _sign_up(row: asyncpg.Record | None) -> SignUp | None:
    return SignUp(**row) if row else None


def check_wish(wish: Wish) -> Wish:
    """The wish with its e-mail as it is stored, once all of it is found good.

    Raises:
        InvalidInput: fields are wrong; each is named.
    """
    address = parse_email(wish.email)
    problems = list(problems_of(wish, name_length_max=NAME_LENGTH_MAX, email_is_good=address is not None))
    if problems or address is None:
        raise InvalidInput(problems)
    return wish.with_email(address)


async def create_sign_up(wish: Wish, *, secret_key: bytes) -> SignUp:
    """Store a wish; nothing is said of whether somebody has that e-mail already.

    Raises:
        SignUpsTooMany: the address did so too often.
    """
    now = clock.now()
    recent = await connection().fetchval(
        "SELECT count(*) FROM sign_up WHERE email = $1 AND created_at > $2", wish.email, now - timedelta(hours=1)
    )
    if recent >= SIGN_UPS_PER_HOUR_MAX:
        raise SignUpsTooMany
    sign_up_id = uuid7()
    row = await connection().fetchrow(
        f"""INSERT INTO sign_up (id, email, name, company, slug, language, country, currency, timezone,
            token_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING {_COLUMNS}""",  # noqa: S608 - ours
        sign_up_id, wish.email, wish.name.strip(), wish.company.strip(), wish.slug, wish.language, wish.country,
        wish.currency, wish.timezone, hash_token(sign_up_token(sign_up_id, secret_key)), now,
        now + LINK_LASTS,
    )  # fmt: skip
    assert row is not None
    return SignUp(**row)


async def find_sign_up(sign_up_id: UUID) -> SignUp | None:
    """The sign-up of that id."""
    sql = f"SELECT {_COLUMNS} FROM sign_up WHERE id = $1"  # noqa: S608 - ours
    return _sign_up(await connection().fetchrow(sql, sign_up_id))


async def get_by_token(token: str) -> SignUp:
    """The sign-up that a link's token proves.

    Raises:
        SignUpUnknown: there is none, or its time is over.
    """
    sql = f"SELECT {_COLUMNS} FROM sign_up WHERE token_hash = $1 AND expires_at > $2"  # noqa: S608 - ours
    found = _sign_up(await connection().fetchrow(sql, hash_token(token), clock.now()))
    if found is None:
        raise SignUpUnknown
    return found


async def want_mail(sign_up_id: UUID) -> int | None:
    """Count one more mail of a sign-up; which one it is, or None where it has had its share or needs none."""
    wanted: int | None = await connection().fetchval(
        """UPDATE sign_up SET mails_wanted = mails_wanted + 1
        WHERE id = $1 AND mails_wanted < $2 AND confirmed_at IS NULL AND expires_at > $3 RETURNING mails_wanted""",
        sign_up_id,
        MAILS_MAX,
        clock.now(),
    )
    return wanted


async def find_waiting(email: str) -> UUID | None:
    """The newest sign-up of an address that waits for its proof."""
    found: UUID | None = await connection().fetchval(
        """SELECT id FROM sign_up WHERE email = $1 AND confirmed_at IS NULL AND expires_at > $2
        ORDER BY created_at DESC, id DESC LIMIT 1""",
        email,
        clock.now(),
    )
    return found


async def mark_mailed(sign_up_id: UUID, mail: int) -> None:
    """Note that so many mails have left."""
    await connection().execute(
        "UPDATE sign_up SET mails_sent = $2, mailed_at = $3 WHERE id = $1 AND mails_sent < $2",
        sign_up_id,
        mail,
        clock.now(),
    )


async def claim_workspace(sign_up: SignUp, slug: str) -> TenantRef | None:
    """The tenant of a sign-up: made of a spare, with account, trial and entitlements, all or nothing; None: no spare.

    The same sign-up again gets the same tenant, whatever slug it asks for now.

    Raises:
        InvalidInput: the slug is none, or is kept for the installation itself.
        SlugTaken: another tenant has the address meanwhile.
    """
    lock = "SELECT tenant_id FROM sign_up WHERE id = $1 FOR UPDATE"
    if tenant_id := await connection().fetchval(lock, sign_up.id):
        return await _get_workspace(tenant_id)
    if problem := why_not(slug):
        raise refuse("slug", problem)
    tenant = await claim_spare(slug=slug, name=sign_up.company)
    if tenant is None:
        return None
    await open_account(
        tenant.id, slug, email=sign_up.email, legal_name=sign_up.company, language=sign_up.language,
        timezone=sign_up.timezone, country=sign_up.country, currency=sign_up.currency,
    )  # fmt: skip
    await connection().execute(
        "UPDATE sign_up SET tenant_id = $2, slug = $3 WHERE id = $1", sign_up.id, tenant.id, slug
    )
    await enqueue_spares()
    return tenant


async def _get_workspace(tenant_id: UUID) -> TenantRef:
    try:
        return await get_tenant(tenant_id)
    except TenantUnknown:
        raise SignUpUnknown from None


async def end_sign_up(sign_up_id: UUID) -> None:
    """The workspace is open."""
    await connection().execute(
        "UPDATE sign_up SET confirmed_at = $2 WHERE id = $1 AND confirmed_at IS NULL",
        sign_up_id,
        clock.now(),
    )


async def is_available(slug: str) -> bool:
    """Whether somebody could sign up with the slug just now."""
    return why_not(slug) is None and await is_slug_free(slug)


async def forget_old_sign_ups() -> None:
    """Delete what came to nothing."""
    await connection().execute(
        "DELETE FROM sign_up WHERE tenant_id IS NULL AND expires_at < $1", clock.now() - FORGOTTEN_AFTER
    )
