"""The plain oracle: what people typed and saw, against what the server made of it; without bases and stamps."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.sync.state import Row
from tests.simulation.records import Transaction
from tests.simulation.server import MemoryServer

Key = tuple[str, str]
"""Entity and id."""

WATCHED: dict[str, tuple[str, ...]] = {
    "contact": ("name", "job_title", "custom.colour"),
    "outlet": ("description", "channel"),
}
"""Fields whose every value is followed."""
HOLDING_STATUSES = ("accepted", "partly_accepted")
"""Orders that hold stock."""


class Violation(AssertionError):
    """A promise was broken."""

    def __init__(self, promise: str, story: str) -> None:
        super().__init__(f"{promise}: {story}")
        self.promise = promise


@dataclass
class Typed:
    """One field of an edit, as the person typed it."""

    key: Key
    field: str
    value: Any
    known: int
    """Revision of what the person looked at."""
    seen: Any = None
    settles: str | None = None
    """The conflict that was settled by taking the value; or by keeping what stands, where `field` is empty."""


@dataclass
class Field:
    """Who last wrote a field, by the oracle's own account."""

    value: Any
    author: tuple[str, int] | None
    """Life and number of the mutation; None: the office."""
    revision: int


@dataclass
class Oracle:
    """Watches one run."""

    server: MemoryServer
    typed: dict[tuple[str, int], list[Typed]] = field(default_factory=dict)
    acknowledged: dict[str, set[int]] = field(default_factory=dict)
    discarded: dict[str, set[int]] = field(default_factory=dict)
    created: dict[str, tuple[str, int]] = field(default_factory=dict)
    poison: set[tuple[str, int]] = field(default_factory=set)
    """Mutations that no database can hold."""
    sent: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Digest → life and number of the mutation: those of a copied file have the same digests as its own."""
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Digest → what became of the mutation."""
    outcomes: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    """Life → number → the same, by whichever copy it was handed in."""
    redacted: set[str] = field(default_factory=set)
    """Digests of mutations that were handed in again without what was refused in them, or erased."""
    emptied: set[str] = field(default_factory=set)
    """Those of which nothing was left: what takes effect under such a digest came whole, by a copy or a late push."""
    restored: bool = False
    """Whether the server was ever restored."""
    merges_undone: bool = False
    """Whether a restore has taken back a merge: what had moved stays where it was until the next pull."""
    past_lease: dict[str, set[str]] = field(default_factory=dict)
    """Digests of what was captured past a lease → orders that were submitted in it."""
    past: dict[str, dict[str, int]] = field(default_factory=dict)
    """Life → the lives that it was before → up to which number."""
    fields: dict[tuple[str, str, str], Field] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Conflict records, by id."""
    settled: set[str] = field(default_factory=set)
    """Conflicts that somebody has settled."""
    own_words: dict[str, set[str]] = field(default_factory=dict)
    """Member → what they typed themselves."""
    cursors: dict[str, int] = field(default_factory=dict)
    bases: dict[str, dict[Any, int]] = field(default_factory=dict)
    """Device → row → revision, as of its last sync."""
    faults: list[str] = field(default_factory=list)
    """Kinds of faults that happened so far, in order."""
    checks: dict[str, int] = field(default_factory=dict)
    covered: dict[str, int] = field(default_factory=dict)
    """Promise → how many of the faults had happened when it was checked last."""

    def require(self, promise: str, holds: bool, story: str | Callable[[], str]) -> None:
        """Count a check, and end the run where it fails."""
        self.checks[promise] = self.checks.get(promise, 0) + 1
        self.covered[promise] = len(self.faults)
        if not holds:
            raise Violation(promise, story if isinstance(story, str) else story())

    # Lives

    def part(self, life: str, copy: str, number: int) -> None:
        """A file was copied: from now on the two have only their past in common, up to a number."""
        self.past[copy] = {life: number} | {old: min(n, number) for old, n in self.past.get(life, {}).items()}
        self.typed |= {(copy, n): typed for (of, n), typed in self.typed.items() if of == life}
        self.poison |= {(copy, n) for of, n in self.poison if of == life}
        for known in (self.acknowledged, self.discarded):
            known[copy] = set(known.get(life, ()))
        self.outcomes[copy] = dict(self.outcomes.get(life, {}))
        self.cursors[copy], self.bases[copy] = self.cursors.get(life, 0), dict(self.bases.get(life, {}))

    def is_own(self, author: tuple[str, int] | None, life: str) -> bool:
        """Whether a mutation is of the life's own history."""
        if author is None:
            return False
        return author[0] == life or author[1] <= self.past.get(life, {}).get(author[0], 0)

    def on_send(self, life: str, mutations: list[dict[str, Any]]) -> None:
        """What leaves a device."""
        for mutation in mutations:
            if mutation.get("redacted"):
                self.redacted.add(mutation["digest"])
                self.emptied |= {mutation["digest"]} if not mutation["changes"] else set()
            if mutation.get("past_lease"):
                submitted = {c["id"] for c in mutation["changes"] if c.get("name") == "order.submit"}
                self.past_lease[mutation["digest"]] = submitted
            self.sent.setdefault(mutation["digest"], (self._maker(life, mutation["number"]), mutation["number"]))

    def _maker(self, life: str, number: int) -> str:
        """The life in which a mutation was made: the first one that has it in its history."""
        return ([life] + [old for old, shared in self.past.get(life, {}).items() if number <= shared])[-1]

    def undo(self, life: str, number: int) -> None:
        """What was known of a mutation that no device has: a failure undid it before it was durable."""
        self.typed.pop((life, number), None)
        self.poison.discard((life, number))

    def take_back(self, life: str, number: int) -> None:
        """A mutation was discarded: from there on the life has nothing in common with others."""
        self.undo(life, number)
        self.discarded.setdefault(life, set()).add(number)
        for copy, shared in self.past.items():  # what a copy of the file had sent by then is the copy's alone
            of_both = [d for d, (of, n) in self.sent.items() if of == life and number <= n <= shared.get(life, 0)]
            self.sent |= {digest: (copy, self.sent[digest][1]) for digest in of_both}
            moved = {(life, self.sent[digest][1]) for digest in of_both}
            for state in self.fields.values():
                if state.author in moved:
                    state.author = (copy, state.author[1])
        for old in self.past.get(life, {}):
            self.past[life][old] = min(self.past[life][old], number - 1)
        for shared in self.past.values():
            if life in shared:
                shared[life] = min(shared[life], number - 1)

    # Backups

    def back_up(self) -> dict[str, Any]:
        """What the server knows, as of a backup."""
        return {name: dict(getattr(self, name)) for name in ("fields", "records", "answered")} | {
            "settled": set(self.settled)
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """The server knows no more than that. Devices may have to show rows as they once were."""
        self.fields, self.records = dict(kept["fields"]), dict(kept["records"])
        self.answered, self.settled = dict(kept["answered"]), set(kept["settled"])
        self.bases, self.restored = {}, True
        for told in self.outcomes.values():  # what was answered otherwise in the history that is lost counts no more
            told |= {n: self.answered[o["digest"]] for n, o in told.items() if o["digest"] in self.answered}

    # While it runs: what commits

    def on_commit(self, transaction: Transaction) -> None:
        """Follow every watched field through a commit, mutation by mutation."""
        rows = transaction.rows.values()
        self.records |= {r.id: dict(r.values) for r in rows if r.entity.name == "conflict" and r.is_new}
        for outcome in transaction.outcomes:
            self._answer(outcome, transaction.revision)
            self._waits(outcome, transaction)
        for outcome in transaction.recognised:
            self._note_outcome(outcome)
        makers = {outcome["number"]: self.sent[outcome["digest"]] for outcome in transaction.outcomes}
        for row in rows:
            for name in WATCHED.get(row.entity.name, ()):
                # Made and edited in one push, it bears the stamp of the edit: a copy's, where the maker is of both.
                self._compare(row, name, transaction, makers.get(row.stamp(name).number or 0))
            self._stamps_are_possible(row, transaction)
            self._no_silent_return(row, transaction)

    def _note_outcome(self, outcome: dict[str, Any]) -> None:
        life, number = self.sent[outcome["digest"]]
        if outcome["digest"] in self.redacted and outcome["status"] == "refused":
            return  # what became of it before stands
        self.outcomes.setdefault(life, {})[number] = outcome
        for copy, shared in self.past.items():
            if number <= shared.get(life, 0):
                self.outcomes.setdefault(copy, {})[number] = outcome

    def _answer(self, outcome: dict[str, Any], revision: int) -> None:
        if outcome["status"] == "parked":
            return
        device, number = self.sent[outcome["digest"]]
        refused = outcome["status"] == "refused"
        self.require("S2", outcome["digest"] not in self.answered, f"mutation {number} of {device} took effect twice")
        self.answered[outcome["digest"]] = outcome
        self._note_outcome(outcome)
        came_whole = outcome["digest"] in self.emptied and not refused
        if outcome["digest"] in self.redacted and not came_whole:
            return
        is_poison = (device, number) in self.poison
        self.require("S8", refused or not is_poison, f"mutation {number} cannot be stored, and was: {outcome}")
        self.require("S8", is_poison or outcome.get("code") != "poison", f"mutation {number} was refused for another's")
        self._explains_itself(outcome)
        for typed in self.typed.get((device, number), []) if not refused else []:
            if came_whole and typed.key[1] in self.server.erased:
                continue
            self._follow(typed, (device, number), outcome, revision)

    def _explains_itself(self, outcome: dict[str, Any]) -> None:
        told = outcome.get("conflicts", [])
        if outcome["status"] == "refused":
            whole = outcome.get("code") and outcome.get("explanation") and outcome.get("choices")
            whole = whole and all(choice["code"] and choice["label"] for choice in outcome["choices"])
            self.require("S12", bool(whole), f"a refusal that explains nothing: {outcome}")
        if outcome["status"] == "merged":
            whole = told and outcome.get("explanation") and all(c["explanation"] for c in told)
            self.require("S12", bool(whole), f"a merge that explains nothing: {outcome}")

    def _waits(self, outcome: dict[str, Any], transaction: Transaction) -> None:
        """What was ordered past a lease is kept, and sold by nobody but the office."""
        device = transaction.device
        if device is None or device.lapsed_from is None:
            return
        for order_id in self.past_lease.get(outcome["digest"], ()):
            order = transaction.rows.get(("order", order_id))
            sold = order is not None and order.values["status"] in HOLDING_STATUSES
            self.require(
                "S6", not sold, f"order {order_id} of {device.id} was captured past its lease, and is accepted"
            )

    def words_about(self, ids: set[str]) -> set[str]:
        """All that was ever typed of these rows, or stands in them, and nowhere else."""
        words = {t.value for edits in self.typed.values() for t in edits if t.key[1] in ids}
        words |= {state.value for (_, row_id, _), state in self.fields.items() if row_id in ids}
        return {word for word in words if isinstance(word, str) and re.fullmatch(r"[a-z_]+ \d{5}", word)}

    def winner_of(self, key: Key) -> Key:
        """The row that this one goes on as."""
        return key[0], self.server.merged.get(key[1], key[1])

    def _follow(self, typed: Typed, author: tuple[str, int], outcome: dict[str, Any], revision: int) -> None:
        if typed.settles is not None:
            self._settle(typed, author, outcome, revision)
            return
        if typed.field == "*":
            self._deleted(typed, author[0], outcome)
            return
        key = self.winner_of(typed.key)
        state = self.fields.get((*key, typed.field))
        if state is None:
            return
        unseen = state.revision > typed.known if key == typed.key else state.value != typed.seen
        contested = not self.is_own(state.author, author[0]) and unseen and state.value != typed.value
        told = next(
            (c for c in outcome.get("conflicts", []) if (c["row_id"], c["field"]) == (key[1], typed.field)), None
        )
        dropped = typed.field.startswith("custom.") and told is not None and told["yours"] == "lost"
        if not contested and not dropped:
            self.fields[*key, typed.field] = Field(typed.value, author, revision)
            return
        record = self.records.get(told["id"]) if told else None
        ours_kept = told is not None and told["yours"] == "kept"
        lost = state.value if ours_kept else typed.value
        self.require(
            "S1",
            record is not None and json.loads(record["lost"] or "null") == lost,
            f"{typed.field} of {key} was “{state.value}” by another (revision {state.revision}), unseen when "
            f"“{typed.value}” was typed at {typed.known}; what was not kept is not on record: {record}",
        )
        if ours_kept:
            self.fields[*key, typed.field] = Field(typed.value, author, revision)

    def _deleted(self, typed: Typed, life: str, outcome: dict[str, Any]) -> None:
        """A delete takes nothing away that its person had not seen."""
        names = WATCHED.get(typed.key[0], ())
        states = [state for name in names if (state := self.fields.get((*typed.key, name))) is not None]
        unseen = [s.value for s in states if not self.is_own(s.author, life) and s.revision > typed.known]
        before = self.server.rows.by_key.get(typed.key)
        gone = before is None or before.deleted  # one that was made in the same push has nobody else's word in it
        told = any(c["row_id"] == typed.key[1] for c in outcome.get("conflicts", []))
        self.require(
            "S1", not unseen or gone or told, f"{typed.key} was deleted over {unseen}, which its person never saw"
        )

    def _settle(self, typed: Typed, author: tuple[str, int], outcome: dict[str, Any], revision: int) -> None:
        """The first choice counts, once; another one is refused, and does not come here."""
        assert typed.settles is not None
        retired = any(c["field"] == typed.field for c in outcome.get("conflicts", []))  # a field out of use: on record
        if typed.settles not in self.settled and typed.field and not retired:
            self.fields[*typed.key, typed.field] = Field(typed.value, author, revision)
        self.settled.add(typed.settles)

    def _compare(self, row: Row, name: str, transaction: Transaction, author: tuple[str, int] | None) -> None:
        value, state = value_of(row, name), self.fields.get((*row.key, name))
        if transaction.device is None or row.is_new or state is None:
            if state is None or state.value != value:
                self.fields[*row.key, name] = Field(value, author, transaction.revision)
            return
        self.require(
            "S1",
            state.value == value,
            lambda: f"{name} of {row.key} became “{value}”; by what was typed it is “{state.value}”",
        )

    def _no_silent_return(self, row: Row, transaction: Transaction) -> None:
        """What somebody deleted comes back only with a case that tells them."""
        before = self.server.rows.by_key.get(row.key)
        if transaction.device is None or before is None or row.deleted or not before.deleted:
            return
        cases = [r for r in transaction.rows.values() if r.entity.name == "conflict" and r.values["field"] == "*"]
        told = any(case.values["row_id"] == row.id for case in cases)
        self.require("S1", told, f"{row.key} was deleted, and an edit brings it back without a word")

    def _stamps_are_possible(self, row: Row, transaction: Transaction) -> None:
        """A value from the future would win against all that is typed before then, for years."""
        if transaction.device is None:
            return
        least, most = transaction.device.enrolled_at, transaction.at
        for name, (revision, captured_at, *_) in row.stamps.items():
            if revision == transaction.revision:
                self.require(
                    "S3",
                    least <= captured_at <= most,
                    lambda n=name, c=captured_at: f"{n} of {row.key} bears {c}, not of {least} to {most}",  # type: ignore[misc]
                )


def value_of(row: Row, name: str) -> Any:
    """The value of a field, or of a key of `custom`."""
    if name.startswith("custom."):
        return json.loads(row.values["custom"]).get(name.removeprefix("custom."))
    return row.values[name]
