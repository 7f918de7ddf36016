"""Idempotency keys: a request that is repeated under its key has one effect, and gets the first reply again.

The reply is stored in the transaction of the write, and the tenant's revision is locked before it is looked for: of
two that run at once, the second finds the reply of the first. A request that was refused wrote nothing and is not
remembered: repeated, it is judged anew. (After Stripe's; there, some refusals are remembered too.)
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from server.db import connection
from server.errors import AppError, FieldError, InvalidInput

KEPT: Final = timedelta(hours=24)
KEY_LENGTH_MAX: Final = 255
EXPIRED_ROWS_MAX: Final = 100
"""Each reply that is stored sweeps so many old ones away."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class KeyReused(AppError):
    """The idempotency key belongs to another request."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another request before. Use a new key for each new request.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request was answered; or, `unfinished`, what it had come to when a part of it committed."""

    status: int
    body: bytes | None
    headers: dict[str, str]
    unfinished: bool = False


def read_key(header: str | None) -> str | None:
    """The key that a request bears; None for none.

    Raises:
        InvalidInput: it is empty, too long, or has other characters than visible ASCII.
    """
    if header is not None and not _KEY.fullmatch(header):
        message = f"Send 1 to {KEY_LENGTH_MAX} visible ASCII characters, such as a UUID."
        raise InvalidInput([FieldError("Idempotency-Key", message)])
    return header


def hash_request(method: str, target: str, body: bytes) -> bytes:
    """What makes a request the same one again. Who sends it is part of where its reply is stored."""
    return hashlib.sha256(b"\0".join([method.encode(), target.encode(), body])).digest()


async def find_reply(member_id: UUID, key: str, request_hash: bytes) -> Reply | None:
    """The reply that the member's request got under that key; None where it is new.

    Raises:
        KeyReused: the key came with another request.
    """
    row = await connection().fetchrow(
        """SELECT request_hash, status, headers, body, unfinished FROM idempotent_reply
        WHERE member_id = $1 AND key = $2 AND at > now() - $3::interval""",
        member_id,
        key,
        KEPT,
    )
    if row is None:
        return None
    if row["request_hash"] != request_hash:
        raise KeyReused
    return Reply(row["status"], row["body"], msgspec.json.decode(row["headers"]), row["unfinished"])


async def store_reply(member_id: UUID, key: str, request_hash: bytes, reply: Reply) -> None:
    """Remember a reply with the open transaction's commit, and forget some that are too old."""
    await connection().execute(
        """INSERT INTO idempotent_reply (member_id, key, request_hash, status, headers, body, unfinished)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (member_id, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status,
            headers = excluded.headers, body = excluded.body, unfinished = excluded.unfinished, at = excluded.at""",
        member_id, key, request_hash, reply.status, msgspec.json.encode(reply.headers).decode(), reply.body,
        reply.unfinished,
    )  # fmt: skip
    await connection().execute(
        """DELETE FROM idempotent_reply WHERE (member_id, key) IN (
            SELECT member_id, key FROM idempotent_reply WHERE at < now() - $1::interval ORDER BY at LIMIT $2)""",
        KEPT,
        EXPIRED_ROWS_MAX,
    )
