"""What settling a conflict takes."""

from typing import Any, Literal

import msgspec


class SettlementRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How to settle it. `seen`: the values that the person saw standing, by field, where they are not the record's."""

    choice: Literal["keep", "take", "delete"]
    seen: dict[str, Any] = {}
