"""What becomes of a field that both sides changed. Pure: the algebra is tested by properties.

The rules are those of docs/sync-protocol.md §7. `server` fields never come here: a device may not write them.
"""

import json
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from outrider_sdk.protocol import canonical_json
from outrider_sdk.rules import GROUPS

from server.sync.state import Device, Stamp


class Rule(StrEnum):
    """How a field merges."""

    LATEST = "latest"
    GROUP = "group"
    SET = "set"


class Kept(StrEnum):
    """Whose value a conflict kept."""

    THEIRS = "theirs"
    OURS = "ours"
    BOTH = "both"
    UNDECIDED = "undecided"
    """Theirs for now; a person decides."""


_SETS = {("account", "tags"), ("outlet", "tags")}


@cache
def rule_of(entity: str, name: str) -> Rule:
    """The rule of a field that devices may write."""
    if (entity, name) in _SETS:
        return Rule.SET
    if name in GROUPS.get(entity, {}):
        return Rule.GROUP
    return Rule.LATEST


class Capture(NamedTuple):
    """When and by whom an edit was typed, on the server's clock; `at` None where the device's skew is unknown."""

    at: int | None
    device_id: str
    number: int


def capture_time(captured_at: int, skew: int | None, *, enrolled_at: int, now: int) -> int | None:
    """Server-clock time of a capture, clamped to what is possible: since the device was enrolled, before now."""
    if skew is None:
        return None
    return min(max(captured_at + skew, enrolled_at), now)


def is_conflict(stamp: Stamp, *, base: int, device: Device) -> bool:
    """Whether someone else wrote the field after the device saw it."""
    return stamp.revision > base and not device.wrote(stamp)


def later(capture: Capture, stamp: Stamp) -> Kept:
    """The later by capture time; ties by device and number, so that every order of arrival agrees."""
    if capture.at is None:
        return Kept.UNDECIDED
    ours = (capture.at, capture.device_id, capture.number)
    theirs = (stamp.captured_at, stamp.device_id or "", stamp.number or 0)
    return Kept.OURS if ours > theirs else Kept.THEIRS


def merge_set(seen: Any, ours: Any, theirs: Any) -> str:
    """Both sides' additions and removals, relative to what we saw; the order of theirs, then of ours.

    All three are JSON arrays of strings as text, or None for an empty one.
    """
    before, wanted, present = (_items(v) for v in (seen, ours, theirs))
    kept = [x for x in present if x in wanted or x not in before]
    added = [x for x in wanted if x not in before and x not in present]
    return canonical_json(kept + added)


def _items(value: Any) -> list[str]:
    """The strings of a list, each once; what a device says it saw may be anything, and is then nothing."""
    try:
        loaded = json.loads(value) if value else []
    except (TypeError, ValueError, RecursionError):
        return []
    return list(dict.fromkeys(x for x in loaded if isinstance(x, str))) if isinstance(loaded, list) else []
