"""Whether a device can go on from where it says it is. Pure.

A cursor is a revision and its random token. It is void behind the horizon, where nothing is known any more of what was
removed, and where it is of another history: then this database was restored from a backup since (ADR 0031).
"""

from enum import StrEnum
from typing import Final
from uuid import UUID

EPOCH_BITS: Final = 32
"""Revisions of a new epoch begin at the next multiple of 2 to this power (`begin_epoch`)."""


class Cursor(StrEnum):
    """What a cursor is worth."""

    NONE = "none"
    """A new replica."""
    GOOD = "good"
    BEHIND = "behind"
    """The horizon went over it."""
    FOREIGN = "foreign"
    """This database never gave it out."""


def judge_cursor(cursor: int, token: str | None, *, head: int, horizon: int, known: UUID | None) -> Cursor:
    """What a cursor is worth.

    Args:
        token: what the device has with it; None from a client that does not keep it.
        known: the token of that revision, as this database knows it.
    """
    if cursor == 0:
        return Cursor.NONE
    if cursor > head:
        return Cursor.FOREIGN
    if cursor < horizon:
        return Cursor.BEHIND
    if token is None or str(known) == token:
        return Cursor.GOOD
    return Cursor.FOREIGN


def is_position_void(cursor: int, began_at: int, *, horizon: int, is_known: bool) -> bool:
    """Whether a pull can no longer go on where it broke off: what it would have been told has been forgotten.

    Args:
        is_known: whether the revision of its last page is of this database's history. After a restore it is not.
    """
    return not is_known or began_at < horizon or 0 < cursor < horizon
