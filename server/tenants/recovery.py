"""Databases that were restored from a backup or copied: recognised, and adopted by the operator (ADR 0031).

PostgreSQL says where it is: a system identifier for each cluster, a timeline for each recovery or promotion, an oid for
each database, and how far its log has come. What was found at the last adoption stands in the database itself; how far
the log had come, in the state folder. Another place, or a log that went back, is a restored copy: nobody serves it
until `outrider adopt` has begun a new epoch in every tenant. The last epoch stands in the state folder, too, so that no
two restores of one backup begin the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from server.connections import Connection
from server.errors import AppError
from server.storage import ledger
from server.tenants.service import owner_connection

_FOUND: Final = """
SELECT s.system_identifier::text AS cluster, k.timeline_id AS timeline,
    (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database,
    (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint AS position
FROM pg_control_system() s, pg_control_checkpoint() k
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is."""

    cluster: str
    timeline: int
    database: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """What an adoption did in one database."""

    database: str
    tenants: int
    revoked: int
    to_wipe: int
    """Devices of which an order to wipe them was forgotten, and stands again."""


class DatabaseRestored(AppError):
    """The database is not the one that was served last."""

    status = 503
    code = "database_restored"

    def __init__(self, database: str, difference: str) -> None:
        super().__init__(
            f"Database {database} {difference}: it was restored from a backup, or copied. Make sure that no other "
            "server still works with the original, then run `outrider adopt`."
        )


def find_difference(adopted: Place | None, found: Place, *, noted: int | None, position: int) -> str | None:
    """In what a database is not the one that was adopted; None where it is. Pure.

    Args:
        noted: how far its log had come when it was looked at last, if that is known.
        position: how far it has come now.
    """
    if adopted is None:
        return "was never adopted"
    if found.cluster != adopted.cluster:
        return "is in another PostgreSQL cluster"
    if found.database != adopted.database:
        return "is another database of the same cluster"
    if found.timeline != adopted.timeline:
        return f"is on timeline {found.timeline}, not {adopted.timeline}"
    if noted is not None and position < noted:
        return "went back in time"
    return None


async def check_places(urls: Mapping[str, str], state_dir: Path) -> None:
    """See that each database is the one that was served last, and note how far it is.

    Raises:
        DatabaseRestored: it is a restored copy.
    """
    for name, url in urls.items():
        async with owner_connection(url) as owner:
            difference = await look_at(owner, name, state_dir)
            if difference is not None:
                raise DatabaseRestored(name, difference)
            await note_position(owner, name, state_dir)


async def look_at(owner: asyncpg.Connection, name: str, state_dir: Path) -> str | None:
    """In what the database is not the one that was adopted; None where it is."""
    found, position = await _find(owner)
    row = await owner.fetchrow("SELECT cluster, timeline, database FROM platform.installation")
    adopted = Place(row["cluster"], row["timeline"], row["database"]) if row else None
    noted = _read(state_dir).get(name, {})
    known = noted["position"] if noted.get("cluster") == found.cluster else None
    return find_difference(adopted, found, noted=None if known is None else int(known), position=position)


async def _find(conn: asyncpg.Connection | Connection) -> tuple[Place, int]:
    row = await conn.fetchrow(_FOUND)
    assert row is not None
    return Place(row["cluster"], row["timeline"], row["database"]), row["position"]


async def note_position(conn: asyncpg.Connection | Connection, name: str, state_dir: Path) -> None:
    """Note outside the database how far its log has come; at the start, and now and then."""
    found, position = await _find(conn)
    _note(name, state_dir, cluster=found.cluster, position=position)


def _note(name: str, state_dir: Path, **facts: str | int) -> None:
    places = _read(state_dir)
    draft = _file(state_dir).with_suffix(".new")
    draft.write_text(json.dumps(places | {name: places.get(name, {}) | facts}), encoding="utf-8")
    draft.replace(_file(state_dir))


def _file(state_dir: Path) -> Path:
    state_dir.mkdir(parents=True, exist_ok=True)
    return state_dir / "databases.json"


def _read(state_dir: Path) -> dict[str, dict[str, int | str]]:
    try:
        return dict(json.loads(_file(state_dir).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


async def adopt(urls: Mapping[str, str], state_dir: Path) -> list[Adopted]:
    """Begin a new epoch in every tenant of every database, and revoke again what had been revoked since the backup.

    Each database in one transaction. Again is harmless: devices pull anew once more, and hand in what is missing.
    """
    return [await _adopt(name, url, urls["main"], state_dir) for name, url in urls.items()]


async def _adopt(name: str, url: str, main_url: str, state_dir: Path) -> Adopted:
    revoked, to_wipe, epoch = 0, 0, int(_read(state_dir).get(name, {}).get("epoch", 0)) + 1
    async with owner_connection(main_url) as directory:
        listed = await directory.fetch("SELECT id, schema FROM platform.tenant WHERE database = $1", name)
    async with owner_connection(url) as owner, owner.transaction():
        for tenant in listed:
            schema = f'"{tenant["schema"]}"'
            # Above what other restores of this backup began: devices hold bases of edits from each of them.
            epoch = await owner.fetchval(f"SELECT {schema}.begin_epoch($1)", epoch)
            gone = list(ledger.entries("revoked", tenant["id"], state_dir))
            status = await owner.execute(
                f"UPDATE {schema}.device SET revoked_at = now()"  # noqa: S608 - our own name
                " WHERE id = ANY ($1::uuid[]) AND revoked_at IS NULL",
                gone,
            )
            revoked += int(status.rpartition(" ")[2])
            to_wipe += await _order_wipes_again(owner, schema, ledger.latest("wipe", tenant["id"], state_dir))
        found, _ = await _find(owner)
        await owner.execute(
            "UPDATE platform.installation SET cluster = $1, timeline = $2, database = $3, adopted_at = now()",
            found.cluster,
            found.timeline,
            found.database,
        )
        _note(name, state_dir, epoch=epoch)  # before it is committed: a number that nobody uses does no harm
    async with owner_connection(url) as owner:
        await note_position(owner, name, state_dir)
    return Adopted(name, len(listed), revoked, to_wipe)


async def _order_wipes_again(owner: asyncpg.Connection | Connection, schema: str, remembered: dict[str, str]) -> int:
    """Let devices stand by the ledger: to be wiped, or wiped, or left alone since. How many are to be wiped again."""
    ids: dict[str, list[str]] = {what: [] for what in ("wiped", "cancelled", "after_hand_in", "now")}
    for device_id, what in remembered.items():
        ids[what].append(device_id)
    device = f"{schema}.device"
    await owner.execute(
        f"UPDATE {device} SET wiped_at = coalesce(wiped_at, now()), revoked_at = coalesce(revoked_at, now())"  # noqa: S608 - our own name
        " WHERE id = ANY ($1::uuid[])",
        ids["wiped"],
    )
    await owner.execute(
        f"UPDATE {device} SET wipe_ordered_at = NULL, wipe_now = false"  # noqa: S608 - our own name
        " WHERE id = ANY ($1::uuid[]) AND wiped_at IS NULL",
        ids["cancelled"],
    )
    status = await owner.execute(
        f"UPDATE {device} SET wipe_ordered_at = coalesce(wipe_ordered_at, now()), wipe_now = id = ANY ($2::uuid[])"  # noqa: S608 - our own name
        " WHERE id = ANY ($1::uuid[]) AND wiped_at IS NULL"
        " AND (wipe_ordered_at IS NULL OR wipe_now <> (id = ANY ($2::uuid[])))",
        ids["after_hand_in"] + ids["now"],
        ids["now"],
    )
    return int(status.rpartition(" ")[2])
