"""Who may see and write what of the CRM. Pure: one table of rights, and one SQL condition.

What a member sees is what their devices see (`scope_entry`, `scope_grant`); admins and owners see all of the tenant.
Whoever may not see a row gets the answer that belongs to a row that never was.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from outrider_sdk.protocol.entities import Entity

from server.errors import Forbidden

SEES_ALL: Final = frozenset({"admin", "owner"})

_OF_A_REP: Final = frozenset({"account", "outlet", "contact", "contact_channel", "order", "order_line"})
_WRITABLE: Final = {
    "rep": _OF_A_REP,
    "manager": _OF_A_REP | {"assignment", "territory"},
}
_WHOLLY_WRITABLE: Final = {"manager": frozenset({"assignment", "territory"})}
"""Entities of which a role may write every field, where others keep to what a device may write."""

READ_ONLY: Final = frozenset({"conflict"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks and writes."""

    member_id: UUID
    role: str

    @property
    def sees_all(self) -> bool:
        """Whether every live row of the tenant is in sight."""
        return self.role in SEES_ALL


def require_reader(viewer: Viewer) -> None:
    """Keep those out who have no business with customers.

    Raises:
        Forbidden: the role is billing.
    """
    if viewer.role not in {"rep", "manager", *SEES_ALL}:
        raise Forbidden("Your role has no access to customers, catalogue and orders. Ask an admin for another.")


def require_writer(viewer: Viewer, entity: Entity) -> None:
    """Let those on whose role may write rows of the entity.

    Raises:
        Forbidden: it may not.
    """
    require_reader(viewer)
    writable = entity.name not in READ_ONLY and (
        viewer.sees_all or entity.name in _WRITABLE.get(viewer.role, frozenset())
    )
    if not writable:
        raise Forbidden(f"A {viewer.role} may not change this. Ask an admin to do it.")


def writable_fields(viewer: Viewer, entity: Entity, *, creating: bool) -> frozenset[str]:
    """Names of the entity's fields that the viewer may set, of those that anybody may."""
    if viewer.sees_all or entity.name in _WHOLLY_WRITABLE.get(viewer.role, frozenset()):
        return frozenset(entity.by_name)
    return frozenset(f.name for f in entity.fields if f.writable or (creating and f.create_only))


def may_delete(viewer: Viewer, entity: Entity) -> bool:
    """Whether the viewer may delete rows that they may write."""
    return viewer.sees_all or entity.deletable or entity.name in _WHOLLY_WRITABLE.get(viewer.role, frozenset())


_IN_SCOPE: Final = """EXISTS (
    SELECT FROM scope_entry e JOIN scope_grant g ON g.scope = e.scope AND NOT g.gone AND g.member_id = {}
    WHERE e."row" = "@"."id" AND NOT e.gone)"""

# An assignment is in the scope of its member alone; who manages the outlet manages its assignments as well.
_OF_GRANTED_OUTLET: Final = """EXISTS (
    SELECT FROM scope_grant g WHERE g.scope = "@"."outlet_id" AND NOT g.gone AND g.member_id = {})"""


def in_sight(viewer: Viewer, entity: Entity) -> tuple[str, tuple[UUID, ...]]:
    """The SQL condition, on the entity's table, that holds for what the viewer sees; `{}` stand for the parameters."""
    live = f'"{entity.name}"."deleted_at" IS NULL'
    if viewer.sees_all:
        return live, ()
    scopes = _IN_SCOPE
    if viewer.role == "manager" and entity.name == "assignment":
        scopes = f"({_IN_SCOPE} OR {_OF_GRANTED_OUTLET})"
    return f"{live} AND {scopes.replace('@', entity.name)}", (viewer.member_id,) * scopes.count("{}")
