"""Old ids in what devices hand in: what names a row that was merged away is about the row that it goes on as. Pure."""

from typing import Any

from outrider_sdk.protocol.entities import ENTITIES

from server.sync.attempt import Attempt
from server.sync.state import ALWAYS, Row, same


def follow_merges(attempt: Attempt, change: Any) -> Any:
    """The change, with winners in the place of losers. A delete is left alone: what it is about is gone already."""
    if not attempt.state.merged or not isinstance(change, dict) or not isinstance(change.get("fields"), dict):
        return change
    entity = ENTITIES.get(str(change.get("entity")))
    if entity is None:
        return change
    if change.get("op") == "create":
        fields = {
            name: _winner_of(attempt, target, value)
            if isinstance(value, str) and (target := entity.references.get(name))
            else value
            for name, value in change["fields"].items()
        }
        return change | {"fields": fields}
    winner_id = _winner_of(attempt, entity.name, change.get("id"))
    winner = attempt.find(entity.name, winner_id)
    if change.get("op") != "edit" or winner_id == change.get("id") or winner is None:
        return change
    return change | {"id": winner_id, "fields": {n: _seen_anew(winner, n, e) for n, e in change["fields"].items()}}


def _winner_of(attempt: Attempt, entity: str, row_id: Any) -> Any:
    """The id of the row that this one was merged into, if the member saw either; else the id itself."""
    winner_id = attempt.state.merged.get(row_id) if isinstance(row_id, str) else None
    winner = attempt.state.find(entity, winner_id)
    if winner_id is None or winner is None:
        return row_id
    if attempt.find(entity, winner_id) is None:
        loser = attempt.find(entity, row_id)
        if loser is None:
            return row_id
        # Captured when they saw the loser, so it is taken; what stands in the winner is not theirs to be told.
        _lend_sight(attempt, winner)
    return winner_id


def _lend_sight(attempt: Attempt, winner: Row) -> None:
    lent = winner.copy()
    lent.visible_until = ALWAYS - 1
    attempt.rows[lent.key] = lent


def _seen_anew(winner: Row, name: str, edit: Any) -> Any:
    """An edit of the loser's field as one of the winner's: contested where that holds what its person never saw."""
    field = winner.entity.by_name.get(name)
    if field is None or not isinstance(edit, dict) or not isinstance(edit.get("base"), int):
        return edit
    try:
        as_seen = same(field.kind, winner.values[name], edit.get("seen"))
    except (TypeError, ValueError, ArithmeticError):
        as_seen = False
    return edit | {"base": winner.values["revision"] if as_seen else 0}
