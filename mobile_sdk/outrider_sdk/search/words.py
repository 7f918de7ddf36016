"""Words of a text as they are compared: without regard to case, accents, and letters that keyboards lack.

Russian ё is е. Kazakh letters are their Russian neighbours (қ к, ә а, і и …), since many type them so. й stays й.
"""

import re
import unicodedata

WORDS_MAX = 8
"""Words of a query that count; the rest is ignored."""
DIGITS_MIN, DIGITS_COMPARED = 4, 10
"""So many digits are looked for as a part of a number; of a long one the last, as prefixes of countries differ."""

_MARKS = re.compile("(?<!и)\u0306|[\u0300-\u0305\u0307-\u036f]")
_WORD = re.compile(r"[^\W_]+")
_NEIGHBOURS = str.maketrans("ұүқғәөңһіøłđ", "уукгаонхиold")
_NUMBER = re.compile(r"[\d\s()+./-]+")


def fold(text: str) -> str:
    """The text as it is compared."""
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFC", bare).translate(_NEIGHBOURS)


def words(text: str) -> list[str]:
    """Its words, folded."""
    return _WORD.findall(fold(text))


def joined(text: str) -> str:
    """All its letters and digits as one word: what a code is known by, however it is written (`AB-12` is `ab12`)."""
    return "".join(words(text))


def digits(text: str) -> str | None:
    """The digits of a query that looks like a phone or another number, or None."""
    if not _NUMBER.fullmatch(text):
        return None
    found = re.sub("[^0-9]", "", text)
    return found[-DIGITS_COMPARED:] if len(found) >= DIGITS_MIN else None
