"""The database under `server.sync` in memory: its tables' rows, and the few statements of push and pull.

A statement that is not known here fails loudly: whoever adds one to push or pull adds it here, or the simulator would
prove something else than what runs.
"""

import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth import credentials, incarnations
from server.auth.access import Access, AccessHistory
from server.clock import from_micros
from server.crm.custom.rules import CustomField
from server.crm.order.rules import Credit
from server.sync import apply, lineage, outcomes, page_rows, price_window, pull, push
from server.sync.load import Asked, Past
from server.sync.rows import to_json
from server.sync.state import ALWAYS, Device, Facts, Price, PriceKey, PriceSteps, Row
from tests.simulation.kin import Kin
from tests.simulation.loop import AtOnce
from tests.simulation.paging import Paging
from tests.simulation.statements import UNKNOWN, Statements, side_seams

if TYPE_CHECKING:
    from tests.simulation.records import Transaction
    from tests.simulation.server import MemoryServer

UNSTORABLE = "(cannot be stored)"
"""A value with this in it passes all checks, and fails in the database."""
STEP = 3
"""So many mutations are decided before their rows are written."""
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)
"""Poison is reported where it is not put there on purpose."""
_BY_CODE = {e.code: e for e in ENTITIES.values()}


class StatementUnknown(AssertionError):
    """The simulator's database does not know a statement of push or pull."""


@contextmanager
def bound(server: "MemoryServer", transaction: "Transaction | None") -> Iterator[None]:
    """Let push and pull work on this server, within this transaction."""
    database = Database(server, transaction)
    seams = [
        (push, "connection", lambda: database), (apply, "connection", lambda: database), (apply, "rows", database),
        (apply, "savepoint", database.savepoint), (apply, "Beside", AtOnce), (apply, "STEP", STEP),
        (apply, "_log", _SILENT), (apply, "_flag_duplicates", _nothing),
        (apply, "enqueue_order_confirmation", _nothing),
        (pull, "connection", lambda: database), (pull, "_entries", database.entries),
        (pull, "load_contents", database.contents), (pull, "load_news", database.load_news),
            (page_rows, "load_written", database.load_written),
        (pull, "pages", server.pages), (pull, "current_tenant", lambda: server),
        (push, "load_access_history", database.load_access_history),
        (lineage, "connection", lambda: database), (outcomes, "connection", lambda: database),
        (price_window, "connection", lambda: database),
        (incarnations, "connection", lambda: database), (incarnations, "log", _SILENT),
        (credentials, "proves", _is_proof), (incarnations, "create_device", database.create_device),
        (incarnations, "get_device", database.get_device), *side_seams(server, database),
    ]  # fmt: skip
    with ExitStack() as restored:
        for module, name, stand_in in seams:
            restored.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, stand_in)
        yield


async def _nothing(*_: Any) -> None:
    """Jobs and the search for duplicates are not what is looked at here."""


def _is_proof(*_: Any) -> bool:
    """Every replica here has its device's secret."""
    return True


class Database(Kin, Paging, Statements):
    """What a transaction sees and writes: stands in for the connection, and for `server.sync.rows`."""

    to_json = staticmethod(to_json)

    def __init__(self, server: "MemoryServer", transaction: "Transaction | None") -> None:
        self._server = server
        self._transaction = transaction

    @property
    def _open(self) -> "Transaction":
        assert self._transaction is not None, "a write outside a writing transaction"
        return self._transaction

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may fail alone."""
        with self._open.savepoint():
            yield

    # Statements of push and pull

    async def fetchrow(self, sql: str, *args: Any) -> dict[str, Any] | None:
        """The device, with the rights of its member."""
        record = self._server.devices.get(args[0])
        if "CROSS JOIN unnest($2::bigint[], $3::text[]) AS p (number, digest)" in sql:
            return self._ancestor(*args)
        if "AS origin" in sql:
            return record and self._past(record)
        if "FROM device WHERE incarnation_key = $1 FOR UPDATE" in sql:
            return next((self._past(d) for d in self._devices() if d.key == args[0]), None)
        found = self.side_row(sql, args)
        if found is not UNKNOWN:
            return found  # type: ignore[return-value]
        if "FROM device d" not in sql:
            raise StatementUnknown(sql)
        if record is None:
            return None
        rows, member = self._server.rows, self._server.rows.of["member"][record.member_id]
        role = next((r.values for r in rows.live("role") if r.values["key"] == member.values["role"]), None)
        return {
            "id": record.id,
            "member_id": record.member_id,
            "enrolled_at": from_micros(record.enrolled_at),
            "revoked_at": record.revoked_at,
            "last_number": record.last_number,
            "last_digest": record.last_digest,
            "acked_through": record.acked_through,
            "incarnation": record.incarnation,
            "origin_id": record.origin_id,
            "earlier": json.dumps(record.earlier),
            "has_kin": record.origin_id is not None or any(d.origin_id == record.id for d in self._devices()),
            "may_have_kin": any(
                d.member_id == record.member_id and d.origin_id is None and d.cause == "enrolled_again"
                for d in self._devices()
            ),
            "head": self._server.head,
            "head_token": self._server.tokens[self._server.head],
            "horizon": self._server.horizon,
            "epoch": self._server.epoch,
            "cursor_token": self._server.tokens.get(args[1]) if len(args) > 1 else None,
            "position_token": self._server.tokens.get(args[2]) if len(args) > 2 else None,
            "erased": [row for row, at in self._server.erased.items() if len(args) > 1 and at > args[1]],
            "wipe_ordered_at": record.wipe_ordered_at,
            "wipe_now": record.wipe_now,
            "secret_hash": b"",
            "failed_number": None,
            "failures": 0,
            "durable_through": record.durable_through,
            "recent": len(args) > 1 and args[1] % 3 > 0,  # now and then the list of changes does not reach back so far
            "healing": self._server.healing,
            "lapsed_from": record.lapsed_from,
            "lapsed_to": record.lapsed_to,
            "active": member.values["active"] and not member.deleted,
            "role": member.values["role"],
            "base": role and role["base"],
            "permissions": role and role["permissions"],
            "fields": role and role["fields"],
        }

    async def fetch(self, sql: str, *args: Any) -> list[Any]:
        """Outcomes of known numbers; those not acknowledged; rows that were erased."""
        if "SELECT number, digest, outcome FROM mutation_outcome" in sql:
            found = self._server.devices[args[0]].outcomes
            return [
                {"number": n, "digest": found[n]["digest"], "outcome": json.dumps(found[n])}
                for n in sorted(args[2])
                if n in found
            ]
        if "SELECT outcome FROM mutation_outcome" in sql:
            found = self._server.devices[args[0]].outcomes
            return [{"outcome": json.dumps(found[n])} for n in sorted(found) if n > args[2]]
        if "SELECT DISTINCT ON (o.number) o.outcome" in sql:
            return self._decided_since(*args)
        if 'SELECT "row"::text FROM erasure' in sql:
            return [(row_id,) for row_id in self._server.erased]
        if "SELECT id, incarnation FROM device" in sql:
            kin = [device for device in self._devices() if args[0] in (device.id, device.origin_id)]
            return [{"id": device.id, "incarnation": device.incarnation} for device in kin]
        if "UNION SELECT id, last_number, last_digest FROM device" in sql:
            return self._known_digests(*args)
        if "FROM mutation_outcome o JOIN device k" in sql:
            return self._outcomes_of_kin(*args)
        found = self.side_rows(sql, args)
        if found is not UNKNOWN:
            return found  # type: ignore[return-value]
        raise StatementUnknown(sql)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """A setting: none. What a request made already."""
        if "FROM setting" in sql:
            return None
        if "FROM revision_token WHERE revision BETWEEN $1 AND $2" in sql:
            return any(args[0] <= revision <= args[1] for revision in self._server.tokens)
        if "SELECT min(number) FROM mutation_outcome" in sql:
            kept = (self._server.devices[device_id].outcomes for device_id in args[0])
            return min((n for found in kept for n, o in found.items() if o["status"] == "parked"), default=None)
        if "SELECT secret_hash FROM device WHERE incarnation_key = $1 AND id = $2" in sql:
            found = (d for d in self._devices() if (d.key, d.id) == args and d.revoked_at is None)
            return next((b"" for _ in found), None)
        if "FROM device WHERE incarnation_key = $1" in sql:
            return next((d.id for d in self._devices() if (d.key, d.origin_id) == args), None)
        found = self.side_value(sql, args)
        if found is not UNKNOWN:
            return found
        raise StatementUnknown(sql)

    async def execute(self, sql: str, *args: Any) -> None:
        """Store outcomes, and how far a device is."""
        if "INSERT INTO mutation_outcome" in sql:
            self._open.outcomes += json.loads(args[3])
        elif "UPDATE device SET last_number = $2, last_digest = $3, acked_through = greatest(" in sql:
            device = self._open.device
            assert device is not None
            acked = max(device.acked_through, args[3])
            self._open.saved = {"last_number": args[1], "last_digest": args[2], "acked_through": acked}
        elif "UPDATE device SET earlier = $2" in sql:
            self._open.earlier = json.loads(args[1])
        elif "SELECT FROM device WHERE id = $1 FOR UPDATE" not in sql and not self.side_write(sql, args):
            raise StatementUnknown(sql)

    async def executemany(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        """Store what was refused; and outcomes of an earlier incarnation under this one."""
        if "INSERT INTO mutation_outcome" in sql:
            for *_, revision, _refused, outcome in args:
                self._open.recognised.append(json.loads(outcome))
                self._open.decided[json.loads(outcome)["number"]] = revision
            return
        if "INSERT INTO quarantined_mutation" in sql:
            self.keep_quarantined(args)
            return
        if "INSERT INTO refused_mutation" not in sql:
            raise StatementUnknown(sql)
        for _device, _incarnation, number, _member, _code, payload, created in args:
            self._open.refused |= dict.fromkeys(created, number)
            self._open.payloads[json.loads(payload)["digest"]] = payload

    # `server.sync.rows`

    def _find(self, key: tuple[str, str]) -> Row | None:
        written = self._transaction.rows.get(key) if self._transaction else None
        return written or self._server.rows.by_key.get(key)

    def _all(self, entity: str) -> Iterable[Row]:
        written = {} if self._transaction is None else {k[1]: r for k, r in self._open.rows.items() if k[0] == entity}
        return (self._server.rows.of[entity] | written).values()

    async def load(self, entity: Entity, column: str, ids: Iterable[str], *, device: Device) -> list[Row]:
        """Copies of rows, with what the member sees of them."""
        if column == "id":
            found = [row for i in dict.fromkeys(ids) if (row := self._find((entity.name, i))) is not None]
        else:
            wanted = set(ids)
            found = [row for row in self._all(entity.name) if row.values[column] in wanted] if wanted else []
        copies = [row.copy() for row in found]
        for row in copies:
            until, row.level = self._server.sight.sight(device.member_id, device.access, row)
            narrowed = device.access_until is not None and row.level > device.sight.right(entity.name).read
            row.visible_until = device.access_until if until == ALWAYS and narrowed else until  # type: ignore[assignment]
        return copies

    async def load_sights(self, conflicts: Sequence[Row]) -> set[tuple[str, str]]:
        """(row, member) for each side of the conflicts that sees their row now, as far as their role reads it."""
        sides = [
            (c.values["entity"], c.values["row_id"], c.values[s]) for c in conflicts for s in ("kept_by", "lost_by")
        ]
        return {
            (row_id, member) for entity, row_id, member in sides if member and self._in_sight(entity, row_id, member)
        }

    def _in_sight(self, entity: str, row_id: str, member_id: str) -> bool:
        row, sight = self._server.rows.by_key.get((entity, row_id)), self._server.sight
        return row is not None and sight.sees(member_id, sight.access(member_id), row)

    async def load_prices(self, lists: Sequence[str], products: Sequence[str]) -> dict[PriceKey, PriceSteps]:
        """Prices of lists, with their history."""
        prices: defaultdict[PriceKey, PriceSteps] = defaultdict(dict)
        for i in self._server.live("price_item"):
            if i.values["price_list_id"] in lists and i.values["product_id"] in products:
                price = Price(Decimal(i.values["price"]), tuple(self._server.price_history.get(i.id, ())))
                key = (i.values["price_list_id"], i.values["product_id"], i.values["unit"])
                prices[key][Decimal(i.values["minimum_quantity"])] = price
        return dict(prices)

    async def load_access_history(self, member_id: Any, now: Access) -> AccessHistory:
        """What a member's access was before it became what it is now."""
        return AccessHistory(now, tuple(self._server.accesses.get(str(member_id), ())))

    async def load_credits(self, agreement_ids: Collection[str]) -> dict[str, Credit]:
        """Nobody has a limit here."""
        return {}

    async def load_merged(self, ids: Iterable[str]) -> dict[str, str]:
        """Those of the ids that were merged away → the ids of the rows that they go on as."""
        return {i: self._server.merged[i] for i in ids if i in self._server.merged}

    async def load_facts(self, asked: Asked, *, device: Device) -> Facts:
        """The custom fields."""
        defined: dict[str, dict[str, CustomField]] = {name: {} for name in asked.custom_of}
        for row in self._server.rows.of["custom_field"].values():
            values = row.values
            if values["entity"] in defined:
                active = values["active"] and not row.deleted
                defined[values["entity"]][values["key"]] = CustomField(
                    values["key"], values["field_type"], (), active=active
                )
        return Facts(defined)

    async def load_past(self, device: Device) -> Past:
        """What there is of merges, erasures and the device's refusals."""
        merges, erasures = bool(self._server.rows.of["merge"]), bool(self._server.erased)
        return Past(merges, erasures, bool(self._refused_of(device)))

    async def load_refused(self, device: Device, ids: Sequence[str]) -> dict[str, int]:
        """Ids that refused mutations of the device would have created."""
        refused = self._refused_of(device)
        return {i: refused[i] for i in ids if i in refused}

    def _refused_of(self, device: Device) -> dict[str, int]:
        refused: dict[str, int] = {}
        for device_id in (device.id, *device.earlier):
            refused |= self._server.devices[device_id].refused if device_id in self._server.devices else {}
        return refused | self._open.refused

    async def load_erased(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are rows of people who were erased."""
        return self._server.erased.keys() & set(ids)

    async def write(self, rows: Iterable[Row]) -> None:
        """Write decided rows; a constraint fails where a value cannot be stored."""
        transaction = self._open
        for row in rows:
            if any(isinstance(value, str) and UNSTORABLE in value for value in row.values.values()):
                raise ValueError(UNSTORABLE)
            if row.is_new:
                assert transaction.device is not None
                row.values |= {"created_at": transaction.at, "created_by": transaction.device.member_id}
            transaction.rows[row.key] = row
