"""What becomes of each line: created, updated, unchanged, skipped or failed. Pure: cases in, a plan out."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from outrider_sdk.protocol.entities import CONFLICT, Entity, Kind
from outrider_sdk.protocol.ids import uuid7

from server.crm.master.rules import Masters, Request, document_of
from server.imports.cells import DayOrder
from server.imports.known import Case, Facts, Row
from server.imports.pieces import Piece, Problem
from server.imports.rules import find_circle
from server.imports.targets import EXTERNAL_ID, Target

Kept = Literal["created", "updated", "unchanged", "skipped", "failed", "deferred"]
OnExisting = Literal["update", "skip", "fail"]
OnDuplicate = Literal["create", "skip", "fail"]

THERE_ALREADY: Final = "it is there already"
_NEVER_CHANGED: Final = frozenset({"order", "order_line"})
_FIXED: Final = frozenset({"account_id", "contact_id", "outlet_id", "product_id", "member_id"})
"""Fields whose change would make another row of it."""
_SILENT: Final = frozenset({"as_of"})
"""Fields that get a value of ours where the file has none."""
REASON_LENGTH_MAX: Final = 500


@dataclass(frozen=True)
class Options:
    """What a person chose."""

    on_existing: OnExisting = "update"
    on_duplicate: OnDuplicate = "create"
    dates: DayOrder | None = None
    """How 03/04/2026 is read; None: refused."""


@dataclass(slots=True)
class Outcome:
    """What became of one line, and what it takes to undo it."""

    line: int
    kind: Kept
    row_id: UUID | None = None
    column: str | None = None
    reason: str | None = None
    created: dict[str, list[UUID]] = field(default_factory=dict)
    """Entity → rows."""
    before: dict[str, dict[UUID, Row]] = field(default_factory=dict)
    """Entity → row → the old values of its changed fields."""
    linked: str | None = None
    """The external id that the row bears since."""


@dataclass(slots=True)
class Plan:
    """What to write, by entity, and what became of each line."""

    inserts: dict[str, list[Row]] = field(default_factory=dict)
    updates: dict[str, dict[UUID, dict[str, Any]]] = field(default_factory=dict)
    requests: dict[UUID, Request] = field(default_factory=dict)
    """By id: changes of fields that other systems master."""
    links: list[tuple[str, str, UUID]] = field(default_factory=list)
    """(entity, external id, row)."""
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class Decider:
    """Decides chunk after chunk of one file."""

    target: Target
    options: Options
    headers: Mapping[str, str]
    """Field → header."""
    seen: dict[int, int] = field(default_factory=dict)
    """Hash of a key → the line that has it."""
    last_pass: bool = False
    """Nothing is deferred any more."""

    def decide(self, cases: Sequence[Case], facts: Facts, likenesses: Mapping[int, Sequence[str]]) -> Plan:
        """The plan of a chunk.

        Args:
            likenesses: line → the accounts that it seems to be a duplicate of, in words.
        """
        plan = Plan()
        for case in cases:
            outcome = self._decide(case, facts, likenesses.get(case.record.line, ()), plan)
            plan.outcomes.append(outcome)
            if facts.made and outcome.kind in ("created", "updated"):
                _make_named(case, facts, outcome, plan)
        return plan

    def note(self, case: Case) -> int | None:
        """Remember the key of a line; the line that has it already, or None."""
        part, record = self.target.primary, case.record
        key: Any = record.key
        if key is None:
            values = tuple(record.primary.values.get(name) for name in part.key)
            if not part.key or values[0] is None:
                return None
            key = values
        return self.note_key(key, record.line)

    def note_key(self, key: object, line: int) -> int | None:
        """Remember a key; the line that has it already, or None."""
        other = self.seen.setdefault(hash(key), line)
        return None if other == line else other

    def _decide(self, case: Case, facts: Facts, likeness: Sequence[str], plan: Plan) -> Outcome:
        record = case.record
        kept = None if case.creates else self._kept(case.found[0])
        if kept:
            return Outcome(record.line, "skipped", case.ids[0], None, f"{THERE_ALREADY}{kept}")
        if record.problems:
            if case.waiting == len(record.problems) and not self.last_pass:
                return Outcome(record.line, "deferred")
            return self._fail(case, record.problems)
        other = self.note(case)
        if other is not None:
            return self._fail(case, [Problem(EXTERNAL_ID, f"line {other} has the same, so that this one is left out")])
        return self._create(case, likeness, plan) if case.creates else self._update(case, facts, plan)

    def _fail(self, case: Case, problems: Sequence[Problem]) -> Outcome:
        first = problems[0]
        column = self.headers.get(first.column or "", first.column)
        more = [f"{self.headers.get(p.column or '', p.column)}: {p.reason}" for p in problems[1:]]
        reason = "; ".join([first.reason, *more])[:REASON_LENGTH_MAX].replace("\x00", "\ufffd")
        return Outcome(case.record.line, "failed", None, column, reason)

    def _create(self, case: Case, likeness: Sequence[str], plan: Plan) -> Outcome:
        record = case.record
        problems = [*self._missing(case), *_incomplete(record.pieces)]
        if problems:
            return self._fail(case, problems)
        note = f"looks like {'; '.join(likeness)}"[:REASON_LENGTH_MAX] if likeness else None
        if note and self.options.on_duplicate != "create":
            kind: Kept = "skipped" if self.options.on_duplicate == "skip" else "failed"
            return Outcome(record.line, kind, None, None, note)
        outcome = Outcome(record.line, "created", case.ids[0], None, note)
        for index, piece in enumerate(record.pieces):
            _insert(piece, case.ids[index], outcome, plan)
        self._link(case, outcome, plan)
        return outcome

    def _missing(self, case: Case) -> Iterable[Problem]:
        """Columns without which no row can be made."""
        values = case.record.primary.values
        for column in self.target.columns:
            outer = column.field.partition(".")[0]
            if column.required and column.part == self.target.primary.name and values.get(outer) is None:
                yield Problem(column.name, "it is empty, and needed for a new one")

    def _link(self, case: Case, outcome: Outcome, plan: Plan) -> None:
        key = case.record.key
        if key is None or case.known_by == EXTERNAL_ID:
            return
        outcome.linked = key
        plan.links.append((self.target.primary.entity_name, key, case.ids[0]))
        for index, piece in enumerate(case.record.pieces):
            if piece.part.name == "outlet" and piece is not case.record.primary:
                plan.links.append(("outlet", key, case.ids[index]))

    def _update(self, case: Case, facts: Facts, plan: Plan) -> Outcome:
        record, row = case.record, case.found[0]
        assert row is not None
        if row["deleted_at"] is not None:
            if row["id"] in facts.merged:
                return Outcome(
                    record.line, "skipped", row["id"], None, "it was merged into another, which stays as it is"
                )
            day = row["deleted_at"].date()
            return Outcome(record.line, "skipped", row["id"], None, f"it is in the trash since {day}: restore it first")
        if self.options.on_existing == "fail":
            return self._fail(case, [Problem(None, f"{THERE_ALREADY}, found by {case.known_by}")])
        kept = self._kept(row)
        if kept is not None:
            return Outcome(record.line, "skipped", row["id"], None, f"{THERE_ALREADY}{kept}")
        problems = [*_moves(case), *self._circles(case, facts), *_incomplete(_new_children(case))]
        if problems:
            return self._fail(case, problems)
        outcome = Outcome(record.line, "unchanged", row["id"])
        for index, piece in enumerate(record.pieces):
            found = case.found[index]
            if found is None:
                _insert(piece, case.ids[index], outcome, plan)
            else:
                masters = facts.masters.get(piece.part.entity_name, {})
                _change(piece, found, outcome, plan, masters, silent=_SILENT - self.headers.keys())
        if outcome.created or outcome.before:
            outcome.kind = "updated"
        self._link(case, outcome, plan)
        return outcome

    def _kept(self, row: Row) -> str | None:
        """Why a row that is there is left as it is, in words; None where it is changed."""
        if self.target.primary.entity_name in _NEVER_CHANGED:
            return ", and an import changes no order"
        if row.get("role") == "owner":
            return ", and an import changes no owner"
        return "" if self.options.on_existing == "skip" else None

    def _circles(self, case: Case, facts: Facts) -> Iterable[Problem]:
        parent_id = case.record.primary.values.get("parent_id")
        if parent_id is not None and find_circle(facts, case.ids[0], parent_id):
            yield Problem("parent", "it is below this one already: a circle")


def _new_children(case: Case) -> list[Piece]:
    return [piece for piece, found in zip(case.record.pieces, case.found, strict=True) if found is None]


def _moves(case: Case) -> Iterable[Problem]:
    """Rows that would become another's."""
    for piece, found in zip(case.record.pieces, case.found, strict=True):
        for name in _FIXED & piece.values.keys():
            if found is not None and found[name] is not None and piece.values[name] != found[name]:
                yield Problem(name.removesuffix("_id"), "it belongs to another, and an import moves nothing")


def _incomplete(pieces: Iterable[Piece]) -> Iterable[Problem]:
    """Of rows to be made, fields without which they cannot; those that have a value by themselves get it."""
    for piece in pieces:
        for name, other in piece.part.same_as.items():
            if other in piece.values:
                piece.values.setdefault(name, piece.values[other])
        piece.values = {**piece.part.defaults, **piece.values}
        for each in piece.part.entity.fields:
            if each.required and piece.values.get(each.name, each.default) is None:
                yield Problem(each.name.removesuffix("_id"), f"it is missing, and a {piece.part.name} needs it")


def _make_named(case: Case, facts: Facts, outcome: Outcome, plan: Plan) -> None:
    """Make the rows that a line names and that are not there; the first line that does so has made them."""
    for piece in case.record.pieces:
        for value in piece.values.values():
            named = facts.made.pop(value, None) if isinstance(value, UUID) else None
            if named is not None:
                plan.inserts.setdefault(named.entity, []).append({"id": value, "name": named.text})
                outcome.created.setdefault(named.entity, []).append(value)


def _insert(piece: Piece, row_id: UUID, outcome: Outcome, plan: Plan) -> None:
    name = piece.part.entity_name
    plan.inserts.setdefault(name, []).append({"id": row_id, **piece.part.fixed, **piece.values})
    outcome.created.setdefault(name, []).append(row_id)


def _change(piece: Piece, row: Row, outcome: Outcome, plan: Plan, masters: Masters, *, silent: Collection[str]) -> None:
    """Change a row where it differs; not for the sake of the `silent` fields, which the file does not give.

    What another system masters stays, and the change of it becomes a request.
    """
    entity = piece.part.entity
    changes = {
        name: value
        for name, value in piece.values.items()
        if name not in piece.part.key and not _is_same(entity, name, value, row[name])
    }
    for name in changes.keys() & masters.keys():
        _ask(entity, row, name, changes.pop(name), masters[name], outcome, plan)
    if changes.keys() - silent:
        plan.updates.setdefault(entity.name, {}).setdefault(row["id"], {}).update(changes)
        outcome.before.setdefault(entity.name, {})[row["id"]] = {name: row[name] for name in changes}


def _ask(entity: Entity, row: Row, name: str, value: Any, system: str, outcome: Outcome, plan: Plan) -> None:
    standing, wanted = document_of(entity, name, row[name]), document_of(entity, name, value)
    request_id = uuid7()
    plan.requests[request_id] = Request(entity.name, row["id"], name, standing, wanted, system)
    outcome.created.setdefault(CONFLICT.name, []).append(request_id)
    told = f"“{name.replace('_', ' ')}” is kept in {system}, which was asked for the change"
    outcome.reason = "; ".join(filter(None, (outcome.reason, told)))[:REASON_LENGTH_MAX]


def _is_same(entity: Entity, name: str, value: Any, stored: Any) -> bool:
    field = entity.by_name.get(name)
    if field is not None and field.kind is Kind.JSON and isinstance(stored, str):
        stored = json.loads(stored)
    return bool(value == stored)
