"""Checksums: what a device says of the rows it has, so that a difference from the server is found (protocol 17).

Of each entity the number of its rows, and the XOR of a hash of each: of id and revision for all of them, and of the
content for one bucket of them, another one each day. A sum says nothing of a row to anybody who does not have it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict

from outrider_sdk.protocol.digest import canonical_json

BUCKETS = 32
"""Into so many parts an entity's rows fall, by the last five bits of their ids."""


class Sum(TypedDict):
    """Of some rows of an entity."""

    count: int
    xor: str  # 16 hex digits


class ChecksumRequest(TypedDict):
    """What the device has, its pending changes left aside."""

    protocol: int
    schema: int
    cursor: int
    view: str
    sums: dict[str, Sum]
    bucket: int
    contents: dict[str, Sum]


class ChecksumReply(TypedDict):
    """What came of the comparison."""

    compared: bool  # false: something is new since the cursor, or the view is another; pull, and ask again
    differing: list[str]  # entities
    server_time: NotRequired[int]


def sum_up(rows: Iterable[tuple[bytes, int]]) -> Sum:
    """The sum of rows, given as id (16 bytes) and revision."""
    count = xor = 0
    sha256, to_int = hashlib.sha256, int.from_bytes
    for row_id, revision in rows:
        xor ^= to_int(sha256(row_id + revision.to_bytes(8, "big")).digest()[:8], "big")
        count += 1
    return {"count": count, "xor": f"{xor:016x}"}


def sum_up_contents(rows: Iterable[Sequence[object]]) -> Sum:
    """The sum of rows' contents: their wire values, in the order of §10; what is hidden is null."""
    count = xor = 0
    for values in rows:
        digest = hashlib.sha256(canonical_json(list(values)).encode()).digest()
        xor ^= int.from_bytes(digest[:8], "big")
        count += 1
    return {"count": count, "xor": f"{xor:016x}"}


NOTHING: Sum = {"count": 0, "xor": "0" * 16}
"""The sum of no rows."""
