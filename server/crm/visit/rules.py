"""What a visit must say of where it was: pure, so that REST and sync ask the same."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.errors import refuse


class Position(msgspec.Struct, forbid_unknown_fields=True):
    """Degrees of WGS 84, and within how many metres they are right."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[int, Meta(ge=0, le=1_000_000)]


def check_visit(visit: Mapping[str, Any]) -> None:
    """A visit has a position, or the reason why it has none; and ends after it began.

    Args:
        visit: its values; positions are JSON text.

    Raises:
        InvalidInput: naming the field.
    """
    if (visit.get("position") is None) == (visit.get("position_absence") is None):
        raise refuse("position", "Give the position, or in “position_absence” the reason why there is none.")
    for name in ("position", "position_out"):
        if visit.get(name) is not None:
            _check_position(name, visit[name])
    ended_at = visit.get("checked_out_at")
    if ended_at is not None and ended_at < visit["checked_in_at"]:
        raise refuse("checked_out_at", "It ends before it begins.")


def _check_position(name: str, document: str) -> None:
    try:
        msgspec.json.decode(document, type=Position)
    except msgspec.ValidationError as error:
        raise refuse(name, f"Give lat, lon and accuracy_m: {error}.") from None
