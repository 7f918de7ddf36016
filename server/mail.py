"""Mail leaves here: to a mail server, or in development as files in a folder.

Sent at least once: who calls decides when to send again, and gives the same key, from which the Message-ID is made, so
that a mail program shows a repeated message once.
"""

import asyncio
import hashlib
import os
import re
import smtplib
import ssl
import tempfile
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from server import clock

SMTP_TIMEOUT_S: Final = 20
"""For each step of the dialogue; a job that sends has a time limit above it."""
_PORTS: Final = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail goes (`folder:<path>`, `smtp://…`, `smtps://…`), and the domain it comes from."""

    url: str
    domain: str = "localhost"


_settings: MailSettings | None = None


def use(settings: MailSettings | None) -> None:
    """Make these the process's settings (at start-up; None at shutdown)."""
    global _settings
    _settings = settings


def sender() -> str:
    """The address that mail comes from."""
    return f"no-reply@{_given().domain}"


async def send(message: EmailMessage, key: str) -> None:
    """Hand one message over; it has a sender, recipients and a subject already.

    Args:
        message: gets its date, and a Message-ID made from the key.
        key: names the message for ever: the same key is the same message.

    Raises:
        OSError, smtplib.SMTPException: it could not be handed over; send it again later.
    """
    settings = _given()
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    del message["Message-ID"], message["Date"]
    message["Message-ID"] = f"<{name}@{settings.domain}>"
    message["Date"] = format_datetime(clock.now())
    if settings.url.startswith("folder:"):
        folder = Path(settings.url.removeprefix("folder:"))
        await asyncio.to_thread(_write, message, folder, key)
    else:
        await asyncio.to_thread(_deliver, message, urlsplit(settings.url))


def _given() -> MailSettings:
    if _settings is None:
        raise RuntimeError("Mail is not set up: call mail.use() at start-up.")
    return _settings


def _write(message: EmailMessage, folder: Path, key: str) -> None:
    """Whole or not at all: a reader never sees half a message."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=folder, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes(policy=SMTP))
        Path(draft).replace(folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', key)}.eml")
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _deliver(message: EmailMessage, server: SplitResult) -> None:
    host, port = server.hostname or "localhost", server.port or _PORTS[server.scheme]
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        dialogue: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SMTP_TIMEOUT_S, context=context)
    else:
        dialogue = smtplib.SMTP(host, port, timeout=SMTP_TIMEOUT_S)
    with dialogue:
        dialogue.ehlo()
        if server.scheme == "smtp" and dialogue.has_extn("starttls"):
            dialogue.starttls(context=context)
        if server.username:
            dialogue.login(unquote(server.username), unquote(server.password or ""))
        dialogue.send_message(message)
