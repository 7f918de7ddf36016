"""Row ids: UUID version 7 (RFC 9562), so that ids made offline sort by time and never meet."""

import secrets
import time
from uuid import UUID


def uuid7(unix_ms: int | None = None) -> UUID:
    """A new id of the present millisecond (or of `unix_ms`), with 74 random bits."""
    moment = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    random = secrets.randbits(74)
    value = (moment & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (2**62 - 1)
    return UUID(int=value)
