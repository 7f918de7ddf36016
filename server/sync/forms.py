"""The forms in which a reply goes out, and replies put together from rows that are encoded already.

A page is a message whose first members are its rows (`Part`), which many devices may share, and whose others are the
device's own. Under zstd these are frames one after the other; under gzip, deflated pieces of one stream; else bytes.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from outrider_sdk.protocol.columns import pack
from outrider_sdk.protocol.encoding import GZIP_LEVEL, JSON, PACKED_MSGPACK, compress

COMPRESSED_BYTES_MIN: Final = 1_000
IN_THREAD_BYTES_MIN: Final = 128 * 1024
"""From this size on a reply is compressed beside the event loop: other tenants' requests go on meanwhile."""
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_MAP_16: Final = b"\xde"


@dataclass(frozen=True, slots=True)
class Form:
    """In what form a reply goes out."""

    media_type: str = JSON
    coding: str = "identity"

    @property
    def is_packed(self) -> bool:
        """Whether columns may be packed, and ids be bytes."""
        return self.media_type != JSON

    def encode(self, message: Any) -> bytes:
        """The message, not yet compressed."""
        return msgspec.msgpack.encode(message) if self.media_type == PACKED_MSGPACK else msgspec.json.encode(message)


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a page as they go out: compressed, where they are many (`coding`), for `join`."""

    content: bytes
    coding: str
    raw_bytes: int
    crc: int


async def encode_rows(form: Form, puts: Mapping[str, Any], drops: Mapping[str, Any]) -> tuple[Part, int]:
    """Puts and drops in a form, and what they weigh."""
    rows = {"puts": puts, "drops": drops}
    if form.is_packed:
        rows = {
            "puts": {entity: {name: pack(v) for name, v in columns.items()} for entity, columns in puts.items()},
            "drops": {entity: pack(ids) for entity, ids in drops.items()},
        }
    raw = _members(form, form.encode(rows))
    coding = form.coding if len(raw) >= COMPRESSED_BYTES_MIN else "identity"
    if coding == "gzip" and form.media_type == PACKED_MSGPACK:
        coding = "identity"  # its head says how many members there are: it is compressed as a whole
    content = await beside_the_loop(_piece, raw, coding)
    return Part(content, coding, len(raw), zlib.crc32(raw) if coding == "gzip" else 0), len(content)


def _piece(raw: bytes, coding: str) -> bytes:
    if coding != "gzip":
        return compress(raw, coding)
    deflater = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(raw) + deflater.flush(zlib.Z_FULL_FLUSH)


def _members(form: Form, encoded: bytes) -> bytes:
    """A message without what closes it; of msgpack, without its head."""
    if form.media_type != PACKED_MSGPACK:
        return encoded[:-1]
    return encoded[3:] if encoded.startswith(_MAP_16) else encoded[1:]


async def join(form: Form, part: Part, own: Mapping[str, Any]) -> tuple[bytes, str]:
    """The page of these rows and a device's own members, and under which coding it is."""
    if form.media_type == PACKED_MSGPACK:
        head, tail = _MAP_16 + (len(own) + 2).to_bytes(2), _members(form, form.encode(own))
    else:
        head, tail = b"", b"," + form.encode(own)[1:]
    if part.coding == "zstd":
        frames = [compress(head, "zstd")] if head else []
        return b"".join([*frames, part.content, compress(tail, "zstd")]), "zstd"
    if part.coding == "gzip":
        return _gzip_of(part, tail), "gzip"
    content = head + part.content + tail
    if len(content) < COMPRESSED_BYTES_MIN or form.coding == "identity":
        return content, "identity"
    return await beside_the_loop(compress, content, form.coding), form.coding


def _gzip_of(part: Part, tail: bytes) -> bytes:
    deflater = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    rest = deflater.compress(tail) + deflater.flush()
    crc, size = zlib.crc32(tail, part.crc), (part.raw_bytes + len(tail)) & 0xFFFFFFFF
    return b"".join((_GZIP_HEAD, part.content, rest, crc.to_bytes(4, "little"), size.to_bytes(4, "little")))


async def beside_the_loop(act: Any, content: bytes, coding: str) -> bytes:
    """Compress; in a thread, where it would take long."""
    if coding == "identity" or len(content) < IN_THREAD_BYTES_MIN:
        return bytes(act(content, coding))
    return bytes(await asyncio.to_thread(act, content, coding))
