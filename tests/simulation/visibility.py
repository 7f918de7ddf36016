"""Scopes, grants and sight in the plainest way, once more: what the triggers and views of `server.sync.scopes` keep.

Entries and grants have revisions, as the pull needs them; `placed` and `granted` are the same stated anew from the rows
alone, by which the oracle judges.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from outrider_sdk.protocol.entities import ENTITIES

from server.auth.access import Access, Reach, access_of
from server.sync.scopes import OFFICE_SCOPE, TENANT_SCOPE
from server.sync.state import ALWAYS, NEVER, Row

_CATALOGUE = {
    "office", "team", "territory", "member", "legal_entity", "custom_field",
    "price_list", "product", "product_unit", "price_item", "warehouse", "stock",
}  # fmt: skip
_ABOUT_RECORDS = {"conflict"}


@dataclass(slots=True)
class Entry:
    """A row in a scope."""

    entity: str
    revision: int
    gone: bool
    at: int = 0
    """When it went."""


@dataclass(slots=True)
class Grant:
    """A scope that a member has, or had, at a level."""

    revision: int
    gone: bool
    at: int


class Rows:
    """The committed rows, also by entity."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[str, str], Row] = {}
        self.of: dict[str, dict[str, Row]] = {name: {} for name in ENTITIES}

    def put(self, row: Row) -> None:
        """Set a row."""
        self.by_key[row.key] = row
        self.of[row.entity.name][row.id] = row

    def live(self, entity: str) -> Iterator[Row]:
        """Rows of an entity that are not deleted."""
        return (row for row in self.of[entity].values() if not row.deleted)


class Visibility:
    """Who sees what in one tenant."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.entries: dict[str, dict[str, Entry]] = {}
        """Row → scope → entry."""
        self.by_scope: dict[str, dict[str, Entry]] = {}
        """Scope → row → the same entry."""
        self.grants: dict[str, dict[tuple[str, int], Grant]] = {}
        """Member → (scope, level) → grant."""
        self.deleted_at: dict[str, int] = {}
        self.placed: dict[str, set[str]] = {}
        self.granted: dict[str, dict[str, int]] = {}

    # What the triggers do

    def touch(self, row: Row, revision: int, at: int) -> None:
        """A row was written: its entries are news."""
        if row.deleted:
            self.deleted_at.setdefault(row.id, at)
        else:
            self.deleted_at.pop(row.id, None)
        for entry in self.entries.get(row.id, {}).values():
            if not entry.gone:
                entry.revision = revision

    def refresh(self, revision: int, at: int) -> None:
        """Bring entries and grants in line with the rows."""
        self.granted = {}
        for member_id, scope, level in self._granted():
            levels = self.granted.setdefault(member_id, {})
            levels[scope] = min(level, levels.get(scope, level))
        for member_id in self.grants.keys() | self.granted.keys():
            held = self.grants.setdefault(member_id, {})
            wanted = set(self.granted.get(member_id, {}).items())
            _reconcile(held, wanted, lambda: Grant(revision, gone=False, at=at), revision)
            for key, grant in held.items():
                if grant.gone and grant.revision == revision and key not in wanted:
                    grant.at = at
        self._place(revision, at)

    def _place(self, revision: int, at: int) -> None:
        self.placed = {}
        for row in self.rows.by_key.values():
            self.placed[row.id] = scopes = self.scopes_of(row)
            name = row.entity.name
            held = self.entries.setdefault(row.id, {})
            for scope in scopes - held.keys():
                self.by_scope.setdefault(scope, {})[row.id] = held[scope] = Entry(name, revision, gone=False)
            for scope, entry in held.items():
                if entry.gone is (scope in scopes):
                    entry.gone, entry.revision, entry.at = not entry.gone, revision, at

    def _granted(self) -> Iterator[tuple[str, str, int]]:
        members = {m.id: m for m in self.rows.live("member") if m.values["active"]}
        reach = {i: int(max(right.read for right in self.access(i).rights.values())) for i in members}
        works: dict[str, set[str]] = {i: {i} for i in self.rows.of["member"]}
        for assignment in self.rows.live("assignment"):
            for member in self._assigned(assignment):
                works[member].add(assignment.values["outlet_id"])
        for member_id, far in reach.items():
            if not far:
                continue
            own = {TENANT_SCOPE} | works[member_id]
            for delegation in self.rows.live("delegation"):
                if delegation.values["substitute_id"] == member_id:
                    own |= works[delegation.values["member_id"]]
            yield from ((member_id, scope, 1) for scope in own)
            team = members[member_id].values["team_id"]
            mates = [m for m in self.rows.of["member"].values() if team and m.values["team_id"] == team]
            if far >= Reach.TEAM:
                yield from ((member_id, s, 2) for m in mates if m.id != member_id for s in works[m.id])
            if far >= Reach.TERRITORY:
                branches = self._managed_by(member_id)
                outlets = self.rows.of["outlet"].values()
                yield from ((member_id, o.id, 3) for o in outlets if o.values["territory_id"] in branches)
            if far >= Reach.ALL:
                everything = [*self.rows.of["outlet"], *self.rows.of["member"], OFFICE_SCOPE]
                yield from ((member_id, scope, 4) for scope in everything)

    def _assigned(self, assignment: Row) -> Iterable[str]:
        if assignment.values["member_id"]:
            return (assignment.values["member_id"],)
        team = assignment.values["team_id"]
        return [m.id for m in self.rows.of["member"].values() if team and m.values["team_id"] == team]

    def _managed_by(self, member_id: str) -> set[str]:
        branches: set[str] = set()
        for _ in self.rows.of["territory"]:
            branches |= {
                t.id
                for t in self.rows.live("territory")
                if t.values["manager_id"] == member_id or t.values["parent_id"] in branches
            }
        return branches

    def scopes_of(self, row: Row) -> set[str]:
        """The scopes that a row is in, stated anew."""
        if row.deleted:
            return set()
        values = row.values
        match row.entity.name:
            case name if name in _CATALOGUE:
                return {TENANT_SCOPE}
            case "role":
                return {OFFICE_SCOPE}
            case "outlet":
                return {row.id}
            case "account":
                return self._scopes_of_account(row.id)
            case "agreement":
                return self._scopes_of_account(values["account_id"])
            case "contact":
                return {values["outlet_id"]} if values["outlet_id"] else self._scopes_of_account(values["account_id"])
            case "contact_channel":
                return self.scopes_of(self.rows.of["contact"][values["contact_id"]])
            case "assignment":
                return {values["member_id"], values["outlet_id"]} - {None}
            case "delegation":
                return {values["member_id"], values["substitute_id"]}
            case "order":
                return {values["outlet_id"]}
            case "order_line":
                return self.scopes_of(self.rows.of["order"][values["order_id"]])
            case "merge":
                return self.scopes_of(self.rows.of["contact"][values["winner_id"]])
            case _:
                return {values["lost_by"] or OFFICE_SCOPE, values["kept_by"] or OFFICE_SCOPE}

    def _scopes_of_account(self, account_id: str) -> set[str]:
        outlets = {o.id for o in self.rows.live("outlet") if o.values["account_id"] == account_id}
        maker = self.rows.of["account"][account_id].values["created_by"]
        return outlets or {maker or OFFICE_SCOPE, OFFICE_SCOPE}

    def prune(self, horizon: int) -> None:
        """Forget entries that went up to a revision."""
        for row_id, entries in self.entries.items():
            for scope in [s for s, entry in entries.items() if entry.gone and entry.revision <= horizon]:
                del entries[scope], self.by_scope[scope][row_id]

    # What is asked

    def access(self, member_id: str) -> Access:
        """The rights of a member."""
        key = self.rows.of["member"][member_id].values["role"]
        role = next((r.values for r in self.rows.live("role") if r.values["key"] == key), None)
        return access_of(key, role["base"], role["permissions"], role["fields"]) if role else access_of(key)

    def sees(self, member_id: str, access: Access, row: Row) -> bool:
        """Whether a member sees a row now, by entries and grants."""
        return self._within(row, access, self._levels(member_id, row))

    def may_see(self, member_id: str, access: Access, row: Row) -> bool:
        """The same by the rows alone: the oracle's word."""
        levels = self.granted.get(member_id, {})
        return self._within(row, access, [levels[s] for s in self.placed[row.id] if s in levels])

    def _levels(self, member_id: str, row: Row) -> list[int]:
        held = self.grants.get(member_id, {})
        scopes = [scope for scope, entry in self.entries.get(row.id, {}).items() if not entry.gone]
        return [level for (scope, level), grant in held.items() if not grant.gone and scope in scopes]

    def _within(self, row: Row, access: Access, levels: list[int]) -> bool:
        reach = access.right(row.entity.name).read
        if row.entity.name in _ABOUT_RECORDS:
            of = access.right(row.values["entity"])
            if row.values["field"] in of.hidden:
                return False
            reach = min(reach, of.read)
            return not row.deleted and ((bool(levels) and min(levels) <= reach) or reach is Reach.ALL)
        return bool(levels) and min(levels) <= reach

    def sight(self, member_id: str, access: Access, row: Row) -> tuple[int, int]:
        """Until when the member sees the row within their reach, and at which level; as `rows.load` asks it."""
        reach = access.right(row.entity.name).read
        entries = self.entries.get(row.id, {})
        until, near, far = NEVER, [], []
        for (scope, level), grant in self.grants.get(member_id, {}).items():
            entry = entries.get(scope)
            if entry is None or level > reach:
                continue
            went = not row.deleted or entry.at < self.deleted_at.get(
                row.id, ALWAYS
            )  # with a deleted row its entries went
            left = entry.at if entry.gone and went else ALWAYS
            if not (grant.gone or left == ALWAYS or grant.at < left):
                continue
            until = max(until, min(left, grant.at) if grant.gone else left)
            (far if grant.gone or left != ALWAYS else near).append(level)
        return until, min(near or far or [0])

    def heads(self, member_id: str, cursor: int) -> Iterator[tuple[str, int, int, bool, int]]:
        """Scopes in which something is news: scope, level, revision of a grant that is news (else 0), gone, head."""
        for (scope, level), grant in sorted(self.grants.get(member_id, {}).items()):
            head = max((entry.revision for entry in self.by_scope.get(scope, {}).values()), default=0)
            if grant.revision > cursor or (not grant.gone and head > cursor):
                yield scope, level, grant.revision if grant.revision > cursor else 0, grant.gone, head

    def stream(
        self,
        member_id: str,
        access: Access,
        cursor: int,
        began_at: int,
        held: frozenset[str] = frozenset(),
        offered_at: int = 0,
    ) -> Iterator[tuple[int, str, int, str, int, bool]]:
        """All entries that are news after a cursor: effective revision, scope, revision, row, entity's number, held.

        Args:
            held: scopes of the snapshot, offered at a revision, with which the pull began.
        """
        told = cursor or began_at
        for (scope, level), grant in self.grants.get(member_id, {}).items():
            since, held_before = (began_at, offered_at) if scope in held else (cursor, cursor)
            is_gained = not grant.gone and grant.revision > held_before
            for row_id, entry in self.by_scope.get(scope, {}).items():
                if level > access.right(entry.entity).read or (entry.gone and entry.revision <= told):
                    continue
                news = (scope, entry.revision, row_id, ENTITIES[entry.entity].code)
                if grant.gone:
                    if grant.revision > max(told, held_before):
                        yield (grant.revision, *news, False)
                elif is_gained and entry.revision <= grant.revision:
                    yield (grant.revision, *news, not entry.gone)
                elif entry.revision > max(since, grant.revision if is_gained else 0):
                    yield (entry.revision, *news, not entry.gone)


def _reconcile(kept: dict[Any, Any], wanted: set[Any], make: Callable[[], Any], revision: int) -> None:
    for key in sorted(wanted):
        if key not in kept or kept[key].gone:
            kept[key] = make()
    for key, value in kept.items():
        if key not in wanted and not value.gone:
            value.gone, value.revision = True, revision
