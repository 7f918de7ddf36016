"""What of an entry somebody is shown, and how its values look. Pure."""

from typing import Any

import msgspec
from outrider_sdk.protocol.entities import Entity, Kind

from server.auth.access import FIXED
from server.clock import from_micros
from server.crm.rights import Viewer
from server.errors import Forbidden


def shown_fields(viewer: Viewer, entity: Entity) -> frozenset[str]:
    """Names of the entity's fields that the viewer may see; changes of others are left out, not blanked."""
    return viewer.shown(entity)


def require_auditor(viewer: Viewer) -> None:
    """Let those on whose role may read all that was ever changed.

    Raises:
        Forbidden: it may not.
    """
    if viewer.role not in FIXED:
        raise Forbidden("Only admins and owners read the audit. The history of one row is under its own address.")


def show_value(entity: Entity, name: str, stored: str | None) -> Any:
    """The value of a field as it travels over REST, from the text that the audit keeps."""
    field = entity.by_name.get(name)
    if stored is None or field is None:
        return stored
    match field.kind:
        case Kind.INTEGER:
            return int(stored)
        case Kind.BOOLEAN:
            return stored == "true"
        case Kind.INSTANT:
            return from_micros(int(stored))
        case Kind.JSON:
            return msgspec.json.decode(stored)
        case _:
            return stored
