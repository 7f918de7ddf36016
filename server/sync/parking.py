"""Mutations that refer to rows which a restored database does not have yet: they wait for other devices (S11). Pure.

What one device made and another one saw is gone from the backup until the first hands it in again. Meanwhile a mutation
that needs it is neither applied nor refused: it is *parked*. Its device sends it again with each push, and it is
decided anew; when the time of healing is over, as usual.
"""

from collections.abc import Iterator
from typing import Any

from outrider_sdk.protocol.entities import ENTITIES

from server.sync.refusals import Refusal
from server.sync.state import State
from server.sync.values import is_id

HEALING_DAYS = 14
"""How long after a restore rows that are missing are waited for."""
HEALING = f"coalesce(c.epoch_began_at > now() - make_interval(days => {HEALING_DAYS}), false)"
"""SQL: whether the tenant of the counter `c` was restored a short while ago."""
PARKED = "parked"
_ABOUT_MISSING_ROWS = {"not_found", "parent_missing"}


def must_wait(mutation: dict[str, Any], refusal: Refusal | None, state: State) -> bool:
    """Whether the mutation is to be parked: it names what nobody knows, or builds on what waits."""
    if not state.healing:
        return False
    named = set(_ids_named(mutation))
    if named & state.awaited:
        return True
    if refusal is None or refusal.code not in _ABOUT_MISSING_ROWS:
        return False
    known = {row_id for _, row_id in state.rows} | state.erased | state.merged.keys() | state.refused.keys()
    return bool(named - known - set(_ids_created(mutation)))


def park(mutation: dict[str, Any], state: State) -> dict[str, Any]:
    """The outcome of a mutation that waits; what builds on it will wait, too."""
    state.awaited |= set(_ids_named(mutation)) | set(_ids_created(mutation))
    return {
        "number": mutation["number"],
        "digest": mutation["digest"],
        "status": PARKED,
        "explanation": "The server was restored from a backup, and waits for what this builds on from another device.",
    }


def _changes(mutation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    changes = mutation["changes"]
    return (change for change in changes if isinstance(change, dict)) if isinstance(changes, list) else iter(())


def _ids_created(mutation: dict[str, Any]) -> Iterator[str]:
    return (c["id"] for c in _changes(mutation) if c.get("op") == "create" and is_id(c.get("id")))


def _ids_named(mutation: dict[str, Any]) -> Iterator[str]:
    """Rows that must be there for the mutation to make sense: those it changes, and those it refers to."""
    for change in _changes(mutation):
        if change.get("op") != "create":
            if is_id(change.get("id")):
                yield change["id"]
            continue
        definition = ENTITIES.get(change.get("entity", ""))
        fields = change.get("fields")
        if definition is not None and isinstance(fields, dict):
            yield from (str(fields[name]) for name in definition.references if is_id(fields.get(name)))
