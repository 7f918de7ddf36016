"""Ranges of a download, and names of files for headers. Pure."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from server.errors import AppError

_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


class RangeUnsatisfiable(AppError):
    """The content is shorter than where the range begins; `size_bytes` is its size."""

    status = 416
    code = "range_unsatisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The content has {size_bytes} bytes, and the range begins after them.", size_bytes=size_bytes)


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of a content are sent: from `start` up to, and not including, `end`."""

    start: int
    end: int
    whole: bool


def read_range(header: str | None, size_bytes: int) -> Part:
    """The one range that is asked for (RFC 9110, 14.2); a header that is none, or of several, asks for everything.

    Raises:
        RangeUnsatisfiable: it begins behind the end.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return Part(0, size_bytes, whole=True)
    if not found[1]:  # the last n bytes
        start, end = max(0, size_bytes - int(found[2])), size_bytes
    else:
        start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else size_bytes, size_bytes)
        if found[2] and int(found[2]) < start:
            return Part(0, size_bytes, whole=True)
    if start >= size_bytes:
        raise RangeUnsatisfiable(size_bytes)
    return Part(start, end, whole=False)


def disposition(name: str) -> str:
    """The Content-Disposition that has the file saved under its name, and never shown in place (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
