"""What the routes of webhooks take and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from server.webhooks.addresses import URL_LENGTH_MAX
from server.webhooks.tables import Webhook

EVENTS_MAX = 200
_Url = Annotated[str, Meta(min_length=1, max_length=URL_LENGTH_MAX)]
_Events = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=EVENTS_MAX)]
_Description = Annotated[str, Meta(max_length=500)]
_Moment = Annotated[datetime, Meta(tz=True)]


class WebhookRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Where to send which events: `order.submitted`, `order.*`, `*.deleted`, `*`."""

    url: _Url
    events: _Events
    description: _Description | None = None


class WebhookPatch(Struct, forbid_unknown_fields=True, frozen=True):
    """What to change of a webhook; what is left out, or null, stays."""

    url: _Url | None = None
    events: _Events | None = None
    description: _Description | None = None
    enabled: bool | None = None


class WebhookView(Struct, frozen=True):
    """A webhook. `disabled_reason`: `by_hand`, `gone` (410) or `failing` (for days)."""

    id: UUID
    url: str
    description: str | None
    events: list[str]
    created_by: UUID
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    secret_rotated_at: datetime | None

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookView":
        """The webhook as people see it."""
        return cls(**{name: getattr(webhook, name) for name in cls.__struct_fields__})


class WebhookReply(Struct, frozen=True):
    """A new webhook, with the secret that its messages are signed with."""

    secret: str
    webhook: WebhookView


class RotationReply(Struct, frozen=True):
    """The new secret. For a day messages bear two signatures: of this one, and of the one before."""

    secret: str


class DeliveryView(Struct, frozen=True):
    """One event on its way to one webhook, and what the receiver said last."""

    id: UUID
    event_id: UUID
    type: str
    entity: str
    row_id: UUID
    revision: int
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    created_at: datetime
    attempted_at: datetime | None
    next_attempt_at: datetime | None
    response_status: int | None
    duration_ms: int | None
    error: str | None

    @classmethod
    def of(cls, row: Any) -> "DeliveryView":
        """The delivery's line in a list."""
        return cls(row_id=row["row"], **{name: row[name] for name in cls.__struct_fields__ if name != "row_id"})


class DeliveryPage(Struct, frozen=True):
    """A page of deliveries, the newest first; `next` is the `after` of the following one."""

    items: list[DeliveryView]
    next: str | None


class ReplayRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Which to deliver once more: one delivery, or all events from `since` to before `until`."""

    delivery_id: UUID | None = None
    since: _Moment | None = None
    until: _Moment | None = None


class ReplayReply(Struct, frozen=True):
    """How many deliveries were made of it."""

    deliveries: int
