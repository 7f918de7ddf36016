"""What a merged row holds, field by field. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from outrider_sdk.protocol.entities import Entity, Kind

UNITED: Final = frozenset({"tags", "roles"})
"""Lists of which the winner gets both rows' items."""
KEYED: Final = frozenset({"custom"})
"""Documents of which the winner gets both rows' keys; its own value where both have one."""


def choosable_fields(entity: Entity) -> frozenset[str]:
    """Fields of which a person may choose whose value stays. What a row refers to is the winner's."""
    return frozenset(f.name for f in entity.fields if f.name not in UNITED and f.kind is not Kind.ID)


def merged_values(
    entity: Entity, winner: Mapping[str, Any], loser: Mapping[str, Any], from_loser: frozenset[str]
) -> dict[str, Any]:
    """The values of the winner that change; documents as Python has them.

    Args:
        from_loser: fields of which the loser's value was chosen. Otherwise the winner's stays, and where it has none,
            it gets the loser's.
    """
    values: dict[str, Any] = {}
    for name in choosable_fields(entity):
        if name in from_loser or winner[name] is None:
            values[name] = loser[name]
    for name in UNITED & entity.by_name.keys():
        values[name] = list(dict.fromkeys([*_items(winner[name]), *_items(loser[name])]))
    for name in KEYED:
        values[name] = _document(loser[name]) | _document(winner[name])
    return {name: value for name, value in values.items() if value != winner[name]}


def _items(value: Any) -> list[Any]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _document(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
