"""What a device of an older schema is told and asked: it knows no later entities and fields (S10). Pure.

One schema behind goes on working: what is newer is left out of its pulls, and what it pushes is judged as it was meant.
An older one may hand in what it holds, and no more. The device's schema is a part of the view that a pull names: an
updated app pulls anew what its older self was not told, whichever of the two was updated first.
"""

from functools import cache

from outrider_sdk.protocol.entities import ENTITIES, SCHEMA_VERSION, Entity

SCHEMAS_BEHIND_MAX = 1


def newest() -> int:
    """The schema of this server."""
    return SCHEMA_VERSION


def is_served(schema: int) -> bool:
    """Whether a device of this schema still pulls."""
    return schema >= SCHEMA_VERSION - SCHEMAS_BEHIND_MAX


def view_name(view: str, schema: int) -> str:
    """What a member's role makes visible, to a device of this schema: the same, whatever the server's is by then."""
    return view if schema == 1 else f"{view}.{schema}"


@cache
def is_known(entity: str, schema: int) -> bool:
    """Whether the entity is in this schema."""
    return ENTITIES[entity].since <= schema


@cache
def fields_unknown(entity: Entity, schema: int) -> frozenset[str]:
    """The entity's fields that came after this schema."""
    return frozenset(f.name for f in entity.fields if f.since > schema)
