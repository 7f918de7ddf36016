"""What merging takes and answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from server.crm.merge.undo import Stayed
from server.crm.models import Row, show
from server.crm.resources import MERGES

FIELDS_MAX = 100


class MergeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which row becomes one with which. `values`: whose value stays, by field; else the winner's, if it has one."""

    entity: Literal["account", "contact"]
    winner_id: UUID
    loser_id: UUID
    values: Annotated[dict[str, Literal["winner", "loser"]], msgspec.Meta(max_length=FIELDS_MAX)] = {}


class UndoRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing to say."""


class StayedView(msgspec.Struct):
    """A value that stays as it is, and why."""

    entity: str
    row_id: UUID
    field: str
    reason: str


class UndoReply(msgspec.Struct):
    """The merge as it is now, and what could not be undone."""

    merge: MERGES.models.view  # type: ignore[name-defined]
    stayed: list[StayedView]

    @classmethod
    def of(cls, merge: Row, stayed: list[Stayed]) -> Any:
        """The reply to an undoing."""
        return cls(show(MERGES.models, merge), [StayedView(s.entity, s.row_id, s.field, s.reason) for s in stayed])
