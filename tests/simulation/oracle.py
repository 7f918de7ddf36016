"""The plain oracle: what people typed and saw, against what the server made of it; without bases and stamps."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk import Replica
from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.sync.state import same
from tests.simulation.server import MemoryServer, Transaction

WATCHED = {("contact", "name"), ("contact", "job_title"), ("outlet", "description")}
"""Fields whose every value is followed."""
HOLDING_STATUSES = ("accepted", "partly_accepted")
"""Orders that hold stock."""


class Violation(AssertionError):
    """A promise was broken."""


@dataclass
class Typed:
    """One field of an edit, as the person typed it."""

    key: tuple[str, str]
    field: str
    value: str
    known: int
    """Revision of what the person looked at."""
    settles: str | None = None
    """The conflict that was settled by taking the value; or by keeping what stands, where `field` is empty."""


@dataclass
class Field:
    """Who last wrote a field, by the oracle's own account."""

    value: Any
    author: str | None
    revision: int


@dataclass
class Oracle:
    """Watches one run."""

    server: MemoryServer
    typed: dict[tuple[str, int], list[Typed]] = field(default_factory=dict)
    acknowledged: dict[str, set[int]] = field(default_factory=dict)
    discarded: dict[str, set[int]] = field(default_factory=dict)
    created: dict[str, tuple[str, int]] = field(default_factory=dict)
    fields: dict[tuple[str, str, str], Field] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Conflict records, by id."""
    settled: set[str] = field(default_factory=set)
    """Conflicts that somebody has settled."""
    cursors: dict[str, int] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)

    def require(self, promise: str, holds: bool, story: str) -> None:
        """Count a check, and end the run where it fails."""
        self.checks[promise] = self.checks.get(promise, 0) + 1
        if not holds:
            raise Violation(f"{promise}: {story}")

    # While it runs

    def on_commit(self, transaction: Transaction) -> None:
        """Follow every watched field through a commit, mutation by mutation."""
        device = transaction.device.id if transaction.device else None
        outcomes = {o["number"]: o for o in transaction.plan.outcomes} if transaction.plan else {}
        self.records |= {r.id: r.values for r in transaction.plan.conflicts} if transaction.plan else {}
        for number, outcome in outcomes.items():
            for typed in self.typed.get((str(device), number), []) if outcome["status"] != "refused" else []:
                self._follow(typed, str(device), outcome, transaction.revision)
        for row in transaction.rows:
            for entity, name in WATCHED:
                if row.entity.name == entity:
                    self._compare(row.key, name, row.values[name], row.is_new, transaction.revision, device)

    def _follow(self, typed: Typed, device: str, outcome: dict[str, Any], revision: int) -> None:
        state = self.fields.get((*typed.key, typed.field))
        if typed.settles is not None:
            self._settle(typed, device, revision)
            return
        if state is None:
            return
        contested = state.author != device and state.revision > typed.known and state.value != typed.value
        if not contested:
            self.fields[*typed.key, typed.field] = Field(typed.value, device, revision)
            return
        told = next(
            (c for c in outcome.get("conflicts", []) if (c["row_id"], c["field"]) == (typed.key[1], typed.field)), None
        )
        record = self.records.get(told["id"]) if told else None
        ours_kept = told is not None and told["yours"] == "kept"
        lost = state.value if ours_kept else typed.value
        self.require(
            "S1",
            record is not None and json.loads(record["lost"] or "null") == lost,
            f"{typed.field} of {typed.key} was “{state.value}” by another (revision {state.revision}), unseen when "
            f"“{typed.value}” was typed at {typed.known}; what was not kept is not on record: {record}",
        )
        if ours_kept:
            self.fields[*typed.key, typed.field] = Field(typed.value, device, revision)

    def _settle(self, typed: Typed, device: str, revision: int) -> None:
        """The first choice counts, once; another one is refused, and does not come here."""
        assert typed.settles is not None
        if typed.settles not in self.settled and typed.field:
            self.fields[*typed.key, typed.field] = Field(typed.value, device, revision)
        self.settled.add(typed.settles)

    def _compare(
        self, key: tuple[str, str], name: str, value: Any, is_new: bool, revision: int, device: str | None
    ) -> None:
        state = self.fields.get((*key, name))
        if device is None or is_new or state is None:
            if state is None or state.value != value:
                self.fields[*key, name] = Field(value, device, revision)
            return
        self.require(
            "S1", state.value == value, f"{name} of {key} became “{value}”; by what was typed it is “{state.value}”"
        )

    def after_pull(self, device: str, replica: Replica) -> None:
        """Nothing goes backwards, and what was written together is seen together."""
        cursor = replica.status().cursor
        self.require("S4", cursor >= self.cursors.get(device, 0), f"the cursor of {device} went back to {cursor}")
        self.cursors[device] = cursor
        pairs = replica.query(
            "SELECT o.time_zone AS a, c.legal_name AS b FROM outlet o JOIN account c ON c.id = o.account_id"
        )
        for pair in pairs:
            self.require("S4", pair["a"] == pair["b"], f"{device} shows half of a transaction: {pair}")
        halves = replica.query(
            "SELECT c.name FROM contact c WHERE c.name LIKE 'new %' AND NOT EXISTS "
            "(SELECT 1 FROM contact_channel h WHERE h.contact_id = c.id)"
        )
        self.require("S4", not halves, f"{device} shows a contact without the phone made with it: {halves}")

    # At the end

    def at_the_end(self, device: str, replica: Replica) -> None:
        """Every promise, once everything has arrived."""
        self._nothing_lost(device, replica)
        self._equal_to_server(device, replica)

    def _nothing_lost(self, device: str, replica: Replica) -> None:
        record = self.server.devices[device]
        status = replica.status()
        self.require("S1", status.pending == 0, f"{device} still has {status.pending} unanswered mutations")
        for number in self.acknowledged.get(device, set()):
            self.require("S1", number in record.ever, f"mutation {number} of {device}, which the SDK returned, is gone")
        self.require(
            "S2",
            sorted(record.ever) == list(range(1, record.last_number + 1)) and record.last_number == status.last_number,
            f"{device} made {status.last_number} mutations, the server has {record.last_number}",
        )
        for row_id, (maker, number) in self.created.items():
            if maker == device and number in record.ever:
                made = any(row_id == key[1] for key in self.server.rows)
                refused = record.ever[number]["status"] == "refused" or number in self.discarded.get(device, set())
                self.require(
                    "S2", made != refused, f"row {row_id} of mutation {number}: made {made}, refused {refused}"
                )

    def _equal_to_server(self, device: str, replica: Replica) -> None:
        member = self.server.devices[device].member_id
        granted = {s for (m, s), g in self.server.grants.items() if m == member and not g.gone}
        for entity in ENTITIES.values():
            expected = {
                UUID(row.id).bytes: {f.name: _stored(f.kind, row.values[f.name]) for f in entity.all_fields}
                for row in self.server.live(entity.name)
                if self.server.scopes_of(row) & granted
            }
            shown = {row["id"]: row for row in replica.query(f'SELECT * FROM "{entity.name}"')}
            self.require(
                "S3/S5",
                shown == expected,
                f"{device} differs from the server in {entity.name}: {_difference(shown, expected)}",
            )

    def settlements_are_complete(self) -> None:
        """What was settled says how, by whom and when, and names both values still."""
        for conflict in self.server.live("conflict"):
            values, record = conflict.values, self.records[conflict.id]
            whole = all(values[name] for name in ("settlement", "settled_by", "settled_at"))
            self.require("S1", (values["status"] == "settled") == whole, f"half settled: {values}")
            kept = all(values[name] == record[name] for name in ("kept", "lost", "kept_by", "lost_by"))
            self.require("S1", kept, f"a record changed by its settlement: {values}")
            settled = conflict.id in self.settled
            self.require("S2", (values["status"] == "settled") == settled, f"settled {settled}, but: {values}")

    def stock_is_conserved(self) -> None:
        """What is reserved is what orders have accepted, no more and no less, and never more than there is."""
        for stock in self.server.live("stock"):
            reserved = sum(
                (Decimal(line.values["quantity_accepted"] or 0) for line in self.server.live("order_line")
                 if line.values["product_id"] == stock.values["product_id"]
                 and self.server.rows["order", line.values["order_id"]].values["status"] in HOLDING_STATUSES),
                Decimal(0),
            )  # fmt: skip
            held = Decimal(stock.values["reserved"])
            self.require("S2", held == reserved, f"{held} reserved, {reserved} accepted")
            self.require(
                "S2", held <= Decimal(stock.values["quantity"]), f"{held} reserved of {stock.values['quantity']}"
            )


def _stored(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind is Kind.ID:
        return UUID(value).bytes
    if kind is Kind.BOOLEAN:
        return int(value)
    return value


def _difference(shown: dict[bytes, Any], expected: dict[bytes, Any]) -> str:
    missing, extra = expected.keys() - shown.keys(), shown.keys() - expected.keys()
    wrong = [
        (str(UUID(bytes=i)), n, shown[i][n], expected[i][n])
        for i in shown.keys() & expected.keys()
        for n in expected[i]
        if not (shown[i][n] == expected[i][n] or same(Kind.TEXT, shown[i][n], expected[i][n]))
    ]
    absent, surplus = ([UUID(bytes=i).hex for i in ids] for ids in (missing, extra))
    return f"missing {absent}, too many {surplus}, wrong {wrong[:3]}"
