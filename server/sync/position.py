"""Where a pull goes on: the place in the stream at which its last page ended, as a client sends it back. Pure."""

import json
from dataclasses import astuple, dataclass
from typing import Any, Final

from server.errors import AppError
from server.sync.values import is_id

NIL: Final = "00000000-0000-0000-0000-000000000000"
LAST: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
REVISION_MAX: Final = 2**62
"""Larger cursors are as good as this one: no server gets there, and arithmetic with it stays within 64 bits."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended in the stream, the head when its pull began, and of which view it is.

    `anew`: of a pull that replaces all that the device has, because its view was another. `snapshot`: the pull began
    with this one, offered at the head `offered_at`; it began, then, at the snapshot's revision. `head` is that of the
    last page, and `token` its token: after a restore, the pages may hold what the database no longer knows.
    """

    effective: int = 0
    scope: str = NIL
    revision: int = 0
    row: str = NIL
    began_at: int | None = None
    view: str | None = None
    anew: bool = False
    snapshot: str | None = None
    offered_at: int = 0
    head: int = 0
    token: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> "Position":
        """The position that a client sent back, or the start.

        Raises:
            PositionUnknown: it is none of ours.
        """
        if text is None:
            return cls()
        try:
            effective, scope, revision, row, began_at, view, anew, snapshot, offered_at, head, token = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            raise PositionUnknown() from None
        if not (
            all(map(_is_revision, (effective, revision, began_at, offered_at, head))) and is_id(scope) and is_id(row)
        ):
            raise PositionUnknown()
        if not (isinstance(view, str) and isinstance(anew, bool) and (snapshot is None or is_id(snapshot))):
            raise PositionUnknown()
        return cls(effective, scope, revision, row, began_at, view, anew, snapshot, offered_at, head, token)

    def text(self) -> str:
        """The position as it travels; opaque to clients."""
        return json.dumps(astuple(self))


def _is_revision(value: Any) -> bool:
    return type(value) is int and 0 <= value <= REVISION_MAX


class PositionUnknown(AppError):
    """The position is none that this server gives out: the pull starts anew."""

    code = "position_unknown"

    def __init__(self) -> None:
        super().__init__("Send back the position of the last page as it came, or null to start the pull anew.")
