"""Takes out of mutations and outcomes what they say of erased rows. Pure; what they are about stays readable."""

from collections.abc import Collection
from typing import Any

WHY_UNKNOWN = "Why this was refused is no longer known: it was about a person whose data were erased."
ERASED = "erased"
"""Marks a change of which nothing but its op and its row is left."""


def ids_of(change: Any) -> list[str]:
    """What may be ids in a change, of a client that may send anything: its row's, and texts of its fields.

    And the row of a conflict that is settled: the conflict itself may be of a history that a restored server lost.
    """
    if not isinstance(change, dict):
        return []
    found, fields, seen = [change.get("id")], change.get("fields"), change.get("seen")
    if isinstance(seen, dict):
        found.append(seen.get("row_id"))
    if isinstance(fields, dict):
        found += [value.get("value") if isinstance(value, dict) else value for value in fields.values()]
    return [value for value in found if isinstance(value, str)]


def is_about(change: Any, ids: Collection[str]) -> bool:
    """Whether a change is of one of the rows, or refers to one in a field."""
    return bool(ids) and any(value in ids for value in ids_of(change))


def redact_mutation(mutation: dict[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """The mutation without the content of changes that are about the rows; the others stay."""
    changes = mutation["changes"] if isinstance(mutation.get("changes"), list) else []
    return mutation | {"changes": [_bare(c) if is_about(c, ids) else c for c in changes]}


def _bare(change: dict[str, Any]) -> dict[str, Any]:
    kept = {name: change[name] for name in ("op", "entity", "id", "name") if isinstance(change.get(name), str)}
    return kept | {ERASED: True}


def redact_outcome(outcome: dict[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """The outcome without the values of conflicts about the rows."""
    conflicts = [c | {"kept": None, "lost": None} if c.get("row_id") in ids else c for c in outcome["conflicts"]]
    return outcome | {"conflicts": conflicts}
