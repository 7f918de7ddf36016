"""What the routes of duplicates take and answer."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from server.crm.duplicate.service import DuplicateCase


class DuplicateView(msgspec.Struct):
    """Two rows that may be the same. `kinds` says by what: tax_id, channel, name, place."""

    id: UUID
    entity: str
    row_id: UUID
    row_name: str | None
    other_id: UUID
    other_name: str | None
    kinds: list[str]
    status: str
    found_at: Annotated[datetime, msgspec.Meta(tz=True)]


class DuplicatesReply(msgspec.Struct):
    """Cases, the newest first."""

    items: list[DuplicateView]

    @classmethod
    def of(cls, cases: list[DuplicateCase]) -> Any:
        """The reply to a list."""
        names = DuplicateView.__struct_fields__
        return cls([DuplicateView(**{name: getattr(case, name) for name in names}) for case in cases])


class DismissalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing to say: they are different."""


class SweepRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing to say."""


class SweepReply(msgspec.Struct):
    """The sweep is on its way, as a job."""

    sent: bool = True
