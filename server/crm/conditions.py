"""Conditional requests (RFC 9110 §13): entity tags, If-Match and If-None-Match. Pure.

A tag is `"<revision>-<hash of the representation>"`. If-Match compares the revision alone, as that is what a writer
has seen: so it takes the tag of any representation, also one that a proxy made weak when it compressed, and the plain
`"<revision>"` of a row that came in a list.
"""

import hashlib
import re
from typing import Final

from server.errors import FieldError, InvalidInput, PreconditionFailed

HASH_LENGTH: Final = 16
HEADER_LENGTH_MAX: Final = 2_000

_LIST: Final = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e]*"\s*)*')
_TAG: Final = re.compile(r'"([\x21\x23-\x7e]*)"')
_REVISION: Final = re.compile(r"([0-9]{1,19})(?:-[0-9a-f]+)?")


def entity_tag(revision: int, representation: bytes) -> str:
    """The strong tag of one representation of a row."""
    return f'"{revision}-{hashlib.sha256(representation).hexdigest()[:HASH_LENGTH]}"'


def read_tags(name: str, header: str | None) -> frozenset[str] | None:
    """The tags of a header, without their quotes; `*` for any. None where there is no such header.

    Raises:
        InvalidInput: it is no list of tags.
    """
    if header is None:
        return None
    if header.strip() == "*":
        return frozenset("*")
    if len(header) > HEADER_LENGTH_MAX or not _LIST.fullmatch(header):
        raise InvalidInput([FieldError(name, 'Send the ETag of the row as it came, in quotes, such as "118-5f0c".')])
    return frozenset(_TAG.findall(header))


def check_match(tags: frozenset[str] | None, revision: int) -> None:
    """Let a write pass if the writer has seen the row's present revision, or does not ask.

    Raises:
        PreconditionFailed: they saw another.
    """
    if tags is None or "*" in tags:
        return
    seen = {found[1] for tag in tags if (found := _REVISION.fullmatch(tag))}
    if str(revision) not in seen:
        raise PreconditionFailed(revision)


def is_unchanged(tags: frozenset[str] | None, tag: str) -> bool:
    """Whether the reader has the very representation already."""
    return tags is not None and ("*" in tags or tag.strip('"') in tags)
