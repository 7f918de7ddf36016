"""The rule of rights: what a role may read and write, how far, and which fields. Pure.

A right reaches so far: *none*, *own* (what is assigned to the member), *team* (that of the members of their team),
*territory* (that of the branches they manage), *all*. The same measure stands as a level in each grant of a scope
(`server.sync.scopes`): a row of an entity is in sight where the member holds one of its scopes at a level that their
right to read the entity reaches. REST, lists, search, export and sync ask this rule, and no other.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from outrider_sdk.protocol import canonical_json
from outrider_sdk.protocol.entities import ENTITIES, ROLES, Entity


class Reach(IntEnum):
    """How far a right goes; as a level, how a member came to a scope."""

    NONE = 0
    OWN = 1
    TEAM = 2
    TERRITORY = 3
    ALL = 4

    @classmethod
    def of(cls, name: str) -> "Reach":
        """The reach of that name, in lower case."""
        return cls[name.upper()]


ACTIONS: Final = ("read", "create", "edit", "delete")
REACHES: Final = tuple(reach.name.lower() for reach in Reach)
HIDDEN: Final = "hidden"
READ_ONLY: Final = "readonly"

KEPT_BY_THE_SERVER: Final = frozenset({"conflict", "merge", "payment_allocation"})
"""Entities whose rows nobody writes by hand."""
ALWAYS_SHOWN: Final = frozenset({"id", "revision", "created_at", "updated_at"})
"""Fields that no role can hide: sync and paging stand on them."""


@dataclass(frozen=True, slots=True)
class Right:
    """What a role may do with one entity."""

    read: Reach = Reach.NONE
    create: Reach = Reach.NONE
    edit: Reach = Reach.NONE
    delete: Reach = Reach.NONE
    manages: bool = False
    """It writes every field, where others keep to those that a device may write."""
    hidden: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()

    def of(self, action: str) -> Reach:
        """How far the right to an action of `ACTIONS` goes; nobody writes what they may not read."""
        reach: Reach = getattr(self, action)
        return min(reach, self.read)


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """All rights of one role. `view` names what it makes visible: equal views, equal sight of the same scopes."""

    role: str
    base: str
    """The built-in role from whose rights it departs; its rank when people act for each other."""
    rights: Mapping[str, Right]
    scopes: frozenset[str] | None = None
    """What an API key restricts the rights to, as they are already; None: nobody's key is asking."""
    system: str | None = None
    """The system that an API key speaks for: what is mastered there is its own to write."""
    view: str = field(init=False)

    def __post_init__(self) -> None:
        shown = {name: [int(r.read), sorted(r.hidden)] for name, r in self.rights.items() if r.read}
        object.__setattr__(self, "view", hashlib.sha256(canonical_json(shown).encode()).hexdigest()[:16])

    def right(self, entity: str) -> Right:
        """The rights to an entity; of one that is unknown, none."""
        return self.rights.get(entity, _NO_RIGHT)

    @property
    def reads_anything(self) -> bool:
        """Whether the role has any business with customers, catalogue and orders."""
        return any(right.read for right in self.rights.values())

    def readable(self) -> Iterable[str]:
        """Names of the entities of which the role may read something."""
        return (name for name, right in self.rights.items() if right.read)

    def hidden_fields(self) -> list[tuple[str, str]]:
        """All (entity, field) that the role may not see."""
        return [(name, f) for name, right in self.rights.items() for f in sorted(right.hidden)]


_NO_RIGHT: Final = Right()


@dataclass(frozen=True, slots=True)
class AccessHistory:
    """The access of one member as it was: what they captured is judged by the rights of its hour."""

    now: Access
    before: tuple[tuple[int, Access], ...] = ()
    """(until when, in microseconds; what it was), oldest first."""

    def at(self, moment: int) -> tuple[Access, int | None]:
        """The access of a moment, and until when it was that; None: it still is."""
        for until, access in self.before:
            if moment < until:
                return access, until
        return self.now, None


# Nobody but admins and owners sees who may do what.
_ADMINISTERED: Final = frozenset({"role"})
_MANAGED_BY_MANAGERS: Final = frozenset({"assignment", "territory", "delegation", "route", "route_stop"})


def _right_of_rep(entity: Entity, reach: Reach) -> Right:
    if entity.name in _ADMINISTERED:
        return _NO_RIGHT
    create = reach if entity.creatable else Reach.NONE
    edit = reach if any(f.settable(creating=False) for f in entity.fields) else Reach.NONE
    return Right(reach, create, edit, reach if entity.deletable else Reach.NONE)


def _managing(reach: Reach) -> Right:
    return Right(reach, reach, reach, reach, manages=True)


def _right_of_manager(entity: Entity) -> Right:
    if entity.name in _MANAGED_BY_MANAGERS:
        return _managing(Reach.TERRITORY)
    return _right_of_rep(entity, Reach.TERRITORY)


def _right_of_admin(entity: Entity) -> Right:
    if entity.name in KEPT_BY_THE_SERVER:
        return Right(Reach.ALL)
    return _managing(Reach.ALL)


BUILT_IN: Final[Mapping[str, Mapping[str, Right]]] = {
    "rep": {e.name: _right_of_rep(e, Reach.OWN) for e in ENTITIES.values()},
    "manager": {e.name: _right_of_manager(e) for e in ENTITIES.values()},
    "admin": {e.name: _right_of_admin(e) for e in ENTITIES.values()},
    "owner": {e.name: _right_of_admin(e) for e in ENTITIES.values()},
    "billing": dict.fromkeys(ENTITIES, _NO_RIGHT),
}
"""The rights of the roles that every tenant has."""
FIXED: Final = frozenset({"admin", "owner"})
"""Built-in roles whose rights nobody changes, so that there is always somebody who may do everything."""

assert set(BUILT_IN) == set(ROLES)


@lru_cache(maxsize=4_096)
def access_of(role: str, base: str | None = None, permissions: str = "{}", fields: str = "{}") -> Access:
    """The access of a role as its row holds it.

    Args:
        role: the role's key.
        base: the built-in role that it departs from; None: it is one itself.
        permissions: JSON, {entity: {action: reach}}; what is left out is as in the base. `manages` may stand there.
        fields: JSON, {entity: {field: "hidden" or "readonly"}}.

    A role that is nowhere defined has no rights.
    """
    start = BUILT_IN.get(base or role, BUILT_IN["billing"])
    if role in FIXED:
        return Access(role, role, start)
    departures, rules = json.loads(permissions), json.loads(fields)
    rights = {name: _departing(right, departures.get(name, {}), rules.get(name, {})) for name, right in start.items()}
    return Access(role, base or role, rights)


def _departing(right: Right, actions: Mapping[str, Any], fields: Mapping[str, str]) -> Right:
    reaches = {action: Reach.of(actions.get(action, right_of.name)) for action, right_of in _reaches(right)}
    return Right(
        **reaches,
        manages=bool(actions.get("manages", right.manages)),
        hidden=frozenset(f for f, rule in fields.items() if rule == HIDDEN) - ALWAYS_SHOWN,
        read_only=frozenset(f for f, rule in fields.items() if rule == READ_ONLY),
    )


def _reaches(right: Right) -> list[tuple[str, Reach]]:
    return [(action, getattr(right, action)) for action in ACTIONS]


def problems_of(base: str, permissions: Any, fields: Any) -> Iterable[tuple[str, str]]:
    """What is wrong with a role's documents: (which of them, what), for people."""
    if base not in BUILT_IN:
        yield "base", f"Choose one of {', '.join(BUILT_IN)}."
        return
    for name, actions in _entries(permissions):
        entity = ENTITIES.get(name)
        if entity is None or not isinstance(actions, dict):
            yield "permissions", f"“{name[:60]}” is no entity, or has no object of actions."
            continue
        for action, reach in actions.items():
            if action == "manages" and isinstance(reach, bool):
                continue
            if action not in ACTIONS or reach not in REACHES:
                allowed = f"actions {', '.join(ACTIONS)} with {', '.join(REACHES)}"
                yield "permissions", f"{name}: “{str(action)[:60]}: {str(reach)[:60]}” is none of the {allowed}."
    for name, rules in _entries(fields):
        entity = ENTITIES.get(name)
        if entity is None or not isinstance(rules, dict):
            yield "fields", f"“{name[:60]}” is no entity, or has no object of fields."
            continue
        for field_name, rule in rules.items():
            if problem := _field_problem(entity, field_name, rule):
                yield "fields", f"{name}: {problem}"


def _entries(document: Any) -> Iterable[tuple[str, Any]]:
    return document.items() if isinstance(document, dict) else ()


def _field_problem(entity: Entity, name: str, rule: Any) -> str | None:
    found = entity.by_name.get(name)
    if found is None or rule not in (HIDDEN, READ_ONLY):
        return f"“{name[:60]}: {str(rule)[:60]}” is no field with hidden or readonly."
    if name in ALWAYS_SHOWN:
        return f"{name} is part of every record, and cannot be hidden or locked."
    if rule == HIDDEN and found.kind.value == "id" and name in entity.references and found.required:
        return f"{name} says what the record belongs to, and cannot be hidden."
    return None
