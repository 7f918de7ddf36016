"""Cases for a person that a request opens; those of a push are opened by sync."""

from typing import Any

import msgspec
from outrider_sdk.protocol.entities import CONFLICT
from outrider_sdk.protocol.ids import uuid7

from server.crm import service
from server.crm.resource import Write


async def open_case(write: Write, entity: str, field: str, value: Any, explanation: str) -> None:
    """Put a value that is stored, and that somebody should look at, on record."""
    await service.insert_row(
        CONFLICT,
        uuid7(),
        {
            "entity": entity,
            "row_id": write.row_id,
            "field": field,
            "rule": "duplicate",
            "kept": msgspec.json.encode(value).decode(),
            "kept_by": write.viewer.member_id,
            "lost_by": write.viewer.member_id,
            "status": "open",
            "explanation": explanation,
        },
    )
