"""What the server does beside push and pull, by the real code: a part of `server.MemoryServer`."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from outrider_sdk.kinds import to_stored
from outrider_sdk.protocol.entities import ENTITIES, Entity
from outrider_sdk.protocol.tables import create_entity_indexes, create_entity_table

from server.auth.devices import DeviceRevoked
from server.auth.leases import LEASE_TYPE, grant_lease
from server.auth.wipes import WipeOrdered, record_receipt
from server.clock import from_micros, frozen, to_micros
from server.db import Revision
from server.sync import checksum, quarantine, schemas, snapshot_file, snapshots, wire
from server.sync.parking import PARKED
from server.sync.push import push_released
from server.sync.quarantine_commands import _DISCARDED
from server.sync.refusals import Refusal
from server.sync.snapshot_pack import pack
from tests.simulation.database import bound
from tests.simulation.loop import run

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tests.simulation.records import DeviceRecord, Transaction
    from tests.simulation.server import MemoryServer

Rows = list[tuple[Any, ...]]


@contextmanager
def _at_work(server: "MemoryServer") -> Iterator[None]:
    with bound(server, None), frozen(from_micros(server.clock())):
        yield


def compare(server: "MemoryServer", device_id: str, request: dict[str, Any]) -> dict[str, Any]:
    """Compare what a device has with what its member sees."""
    record = _trusted(server, device_id)
    access = server.sight.access(record.member_id)
    with _at_work(server):
        wire.check_schema(request["schema"])
        news = run(checksum.is_news(record.member_id, request["cursor"], server.head))  # type: ignore[arg-type]
        compared = request["view"] == schemas.view_name(access.view, request["schema"]) and not news
        device = checksum.Compared(request["schema"], request["sums"], request["bucket"], request["contents"])
        asked = run(checksum.list_differing(record.member_id, access, device)) if compared else []  # type: ignore[arg-type]
        return {"compared": compared, "differing": asked}


def _trusted(server: "MemoryServer", device_id: str) -> "DeviceRecord":
    record = server.get_device(device_id)
    if record.revoked_at is not None:
        raise DeviceRevoked
    if record.wipe_ordered_at is not None:
        raise WipeOrdered(now=record.wipe_now)
    return record


# Leases


def renew(server: "MemoryServer", device_id: str) -> str:
    """Grant a device a lease; its signature is not looked at here."""
    record = server.get_device(device_id)
    if record.revoked_at is not None:
        raise DeviceRevoked
    with _at_work(server):
        lease = run(grant_lease(device_id))  # type: ignore[arg-type]
    claims = {"did": device_id, "exp": to_micros(lease.until) // 1_000_000}
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"typ": LEASE_TYPE}, claims, ""))
    return ".".join(part.rstrip("=") for part in parts)


# Snapshots


def build(server: "MemoryServer", wanted: snapshots.Wanted) -> None:
    """Build a snapshot of what a member sees of scopes, and put it on the list."""
    from tests.simulation.device import scratch

    member, scopes, count = str(wanted.member_id), {str(scope) for scope in wanted.plan.scopes}, 0
    raw, packed = scratch() / "snapshot.db", scratch() / "snapshot.packed"
    raw.unlink(missing_ok=True)
    with closing(snapshot_file._create(raw)) as file:
        for entity in (e for e in ENTITIES.values() if e.since <= server.schema):
            rows = _rows(server, member, entity, scopes)
            create_entity_table(file.execute, entity.name, entity)
            snapshot_file._insert(file, entity, rows)
            create_entity_indexes(file.execute, entity)
            count += len(rows)
        snapshot_file._finish(file)
    size, sha256 = pack(raw, packed, wanted.encoding)
    server.snapshots_made += 1
    made = snapshots.Snapshot(
        UUID(int=server.snapshots_made), wanted.plan.key, wanted.encoding, server.head, wanted.plan.scopes, sha256,
        size, raw.stat().st_size, count,
    )  # fmt: skip
    server.snapshots[str(made.id)] = made
    server.files[sha256] = packed.read_bytes()


def _rows(server: "MemoryServer", member: str, entity: Entity, scopes: set[str]) -> Rows:
    """The rows that a member sees in some of their scopes, as they are stored on a device."""
    sight, access = server.sight, server.sight.access(member)
    right = access.right(entity.name)
    hidden = right.hidden | schemas.fields_unknown(entity, server.schema)  # a server knows no later ones either
    held = {s for (s, level), g in sight.grants.get(member, {}).items() if not g.gone and level <= right.read}
    found = []
    for row in server.live(entity.name):
        entries = sight.entries.get(row.id, {}).items()
        if any(s in held & scopes and not e.gone for s, e in entries) and sight.sees(member, access, row):
            values = (None if f.name in hidden else to_stored(f, row.values[f.name]) for f in entity.all_fields)
            found.append(tuple(values))
    return sorted(found)


def snapshot_part(server: "MemoryServer", device_id: str, snapshot_id: str, start: int) -> tuple[bytes, int]:
    """A range of a snapshot's file, if it still shows what the member sees; and the size of the whole."""
    record = _trusted(server, device_id)
    with _at_work(server):
        member, access = record.member_id, server.sight.access(record.member_id)
        found = run(snapshots.get_downloadable(UUID(snapshot_id), member, access))  # type: ignore[arg-type]
    return server.files[found.sha256][start:], found.size_bytes


# Revoked devices, and such as are to be wiped


def hand_in(server: "MemoryServer", device_id: str, incarnation: int, mutations: Any, *, complete: bool) -> Any:
    """Keep what a revoked device still had; what the server has of it."""
    with _at_work(server):
        mutations = json.loads(json.dumps(mutations))
        given = quarantine.HandIn(device_id, "", incarnation, mutations, complete)  # type: ignore[arg-type]
        handed = run(quarantine.hand_in(given))
        return {"quarantined_through": handed.through, "missing": handed.missing, "closed": handed.closed}


def decide(server: "MemoryServer", device_id: str, *, release: bool) -> "Transaction":
    """Release what waits for a decision, or discard it; the caller commits. What is parked stays, as released."""
    kept = server.quarantines[device_id]
    undecided = kept["payloads"].keys() - kept["released"]
    transaction, waits = _push_released(server, device_id, undecided, None if release else _DISCARDED)
    kept["released"] |= waits
    kept["state"] = "released" if release else "discarded"
    return transaction


def take_released(server: "MemoryServer", device_id: str) -> "Transaction":
    """Try what was released, and waits; the caller commits."""
    kept = server.quarantines[device_id]
    transaction, waits = _push_released(server, device_id, kept["released"], None)
    kept["released"] = waits
    return transaction


def _push_released(
    server: "MemoryServer", device_id: str, numbers: "AbstractSet[int]", refusal: Refusal | None
) -> tuple["Transaction", set[int]]:
    """Push what quarantine has of a device; the numbers of what is parked, and stays there."""
    kept, record = server.quarantines[device_id], server.get_device(device_id)
    mutations = [json.loads(kept["payloads"][number]) for number in sorted(numbers)]
    transaction = server.begin()
    transaction.device = record
    revision = Revision(transaction.revision, from_micros(transaction.at), server.actor(record))
    with bound(server, transaction):
        outcomes = run(push_released(mutations, refusal=refusal, revision=revision))
    waits = {outcome["number"] for outcome in outcomes if outcome["status"] == PARKED}
    gone = numbers - waits
    kept["payloads"] = {number: payload for number, payload in kept["payloads"].items() if number not in gone}
    return transaction, waits


def wiped(server: "MemoryServer", device_id: str, facts: dict[str, Any]) -> None:
    """Take the receipt of a device that has erased everything."""
    with _at_work(server):
        run(record_receipt(UUID(device_id), "", facts))


def moment(server: "MemoryServer") -> datetime:
    """Now, by the server's clock."""
    return from_micros(server.clock())
