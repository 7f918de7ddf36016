"""Links in mail: where they lead, and what proves that their bearer has read it.

A token is made from the secret of the installation and the id of what it opens: only its hash is stored, and sending a
mail again sends the same link.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

_PROOF_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Under which address people reach the installation, and its secret."""

    base_url: str
    secret_key: bytes = field(repr=False)
    operator_email: str | None = None
    """Who is told what an operator must look at."""


_settings: LinkSettings | None = None


def use(settings: LinkSettings | None) -> None:
    """Make these the settings of the process's jobs (at start-up; None at shutdown)."""
    global _settings
    _settings = settings


def given() -> LinkSettings:
    """The process's settings."""
    if _settings is None:
        raise RuntimeError("Links are not set up: call server.billing.links.use() at start-up.")
    return _settings


def sign_up_token(sign_up_id: UUID, secret_key: bytes) -> str:
    """What proves that somebody reads the mail of the address that signed up."""
    proof = hmac.new(secret_key, b"sign-up:" + sign_up_id.bytes, hashlib.sha256).digest()[:_PROOF_BYTES]
    return base64.urlsafe_b64encode(sign_up_id.bytes + proof).decode().rstrip("=")


def hash_token(token: str) -> bytes:
    """How a token is stored."""
    return hashlib.sha256(token.encode()).digest()


def sign_up_link(sign_up_id: UUID, settings: LinkSettings) -> str:
    """The address of the page that opens the workspace. What stands after # reaches no log."""
    return f"{settings.base_url}/sign-up#{sign_up_token(sign_up_id, settings.secret_key)}"


def billing_link(slug: str, settings: LinkSettings) -> str:
    """The address of a tenant's billing page."""
    return f"{settings.base_url}/t/{slug}/billing"
