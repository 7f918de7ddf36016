"""What the routes of sign-up take and answer."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from server import clock
from server.auth.passwords import PASSWORD_LENGTH_MAX
from server.auth.service import EMAIL_LENGTH_MAX
from server.billing.sign_up.service import SignUp

MAIL_IS_LATE_AFTER_S = 60

_Email = Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH_MAX)]
_Password = Annotated[str, Meta(min_length=1, max_length=PASSWORD_LENGTH_MAX)]
_Slug = Annotated[str, Meta(min_length=2, max_length=40)]


class SignUpRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Who wants a workspace. They choose a password once the address is proven."""

    email: _Email
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    company: Annotated[str, Meta(min_length=1, max_length=200)]
    slug: _Slug
    language: Annotated[str, Meta(max_length=35)] = "en"
    country: Annotated[str, Meta(max_length=2)] | None = None
    currency: Annotated[str, Meta(max_length=3)] = "EUR"
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"


class SignUpView(Struct, frozen=True):
    """How a sign-up stands. `late`: the mail has not left yet; it goes on being tried."""

    id: UUID
    state: Literal["waiting", "late", "mailed", "open", "over"]
    message: str

    @classmethod
    def of(cls, sign_up: SignUp) -> "SignUpView":
        """The same whoever's address it is."""
        now = clock.now()
        if sign_up.confirmed_at is not None:
            return cls(sign_up.id, "open", "The workspace is open: log in.")
        if sign_up.expires_at <= now:
            return cls(sign_up.id, "over", "The link is no longer good. Sign up again.")
        if sign_up.mailed_at is not None:
            return cls(sign_up.id, "mailed", "We have sent you a link: open it. Look into the spam folder too.")
        if (now - sign_up.created_at).total_seconds() < MAIL_IS_LATE_AFTER_S:
            return cls(sign_up.id, "waiting", "We are sending you a link.")
        return cls(
            sign_up.id, "late",
            "Our mail is slow just now. Nothing is lost: the link comes as soon as it can; you can ask for it again.",
        )  # fmt: skip


class ResendRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Whose link to mail again."""

    email: _Email


class ResendReply(Struct, frozen=True):
    """The same whether or not anybody waits for a link."""

    message: str = "If this address has signed up, its link is on its way again."


class SlugView(Struct, frozen=True):
    """Whether an address can be had."""

    slug: str
    available: bool
    reason: str | None = None


class ConfirmationRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """What the link brought, and the password to log in with from now on. `slug` chooses another address.

    Who logs in with that e-mail already gives the password they have.
    """

    token: Annotated[str, Meta(min_length=1, max_length=200)]
    password: _Password
    slug: _Slug | None = None


class ConfirmationReply(Struct, frozen=True):
    """The workspace. Without an access token, log in: the link was used before."""

    slug: str
    tenant_id: UUID
    member_id: UUID
    access_token: str | None
    expires_in: int | None
