"""Who may see and write what of the CRM, in SQL and in words: the rule itself is `server.auth.access`. Pure.

What a member sees is what their devices see (`scope_entry`, `scope_grant`). Whoever may not see a row gets the answer
that belongs to a row that never was, and a field hidden from a role is a field that never was.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth.access import Access, Reach
from server.auth.scopes import Action, permits
from server.errors import Forbidden
from server.tenants.entitlements import UNMETERED, EntitledTenant, Entitlement


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks and writes."""

    member_id: UUID
    access: Access
    entitled: EntitledTenant | None = None
    """Their tenant, and what it may do by what it pays; None: nobody asks."""

    @property
    def entitlement(self) -> Entitlement:
        """What their tenant may do now."""
        return UNMETERED if self.entitled is None else self.entitled.entitlement

    @property
    def role(self) -> str:
        """The key of their role, for messages."""
        return self.access.role

    def reads_all(self, entity: Entity) -> bool:
        """Whether every live row of the entity is in sight."""
        return self.access.right(entity.name).read is Reach.ALL

    def hidden(self, entity: Entity) -> frozenset[str]:
        """The entity's fields that do not exist for them."""
        return self.access.right(entity.name).hidden

    def shown(self, entity: Entity) -> frozenset[str]:
        """The entity's fields that exist for them."""
        return frozenset(entity.by_name) - self.hidden(entity)


def require_reader(viewer: Viewer, entity: Entity) -> None:
    """Keep those out who have no business with such rows.

    Raises:
        Forbidden: their role reads none.
    """
    _require_scope(viewer, entity, "read")
    if not viewer.access.reads_anything:
        raise Forbidden("Your role has no access to customers, catalogue and orders. Ask an admin for another.")
    if viewer.access.right(entity.name).read is Reach.NONE:
        raise Forbidden("Your role has no access to this. Ask an admin for another.")


def require_writer(viewer: Viewer, entity: Entity, action: str = "edit") -> None:
    """Let those on whose role may do this to some rows of the entity.

    Args:
        action: `create`, `edit` or `delete`.

    Raises:
        Forbidden: it may not.
    """
    require_reader(viewer, entity)
    _require_scope(viewer, entity, "write")
    if viewer.access.right(entity.name).of(action) is Reach.NONE:
        raise Forbidden(f"A {viewer.role} may not {_WORDS[action]} this. Ask an admin to do it.")


def _require_scope(viewer: Viewer, entity: Entity, action: Action) -> None:
    """Say what an API key lacks; the rights without it are gone already (`server.auth.scopes.restrict`)."""
    scopes = viewer.access.scopes
    if scopes is not None and not permits(scopes, entity.name, action):
        raise Forbidden(f"This API key lacks the scope {entity.name}:{action}. Use one that has it.")


_WORDS: Final = {"create": "make", "edit": "change", "delete": "delete"}


def require_merger(viewer: Viewer, entity: Entity) -> None:
    """Let those on who may merge rows of the entity, and undo it: it moves what others than they work with.

    Raises:
        Forbidden: their right to change such rows reaches no further than their own and their team's.
    """
    require_writer(viewer, entity)
    if viewer.access.right(entity.name).of("edit") < Reach.TERRITORY:
        raise Forbidden(f"A {viewer.role} may not merge these. Ask a manager or an admin to do it.")


def writable_fields(viewer: Viewer, entity: Entity, *, creating: bool) -> frozenset[str]:
    """Names of the entity's fields that the viewer may set, of those that anybody may."""
    right = viewer.access.right(entity.name)
    if right.manages:
        return frozenset(entity.by_name) - right.read_only
    return frozenset(f.name for f in entity.all_fields if f.settable(creating=creating)) - right.read_only


def in_sight(
    viewer: Viewer, entity: Entity, action: str = "read", *, within: Reach = Reach.ALL
) -> tuple[str, tuple[UUID, ...]]:
    """The SQL condition, on the entity's table, that holds for the live rows to which the viewer may do this.

    Args:
        within: as far as another right goes, which must reach the rows too.

    Returns:
        The condition, in which `{}` stand for the parameters, and those.
    """
    reach = min(viewer.access.right(entity.name).of(action), within)
    sql = scope_condition(viewer.access, entity, reach, member="{}")
    return f'"{entity.name}"."deleted_at" IS NULL AND {sql}', (viewer.member_id,) * sql.count("{}")


def scope_condition(access: Access, entity: Entity, reach: Reach, *, member: str) -> str:
    """The SQL condition that a row, whose table bears the entity's name, is within a member's reach.

    Args:
        member: an SQL expression of the member's id.
    """
    if reach is Reach.NONE:
        return "false"
    level, whole = str(int(reach)), reach is Reach.ALL
    conditions = []
    if is_about_records(entity):
        # What is said of a record is seen by whoever sees the record.
        level = f"least({level}, {reach_of_record(access, entity)})"
        conditions = not_about_hidden(access, entity)
    if is_about_records(entity) or not whole:
        exists = f"""EXISTS (
    SELECT FROM scope_entry e JOIN scope_grant g ON g.scope = e.scope AND NOT g.gone AND g.member_id = {member}
    WHERE e."row" = "{entity.name}"."id" AND e.entity = {entity.code} AND NOT e.gone AND g.level <= {level})"""
        conditions.append(f"({exists} OR {level} = {int(Reach.ALL)})" if whole else exists)
    return " AND ".join(conditions) or "true"


def is_about_records(entity: Entity) -> bool:
    """Whether each row says something of a record of any entity (`entity`, `row_id`)."""
    return {"entity", "row_id"} <= entity.by_name.keys()


def reach_of_record(access: Access, entity: Entity) -> str:
    """SQL: how far the member reads what a row of the entity is about."""
    column = f'"{entity.name}"."entity"'
    cases = "".join(f" WHEN '{name}' THEN {int(access.right(name).read)}" for name in access.readable())
    return f"CASE {column}{cases} ELSE 0 END" if cases else "0"


def not_about_hidden(access: Access, entity: Entity) -> list[str]:
    """SQL conditions, of a conflict: that its field is not hidden."""
    pairs = [pair for pair in access.hidden_fields() if pair[0] in ENTITIES]
    if "field" not in entity.by_name or not pairs:
        return []
    listed = ", ".join(f"('{name}', '{f}')" for name, f in pairs)
    return [f'("{entity.name}"."entity", "{entity.name}"."field") NOT IN ({listed})']
