"""Compressing a snapshot: zstd for whoever can read it, else gzip."""

import gzip
import hashlib
from pathlib import Path
from typing import IO, Any, Final

from outrider_sdk.protocol.encoding import zstd

ENCODINGS: Final = ("zstd", "gzip")
"""How a snapshot may be compressed, the best first."""
ZSTD: Final = {"compression_level": 3, "window_log": 23, "hash_log": 20, "chain_log": 16}
"""Level 3 with the largest window that a device must have, and a hash table over all of it: an index repeats the ids of
its table, megabytes later. A third less than level 3 by itself, in one and a half times its time; to unpack, the same.
"""
GZIP_LEVEL: Final = 6
_PIECE_BYTES: Final = 1024 * 1024


class _Hashed:
    """A file for writing, which counts and hashes what goes into it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: Any, /) -> int:
        """Append."""
        self._hash.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Nothing waits here."""

    @property
    def sha256(self) -> str:
        """The hash of what was written, in hex."""
        return self._hash.hexdigest()


def pack(raw: Path, packed: Path, encoding: str) -> tuple[int, str]:
    """Compress a file; size and SHA-256 of what came of it."""
    with raw.open("rb") as source, packed.open("wb") as target:
        hashed = _Hashed(target)
        with _compressor(hashed, encoding) as sink:
            while piece := source.read(_PIECE_BYTES):
                sink.write(piece)
    return hashed.size_bytes, hashed.sha256


def _compressor(target: Any, encoding: str) -> Any:
    if encoding == "zstd":
        module = zstd()
        wanted = {getattr(module.CompressionParameter, name): value for name, value in ZSTD.items()}
        return module.ZstdFile(target, "wb", options=wanted)
    return gzip.GzipFile("", "wb", GZIP_LEVEL, target, mtime=0)
