"""Routes of API keys, for admins and owners."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from server.auth import api_keys
from server.auth.api_key_text import PREFIX_LENGTH
from server.auth.api_keys import REQUESTS_PER_MINUTE_DEFAULT, REQUESTS_PER_MINUTE_MAX, ApiKey, NewKey
from server.auth.guards import require_role
from server.auth.limits import OPEN, require_feature
from server.auth.scopes import SCOPES
from server.auth.service import NAME_LENGTH_MAX
from server.auth.session import Session
from server.auth.standings import forget_standings
from server.db import tenant_transaction, tenant_write

_Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
_Scopes = Annotated[list[str], Meta(min_length=1, max_length=len(SCOPES))]
_Role = Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,59}$")]
_System = Annotated[str, Meta(min_length=1, max_length=60, pattern="^[a-z][a-z0-9_-]*$")]
_PerMinute = Annotated[int, Meta(ge=1, le=REQUESTS_PER_MINUTE_MAX)]


class ApiKeyRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """What a new key is for. `role`: what it sees and writes, as of a member; `scopes` restrict that.

    `system`: the system that it speaks for, whose name stands in external ids, imports and masters of fields.
    """

    name: _Name
    scopes: _Scopes
    role: _Role = "admin"
    requests_per_minute: _PerMinute = REQUESTS_PER_MINUTE_DEFAULT
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    system: _System | None = None


class ApiKeyView(Struct, frozen=True):
    """A key as people see it. `member_id` is whom it acts as: what it writes bears that name."""

    id: UUID
    prefix: str
    name: str
    member_id: UUID
    scopes: list[str]
    requests_per_minute: int
    system: str | None
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyView":
        """The key's line in a list."""
        return cls(**{name: getattr(key, name) for name in cls.__struct_fields__})


class ApiKeyReply(Struct, frozen=True):
    """A new key. `key` is shown this once."""

    key: str
    api_key: ApiKeyView


@post("/")
async def create_api_key(data: JSONBody[ApiKeyRequest], session: NamedDependency[Session]) -> ApiKeyReply:
    """Make an API key. Its text is in this reply, and nowhere else."""
    require_role(session, "admin", "owner")
    require_feature(session.entitlement, "api_access", session.role)
    wanted = NewKey(data.name, data.role, data.scopes, data.requests_per_minute, data.expires_at, data.system)
    async with tenant_write(session.tenant, by=session.actor) as revision:
        key, text = await api_keys.create_key(wanted, by=session.member_id, role=session.role, revision=revision)
    return ApiKeyReply(text, ApiKeyView.of(key))


@get("/")
async def list_api_keys(
    session: NamedDependency[Session],
    prefix: FromQuery[Annotated[str, Meta(max_length=PREFIX_LENGTH)] | None] = None,
) -> list[ApiKeyView]:
    """List the tenant's API keys, newest first, revoked ones too; `prefix` finds the one that turned up in a log."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        found = await api_keys.list_keys(prefix=prefix)
    return [ApiKeyView.of(key) for key in found]


@get("/{key_id:uuid}")
async def get_api_key(key_id: FromPath[UUID], session: NamedDependency[Session]) -> ApiKeyView:
    """Get one API key."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        return ApiKeyView.of(await api_keys.get_key(key_id))


@delete("/{key_id:uuid}", opt=OPEN)
async def revoke_api_key(key_id: FromPath[UUID], session: NamedDependency[Session]) -> None:
    """Revoke an API key for good. Other processes follow within half a minute."""
    require_role(session, "admin", "owner")
    async with tenant_write(session.tenant, by=session.actor):
        await api_keys.revoke_key(key_id)
    forget_standings()


api_key_router = Router(
    "/api-keys", route_handlers=[create_api_key, list_api_keys, get_api_key, revoke_api_key], tags=["api keys"]
)
"""The app injects `session`."""
