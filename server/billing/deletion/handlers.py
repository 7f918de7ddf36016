"""Routes of a tenant's deletion, for its owner alone."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from server import clock
from server.auth.guards import require_role
from server.auth.session import Session
from server.billing.deletion import service
from server.billing.deletion.service import WAITING_TIME, Deletion
from server.db import platform_transaction
from server.errors import refuse


class DeletionRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """The tenant's slug, typed by hand."""

    slug: Annotated[str, Meta(max_length=40)]


class DeletionView(Struct, frozen=True):
    """Whether the tenant is to be deleted, and when. Until then it can be taken back."""

    waits: bool
    reason: str | None = None
    """`asked` by the owner, `cancelled` long ago, or by the `operator`."""
    asked_by: UUID | None = None
    due_at: datetime | None = None

    @classmethod
    def of(cls, deletion: Deletion | None) -> "DeletionView":
        """The deletion, for the owner."""
        if deletion is None:
            return cls(waits=False)
        return cls(True, deletion.reason, deletion.asked_by, deletion.due_at)


@get("/", operation_id="getDeletion")
async def get_deletion(session: NamedDependency[Session]) -> DeletionView:
    """Say whether the tenant is to be deleted, and when."""
    require_role(session, "owner")
    async with platform_transaction():
        return DeletionView.of(await service.find_deletion(session.tenant.id))


@put("/", operation_id="askForDeletion")
async def ask_for_deletion(data: JSONBody[DeletionRequest], session: NamedDependency[Session]) -> DeletionView:
    """Have the tenant deleted in seven days, with all it holds. Until then all works, and it can be taken back."""
    require_role(session, "owner")
    if data.slug != session.tenant.slug:
        raise refuse("slug", f"Type {session.tenant.slug} to have everything of it deleted.")
    async with platform_transaction():
        due_at = clock.now() + WAITING_TIME
        deletion = await service.plan_deletion(session.tenant, "asked", due_at=due_at, by=session.member_id)
    return DeletionView.of(deletion)


@delete("/", status_code=200, operation_id="takeBackDeletion")
async def take_back_deletion(session: NamedDependency[Session]) -> DeletionView:
    """Let the tenant live. 409 `deletion_runs` once it has begun."""
    require_role(session, "owner")
    async with platform_transaction():
        await service.take_back(session.tenant.id)
    return DeletionView(waits=False)


deletion_router = Router(
    "/billing/deletion", tags=["billing"], route_handlers=[get_deletion, ask_for_deletion, take_back_deletion]
)
