"""Custom fields in a push: values are checked against their definitions, and merge key by key. Pure.

Each key of `custom` has a stamp of its own, under `custom.key`. A key whose definition is no longer in use keeps the
value that it has: what was typed meanwhile goes into the conflict record, so that nobody's other work waits for it.
"""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from outrider_sdk.protocol import canonical_json

from server.crm.custom.rules import CustomField, value_problem
from server.sync.attempt import Attempt
from server.sync.duplicates import flag
from server.sync.masters import ask_master, find_master
from server.sync.merge import Kept, is_conflict, later
from server.sync.refusals import Refusal, quoted
from server.sync.state import Row, Stamp


def set_custom(attempt: Attempt, row: Row, document: str) -> None:
    """The custom values of a new row.

    Raises:
        Refusal: a key was never defined, or a value is none of its definition.
    """
    row.values["custom"] = "{}"
    _write(attempt, row, {key: value for key, value in _parsed(document).items() if value is not None}, base=None)


def merge_custom(attempt: Attempt, row: Row, edit: dict[str, Any]) -> None:
    """The keys that an edit changed, relative to what its person saw.

    Raises:
        Refusal: a key was never defined, or a value is none of its definition.
    """
    wanted, seen = _parsed(edit["value"]), _seen(edit.get("seen"))
    changed = {
        key: wanted.get(key)
        for key in sorted(wanted.keys() | seen.keys())
        if not _equal(wanted.get(key), seen.get(key))
    }
    _write(attempt, row, changed, base=edit["base"], seen=seen)
    flag_required(attempt, row, [key for key, value in changed.items() if value is None])


def flag_required(attempt: Attempt, row: Row, among: Iterable[str] | None = None) -> None:
    """Ask a person for what is required and empty: the work itself is kept, as its maker may be far from a network.

    Args:
        among: keys that are looked at; None: all.
    """
    document = _seen(row.values["custom"])
    for key, field in attempt.state.facts.custom_fields.get(row.entity.name, {}).items():
        left_out = field.required and field.active and document.get(key) is None
        if left_out and (among is None or key in among):
            told = f"{quoted(key)} is required, and was left empty. All else is kept; please fill it in."
            flag(attempt, row, f"custom.{key}", None, told)


def take_custom(attempt: Attempt, row: Row, key: str, value: Any, *, decides: bool) -> None:
    """Put a value in the place of the one that stands, as a person chose who saw both.

    Args:
        decides: on a request, so that it is written whoever masters the field.

    Raises:
        Refusal: the key was never defined, or the value is none of its definition.
    """
    _write(attempt, row, {key: value}, base=attempt.state.revision, decides=decides)


def _write(
    attempt: Attempt,
    row: Row,
    changed: dict[str, Any],
    *,
    base: int | None,
    seen: Mapping[str, Any] = MappingProxyType({}),
    decides: bool = False,
) -> None:
    document = _seen(row.values["custom"])
    defined = attempt.state.facts.custom_fields.get(row.entity.name, {})
    for key, value in changed.items():
        field = _defined(row, defined, key, value)
        current = document.get(key)
        if not field.active:
            told = f"The field {quoted(key)} is no longer in use. What you entered is on record."
            _conflict(attempt, row, key, Kept.THEIRS, value, current, Stamp(0, 0), told)
            continue
        name = f"custom.{key}"
        system = None if base is None or decides else find_master(attempt, row, name)
        if system is not None:
            known = seen.get(key) if value_problem(field, seen.get(key)) is None else None
            ask_master(attempt, row, name, system=system, wanted=value, standing=current, seen=known)
            continue
        contested = base is not None and is_conflict(row.stamp(name), base=base, device=attempt.state.device)
        kept = later(attempt.capture, row.stamp(name)) if contested else None
        if contested and kept is not None and not _equal(current, value):
            told = f"You and someone else changed {quoted(key)}; {_TOLD[kept]}"
            _conflict(attempt, row, key, kept, value, current, row.stamp(name), told)
        if kept in (None, Kept.OURS):
            if base is not None:
                row.stamps[name] = attempt.stamp
            document[key] = value
            if value is None:
                del document[key]
    row.values["custom"] = canonical_json(document)


_TOLD = {
    Kept.OURS: "yours is the later and was kept. Theirs is on record.",
    Kept.THEIRS: "theirs is the later and was kept. Yours is on record.",
    Kept.UNDECIDED: "theirs stands until a person decides. Yours is on record.",
}


def _defined(row: Row, defined: Any, key: str, value: Any) -> CustomField:
    field: CustomField | None = defined.get(key)
    if field is None:
        what = row.entity.name.replace("_", " ")
        raise Refusal("field_unknown", f"This server knows no custom field {quoted(key)} of {what}.", field="custom")
    problem = value_problem(field, value) if field.active else None
    if problem:
        raise Refusal("value_invalid", f"{quoted(key)} cannot be stored. {problem}", field="custom")
    return field


def _conflict(attempt: Attempt, row: Row, key: str, kept: Kept, ours: Any, theirs: Any, by: Stamp, told: str) -> None:
    attempt.conflict(
        row,
        f"custom.{key}",
        "latest",
        kept,
        ours=ours,
        theirs=theirs,
        by=by,
        told=told,
        on_record=f"Two values were entered for {quoted(key)}. One was kept; the other is on record.",
    )


def _parsed(document: str) -> dict[str, Any]:
    loaded = json.loads(document)
    if not isinstance(loaded, dict):
        raise Refusal("value_invalid", "“custom” cannot be stored: it must be an object.", field="custom")
    return loaded


def _seen(document: Any) -> dict[str, Any]:
    """What a device says it saw may be anything, and is then nothing."""
    try:
        loaded = json.loads(document)
    except (TypeError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _equal(one: Any, other: Any) -> bool:
    """In Python, True equals 1."""
    return type(one) is type(other) and bool(one == other)
