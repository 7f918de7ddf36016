"""What support needs to see of a replica, and nothing that anybody typed: counts, sizes, codes, versions."""

# ruff: noqa: S608  (names of tables come from ENTITIES)

import hashlib
import json
import platform
import sqlite3
import sys
from collections import Counter
from typing import Any

from outrider_sdk import outbox, overlay
from outrider_sdk.events import Events
from outrider_sdk.protocol import PROTOCOL_VERSION
from outrider_sdk.protocol.entities import ENTITIES, SCHEMA_VERSION
from outrider_sdk.protocol.tables import quoted
from outrider_sdk.schema import FORMAT_VERSION
from outrider_sdk.search import index
from outrider_sdk.search.documents import SOURCES
from outrider_sdk.status import Status
from outrider_sdk.store import Store

PENDING_LISTED_MAX = 100
DEVICE_MARK_LENGTH = 12


def describe(store: Store, status: Status, events: Events) -> dict[str, Any]:
    """The bundle; plain JSON."""
    with store.read() as conn:
        return {
            "versions": _versions(),
            "device": _mark(status.device_id),
            "incarnation": status.incarnation,
            "numbers": {
                "last": status.last_number,
                "sent_through": store.meta_int("sent_through"),
                "answered_through": store.meta_int("answered_through"),
                "acked_through": store.meta_int("acked_through"),
                "applied_through": status.applied_through,
            },
            "cursor": status.cursor,
            "cursor_age_s": status.cursor_age_s,
            "pull_is_staged": store.meta("pull_position") is not None,
            "skew_s": None if status.skew_us is None else status.skew_us // 1_000_000,
            "size_bytes": status.size_bytes,
            "pending": {"count": status.pending, "bytes": status.pending_bytes, "first": _pending(conn)},
            "refused": _refused(conn),
            "needs_attention": status.needs_attention,
            "past_lease": status.past_lease,
            "plan_state": None if status.plan is None else status.plan.state,
            "conflicts_open": status.conflicts_open,
            "rows": {name: _count(conn, name) for name in ENTITIES},
            "search": {name: index.is_in_step(store, index.names(conn), source) for name, source in SOURCES.items()},
            "events": events.last(),
        }


def _versions() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version  # a tenth of the SDK's import, for this alone

    try:
        sdk = version("outrider-sdk")
    except PackageNotFoundError:
        sdk = "?"
    return {
        "sdk": sdk,
        "protocol": PROTOCOL_VERSION,
        "schema": SCHEMA_VERSION,
        "format": FORMAT_VERSION,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": sys.platform,
    }


def _mark(device_id: str | None) -> str | None:
    """Which device it is, for whoever has the list of devices: the beginning of its id's SHA-256."""
    return None if device_id is None else hashlib.sha256(device_id.encode()).hexdigest()[:DEVICE_MARK_LENGTH]


def _pending(conn: sqlite3.Connection) -> list[dict[str, Any]]:
    """Of the first mutations that wait: what they are about, by kinds and names of fields alone."""
    told = []
    for entry in outbox.entries(
        conn,
        "status IS NULL AND number < (SELECT min(number) + ? FROM sync_outbox WHERE status IS NULL)",
        (PENDING_LISTED_MAX,),
    ):
        kinds = Counter(f"{change['op']} {overlay.target(change)[0]}" for change in entry.changes)
        told.append({"number": entry.number, "bytes": entry.size_bytes, "changes": dict(kinds)})
    return told


def _refused(conn: sqlite3.Connection) -> dict[str, int]:
    found = conn.execute("SELECT outcome FROM sync_outbox WHERE status = 'refused'")
    return dict(Counter(str(json.loads(outcome).get("code")) for (outcome,) in found))


def _count(conn: sqlite3.Connection, name: str) -> int:
    return int(conn.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0])
