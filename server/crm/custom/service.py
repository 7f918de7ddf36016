"""Custom fields: their definitions, and whether values are of them."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth.limits import require_feature
from server.crm.checks import check_single, refuse
from server.crm.custom.rules import CHOICES_MAX, KEY_PATTERN, CustomField, value_problem
from server.crm.resource import Write
from server.db import connection
from server.errors import FieldError, InvalidInput

_FIXED: Final = ("entity", "key", "field_type")

# The last one counts where a key was defined anew after its definition was deleted.
_DEFINITIONS = """
SELECT entity, key, field_type, choices::text, required, active AND deleted_at IS NULL AS active FROM custom_field
WHERE entity = ANY ($1) ORDER BY deleted_at IS NULL, active
"""


async def load_custom_fields(entities: Collection[str]) -> dict[str, dict[str, CustomField]]:
    """Entity → key → definition, also of those that are no longer in use."""
    found: dict[str, dict[str, CustomField]] = {name: {} for name in entities}
    for name, key, *rest in await connection().fetch(_DEFINITIONS, list(entities)) if entities else ():
        field_type, choices, required, active = rest
        found[name][key] = CustomField(key, field_type, tuple(json.loads(choices)), required, active)
    return found


async def check_custom(entity: Entity, given: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    """Check what a request writes into `custom`; a value that stays as it is may be anything.

    Args:
        before: the document as it was; None in a create. What is required must be there afterwards.

    Raises:
        InvalidInput: a key has no definition in use, or a value is none of it.
    """
    defined = (await load_custom_fields([entity.name]))[entity.name]
    known, errors = before or {}, []
    for key, value in given.items():
        if key in known and known[key] == value and type(known[key]) is type(value):
            continue
        field = defined.get(key)
        problem = value_problem(field, value) if field and field.active else "There is no such custom field in use."
        if field and field.required and value is None:
            problem = "It is required."
        if problem:
            errors.append(FieldError(f"custom.{key}"[:100], problem))
    if before is None or given:
        whole = {**known, **given}
        named = {error.field for error in errors}
        missing = [f.key for f in defined.values() if f.required and f.active and whole.get(f.key) is None]
        missing = [key for key in missing if f"custom.{key}" not in named]
        errors += [FieldError(f"custom.{key}", "It is required.") for key in missing]
    if errors:
        raise InvalidInput(errors)


async def check_definition(write: Write) -> None:
    """A custom field belongs to an entity, under a key of its own; its type never changes.

    Raises:
        AlreadyThere: the entity has a field of this key.
        InvalidInput: naming the field.
        NotInPlan: the tenant's plan has none; those that are there stay, with their values.
    """
    if write.deletes:
        return
    changed = [name for name in _FIXED if write.before and write.value(name) != write.before[name]]
    if changed:
        raise refuse(changed[0], "It stays as it is, as values were entered for it. Define another field instead.")
    if write.value("entity") not in ENTITIES:
        raise refuse("entity", "Name the kind of record that it belongs to, such as “account”.")
    if not KEY_PATTERN.fullmatch(write.value("key")):
        raise refuse("key", "Use lower-case letters, digits and “_”, a letter first, at most 40.")
    _check_choices(write)
    await check_single(write, "custom_field", "entity", "key")
    if write.before is None:
        require_feature(write.viewer.entitlement, "custom_fields", write.viewer.access.base)
    elif write.values:
        write.values["version"] = write.before["version"] + 1


def _check_choices(write: Write) -> None:
    choices = write.value("choices") or []
    if isinstance(choices, str):
        choices = msgspec.json.decode(choices)
    if write.value("field_type") == "choice" and not 1 <= len(choices) <= CHOICES_MAX:
        raise refuse("choices", f"Give 1 to {CHOICES_MAX} choices.")
