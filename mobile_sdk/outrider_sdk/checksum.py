"""Finding out once a day whether this replica has what the server would send, and repairing it where it has not.

What is compared are the server's rows as they were received, without what is pending. A difference is repaired by a
pull that replaces everything, once a day and view; where that did not help, it is only told: something is wrong that
another pull will not heal either. A comparison that fails, for whatever reason, fails no sync.
"""

# ruff: noqa: S608  (names of tables come from ENTITIES)

import json
import logging
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from outrider_sdk import overlay
from outrider_sdk.contact import Contact
from outrider_sdk.errors import SyncError
from outrider_sdk.kinds import id_bytes
from outrider_sdk.protocol import PROTOCOL_VERSION
from outrider_sdk.protocol.checksum import (
    BUCKETS,
    ChecksumReply,
    ChecksumRequest,
    sum_up,
    sum_up_contents,
)
from outrider_sdk.protocol.entities import ENTITIES, SCHEMA_VERSION, Entity
from outrider_sdk.protocol.tables import quoted
from outrider_sdk.pull import Pull, ServerBehind
from outrider_sdk.store import Store

HOUR_US = 3_600 * 1_000_000
DAY_US = 24 * HOUR_US
COMPARISONS_MAX = 3
"""Where others write all the time, a comparison finds something new this often, and is left to the next sync."""

_log = logging.getLogger("outrider_sdk")


@runtime_checkable
class ChecksumTransport(Protocol):
    """What a comparison needs of a network; over a transport without it, there is none."""

    def checksum(self, request: ChecksumRequest) -> ChecksumReply:
        """`POST /sync/checksum` (protocol 17)."""


def run(contact: Contact) -> None:
    """Compare, if it is time; repair what differs."""
    now, transport = contact.clock(), contact.transport
    if not isinstance(transport, ChecksumTransport) or not _is_due(contact.store, now):
        return
    differing = None
    try:
        differing = _compare(contact, transport)
        if differing:
            _log.warning("This replica differs from the server in %s.", ", ".join(differing))
            if _may_repair(contact.store, now):
                found, differing = differing, None  # a repair that breaks off is gone on with by the next sync
                _repair(contact, now)
                contact.report.repaired = found
                differing = _compare(contact, transport)
    except SyncError as error:
        _log.info("The replica could not be compared with the server: %s", error)
    except ServerBehind:  # the next sync finds it just so, and hands in again
        _log.info("The replica could not be compared with the server: it was restored from a backup meanwhile.")
    _note(contact, differing, now)


def _note(contact: Contact, differing: list[str] | None, now: int) -> None:
    """Keep what came of it; where nothing did, ask again in an hour."""
    store = contact.store
    with store.write():
        if differing is None:
            store.set_meta(compared_at=now - DAY_US + HOUR_US)
        else:
            contact.report.differing = differing
            store.set_meta(compared_at=now, differing=json.dumps(differing) if differing else None)
        store.set_meta(compared_view=store.meta("view"))


def list_differing(store: Store) -> list[str]:
    """Entities in which the last comparison found a difference that a repair did not take away."""
    return list(json.loads(store.meta("differing") or "[]"))


def _is_due(store: Store, now: int) -> bool:
    """Whether the last comparison, or the first pull, was a day ago, or of another view."""
    compared_at, known, view = (store.meta(key) for key in ("compared_at", "compared_view", "view"))
    if view is None or compared_at is None or not 0 <= now - int(compared_at) < DAY_US:
        return view is not None
    return known is not None and known != view


def _may_repair(store: Store, now: int) -> bool:
    repaired_at = store.meta("repaired_at")
    is_old = repaired_at is None or not 0 <= now - int(repaired_at) < DAY_US
    return is_old or store.meta("repaired_view") != store.meta("view")


def _compare(contact: Contact, transport: ChecksumTransport) -> list[str] | None:
    """Entities that differ; None where the server had news each time it was asked."""
    for _ in range(COMPARISONS_MAX):
        reply = transport.checksum(request_of(contact.store, contact.clock()))
        if reply["compared"]:
            return [name for name in reply["differing"] if name in ENTITIES]
        Pull(contact).run()
    return None


def _repair(contact: Contact, now: int) -> None:
    """Have everything sent anew, as to a device of another view; the outbox stays."""
    store = contact.store
    with store.write():
        store.set_meta(repaired_at=now, repaired_view=store.meta("view"), view=None)
    Pull(contact).run()


def request_of(store: Store, now: int) -> ChecksumRequest:
    """What this replica has, as the server would have to find it."""
    bucket = now // DAY_US % BUCKETS
    with store.read() as conn:
        sums, contents = {}, {}
        for name, entity in ENTITIES.items():
            found = sum_up(_revisions(conn, entity))
            if found["count"]:
                sums[name] = found
                contents[name] = sum_up_contents(_contents(conn, entity, bucket))
        return {
            "protocol": PROTOCOL_VERSION,
            "schema": SCHEMA_VERSION,
            "cursor": store.meta_int("cursor"),
            "view": store.meta("view") or "",
            "sums": sums,
            "bucket": bucket,
            "contents": {name: found for name, found in contents.items() if found["count"]},
        }


def _revisions(conn: Any, entity: Entity) -> Iterator[tuple[bytes, int]]:
    """Id and revision of every row as received."""
    shadowed = "SELECT id FROM sync_shadow WHERE entity = ?"
    yield from conn.execute(
        f"SELECT id, revision FROM {quoted(entity.name)} WHERE id NOT IN ({shadowed})", (entity.name,)
    )
    for base in _bases(conn, entity):
        yield id_bytes(str(base["id"])), int(str(base["revision"]))


def _contents(conn: Any, entity: Entity, bucket: int) -> Iterator[list[Any]]:
    """The values of the rows in a bucket as received."""
    shadowed = "SELECT id FROM sync_shadow WHERE entity = ?"
    ids = conn.execute(f"SELECT id FROM {quoted(entity.name)} WHERE id NOT IN ({shadowed})", (entity.name,)).fetchall()
    for (row_id,) in ids:
        if row_id[15] % BUCKETS == bucket:
            stored = conn.execute(f"SELECT * FROM {quoted(entity.name)} WHERE id = ?", (row_id,)).fetchone()
            yield list(overlay.wire_row(entity, stored).values())
    for base in _bases(conn, entity):
        if id_bytes(str(base["id"]))[15] % BUCKETS == bucket:
            yield [base[name] for name in entity.columns]


def _bases(conn: Any, entity: Entity) -> Iterator[overlay.WireRow]:
    """The server's rows under the overlay."""
    for (base,) in conn.execute(
        "SELECT base FROM sync_shadow WHERE entity = ? AND base IS NOT NULL", (entity.name,)
    ).fetchall():
        yield json.loads(base)
