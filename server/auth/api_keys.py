"""API keys: made, listed, revoked, and looked up when a request bears one.

A key acts as a member of its own, made with it: so rights, scopes of rows, stamps, audit and the devices' “changed by”
know which key wrote, by what they know already. Its scopes only take away (`server.auth.scopes`). ADR 0014.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7
from piccolo.columns import UUID as UUIDColumn  # noqa: N811 - a column, beside the type of its values
from piccolo.columns import Array, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table

from server import clock
from server.auth.access import Access
from server.auth.api_key_text import PREFIX_LENGTH, hash_api_key, new_api_key
from server.auth.roles import ROLES, may_manage
from server.auth.scopes import find_unknown, restrict
from server.auth.service import ACCESS_COLUMNS, ROLE_OF_MEMBER, access_from, find_base
from server.db import Revision, connection, current_tenant, engine
from server.errors import FieldError, InvalidInput, NotFound, Unauthorized

KEYS_LISTED_MAX: Final = 1_000
REQUESTS_PER_MINUTE_DEFAULT: Final = 600
REQUESTS_PER_MINUTE_MAX: Final = 60_000


class ApiKeyInvalid(Unauthorized):
    """The API key is unknown, expired or revoked."""

    code = "api_key_invalid"

    def __init__(self) -> None:
        super().__init__("This API key is not valid: unknown, expired or revoked. Ask an admin for another.")


class ApiKey(Table, db=engine):
    """A key, known by its hash alone. `member_id` is whom it acts as."""

    id = UUIDColumn(primary_key=True)
    prefix = Text(unique=True)
    key_hash = Bytea(secret=True)
    name = Text()
    member_id = UUIDColumn()
    scopes = Array(base_column=Text())
    requests_per_minute = Integer(default=REQUESTS_PER_MINUTE_DEFAULT)
    system = Text(null=True, default=None)
    created_by = UUIDColumn()
    created_at = Timestamptz()
    expires_at = Timestamptz(null=True, default=None)
    last_used_at = Timestamptz(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What somebody asks for."""

    name: str
    role: str
    scopes: Sequence[str]
    requests_per_minute: int
    expires_at: datetime | None
    system: str | None = None
    """The system that it speaks for: the master of fields."""


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """What a key may do at this moment, and as whom."""

    key_id: UUID
    member_id: UUID
    access: Access
    requests_per_minute: int
    expires_at: datetime | None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= clock.now()


async def create_key(wanted: NewKey, *, by: UUID, role: str, revision: Revision) -> tuple[ApiKey, str]:
    """Make a key and the member it acts as; returns it with its text, which nobody can look up later.

    Args:
        by: the member who makes it; their built-in `role` must reach the key's.

    Raises:
        InvalidInput: it does not, there is no such role, a scope is unknown, or the time is over already.
    """
    _check(wanted, await find_base(wanted.role), role)
    text, member_id = new_api_key(current_tenant().id), uuid7()
    await connection().execute(
        "INSERT INTO member (id, name, role, created_at) VALUES ($1, $2, $3, $4)",
        member_id, wanted.name, wanted.role, revision.at,
    )  # fmt: skip
    key = ApiKey(
        id=uuid7(), prefix=text[:PREFIX_LENGTH], key_hash=hash_api_key(text), name=wanted.name, member_id=member_id,
        scopes=sorted(set(wanted.scopes)), requests_per_minute=wanted.requests_per_minute, created_by=by,
        created_at=revision.at, expires_at=wanted.expires_at, system=wanted.system,
    )  # fmt: skip
    await ApiKey.insert(key)
    return key, text


def _check(wanted: NewKey, base: str, role: str) -> None:
    errors = [FieldError("scopes", f"There is no scope “{scope[:60]}”.") for scope in find_unknown(wanted.scopes)]
    if base not in ROLES:
        errors.append(FieldError("role", "There is no such role. GET /roles lists them."))
    elif base == "owner" or not may_manage(role, base):
        errors.append(FieldError("role", "You may not make a key with these rights. Choose a lesser role."))
    if wanted.expires_at is not None and wanted.expires_at <= clock.now():
        errors.append(FieldError("expires_at", "Choose a moment to come."))
    if not wanted.name.strip() or not wanted.name.isprintable():
        errors.append(FieldError("name", "Give a name that can be read, such as “ERP, nightly”."))
    if errors:
        raise InvalidInput(errors)


async def list_keys(*, prefix: str | None = None) -> list[ApiKey]:
    """The keys, newest first; those whose prefix begins as given."""
    keys = ApiKey.objects().order_by(ApiKey.created_at, ApiKey.id, ascending=False).limit(KEYS_LISTED_MAX)
    if prefix is not None:
        keys = keys.where(ApiKey.prefix.like(_as_pattern(prefix[:PREFIX_LENGTH])))
    return await keys


def _as_pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


async def get_key(key_id: UUID) -> ApiKey:
    """The key of that id.

    Raises:
        NotFound: there is none.
    """
    key = await ApiKey.objects().get(ApiKey.id == key_id)
    if key is None:
        raise NotFound
    return key


async def revoke_key(key_id: UUID) -> None:
    """End a key for good, and the member it acts as with it; again is the same (tenant, writing).

    Raises:
        NotFound: there is none.
    """
    key = await get_key(key_id)
    if key.revoked_at is None:
        await ApiKey.update({ApiKey.revoked_at: clock.now()}).where(ApiKey.id == key_id)
        await connection().execute("UPDATE member SET active = false WHERE id = $1", key.member_id)


async def find_standing(prefix: str, key_hash: bytes) -> KeyStanding | None:
    """What the key may do now, noting that it was used; None where it is unknown, expired or revoked."""
    row: Any = await connection().fetchrow(
        f"""UPDATE api_key k SET last_used_at = $3 FROM member m LEFT JOIN {ROLE_OF_MEMBER}
        WHERE k.prefix = $1 AND k.key_hash = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)
            AND m.id = k.member_id AND m.active AND m.deleted_at IS NULL
        RETURNING k.id, k.member_id, {ACCESS_COLUMNS}, k.scopes, k.requests_per_minute, k.expires_at,
            k.system""",  # noqa: S608
        prefix,
        key_hash,
        clock.now(),
    )
    if row is None:
        return None
    return KeyStanding(
        row["id"], row["member_id"], restrict(access_from(row), frozenset(row["scopes"]), row["system"]),
        row["requests_per_minute"], row["expires_at"],
    )  # fmt: skip
