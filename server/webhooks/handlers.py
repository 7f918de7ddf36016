"""Routes of webhooks, for admins and owners."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from server.auth.guards import require_role
from server.auth.limits import OPEN, require_feature
from server.auth.session import Session
from server.db import tenant_transaction
from server.errors import FieldError, InvalidInput
from server.webhooks import service
from server.webhooks.messages import (
    DeliveryPage,
    DeliveryView,
    ReplayReply,
    ReplayRequest,
    RotationReply,
    WebhookPatch,
    WebhookReply,
    WebhookRequest,
    WebhookView,
)
from server.webhooks.service import DELIVERIES_LISTED_MAX, Wanted

CURSOR_LENGTH_MAX = 200


@post("/")
async def create_webhook(
    data: JSONBody[WebhookRequest], session: NamedDependency[Session], state: State
) -> WebhookReply:
    """Make a webhook. Its signing secret is in this reply, and nowhere else."""
    require_role(session, "admin", "owner")
    require_feature(session.entitlement, "automation", session.role)
    wanted, config = Wanted(data.url, data.events, data.description), state.config
    async with tenant_transaction(session.tenant):
        webhook, secret = await service.create_webhook(
            wanted, by=session.member_id, allowed=config.webhook_networks, secret_key=config.secret_key
        )
    return WebhookReply(secret, WebhookView.of(webhook))


@get("/")
async def list_webhooks(session: NamedDependency[Session]) -> list[WebhookView]:
    """List the tenant's webhooks."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        return [WebhookView.of(webhook) for webhook in await service.list_webhooks()]


@get("/{webhook_id:uuid}")
async def get_webhook(webhook_id: FromPath[UUID], session: NamedDependency[Session]) -> WebhookView:
    """Get one webhook."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        return WebhookView.of(await service.get_webhook(webhook_id))


@patch("/{webhook_id:uuid}")
async def change_webhook(
    webhook_id: FromPath[UUID], data: JSONBody[WebhookPatch], session: NamedDependency[Session], state: State
) -> WebhookView:
    """Change a webhook, disable it or enable it again."""
    require_role(session, "admin", "owner")
    wanted = Wanted(data.url, data.events, data.description, data.enabled)
    async with tenant_transaction(session.tenant):
        webhook = await service.change_webhook(webhook_id, wanted, allowed=state.config.webhook_networks)
    return WebhookView.of(webhook)


@delete("/{webhook_id:uuid}", opt=OPEN)
async def delete_webhook(webhook_id: FromPath[UUID], session: NamedDependency[Session]) -> None:
    """Delete a webhook and its deliveries."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        await service.delete_webhook(webhook_id)


@post("/{webhook_id:uuid}/rotation")
async def rotate_secret(webhook_id: FromPath[UUID], session: NamedDependency[Session], state: State) -> RotationReply:
    """Replace a webhook's secret: for a day its messages are signed with both."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        return RotationReply(await service.rotate_secret(webhook_id, secret_key=state.config.secret_key))


@get("/{webhook_id:uuid}/deliveries")
async def list_deliveries(
    webhook_id: FromPath[UUID],
    session: NamedDependency[Session],
    delivery_state: FromQuery[Literal["pending", "delivered", "failed"] | None] = None,
    limit: FromQuery[Annotated[int, Meta(ge=1, le=DELIVERIES_LISTED_MAX)]] = 50,
    after: FromQuery[Annotated[str, Meta(max_length=CURSOR_LENGTH_MAX)] | None] = None,
) -> DeliveryPage:
    """List a webhook's deliveries of the last 30 days, the newest first, with what the receiver answered."""
    require_role(session, "admin", "owner")
    before = _read_cursor(after) if after is not None else None
    async with tenant_transaction(session.tenant):
        rows = await service.list_deliveries(webhook_id, state=delivery_state, limit=limit + 1, before=before)
    items = [DeliveryView.of(row) for row in rows[:limit]]
    return DeliveryPage(items, _write_cursor(items[-1]) if len(rows) > limit else None)


def _write_cursor(last: DeliveryView) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([last.created_at, last.id])).rstrip(b"=").decode()


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        at, row_id = msgspec.json.decode(packed, type=tuple[Annotated[datetime, Meta(tz=True)], UUID])
    except (ValueError, binascii.Error):
        raise InvalidInput([FieldError("after", "Take it from “next” of the page before.")]) from None
    return at, row_id


@post("/{webhook_id:uuid}/replays")
async def replay(
    webhook_id: FromPath[UUID], data: JSONBody[ReplayRequest], session: NamedDependency[Session]
) -> ReplayReply:
    """Deliver an event, or all events of a time range, once more. They keep their webhook-id."""
    require_role(session, "admin", "owner")
    async with tenant_transaction(session.tenant):
        return ReplayReply(await service.replay(webhook_id, data.delivery_id, data.since, data.until))


webhook_router = Router(
    "/webhooks",
    route_handlers=[
        create_webhook,
        list_webhooks,
        get_webhook,
        change_webhook,
        delete_webhook,
        rotate_secret,
        list_deliveries,
        replay,
    ],
    tags=["webhooks"],
)
"""The app injects `session`."""
