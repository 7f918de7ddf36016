"""What events there are, who waits for which, how they are signed, and when to try again. Pure.

Signatures and headers follow Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec).
"""

import base64
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import ENTITIES

VERBS: Final = ("created", "changed", "deleted", "restored")
ANY: Final = "*"
SECRET_OVERLAP: Final = timedelta(hours=24)
"""For so long after a rotation deliveries bear both signatures."""
SCHEDULE: Final = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
"""Pauses between the attempts of one delivery, as the specification suggests: three days in all."""
DISABLED_AFTER: Final = timedelta(days=5)
"""A webhook to which nothing got through for so long is disabled."""
PAUSE_MIN: Final = timedelta(seconds=5)
PAUSE_MAX: Final = timedelta(hours=1)
FAILURES_IN_ROW_MAX: Final = 3
"""After so many the other deliveries wait too: a dead receiver must not occupy a worker."""

_SECRET_PURPOSE: Final = b"outrider webhook secret 1"
_SECRET_MARK: Final = "whsec_"  # noqa: S105 - what every secret begins with


def event_types() -> tuple[str, ...]:
    """Every event there is: `order.created`, and for entities with statuses `order.submitted`."""
    found = []
    for name, entity in ENTITIES.items():
        status = entity.by_name.get("status")
        verbs = (*VERBS, *(status.values if status else ()))
        found += [f"{name}.{verb}" for verb in dict.fromkeys(verbs)]
    return tuple(found)


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of the patterns, such as `order.submitted`, `order.*`, `*.deleted` or `*`, takes the event in."""
    entity, _, verb = event_type.partition(".")
    return any(pattern in (ANY, event_type, f"{entity}.{ANY}", f"{ANY}.{verb}") for pattern in patterns)


def find_idle(patterns: Iterable[str]) -> list[str]:
    """The patterns that no event can ever match."""
    types = event_types()
    return [pattern for pattern in patterns if not any(matches([pattern], each) for each in types)]


def entities_of(patterns: Iterable[str]) -> list[str]:
    """The entities whose events the patterns may match; `*` for all."""
    return sorted({pattern.partition(".")[0] for pattern in patterns})


def derive_secret(webhook_id: UUID, generation: int, secret_key: bytes) -> str:
    """The signing secret of a webhook's generation: the same for the same arguments, always."""
    key = hmac.digest(secret_key, _SECRET_PURPOSE, "sha256")
    return (
        _SECRET_MARK + base64.b64encode(hmac.digest(key, webhook_id.bytes + generation.to_bytes(4), "sha256")).decode()
    )


def secrets_in_force(
    webhook_id: UUID, generation: int, rotated_at: datetime | None, secret_key: bytes, *, now: datetime
) -> list[str]:
    """The secrets to sign with: the present one, and for a day after a rotation the one before."""
    generations = [generation]
    if rotated_at is not None and now < rotated_at + SECRET_OVERLAP:
        generations.append(generation - 1)
    return [derive_secret(webhook_id, each, secret_key) for each in generations]


def sign(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of one attempt."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    signatures = " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_SECRET_MARK))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def message_id(event_id: UUID) -> str:
    """The event's name on the wire: the same in each attempt and replay, so that a receiver can tell a repetition."""
    return f"msg_{event_id.hex}"


@dataclass(frozen=True, slots=True)
class Event:
    """That a row was created, changed, deleted, restored, or reached a status."""

    id: UUID
    type: str
    entity: str
    row_id: UUID
    revision: int
    changed: Sequence[str]
    at: datetime


def write_payload(event: Event) -> bytes:
    """The body: what has happened to which row, and no value of it. The receiver reads the row with its own rights."""
    data = {"entity": event.entity, "id": event.row_id, "revision": event.revision, "changed": list(event.changed)}
    return msgspec.json.encode({"type": event.type, "timestamp": event.at, "data": data})


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to: a status, or where there was none, why."""

    status: int | None
    error: str | None
    duration_ms: int

    @property
    def accepted(self) -> bool:
        """Whether the receiver has taken it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more (410)."""
        return self.status == 410


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When a delivery that has failed so many times is tried again; None: never."""
    return now + SCHEDULE[attempts - 1] if attempts <= len(SCHEDULE) else None


def pause_after(failures_in_row: int, *, timed_out: bool) -> timedelta | None:
    """How long a webhook's other deliveries wait too; None: not at all.

    Args:
        timed_out: nobody answered in time, which holds up more than an answer that refuses.
    """
    if not timed_out and failures_in_row < FAILURES_IN_ROW_MAX:
        return None
    doublings = min(max(failures_in_row - 1, 0), 20)
    return min(PAUSE_MIN * (1 << doublings), PAUSE_MAX)


Ending = Literal["gone", "failing"]


def judge_webhook(answer: Answer, failing_since: datetime | None, now: datetime) -> Ending | None:
    """Why a webhook is to be disabled after a failure; None: it is not."""
    if answer.gone:
        return "gone"
    return "failing" if failing_since is not None and now - failing_since >= DISABLED_AFTER else None
