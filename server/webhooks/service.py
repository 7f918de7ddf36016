"""Webhooks as admins manage them: made, changed, rotated, deleted; deliveries listed and replayed (tenant)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.db import connection
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.webhooks import dispatch
from server.webhooks.addresses import AddressRefused, Network, read_url
from server.webhooks.jobs import enqueue_delivery
from server.webhooks.rules import derive_secret, entities_of, find_idle
from server.webhooks.tables import Webhook

WEBHOOKS_MAX: Final = 50
DELIVERIES_LISTED_MAX: Final = 200
REPLAYED_MAX: Final = 10_000


class TooManyWebhooks(Conflict):
    """The tenant has as many webhooks as it may have."""

    code = "too_many_webhooks"

    def __init__(self) -> None:
        super().__init__(f"There are {WEBHOOKS_MAX} webhooks already. Delete one that nobody needs.")


class WebhookDisabled(Conflict):
    """Nothing is delivered to a webhook that is disabled."""

    code = "webhook_disabled"

    def __init__(self) -> None:
        super().__init__("This webhook is disabled. Enable it first, then have events replayed.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook is to be; None: as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    enabled: bool | None = None


async def create_webhook(
    wanted: Wanted, *, by: UUID, allowed: Sequence[Network], secret_key: bytes
) -> tuple[Webhook, str]:
    """Make a webhook; returns it with its signing secret.

    Raises:
        InvalidInput: its URL may not be gone to, or a pattern matches no event.
        TooManyWebhooks: there are enough.
    """
    _check(wanted, allowed)
    if await Webhook.count() >= WEBHOOKS_MAX:
        raise TooManyWebhooks
    events = sorted(set(wanted.events or ()))
    webhook = Webhook(
        id=uuid7(), url=wanted.url, description=wanted.description, events=events, entities=entities_of(events),
        created_by=by, created_at=clock.now(),
    )  # fmt: skip
    await Webhook.insert(webhook)
    return webhook, derive_secret(webhook.id, 1, secret_key)


def _check(wanted: Wanted, allowed: Sequence[Network]) -> None:
    errors = [
        FieldError("events", f"No event is called “{pattern[:60]}”. Name order.submitted, order.* or *.deleted, say.")
        for pattern in find_idle(wanted.events or ())
    ]
    if wanted.url is not None:
        try:
            read_url(wanted.url, allowed)
        except AddressRefused as refused:
            errors.append(FieldError("url", str(refused)))
    if wanted.description is not None and "\x00" in wanted.description:
        errors.append(FieldError("description", "Use text without NUL."))
    if errors:
        raise InvalidInput(errors)


async def list_webhooks() -> list[Webhook]:
    """All webhooks, the oldest first."""
    return await Webhook.objects().order_by(Webhook.created_at, Webhook.id)


async def get_webhook(webhook_id: UUID) -> Webhook:
    """The webhook of that id.

    Raises:
        NotFound: there is none.
    """
    webhook = await Webhook.objects().get(Webhook.id == webhook_id)
    if webhook is None:
        raise NotFound
    return webhook


async def change_webhook(webhook_id: UUID, wanted: Wanted, *, allowed: Sequence[Network]) -> Webhook:
    """Change a webhook. Enabled again, it starts with a clean slate, and what waits is delivered.

    Raises:
        NotFound: there is none.
        InvalidInput: as in `create_webhook`.
    """
    _check(wanted, allowed)
    webhook = await get_webhook(webhook_id)
    values: dict[Any, Any] = {}
    if wanted.url is not None:
        values[Webhook.url] = wanted.url
    if wanted.description is not None:
        values[Webhook.description] = wanted.description
    if wanted.events is not None:
        values |= {Webhook.events: sorted(set(wanted.events)), Webhook.entities: entities_of(wanted.events)}
    if wanted.enabled is False and webhook.disabled_at is None:
        values |= {Webhook.disabled_at: clock.now(), Webhook.disabled_reason: "by_hand"}
    if wanted.enabled:
        values |= {
            Webhook.disabled_at: None, Webhook.disabled_reason: None, Webhook.failing_since: None,
            Webhook.failures_in_row: 0, Webhook.resume_at: None,
        }  # fmt: skip
    if values:
        await Webhook.update(values).where(Webhook.id == webhook_id)
    if wanted.enabled:
        await enqueue_delivery(webhook_id)
    return await get_webhook(webhook_id)


async def rotate_secret(webhook_id: UUID, *, secret_key: bytes) -> str:
    """Sign with a new secret from now on, and for a day with the one before as well.

    Raises:
        NotFound: there is no such webhook.
    """
    generation: int | None = await connection().fetchval(
        """UPDATE webhook SET secret_generation = secret_generation + 1, secret_rotated_at = $2
        WHERE id = $1 RETURNING secret_generation""",
        webhook_id,
        clock.now(),
    )
    if generation is None:
        raise NotFound
    return derive_secret(webhook_id, generation, secret_key)


async def delete_webhook(webhook_id: UUID) -> None:
    """Delete a webhook and its deliveries.

    Raises:
        NotFound: there is none.
    """
    await get_webhook(webhook_id)
    await Webhook.delete().where(Webhook.id == webhook_id)


async def list_deliveries(
    webhook_id: UUID, *, state: str | None, limit: int, before: tuple[datetime, UUID] | None
) -> list[Any]:
    """Deliveries with their events, the newest first, those after `before` in that order.

    Raises:
        NotFound: there is no such webhook.
    """
    await get_webhook(webhook_id)
    return await connection().fetch(
        """SELECT d.*, e.type, e.entity, e."row", e.revision FROM webhook_delivery d
        JOIN webhook_event e ON e.id = d.event_id
        WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.state = $2)
            AND ($3::timestamptz IS NULL OR (d.created_at, d.id) < ($3, $4::uuid))
        ORDER BY d.created_at DESC, d.id DESC LIMIT $5""",
        webhook_id, state, *(before or (None, None)), limit,
    )  # fmt: skip


async def replay(webhook_id: UUID, delivery_id: UUID | None, since: datetime | None, until: datetime | None) -> int:
    """Deliver once more what one delivery was for, or all events of a time range; returns how many.

    Raises:
        NotFound: there is no such webhook, or no such delivery of it.
        WebhookDisabled: nothing is delivered to it.
        InvalidInput: neither is given, or both; or they are too many events for one request.
    """
    webhook = await get_webhook(webhook_id)
    if webhook.disabled_at is not None:
        raise WebhookDisabled
    if delivery_id is not None and since is None and until is None:
        count = await _replay_delivery(webhook_id, delivery_id)
    elif delivery_id is None and since is not None and until is not None:
        count = await _replay_range(webhook, since, until)
    else:
        raise InvalidInput([FieldError("body", "Give delivery_id, or both since and until.")])
    if count:
        await enqueue_delivery(webhook_id)
    return count


async def _replay_delivery(webhook_id: UUID, delivery_id: UUID) -> int:
    done = await connection().execute(
        """INSERT INTO webhook_delivery (webhook_id, event_id, created_at, next_attempt_at)
        SELECT webhook_id, event_id, $3, $3 FROM webhook_delivery WHERE id = $1 AND webhook_id = $2""",
        delivery_id,
        webhook_id,
        clock.now(),
    )
    if done == "INSERT 0 0":
        raise NotFound
    return 1


async def _replay_range(webhook: Webhook, since: datetime, until: datetime) -> int:
    count = await dispatch.replay_events(webhook.id, webhook.events, since, until, REPLAYED_MAX)
    if count > REPLAYED_MAX:
        raise InvalidInput([FieldError("until", f"These are more than {REPLAYED_MAX} events. Choose a shorter range.")])
    return count
