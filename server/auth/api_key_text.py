"""What an API key looks like: `ork_`, 8 characters that name it, 22 of its tenant, 32 of secret, 6 of checksum. Pure.

All in letters and digits, so that a double click takes it whole and scanners for leaked secrets find it. The checksum
tells a typing error from a key without asking the database; it proves nothing.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

MARK: Final = "ork_"
NAME_LENGTH: Final = 8
TENANT_LENGTH: Final = 22
SECRET_LENGTH: Final = 32
CHECKSUM_LENGTH: Final = 6
PREFIX_LENGTH: Final = len(MARK) + NAME_LENGTH

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY: Final = re.compile(rf"{MARK}[0-9A-Za-z]{{{NAME_LENGTH + TENANT_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH}}}")
_UUID_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class ApiKeyText:
    """What a key says of itself: whose it is, and the prefix by which people know it."""

    tenant_id: UUID
    prefix: str


def new_api_key(tenant_id: UUID) -> str:
    """A new key of a tenant, with 190 random bits of secret."""
    drawn = "".join(secrets.choice(_DIGITS) for _ in range(NAME_LENGTH + SECRET_LENGTH))
    name, secret = drawn[:NAME_LENGTH], drawn[NAME_LENGTH:]
    body = MARK + name + _to_base62(tenant_id.int, TENANT_LENGTH) + secret
    return body + _checksum(body)


def read_api_key(text: str) -> ApiKeyText | None:
    """What the key says, or None where it can be none of ours."""
    if not _KEY.fullmatch(text) or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    number = _from_base62(text[PREFIX_LENGTH : PREFIX_LENGTH + TENANT_LENGTH])
    return ApiKeyText(UUID(int=number), text[:PREFIX_LENGTH]) if number < 1 << _UUID_BITS else None


def hash_api_key(text: str) -> bytes:
    """SHA-256, by which a key is stored: of so many random bits, no slow hash is needed."""
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _to_base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _to_base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _from_base62(text: str) -> int:
    number = 0
    for character in text:
        number = number * len(_DIGITS) + _DIGITS.index(character)
    return number
