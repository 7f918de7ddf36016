"""What the routes of external ids take and answer."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

_Word = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_-]*$")]


class ExternalId(msgspec.Struct, forbid_unknown_fields=True):
    """Under which value another system knows a record. A record may have several, also in one system."""

    system: _Word
    entity: _Word
    value: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    row_id: UUID


class ExternalIdPage(msgspec.Struct):
    """External ids of records in the viewer's sight."""

    items: list[ExternalId]
