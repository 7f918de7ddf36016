"""What travels of an erasure."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta


class ErasureReply(msgspec.Struct):
    """Whose rows were erased, how many, and when."""

    subject: UUID
    rows: int
    at: Annotated[datetime, Meta(tz=True)]
