"""Statements beside push and pull: snapshots, checksums, leases, quarantine, wipes; and where their code is bound."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from outrider_sdk.protocol.checksum import BUCKETS, Sum, sum_up, sum_up_contents
from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth import incarnations, leases, wipes
from server.auth.access import Access
from server.clock import from_micros
from server.sync import checksum, pull, quarantine, released, schemas, snapshot_plan, snapshots
from server.sync.state import Row

if TYPE_CHECKING:
    from tests.simulation.database import Database
    from tests.simulation.server import MemoryServer

UNKNOWN = object()
"""Stands for the answer to a statement that is not known here."""
DELTA_ROWS_MIN = 25
"""A snapshot is built anew when more rows have changed since."""
LEASE_US = 3 * 3_600_000_000


def side_seams(server: "MemoryServer", database: "Database") -> list[tuple[Any, str, Any]]:
    """Where the code beside push and pull finds this database, and numbers of a small world."""
    connected = [
        (m, "connection", lambda: database)
        for m in (leases, wipes, checksum, quarantine, released, snapshot_plan, snapshots)
    ]
    return [
        *connected, (released, "enqueue", database.send_job),
        (wipes, "remember", lambda *_: None), (incarnations, "find_remembered", lambda _: None),
        (incarnations, "remember_of", lambda device: device),
        (checksum, "load_heads", database.load_heads), (checksum, "_sum_up", database.sum_up),
        (checksum, "_sum_up_contents", database.sum_up_contents),
        (snapshot_plan, "WHOLE_ROWS_MIN", 1), (snapshots, "DELTA_ROWS_MIN", DELTA_ROWS_MIN),
        *((module, "SCHEMA_VERSION", server.schema) for module in (schemas, pull, snapshot_plan)),
    ]  # fmt: skip


class Statements:
    """A part of `database.Database`."""

    _server: "MemoryServer"

    def side_row(self, sql: str, args: Sequence[Any]) -> Any:
        """A lease that is granted; what is in quarantine; a snapshot; a secret."""
        server = self._server
        if "lapsed_from = CASE" in sql:
            return self._grant(*args)
        if "SELECT * FROM quarantine WHERE device_id" in sql:
            return server.quarantines.get(args[0])
        if "SELECT secret_hash FROM device" in sql:
            return {"secret_hash": b""} if str(args[0]) in server.devices else None
        if "FROM snapshot s WHERE NOT EXISTS (SELECT FROM erasure" in sql:
            by_id = "AND id = $1" in sql
            listed = [s for s in server.snapshots.values() if s.id == args[0]] if by_id else self._usable(*args)
            listed = [s for s in listed if not any(at > s.revision for at in server.erased.values())]
            return None if not listed else {n: getattr(listed[-1], n) for n in snapshots.COLUMNS.split(", ")}
        return UNKNOWN

    def _usable(self, key: str, encoding: str) -> list[snapshots.Snapshot]:
        found = [s for s in self._server.snapshots.values() if (s.key, s.encoding) == (key, encoding)]
        return sorted((s for s in found if s.revision >= self._server.horizon), key=lambda s: s.revision)

    def _grant(self, device_id: str, now: Any, _: int) -> dict[str, Any]:
        device = self._server.devices[device_id]
        if device.lease_until is not None and device.lease_until < now:
            device.lapsed_from, device.lapsed_to = device.lease_until, now
        device.lease_until = from_micros(self._server.clock() + LEASE_US)
        return {"lease_until": device.lease_until, "member_id": device.member_id, "secret_hash": b""}

    def side_rows(self, sql: str, args: Sequence[Any]) -> Any:
        """A member's grants, for a snapshot; the entities in their sight, for a checksum."""
        sight = self._server.sight
        held = {key: g for key, g in sight.grants.get(args[0], {}).items() if not g.gone} if args else {}
        if "o.id IS NOT NULL, m.id IS NOT NULL, v.scope IS NOT NULL" in sql:
            of = self._server.rows.of
            return [(UUID(s), level, s in of["outlet"], s in of["member"], False) for s, level in sorted(held)]
        if "SELECT DISTINCT e.entity FROM scope_grant g" in sql:
            entries = (e for s, _ in held for e in sight.by_scope.get(s, {}).values())
            return [(code,) for code in {ENTITIES[e.entity].code for e in entries if not e.gone}]
        if "p.digest AS previous" in sql:
            return self._missing(*args)
        return UNKNOWN

    def _missing(self, device_id: str, _: int, quarantine_id: UUID | None) -> list[dict[str, Any]]:
        """What is parked, and not in quarantine."""
        outcomes = self._server.devices[device_id].outcomes
        kept = [k["payloads"] for k in self._server.quarantines.values() if k["id"] == quarantine_id]
        parked = {
            n: o["digest"] for n, o in outcomes.items() if o["status"] == "parked" and not any(n in k for k in kept)
        }
        before = {n: outcomes[n - 1]["digest"] if n - 1 in outcomes else None for n in parked}
        return [{"number": n, "digest": digest, "previous": before[n]} for n, digest in parked.items()]

    async def send_job(self, *_: Any, **__: Any) -> None:
        """The one job that is sent by pushes here: to try what was released, and waits."""
        self._open.rows_came = True

    def side_value(self, sql: str, args: Sequence[Any]) -> Any:
        """How many rows scopes hold, or have got since a revision; whether released work waits."""
        sight = self._server.sight
        if "SELECT EXISTS (SELECT FROM quarantined_mutation WHERE released)" in sql:
            return any(kept["released"] for kept in self._server.quarantines.values())
        if "SELECT FROM unnest($1::uuid[]) s (scope) CROSS JOIN LATERAL" in sql:
            entries = [e for s in args[0] for e in sight.by_scope.get(str(s), {}).values()]
            if "e.revision > $2" in sql:
                return sum(e.revision > args[1] for e in entries)
            return sum(not e.gone for e in entries)
        return UNKNOWN

    def side_write(self, sql: str, args: Sequence[Any]) -> bool:
        """Whether it is one of these statements, which is then done."""
        devices = self._server.devices
        if "SET past_lease = past_lease + $2" in sql or "UPDATE snapshot SET used_at" in sql:
            return True
        if "INSERT INTO quarantine" in sql:
            quarantine_id, device_id, _, complete, count, size, number, digest, _ = args
            kept = self._server.quarantines.setdefault(
                device_id,
                {"id": quarantine_id, "device_id": device_id, "state": "waiting", "payloads": {}, "released": set()},
            )
            complete = complete or kept.get("complete", False)
            kept |= {"complete": complete, "mutations": count, "size_bytes": size}
            kept |= {"last_number": number, "last_digest": digest, "state": "waiting"}
            return True
        if "UPDATE quarantine SET complete = true" in sql:
            self._server.quarantines[args[0]]["complete"] = True
            return True
        if "SET incarnation_key = NULL" in sql:
            devices[args[0]].key = None
            return True
        if "SET wiped_at = coalesce" in sql:
            device = devices[str(args[0])]
            device.wiped_at = device.wiped_at or args[1]
            device.revoked_at = device.revoked_at or args[1]
            return True
        return False

    def keep_quarantined(self, payloads: Iterable[Sequence[Any]]) -> None:
        """What a revoked device has handed in."""
        by_id = {kept["id"]: kept for kept in self._server.quarantines.values()}
        for quarantine_id, number, payload in payloads:
            by_id[quarantine_id]["payloads"][number] = payload

    async def sum_up(self, entity: Entity, access: Access, member_id: str) -> Sum:
        """Of the rows that the member sees."""
        return sum_up((UUID(r.id).bytes, r.values["revision"]) for r in self._seen(entity, access, member_id))

    async def sum_up_contents(self, entity: Entity, access: Access, member_id: str, device: checksum.Compared) -> Sum:
        """Of their values, of those in a bucket."""
        hidden = access.right(entity.name).hidden | schemas.fields_unknown(entity, device.schema)
        seen = (r for r in self._seen(entity, access, member_id) if UUID(r.id).bytes[15] % BUCKETS == device.bucket)
        return sum_up_contents([None if n in hidden else r.values[n] for n in entity.columns] for r in seen)

    def _seen(self, entity: Entity, access: Access, member_id: str) -> list[Row]:
        sight = self._server.sight
        return [row for row in self._server.rows.live(entity.name) if sight.sees(member_id, access, row)]
