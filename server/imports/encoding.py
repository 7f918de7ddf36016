"""How a text file is written: its encoding, and what separates its values. Pure.

Spreadsheets say neither. A byte order mark, or being valid UTF-8, is proof; between the two 8-bit encodings that people
have, runs of high bytes are Cyrillic words (windows-1251), single ones are accents in Latin words (windows-1252).
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

SAMPLE_BYTES: Final = 256 * 1024
DELIMITERS: Final = (",", ";", "\t", "|")

_BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]+")
_BROKEN_SHARE_MAX: Final = 0.05
"""Of the non-ASCII characters, so many may be broken before a file counts as UTF-8 no longer."""
_RECORDS_LOOKED_AT: Final = 30


def detect_encoding(sample: bytes) -> str:
    """The name of the codec that reads the file, from its first bytes."""
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return name
    utf_16 = _find_utf_16(sample)
    if utf_16:
        return utf_16
    text = sample.decode("utf-8", "surrogateescape")
    text = text[:-3] if len(sample) == SAMPLE_BYTES else text  # the sample may end within a character
    foreign = [c for c in text if c > "\x7f"]
    broken = sum("\udc80" <= c <= "\udcff" for c in foreign)
    if broken <= len(foreign) * _BROKEN_SHARE_MAX:
        return "utf-8"
    return "cp1251" if _is_cyrillic(sample) else "cp1252"


def _find_utf_16(sample: bytes) -> str | None:
    """UTF-16 without a mark: of ASCII in it, every other byte is zero."""
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) // 5 and even * 10 < odd:
        return "utf-16-le"
    return "utf-16-be" if even > len(sample) // 5 and odd * 10 < even else None


def _is_cyrillic(sample: bytes) -> bool:
    runs = [len(run) for run in _HIGH_RUN.findall(sample)]
    return sum(length for length in runs if length > 1) * 2 > sum(runs)


def detect_delimiter(lines: Sequence[str]) -> str:
    """What separates the values: what the first lines have most alike.

    Args:
        lines: from the header on; without one, a comma.
    """
    counts = {each: [_count(line, each) for line in lines[:_RECORDS_LOOKED_AT]] for each in DELIMITERS}
    return max(DELIMITERS, key=lambda each: _alikeness(counts[each]))


def _count(line: str, delimiter: str) -> int:
    """How often it stands outside of quotation marks."""
    return sum(part.count(delimiter) for part in line.split('"')[0::2])


def _alikeness(counts: Sequence[int]) -> tuple[float, int]:
    if not counts or counts[0] == 0:
        return (0.0, 0)
    same = Counter(counts)[counts[0]] / len(counts)
    return (same, counts[0])
