"""How messages are written down: JSON under gzip by everybody; msgpack and zstd where both sides have them.

Standard library alone; msgspec, and zstd before Python 3.14 (`backports.zstd`), are used where they are installed.
Whatever bytes come, decoding ends: with a message, or with an `EncodingError`.
"""

import gzip
import json
import threading
import zlib
from functools import cache
from importlib import import_module
from typing import Any

JSON = "application/json"
PACKED_JSON = "application/vnd.outrider.page+json"
"""JSON whose columns may be packed (`columns`), with base64 for bytes."""
PACKED_MSGPACK = "application/vnd.outrider.page+msgpack"
"""The same as msgpack, with bytes as they are."""

GZIP_LEVEL = 1
"""Loopback and 4G alike: level 1 costs a third of level 6 and gives away a tenth."""
ZSTD_LEVEL = 3
ZSTD_KEPT_BELOW_BYTES = 64 * 1024
"""Less than this is compressed in memory that its thread keeps: to make and clear it takes longer than to use it."""
ZSTD_WINDOW_LOG_MAX = 23
"""Windows of at most 8 MiB, as RFC 8878 asks of everybody: more would be memory that a phone has not."""


_thread = threading.local()


class EncodingError(ValueError):
    """Bytes that are no message; the words say what is wrong."""


class Cut(EncodingError):
    """They end too early."""


class TooLong(EncodingError):
    """They are more than allowed, when unfolded."""


@cache
def zstd() -> Any:
    """The module for zstd, or None."""
    return _installed("compression.zstd") or _installed("backports.zstd")


@cache
def msgspec() -> Any:
    """The package msgspec, or None."""
    return _installed("msgspec")


def _zstd_compressor() -> Any:
    """The compressor that this thread keeps: it makes one frame after the other."""
    kept = getattr(_thread, "compressor", None)
    if kept is None:
        kept = _thread.compressor = zstd().ZstdCompressor(ZSTD_LEVEL)
    return kept


def _installed(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def accepted_types() -> str:
    """What this installation reads of a page, for `Accept`."""
    return ", ".join([PACKED_MSGPACK] * (msgspec() is not None) + [PACKED_JSON, JSON])


def accepted_codings() -> str:
    """What it unfolds, for `Accept-Encoding`."""
    return "gzip" if zstd() is None else "zstd, gzip"


def compress(content: bytes, coding: str) -> bytes:
    """The bytes under a coding: a zstd frame, or a gzip member."""
    if coding == "zstd" and len(content) < ZSTD_KEPT_BELOW_BYTES:
        compressor = _zstd_compressor()
        return bytes(compressor.compress(content, compressor.FLUSH_FRAME))
    if coding == "zstd":
        return bytes(zstd().compress(content, ZSTD_LEVEL))
    return gzip.compress(content, GZIP_LEVEL, mtime=0) if coding == "gzip" else content


def decompress(content: bytes, coding: str, size_max: int) -> bytes:
    """The bytes under a coding, of which there may be at most `size_max`.

    Raises:
        Cut, TooLong: as their names say.
        EncodingError: damaged, or in a coding that is not there.
    """
    if coding == "gzip":
        return _gunzip(content, size_max)
    if coding == "zstd" and zstd() is not None:
        return _unzstd(content, size_max)
    if coding not in {"", "identity"}:
        raise EncodingError(f"{coding!r} is no coding that is understood here")
    if len(content) > size_max:
        raise TooLong(f"more than {size_max} bytes")
    return content


def _gunzip(content: bytes, size_max: int) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        data = inflater.decompress(content, size_max + 1)
    except zlib.error:
        raise EncodingError("damaged gzip") from None
    if len(data) > size_max:
        raise TooLong(f"more than {size_max} bytes")
    if not inflater.eof:
        raise Cut("gzip that is cut off")
    return data


def _unzstd(content: bytes, size_max: int) -> bytes:
    """One frame after the other: a server may put a frame that it keeps between two that it makes."""
    module, parts, left = zstd(), [], size_max
    options = {module.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX}
    while content:
        frame = module.ZstdDecompressor(options=options)
        try:
            part = frame.decompress(content, left + 1)
        except module.ZstdError:
            raise EncodingError("damaged zstd") from None
        left -= len(part)
        if left < 0:
            raise TooLong(f"more than {size_max} bytes")
        if not frame.eof:
            raise Cut("zstd that is cut off")
        parts.append(part)
        content = frame.unused_data
    return b"".join(parts)


def dumps(message: Any) -> bytes:
    """A message as JSON."""
    fast = msgspec()
    if fast is not None:
        return bytes(fast.json.encode(message))
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def loads(content: bytes, content_type: str) -> dict[str, Any]:
    """The message that bytes of this type are.

    Raises:
        EncodingError: they are none.
    """
    fast = msgspec()
    try:
        if content_type.startswith(PACKED_MSGPACK):
            if fast is None:
                raise EncodingError("msgpack, which was not asked for")
            message = fast.msgpack.decode(content)
        else:
            message = json.loads(content) if fast is None else fast.json.decode(content)
    except (ValueError, RecursionError, OverflowError) as error:  # msgspec's DecodeError is a ValueError
        raise EncodingError(f"no message: {error}") from None
    if not isinstance(message, dict):
        raise EncodingError("no object")
    return message
