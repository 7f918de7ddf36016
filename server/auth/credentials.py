"""What a device shows to be let in: one-time codes, its secret, refresh tokens, proofs. Pure.

docs/sync-protocol.md §2 is the contract. A refresh token is derived, not stored: device id, generation, and an HMAC
of both under a key of the server, so that a lost reply can be given again, letter by letter.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import struct
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from server.errors import FieldError, InvalidInput

CODE_LENGTH: Final = 10
NUMBER_PREFIX_LENGTH: Final = 4
SECRET_TEXT_LENGTH: Final = 43
REFRESH_TOKEN_LENGTH: Final = 70

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # https://www.crockford.com/base32.html
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_TOKEN: Final = struct.Struct(">16sI32s")
_REFRESH_PURPOSE: Final = b"outrider refresh token 1"


def new_code() -> str:
    """A one-time code of 50 random bits, grouped for reading aloud: `7KQ2M-9XWTB`."""
    code = _random_text(CODE_LENGTH)
    return f"{code[:5]}-{code[5:]}"


def hash_code(code: str) -> bytes:
    """SHA-256 of a code as people type it: case, hyphens and look-alike letters don't count."""
    return hashlib.sha256(code.upper().translate(_MISREAD).encode()).digest()


def new_number_prefix() -> str:
    """What the numbers of a device's documents begin with, such as `K7M2`."""
    return _random_text(NUMBER_PREFIX_LENGTH)


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_CROCKFORD) for _ in range(length))


def hash_secret(secret: str) -> bytes:
    """SHA-256 of a device's secret, which comes as base64url without padding.

    Raises:
        InvalidInput: it is not 256 bits in that form.
    """
    if not _SECRET.fullmatch(secret):
        raise InvalidInput([FieldError("secret", "Send 256 random bits as base64url without padding.")])
    return hashlib.sha256(base64.urlsafe_b64decode(secret + "=")).digest()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token of our making says."""

    device_id: UUID
    generation: int


def derive_refresh_token(device_id: UUID, generation: int, secret_key: bytes) -> str:
    """The refresh token of a device's generation: the same for the same arguments, always."""
    body = device_id.bytes + struct.pack(">I", generation)
    key = hmac.digest(secret_key, _REFRESH_PURPOSE, "sha256")
    mac = hmac.digest(key, body, "sha256")
    return base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()


def read_refresh_token(token: str, secret_key: bytes) -> RefreshToken | None:
    """What the token says, or None where it is not, to the letter, one that this server derived."""
    if len(token) != REFRESH_TOKEN_LENGTH or not token.isascii():
        return None
    try:
        device, generation, _ = _TOKEN.unpack(base64.urlsafe_b64decode(token + "=="))
    except (binascii.Error, struct.error):
        return None
    read = RefreshToken(UUID(bytes=device), generation)
    genuine = derive_refresh_token(read.device_id, generation, secret_key)
    return read if hmac.compare_digest(genuine, token) else None


def prove(refresh_token: str, secret_hash: bytes) -> str:
    """The proof that goes with a refresh token: hex HMAC-SHA256 under the hash of the device's secret."""
    return hmac.digest(secret_hash, refresh_token.encode(), "sha256").hex()


def proves(proof: str, refresh_token: str, secret_hash: bytes) -> bool:
    """Whether the proof was made with the device's secret."""
    return hmac.compare_digest(prove(refresh_token, secret_hash).encode(), proof.encode())


def judge_refresh(presented: int, current: int, *, proven: bool) -> Literal["renew", "repeat", "revoke"]:
    """What becomes of a genuine refresh token.

    Args:
        presented: the token's generation.
        current: the generation of the newest token given out, as the database knows it.
        proven: whether the device's secret was proven with it.

    Returns:
        `repeat` where the reply must have been lost; `revoke` where somebody else has the token. A generation newer
        than the database's was given out before it was restored from a backup: it goes on from there.
    """
    if not proven or presented < current - 1:
        return "revoke"
    return "repeat" if presented == current - 1 else "renew"
