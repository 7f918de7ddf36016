"""One mutation being tried on copies of the rows it touches, so that it is whole or not at all."""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from outrider_sdk.protocol import canonical_json
from outrider_sdk.protocol.entities import CONFLICT, Kind

from server.auth.access import Right
from server.auth.lease_rules import is_past_lease
from server.crm.conflict.rules import REQUEST
from server.crm.order.rules import CreditKey
from server.sync.merge import Capture, Kept, capture_time
from server.sync.refusals import Refusal
from server.sync.state import ALWAYS, CREATION, NEVER, PARENT_COLUMNS, Row, Stamp, State, WritePlan


class Attempt:
    """One mutation being tried: rows changed so far, conflicts met, and what the outcome will say."""

    __slots__ = (
        "_told", "capture", "captured_at", "confirmations", "conflicts", "create_base", "created", "credit_used",
        "digest", "number", "past_lease", "rows", "stamp", "state", "taken_back", "verdicts",
    )  # fmt: skip

    def __init__(self, state: State, mutation: dict[str, Any]) -> None:
        self.state = state
        self.number: int = mutation["number"]
        self.digest: str = mutation["digest"]
        device = state.device
        at = capture_time(mutation["captured_at"], mutation["skew"], enrolled_at=device.enrolled_at, now=state.now)
        self.capture = Capture(at, device.id, self.number)
        self.captured_at = at if at is not None else state.now
        self.past_lease = is_past_lease(bool(mutation.get("past_lease")), self.captured_at, device.lapse)
        self.stamp = [state.revision, self.captured_at, device.id, device.member_id, self.number]
        """As `Stamp.stored`."""
        self.rows: dict[tuple[str, str], Row] = {}
        self.conflicts: dict[str, tuple[Row, Kept, bool]] = {}
        """By id: the record, whose value was kept, and whether theirs is to be told."""
        self._told: dict[str, str] = {}
        self.taken_back: set[tuple[str, str]] = set()
        """(row, field) of requests of this member that are no longer asked, as far as this batch made them."""
        self.created: list[str] = []
        self.credit_used: dict[CreditKey, int] = {}
        self.create_base: int | None = None
        """Up to which revision the person of the create at hand had seen everything; None where it does not say."""
        self.verdicts: list[dict[str, Any]] = []
        self.confirmations: list[str] = []

    def find(self, entity: str, row_id: Any) -> Row | None:
        """The row as this attempt sees it, deleted or not; None where the member may not see it."""
        row = self.rows.get((entity, row_id)) or self.state.find(entity, row_id)
        if row is None or row.visible_until <= self.captured_at or row.visible_until == NEVER:
            return None
        return row

    def get(self, entity: str, row_id: Any) -> Row:
        """The row, or the refusal that says why there is none: hidden equals non-existent."""
        row = self.find(entity, row_id)
        if row is None:
            blocked_by = self.state.refused.get(row_id)
            if blocked_by is not None:
                raise Refusal(
                    "builds_on_refused",
                    f"It builds on change no. {blocked_by}, which was refused.",
                    blocked_by=blocked_by,
                )
            raise Refusal("not_found", f"The {entity.replace('_', ' ')} does not exist, or you may no longer see it.")
        return row

    def right(self, entity: str) -> Right:
        """What the member may do with an entity."""
        return self.state.device.access.right(entity)

    def tells(self, row: Row, field: str) -> bool:
        """Whether the member may be told what others made of a field: they see the row, and it, by now."""
        return row.visible_until == ALWAYS and field not in self.state.device.sight.right(row.entity.name).hidden

    def require(self, action: str, row: Row) -> None:
        """Refuse what the member may not do to a row that they see.

        Raises:
            Refusal: their right to edit or delete does not reach so far.
        """
        if self.right(row.entity.name).of(action) < row.level:
            noun = row.entity.name.replace("_", " ")
            raise Refusal("not_permitted", f"You may read this {noun}, and not change it.")

    def exists(self, entity: str, row_id: str) -> bool:
        """Whether any row has the id, seen or not; of an outlet, also whether anything else is seen by it."""
        if entity == "outlet" and row_id in self.state.facts.scopes_taken:
            return True
        return (entity, row_id) in self.rows or self.state.find(entity, row_id) is not None

    def change(self, row: Row) -> Row:
        """A copy of the row that this attempt may change."""
        if row.key not in self.rows:
            self.rows[row.key] = row.copy()
        changed = self.rows[row.key]
        changed.dirty = True
        return changed

    def create(self, row: Row) -> None:
        """A row that this attempt adds."""
        row.is_new = row.dirty = True
        row.stamps = {CREATION: self.stamp}
        self.rows[row.key] = row
        self.created.append(row.id)

    def children(self, entity: str, parent_id: str) -> list[Row]:
        """Live rows that belong to a parent (see `PARENT_COLUMNS`), as this attempt sees them, in a stable order."""
        found = {row.key: row for row in self.state.children(entity, parent_id)}
        column = PARENT_COLUMNS[entity]
        found |= {k: row for k, row in self.rows.items() if k[0] == entity and row.values[column] == parent_id}
        live = [row for row in found.values() if not row.deleted]
        return sorted(live, key=lambda row: (row.values.get("position") or 0, row.id))

    def conflict(
        self,
        row: Row,
        field: str,
        rule: str,
        kept: Kept,
        *,
        ours: Any,
        theirs: Any,
        by: Stamp,
        told: str,
        on_record: str,
        seen: Any = None,
    ) -> None:
        """Record that somebody's value was not kept, or waits for a person.

        Who captured the work before they lost the row does not learn what others made of it since: their outcome
        and the record, which is theirs to see, leave it out. Where it was kept, it stands in the row.

        Args:
            by: the stamp of the other side.
            told: what happened, in words to whom pushes.
            on_record: the same in words that are true whoever reads them.
            seen: the value that the person changed, where it is of interest.
        """
        own, other = self.state.device.member_id, by.member_id
        ours_kept = kept is Kept.OURS
        may_see = self.tells(row, field)
        values: dict[str, Any] = dict.fromkeys(CONFLICT.columns)
        values |= {
            "id": str(
                uuid5(
                    NAMESPACE_OID,
                    f"{self.state.device.id}/{self.state.device.incarnation}/{self.number}/{row.id}/{field}",
                )
            ),
            "custom": "{}",
            "entity": row.entity.name,
            "row_id": row.id,
            "field": field,
            "rule": rule,
            "kept": _as_json(row, field, ours if ours_kept else theirs if may_see else None),
            "lost": _as_json(row, field, theirs if ours_kept else ours),
            "seen": _as_json(row, field, seen),
            "kept_by": own if ours_kept else other,
            "lost_by": other if ours_kept else own,
            "device_id": self.state.device.id,
            "mutation_number": self.number,
            "captured_at": self.captured_at,
            "status": "open" if kept is Kept.UNDECIDED else "recorded",
            "explanation": on_record,
        }
        self.conflicts[values["id"]] = (Row(CONFLICT, values, is_new=True, dirty=True), kept, may_see)
        self._told[values["id"]] = told

    def settle(self, plan: WritePlan) -> None:
        """Nothing was refused: the changed rows become the state's."""
        for row in self.rows.values():
            self.state.put(row)
        for key, amount_minor in self.credit_used.items():
            self.state.credit_used[key] = self.state.credit_used.get(key, 0) + amount_minor
        if self.conflicts or self.taken_back:
            new = [row for row, _, _ in self.conflicts.values()]
            plan.conflicts += new
            self._settle_requests(new)
        plan.confirmations += self.confirmations
        outcome: dict[str, Any] = {"number": self.number, "digest": self.digest}
        outcome["status"] = "merged" if self.conflicts else "applied"
        if self.conflicts:
            outcome["explanation"] = " ".join(self._told.values())
            outcome["conflicts"] = [
                _tell(*conflict) | {"explanation": self._told[i]} for i, conflict in self.conflicts.items()
            ]
        if self.verdicts:
            outcome["verdicts"] = self.verdicts
        if self.past_lease:
            outcome["past_lease"] = True
        plan.outcomes.append(outcome)

    def _settle_requests(self, new: list[Row]) -> None:
        """Of requests on one field, the member's last one stays open: also within a batch."""
        for place in self.taken_back & self.state.requests.keys():
            self.state.requests.pop(place).values |= {
                "status": "settled",
                "settlement": "keep",
                "settled_by": self.state.device.member_id,
                "settled_at": self.captured_at,
            }
        requests = (row for row in new if row.values["rule"] == REQUEST)
        self.state.requests |= {(row.values["row_id"], row.values["field"]): row for row in requests}


def _tell(conflict: Row, kept: Kept, may_see: bool) -> dict[str, Any]:
    told = {key: conflict.values[key] for key in ("id", "entity", "row_id", "field", "kept", "lost")}
    if not may_see:
        told["lost" if kept is Kept.OURS else "kept"] = None
    return told | {"yours": {Kept.OURS: "kept", Kept.THEIRS: "lost", Kept.UNDECIDED: "pending"}[kept]}


def _as_json(row: Row, field: str, value: Any) -> str | None:
    """A value of any kind as a JSON document, as the conflict's columns hold it."""
    if value is None:
        return None
    definition = row.entity.by_name.get(field)
    if definition is not None and definition.kind is Kind.JSON:
        return str(value)
    return canonical_json(value)
