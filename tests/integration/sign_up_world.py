"""Somebody who signs up: requests of a stranger, and the mail that comes."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx2
from litestar import Litestar
from litestar.datastructures import State

from server.app import _render_app_error, _render_http_error
from server.billing.links import LinkSettings
from server.billing.sign_up.handlers import SignUpLimits, create_sign_up_router
from server.billing.sign_up.jobs import mail_link
from server.db import connection, platform_transaction
from server.errors import AppError

SECRET = b"k" * 32
LINKS = LinkSettings("https://crm.example", SECRET)
PASSWORD = "correct horse battery"


def make_app(limits: SignUpLimits) -> Litestar:
    """The routes of sign-up alone, with limits of the test's choice."""
    return Litestar(
        [create_sign_up_router(limits)],
        state=State({"config": SimpleNamespace(secret_key=SECRET)}),
        exception_handlers={AppError: _render_app_error, Exception: _render_http_error},  # type: ignore[dict-item]
    )


GENEROUS = make_app(SignUpLimits(10_000, 10_000, 10_000, 10_000))


async def ask(method: str, path: str, body: Any = None, app: Litestar = GENEROUS) -> tuple[int, Any]:
    """Status and body of a stranger's request."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        reply = await client.request(method, path, json=body)
    return reply.status_code, reply.json()


def wish(**changes: Any) -> dict[str, Any]:
    """What a stranger fills in; slug and e-mail are new ones unless given."""
    name = f"co-{uuid4().hex[:10]}"
    return {
        "email": f"ann@{name}.example", "name": "Ann", "company": "Acme", "slug": name,
        "language": "en", "country": "KZ", "currency": "KZT", "timezone": "Asia/Almaty",
    } | changes  # fmt: skip


async def run_mail(sign_up_id: str, number: int = 1) -> None:
    """The job itself, on this event loop."""
    await mail_link.fn.__wrapped__(sign_up_id, number)


def letters(folder: Path) -> list[EmailMessage]:
    """What was mailed into a folder."""
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]


def token_in(message: EmailMessage) -> str:
    """The token of the link in a letter."""
    return str(message.get_content()).partition("/sign-up#")[2].split()[0]


async def signed_up(folder: Path, **changes: Any) -> tuple[dict[str, Any], str]:
    """Somebody who signed up and has read the mail: what they filled in, and their token."""
    wanted = wish(**changes)
    status, reply = await ask("POST", "/sign-up", wanted)
    assert status == 202, reply
    await run_mail(reply["id"])
    [message] = [m for m in letters(folder) if m["To"] == wanted["email"]]
    return wanted, token_in(message)


async def platform(sql: str, *args: Any) -> list[Any]:
    """Rows of the platform's schema."""
    async with platform_transaction():
        return list(await connection().fetch(sql, *args))


async def mails_waiting(sign_up_id: UUID | str) -> int:
    """How many mails of a sign-up the queue holds."""
    [row] = await platform(
        "SELECT count(*) FROM dramatiq.queue WHERE message->>'actor_name' = 'mail_link' AND message->'args'->>0 = $1",
        str(sign_up_id),
    )
    return int(row[0])
